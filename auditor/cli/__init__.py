"""The command line: parse, call, print, exit code; no logic. Each module registers its commands with ``app``."""

from __future__ import annotations

import sys
import traceback

from auditor.cli.app import app

# In the order in which ``auditor --help`` lists them.
# isort: off
from auditor.cli import run as _run  # noqa: F401
from auditor.cli import report as _report  # noqa: F401
from auditor.cli import collect as _collect  # noqa: F401
from auditor.cli import dashboard as _dashboard  # noqa: F401
from auditor.cli import diff as _diff  # noqa: F401
from auditor.cli import history as _history  # noqa: F401
from auditor.cli import calibrate as _calibrate  # noqa: F401
from auditor.cli import faithfulness as _faithfulness  # noqa: F401
from auditor.cli import rejudge as _rejudge  # noqa: F401
from auditor.cli import repair as _repair  # noqa: F401
from auditor.cli import manifest as _manifest  # noqa: F401
from auditor.cli import gate as _gate  # noqa: F401
from auditor.cli import verify as _verify  # noqa: F401
from auditor.cli import machine as _machine  # noqa: F401
from auditor.cli import rules as _rules  # noqa: F401
# isort: on

__all__ = ["app", "main"]


def main() -> None:
    """Entry point of the ``auditor`` command; a failure of the program itself is 2, for 1 means "the gate found"."""
    try:
        app()
    except Exception:
        traceback.print_exc()
        sys.exit(2)
