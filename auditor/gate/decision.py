"""What the gate decided, and on what: the records that the gate gives to its renderers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from auditor.records import Severity, VerdictName

#: ``new``: found and nowhere accepted. ``accepted``: in the baseline, not expired. ``expired``: its entry has run out.
#: ``stale``: an entry of the baseline that nothing matches any more. ``tolerated``: found, and the policy lets it pass.
#: ``not_analysed``: a class without a verdict that ``may_skip`` does not name; ``skipped``: one that it names.
#: ``grown``: found before as well, and grown by more than the policy allows against the previous release.
#: ``core``: the settings of the audit allow it; ``core_refused``: they do, and the policy's ``allow_core`` does not.
#: ``core_expired``: they did, to a day that is over.
#: ``not_shown``: nothing was shown for a class, whose pictures could not have shown it; ``too_weak``: the same, or
#: clean with too large a smallest effect, where the policy or ``--strict`` lets that not pass.
ItemState = Literal[
    "new",
    "accepted",
    "expired",
    "stale",
    "tolerated",
    "not_analysed",
    "skipped",
    "grown",
    "core",
    "core_refused",
    "core_expired",
    "not_shown",
    "too_weak",
]
Level = Literal["error", "warning", "note"]

#: States of what the audit's settings allow: no entry of the baseline mends these.
CORE_STATES: tuple[ItemState, ...] = ("core", "core_refused", "core_expired")
#: Days before its end from which on what is allowed is a warning, so that nobody is surprised by the day itself.
WARN_DAYS = 14

#: The next step where no model was examined; nothing else settles such a class.
AUDIT_A_MODEL = "audit a model on these pictures (--model): only that says what it relies on"


@dataclass(frozen=True, slots=True)
class GateItem:
    """One class and concept (concept fields None for a class that was not analysed) and what the gate makes of it."""

    class_name: str
    concept_id: str | None
    concept: str | None
    concept_kind: str | None
    verdict: VerdictName | None  # None for a stale entry of the baseline
    severity: Severity
    fingerprint: str | None
    state: ItemState
    level: Level
    reason: str  # one line for the reader: what is wrong, the value, the limit, the next step
    rule_id: str | None = None  # the rule that decided it; None where none did, or the audit does not say


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The exit code (0 passes, 1 found something, 2 could not decide), its one-line summary, and every item."""

    exit_code: Literal[0, 1, 2]
    summary: str
    items: tuple[GateItem, ...]
    policy_path: str | None = None
    baseline_path: str | None = None
