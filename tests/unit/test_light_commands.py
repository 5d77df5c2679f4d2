"""What only reads audits starts fast: it loads neither torch nor what else only makes or shows them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from small_audit import write_small_audit

_HEAVY = ("torch", "torchvision", "open_clip", "timm", "faiss", "streamlit", "sklearn")
_SCRIPT = """
import sys
from auditor.cli import main
try:
    main()
finally:
    print("loaded:", *[name for name in {heavy!r} if name in sys.modules])
"""


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return str(write_small_audit(tmp_path_factory.mktemp("audit")))


def loaded(*arguments, heavy=_HEAVY):
    command = [sys.executable, "-c", _SCRIPT.format(heavy=heavy), *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("command", "told"), [("gate", "Gate fails: "), ("report", "4 classes analysed"), ("verify", "digest")]
)
def test_what_reads_an_audit(audit, command, told):
    *lines, last = loaded(command, audit)
    assert told in "\n".join(lines)
    assert last == "loaded:"


def test_help_and_version_load_nothing_that_calculates():
    for asked in ("--help", "--version"):
        assert loaded(asked, heavy=(*_HEAVY, "numpy", "pydantic", "duckdb", "pyarrow", "PIL"))[-1] == "loaded:"
