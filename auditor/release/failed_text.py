"""What failed at the gate as plain text: the message of `assert_no_shortcuts`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from auditor.gate.decision import GateDecision
from auditor.gate.decision_words import basis, failures, heading, outcome
from auditor.records import Verdict
from auditor.wording import inert


def failed_text(decision: GateDecision, verdicts: Iterable[Verdict], audit: str, *, width: int = 100) -> str:
    """Only what failed, which ``audit`` it was and the outcome, ``width`` characters a line, as `auditor gate` says."""
    lines: list[str] = []
    for item, told in failures(decision, verdicts):
        lines += _wrapped("".join(heading(item)), width)
        for text in told:
            lines += _wrapped(text, width, indent="  ")
        lines.append("")
    for text in (audit, basis(decision), inert(outcome(decision))):
        lines += _wrapped(text, width)
    return "\n".join(lines)


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
