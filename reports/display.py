"""How names and verdicts read in every report: made harmless (`plain`, `inert`), short, and the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable

from auditor.deployment import ExpectedLoss
from auditor.figures import UNKNOWN, hundredths, interval, percent, points
from auditor.gate.decision import Level
from auditor.records import Verdict, VerdictName
from auditor.rules import rule_of, shown_by_others
from auditor.store.queries.audit import VerdictCounts
from auditor.wording import inert as inert
from auditor.wording import plain as plain

#: What a spreadsheet may take for a formula: these signs, wide ones as well, behind any blanks; and a leading tab or
#: line break, which some strip.
FORMULA = r"^(\s*[=+\-@＝＋－＠]|[\t\r\n])"
#: A shape and a word for every verdict, so that none depends on colour.
VERDICT_SHAPES = {
    "flagged": "▲",
    "harmed": "▽",
    "suspect": "◆",
    "not_shown": "◐",
    "clean": "●",
    "not_analysed": "○",
}
#: How a verdict alone is shown to a CI; clean classes are not.
VERDICT_LEVELS: dict[VerdictName, Level] = {
    "flagged": "error",
    "harmed": "warning",
    "suspect": "warning",
    "not_analysed": "warning",
    "not_shown": "note",
}
#: How to read a report, in lines at its end. The words are those of docs/glossary.md.
BRACKETS = "pts: percentage points; [ ]: a 95 % interval."
LEGEND = (
    "Share: how much of the evidence for a class reads as the concept. Recall gap: how much more often a class is "
    "recognised with the concept. Pull: how much more often others are called it.",
    "▲ relies on it; ▽ fails with it; ◆ open; ● nothing found, large gaps excluded; ◐ nothing found, too few pictures "
    "to be sure; ○ not analysed.",
)
VERDICT_WORDS = {name: name.replace("_", " ") for name in VERDICT_SHAPES}


def recall_and_pull(verdict: Verdict) -> tuple[str, str]:
    """Its gap as recall gap or as pull, in points, "80 [60, 91]", with "–" for the other one."""
    shown = f"{hundredths(verdict.gap)} {interval(verdict.gap_low, verdict.gap_high)}".rstrip()
    return (UNKNOWN, shown) if shown_by_others(verdict.rule_id) else (shown, UNKNOWN)


def without_formula(text: str | None) -> str:
    """A text as it goes into a cell of CSV that this program writes itself."""
    return f"'{text}" if text is not None and re.search(FORMULA, text) else text or ""


def told_counts(counts: VerdictCounts) -> list[tuple[str, int]]:
    """Classes by verdict; those that few audits have ("harmed", "not_shown") only where there are some."""
    numbers = [(name, int(getattr(counts, name))) for name in VERDICT_SHAPES]
    return [(name, number) for name, number in numbers if number or name not in ("harmed", "not_shown")]


def missed_at_most(clean: Iterable[Verdict]) -> str | None:
    """What clean classes claim together, "a gap that may have been missed is at most 13 pts"; None without bounds."""
    bounds = [verdict.gap_bound for verdict in clean]
    known = [bound for bound in bounds if bound is not None]
    return (
        f"a gap that may have been missed is at most {points(max(known))}"
        if known and len(known) == len(bounds)
        else None
    )


def exposed_sentence(expected: ExpectedLoss | None) -> str | None:
    """What a gap would cost in deployment: "With snow in 30 % of its pictures, …"; None where nothing is said of it."""
    if expected is None:
        return None
    sign = -1 if expected.loss < 0 else 1
    changed = points(sign * expected.loss, *sorted((sign * expected.low, sign * expected.high)), unit="points")
    return plain(
        f"With {expected.concept} in {percent(expected.exposure)} of its pictures, as [exposure] says of deployment, "
        f"instead of {percent(expected.audited)}, its recall would {'fall' if sign > 0 else 'rise'} by {changed}."
        + (" The severity is that of this loss." if expected.decides_severity else ""),
        400,
    )


def reason_line(verdict: Verdict) -> str | None:
    """What decided a verdict, in one line; None where it names no concept.

    "decided by E4-recall, gap in recall; E3-margin agrees", whose figures the sentence has; "reason not recorded" in an
    older audit.
    """
    if verdict.concept_id is None:
        return None
    if verdict.rule_id is None:
        return "reason not recorded (the audit is older than that)"
    rule = rule_of(verdict.rule_id)
    label = "" if rule is None else f", {rule.phrase}"
    what = "decided by" if verdict.verdict in ("flagged", "harmed") else "left open by"
    agrees = f"; {verdict.agreeing_rule_id} agrees" if verdict.agreeing_rule_id is not None else ""
    return plain(f"{what} {verdict.rule_id}{label}{agrees}", 200)
