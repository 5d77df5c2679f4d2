"""Hand-made verdicts, findings and entries for the tests of the gate."""

from __future__ import annotations

import datetime

from auditor.concept_records import Counterexample
from auditor.gate.baseline import Baseline, Entry
from auditor.gate.policy_hits import ReleaseEvidence
from auditor.records import ClassConcept, Finding, Severity, Verdict, VerdictName, fingerprint

TODAY = datetime.date(2030, 6, 15)
WATER, FOG = ("water", "water", "scene"), ("fog", "fog", "weather")


def verdict_on(
    class_name: str,
    verdict: VerdictName = "flagged",
    severity: Severity = "high",
    *,
    concept: tuple[str, str, str] | None = WATER,
    n_images: int = 100,
    class_idx: int = 0,
) -> Verdict:
    """A verdict; clean and not analysed ones have no concept and no severity."""
    named = concept if verdict in ("flagged", "harmed", "suspect") else None
    concept_id, term, kind = named or (None, None, None)
    severity = severity if named else "none"
    return Verdict(class_idx, class_name, verdict, severity, concept_id, term, kind, f"Said of {class_name}.", n_images)


def gap_on(
    verdict: Verdict,
    concept: tuple[str, str, str],
    low: float,
    *,
    rule_id: str = "E4-recall",
    q: float | None = None,
    status: str = "measured",
) -> Finding:
    """A gap whose interval reaches 10 points to either side."""
    return Finding(
        verdict.class_idx, verdict.class_name, *concept, rule_id, low + 0.1, low, low + 0.2, None, q, 50, (), status
    )


def share_on(verdict: Verdict, concept: tuple[str, str, str], low: float, *, n_images: int = 50) -> ClassConcept:
    """A share of the words whose interval reaches 1 per cent to either side."""
    return ClassConcept(
        verdict.class_idx, verdict.class_name, *concept, low + 0.01, low, low + 0.02, 0.0, 1.0, n_images
    )


def counterexample_on(verdict: Verdict, concept: tuple[str, str, str], state: str) -> Counterexample:
    """One arm of a class and concept that was shown or is open."""
    counts = (True, 40, 39, 0.9, 0.8, 1.0, 0, 10, 1, 0)
    return Counterexample(verdict.class_idx, verdict.class_name, *concept, state, *counts)


def evidence_of(*verdicts: Verdict, n_images: int = 300, **rows: tuple[object, ...]) -> ReleaseEvidence:
    """What the gate reads of an audit with these verdicts."""
    return ReleaseEvidence(n_images, verdicts, **rows)


def entry_of(class_name: str, about: tuple[str, str, str] = WATER, **changes: object) -> Entry:
    """An entry that runs for another 60 days."""
    values = {
        "class": class_name,
        "concept": about[1],
        "fingerprint": fingerprint(class_name, about[0]),
        "reason": "ticket 7",
        "who": "Ada",
        "expires": TODAY + datetime.timedelta(days=60),
    }
    return Entry.model_validate({**values, **changes})


def baseline_of(*entries: Entry) -> Baseline:
    """A baseline with these entries."""
    return Baseline(accepted=entries)
