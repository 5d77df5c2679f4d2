"""Finds the shortcuts that an image classifier learnt from its data.

    import auditor

    audit = auditor.run_audit(data="val", model=module, transform=transform, out="audits/7")
    audit.verdicts                                             # a pandas frame, the worst class first
    auditor.open_audit("audits/7").pictures("waterbird", "water", present=False)

The names are loaded when they are first used: reading an audit does not import torch. See docs/python.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.config import AuditConfig
    from auditor.explain import explain_image
    from auditor.opened_audit import Audit, open_audit
    from auditor.python_run import run_audit
    from auditor.release.check import assert_no_shortcuts

    __version__: str

__all__ = ["Audit", "AuditConfig", "assert_no_shortcuts", "explain_image", "open_audit", "run_audit"]

_HOMES = {
    "Audit": "auditor.opened_audit",
    "AuditConfig": "auditor.config",
    "assert_no_shortcuts": "auditor.release.check",
    "explain_image": "auditor.explain",
    "open_audit": "auditor.opened_audit",
    "run_audit": "auditor.python_run",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("auditor.version").auditor_version()
    if name not in _HOMES:
        raise AttributeError(f"module 'auditor' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
