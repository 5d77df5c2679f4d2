"""The rules that an audit is judged by, so that it can be told later whether another audit was judged by the same.

Numbers that a reader knows by name are told one by one; everything else that turns features into verdicts is told by
one digest over its source.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from auditor import rules

_PACKAGE = Path(__file__).parent
#: What turns features into verdicts; files, and folders with all below them.
_JUDGING = (
    "rules.py",
    "picture_concepts.py",
    "inputs/copies.py",
    "inputs/joined_codes.py",
    "inputs/near_copies.py",
    "place_cells.py",
    "evidence",
)


def thresholds() -> dict[str, float]:
    """Every threshold of ``auditor.rules`` by its name."""
    return {
        name: value
        for name, value in sorted(vars(rules).items())
        if name.isupper() and isinstance(value, int | float) and not isinstance(value, bool)
    }


def rules_digest() -> str:
    """64 hexadecimal digits over the thresholds and the source of what judges.

    A comment counts as well: equal digests are equal rules, and other digests may be.
    """
    return hashlib.sha256(json.dumps([thresholds(), _source_digest()]).encode()).hexdigest()


@cache
def _source_digest() -> str:
    """sha256 over names and lines of the files, whatever the ends of their lines."""
    digest = hashlib.sha256()
    for place in _JUDGING:
        path = _PACKAGE / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py"), key=lambda one: one.as_posix()):
            digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\0".encode())
            digest.update("\n".join(file.read_text(encoding="utf-8").splitlines()).encode() + b"\0")
    return digest.hexdigest()
