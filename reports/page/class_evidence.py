"""A class's evidence on a page: rows of the charts, arms of the counterexample table, and the SQL of each."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from auditor.concept_records import Counterexample
from auditor.edit_records import DoseResponse
from auditor.evidence.effects.significance import wilson_interval
from auditor.evidence.verdicts.edit_sentences import property_words
from auditor.figures import percent
from auditor.records import CORE_KINDS, ClassConcept, Finding, Subgroup, Verdict
from auditor.rules import (
    PRESENT,
    PULL_GAP,
    RECALL_GAP,
    RECALL_LOSS,
    RULES,
    fails_with,
    rule_of,
    shown_by_others,
    written,
)
from auditor.store.queries.matrix import CalledOnSide
from reports.display import plain
from reports.page.chart_rows import DosePoint, Estimate, ShareBar, Tone
from reports.page.records import Arm, WentTo

_LABEL = 27
#: Two rates are of the same comparison as a gap where their difference is the gap, but for rounding.
_ROUNDING = 0.015
#: Classes that pictures of one go to, and are named.
_CALLS = 5
_STATUS = {
    "too_few": "too few pictures",
    "not_identified": "cannot be told apart",
    "not_told": "not told by the features",
    "unstable": "covering alone does it",
    "copies_class": "looks like the class",
    "control_failed": "control failed",
    "not_applicable": "has no place to cover",
    "not_readable": "pictures not found",
    "one_way": "cannot be set or undone",
    "not_tried_again": "not tried again",
}
_STATEMENTS = {
    "Evidence": """\
SELECT rule_id, effect, low, high, p, q, n_images, status FROM findings
WHERE class_idx = $class_idx AND concept_id = $concept ORDER BY rule_id;""",
    "Words": """\
SELECT concept, concept_kind, share, share_low, share_high, share_elsewhere FROM class_concepts
WHERE class_idx = $class_idx ORDER BY share DESC;""",
    "Counts": """\
SELECT concept, present, n, n_correct FROM subgroups
WHERE class_idx = $class_idx AND concept_id = $concept ORDER BY present DESC;""",
    "Pictures without it": """\
SELECT path, predicted_name, confidence, presence FROM images
JOIN predictions USING (image_id) JOIN concept_presence USING (image_id)
WHERE label_idx = $class_idx AND concept_id = $concept AND presence <= $present ORDER BY correct, presence;""",
    "Channel groups": """\
SELECT name, share, n_channels, image_ids FROM class_channel_groups JOIN channel_groups USING (group_idx)
WHERE class_idx = $class_idx ORDER BY share DESC;""",
}
#: Words of a class that the chart shows.
WORDS_SHOWN = 5


def estimates(findings: Sequence[Finding], decided_by: str | None) -> list[Estimate]:
    """A concept's findings in the order of the argument, as rows of a forest plot.

    A chance has no zero there, and spreads have no end: neither has a row.
    """
    by_rule = {finding.rule_id: finding for finding in findings}
    known = [rule.rule_id for rule in RULES if rule.rule_id in by_rule and rule.unit in ("points", "per cent")]
    unknown = sorted(rule_id for rule_id in by_rule if rule_of(rule_id) is None)  # of an audit from elsewhere
    return [_estimate(by_rule[rule_id], rule_id == decided_by) for rule_id in [*known, *unknown]]


def _estimate(finding: Finding, decided: bool) -> Estimate:
    rule = rule_of(finding.rule_id)
    label = plain(finding.rule_id, 20) if rule is None else rule.label
    if finding.status != "measured" or not all(map(math.isfinite, (finding.effect, finding.low, finding.high))):
        return Estimate(label, _STATUS.get(finding.status, "not measured"), "grey")
    number = written(finding.rule_id, finding.effect, finding.low, finding.high)
    tone: Tone = "accent" if decided else "ink"
    value, low, high = (100 * number for number in (finding.effect, finding.low, finding.high))
    return Estimate(label, f"{number} · n {finding.n_images:,}", tone, value, low, high)


def word_bars(concepts: Sequence[ClassConcept], verdict: Verdict, residual: float | None) -> list[ShareBar]:
    """The leading words of a class and what they leave unexplained, as rows of a bar chart."""
    shown = [concept for concept in concepts if concept.share >= 0.005][:WORDS_SHOWN]
    rows = []
    for concept in shown:
        leads = concept.concept_id == verdict.concept_id
        tone: Tone = "accent" if leads else "core" if concept.concept_kind in CORE_KINDS else "ink"
        kind = plain(concept.concept_kind, 16).replace("_", " ")
        others = 100 * concept.share_elsewhere if math.isfinite(concept.share_elsewhere) else None
        text = percent(concept.share) + (f" · others {percent(concept.share_elsewhere)}" if others is not None else "")
        term = plain(concept.concept, _LABEL)
        label = f"{term} ({kind})" if len(term) + len(kind) + 3 <= _LABEL else term
        whole = plain(concept.concept, 400)
        cut = whole if whole != term else ""
        rows.append(ShareBar(label, text, tone, min(100 * concept.share, 100), others, cut))
    if residual is not None:
        # as they are rounded, so that what is written adds up to all of the evidence
        unexplained = min(max(residual, 0), 1)
        left = 1 - round(unexplained, 2) - sum(round(concept.share, 2) for concept in shown)
        if left >= 0.005:
            rows.append(ShareBar("other words", percent(left), "grey", 100 * left))
        rows.append(ShareBar("no word fits", percent(residual), "grey", 100 * unexplained))
    return rows


def dose_points(doses: Sequence[DoseResponse], verdict: Verdict) -> tuple[str, list[DosePoint]]:
    """The leading property in words, and what pictures are called at its levels; no points where it has none."""
    shown = doses_of_lead(doses, verdict)
    points = [
        _dose_point(one.level, *of)
        for one in shown
        for of in (("its own", "ink", one.n_called, one.n), ("others", "accent", one.n_others_called, one.n_others))
    ]
    return (property_words(shown[0].property_name) if shown else ""), points


def doses_of_lead(doses: Sequence[DoseResponse], verdict: Verdict) -> list[DoseResponse]:
    """Those of the concept that the verdict names, where both sorts of pictures were asked."""
    return [one for one in doses if one.concept_id == verdict.concept_id and one.n and one.n_others]


def _dose_point(at: float, whose: str, tone: Tone, n_called: int, n: int) -> DosePoint:
    low, high = wilson_interval(n_called, n)
    return DosePoint(at, whose, tone, 100 * n_called / n, 100 * float(low), 100 * float(high))


def compared_arms(verdict: Verdict, leading: Sequence[Finding]) -> list[Arm]:
    """The comparable pictures that the gap is of: of the class, or of others where it pulls; empty in older audits.

    Args:
        verdict: what is said of the class.
        leading: findings on its leading concept.
    """
    concept = plain(verdict.concept or "", 30)
    by_pull, loses = shown_by_others(verdict.rule_id), fails_with(verdict.rule_id)
    rule = (PULL_GAP if by_pull else RECALL_LOSS if loses else RECALL_GAP).rule_id
    gap = next((one for one in leading if one.rule_id == rule and one.n_with is not None), None)
    if gap is None or gap.n_with is None or gap.n_without is None:
        return []
    return [
        _arm(f"without {concept}", gap.n_without, gap.called_without, not loses and not by_pull),
        _arm(f"with {concept}", gap.n_with, gap.called_with, loses or by_pull),
    ]


def same_comparison(arms: Sequence[Arm], verdict: Verdict) -> list[Arm]:
    """Arms of all pictures, if the gap that is told is their difference; for audits that keep no comparable ones.

    A gap of comparable pictures alone is another one, and two bars that contradict the figure above them help nobody.
    """
    told = verdict.effect if verdict.verdict == "harmed" else verdict.gap
    rates = [arm.rate for arm in arms if arm.rate is not None]
    if told is None or len(arms) != 2 or len(rates) != 2 or abs(abs(rates[0] - rates[1]) - abs(told)) > _ROUNDING:
        return []
    return list(arms)


def went_to(verdict: Verdict, called: Sequence[CalledOnSide]) -> list[WentTo]:
    """Where pictures of the class go without its concept and with it."""
    concept = plain(verdict.concept or "", 30)
    sides = []
    for present in (False, True):
        calls = [(plain(one.called, 40), one.n) for one in called if one.present == present]
        others = sum(n for _, n in calls[_CALLS:])
        if calls:
            n = sum(n for _, n in calls)
            side = f"{'with' if present else 'without'} {concept}"
            sides.append(WentTo(side, n, tuple(calls[:_CALLS]), others))
    return sides


def arms(verdict: Verdict, counterexamples: Sequence[Counterexample], subgroups: Sequence[Subgroup]) -> list[Arm]:
    """How often the class is recognised with the concept and without it; for a pull, the other classes' pictures."""
    concept = plain(verdict.concept or "", 30)
    examples = sorted((row for row in counterexamples if row.concept_id == verdict.concept_id), key=_with_first)
    if shown_by_others(verdict.rule_id) and examples:
        return [_arm(_side(row, concept), row.n_others, row.n_others_called, row.present) for row in examples]
    loses = fails_with(verdict.rule_id)
    if examples:
        return [_arm(_side(row, concept), row.n, row.n_correct, row.present == loses) for row in examples]
    counts = sorted((row for row in subgroups if row.concept_id == verdict.concept_id), key=_with_first)
    return [_arm(_side(row, concept), row.n, row.n_correct, row.present == loses) for row in counts]


def arms_of_data(verdict: Verdict, holders: tuple[int, int, int, int]) -> list[Arm]:
    """Without a model: how much of the class, and of the others, has the concept."""
    own, n_own, others, n_others = holders
    return [
        _arm(plain(verdict.class_name, 30), n_own, own, True),
        _arm("other classes", n_others, others, False),
    ]


def _with_first(row: Counterexample | Subgroup) -> bool:
    return not row.present


def _side(row: Counterexample | Subgroup, concept: str) -> str:
    return f"{'with' if row.present else 'without'} {concept}"


def _arm(label: str, n: int, n_called: int | None, decides: bool) -> Arm:
    """Counts with their rate and Wilson's interval."""
    if n_called is None or n <= 0:
        return Arm(label, n, n_called, None, None, None, decides)
    low, high = wilson_interval(n_called, n)
    return Arm(label, n, n_called, n_called / n, float(low), float(high), decides)


def statements(verdict: Verdict) -> dict[str, str]:
    """SQL that gives each figure of a class's section, for a reader's own DuckDB."""
    concept = "'" + plain(verdict.concept_id or "", 200).replace("'", "''") + "'"
    values = {"$class_idx": str(int(verdict.class_idx)), "$concept": concept, "$present": str(PRESENT)}
    return {
        title: re.sub(r"\$\w+", lambda name: values[name.group()], statement)
        for title, statement in _STATEMENTS.items()
    }
