"""Known vulnerabilities of what requirements-test.lock names: ``python .ci/vulnerabilities.py PIP_AUDIT``.

pip-audit says "No known vulnerabilities found" also of packages that the index knows nothing of, so what it was not
told is counted here. Exit code: 0 none is known, 1 some are, 3 nobody could be asked (no network, or an index without
answers).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements-test.lock"
_NOT_ASKED = 3


def main(pip_audit: str) -> int:
    """Ask, say what came of it in a few lines, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        given = ["--disable-pip", "--require-hashes", "-r", str(LOCK), "--format", "json", "--output", str(answer)]
        try:
            done = subprocess.run([pip_audit, *given], check=False, capture_output=True, text=True)  # noqa: S603
        except OSError as error:  # not installed, or half
            return _say(_NOT_ASKED, [f"NOT CHECKED for known vulnerabilities: {error}"])
        if not answer.exists():
            said = done.stderr.strip().splitlines() or ["it said nothing"]
            return _say(_NOT_ASKED, [f"NOT CHECKED for known vulnerabilities: {said[-1]}"])
        packages: list[dict[str, Any]] = json.loads(answer.read_text())["dependencies"]
    known = [f"{one['name']} {one['version']}: {_named(bad)}" for one in packages for bad in one.get("vulns", ())]
    untold = [one for one in packages if "skip_reason" in one]
    if untold:
        why = untold[0]["skip_reason"]
        known.append(f"NOT CHECKED for known vulnerabilities: {len(untold)} of {len(packages)} packages ({why})")
    if len(known) > bool(untold):
        return _say(1, known)
    return _say(_NOT_ASKED if untold else 0, known or [f"no known vulnerability of {len(packages)} packages"])


def _named(vulnerability: dict[str, Any]) -> str:
    mended = ", ".join(vulnerability["fix_versions"]) or "none yet"
    return f"{vulnerability['id']}, mended in {mended}"


def _say(code: int, lines: list[str]) -> int:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
