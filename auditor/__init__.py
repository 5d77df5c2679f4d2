"""Finds the shortcuts that an image classifier learnt from its data.

    from auditor import AuditConfig, run_audit, open_audit
    folder = run_audit(AuditConfig(data="val", model="timm:resnet50", weights="w.safetensors", out="audits/7"))

The names are loaded when they are first used: reading an audit does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.config import AuditConfig
    from auditor.explain import explain_image
    from auditor.pipeline import run_audit
    from auditor.release.check import assert_no_shortcuts
    from auditor.store.open_audit import open_audit_database as open_audit

__all__ = ["AuditConfig", "assert_no_shortcuts", "explain_image", "open_audit", "run_audit"]

_HOMES = {
    "AuditConfig": ("auditor.config", "AuditConfig"),
    "assert_no_shortcuts": ("auditor.release.check", "assert_no_shortcuts"),
    "explain_image": ("auditor.explain", "explain_image"),
    "open_audit": ("auditor.store.open_audit", "open_audit_database"),
    "run_audit": ("auditor.pipeline", "run_audit"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'auditor' has no attribute '{name}'")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
