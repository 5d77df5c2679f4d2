import importlib.metadata
import subprocess
import sys

import pytest

import auditor


def test_every_public_name_loads():
    assert [getattr(auditor, name).__name__ for name in auditor.__all__] == [
        "Audit", "AuditConfig", "assert_no_shortcuts", "explain_image", "open_audit", "run_audit",
    ]  # fmt: skip
    assert auditor.__version__ == importlib.metadata.version("auditor")
    assert {*auditor.__all__, "__version__"} <= set(dir(auditor))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        auditor.nonsense  # noqa: B018 - the access is the test


@pytest.mark.parametrize(
    "use",
    [
        "auditor.open_audit; import reports.written.text",
        "auditor.assert_no_shortcuts; import reports.written.gate_text",
        "import auditor.cli, reports.written.json",
    ],
)
def test_reading_and_gating_an_audit_imports_no_torch(use):
    script = f"import sys, auditor; {use}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
