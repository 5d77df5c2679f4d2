"""What a page says of a verdict: its claim, and all the rest a line each, cut where it would burst the page."""

from __future__ import annotations

from auditor.records import Verdict
from reports.display import plain

SENTENCE_LIMIT = 2_000
NAME_LIMIT = 60


def sentence_parts(verdict: Verdict) -> tuple[str, str]:
    """What is claimed, and all the rest, a line each, with the class's name cut short."""
    rest = [line for line in (*verdict.numbers.splitlines(), verdict.advice) if line]
    return _shown(verdict.claim, verdict.class_name), "\n".join(_shown(line, verdict.class_name) for line in rest)


def _shown(text: str, name: str) -> str:
    if len(name) > NAME_LIMIT:
        text = text.replace(name, plain(name, NAME_LIMIT))
    return plain(text, SENTENCE_LIMIT)
