"""A class's evidence on the HTML page: rows of the charts, arms of the counterexample table, and the SQL of each."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from markupsafe import Markup

from auditor.context_records import Counterexample
from auditor.evidence.significance import wilson_interval
from auditor.figures import percent, points
from auditor.records import CORE_KINDS, ClassConcept, Finding, Subgroup, Verdict
from auditor.store.queries.leads import Lead
from reports import charts
from reports.display import plain
from reports.page_records import Arm

_LABEL = 27
#: Rules in the order of the argument, as what they say.
_CLAIMS = {
    "E4-recall": "Recall gap",
    "E4-pull": "False calls gap",
    "E3-recall": "Erased from recall",
    "E3-pull": "Erased from false calls",
    "E3-margin": "Erased from margin",
    "E5": "Covered in its pictures",
    "E1": "Share of the words",
}
_GAPS = ("E4-recall", "E4-pull")
_SHARES = ("E1", "E3-margin")
_STATUS = {
    "too_few": "too few pictures",
    "not_identified": "cannot be told apart",
    "unstable": "covering alone does it",
    "not_applicable": "has no place to cover",
    "not_readable": "pictures not found",
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
WHERE label_idx = $class_idx AND concept_id = $concept AND presence <= 0.5 ORDER BY correct, presence;""",
    "Channel groups": """\
SELECT name, share, n_channels, image_ids FROM class_channel_groups JOIN channel_groups USING (group_idx)
WHERE class_idx = $class_idx ORDER BY share DESC;""",
}
#: Words of a class that the chart shows.
WORDS_SHOWN = 5


def forest(findings: Sequence[Finding], lead: Lead | None) -> Markup:
    """The forest plot of a concept's findings; the one that the verdict rests on stands out."""
    rows = estimates(findings, lead)
    told = "; ".join(f"{row.label} {row.text}" for row in rows)
    return charts.forest_plot(rows, f"Evidence with 95 % intervals: {told}") if rows else Markup()


def estimates(findings: Sequence[Finding], lead: Lead | None) -> list[charts.Estimate]:
    """A concept's findings in the order of the argument, as rows of a forest plot; E2 is a chance, with no zero."""
    by_rule = {finding.rule_id: finding for finding in findings if finding.rule_id != "E2"}
    order = [rule for rule in _CLAIMS if rule in by_rule]
    return [_estimate(by_rule[rule], lead) for rule in [*order, *sorted(by_rule.keys() - _CLAIMS.keys())]]


def _estimate(finding: Finding, lead: Lead | None) -> charts.Estimate:
    label = _CLAIMS.get(finding.rule_id, plain(finding.rule_id, 20))
    if finding.status != "measured" or not all(map(math.isfinite, (finding.effect, finding.low, finding.high))):
        return charts.Estimate(label, _STATUS.get(finding.status, "not measured"), "grey")
    write = percent if finding.rule_id in _SHARES else points
    number = write(finding.effect, finding.low, finding.high)
    rests_on = lead is not None and lead.rule_id == finding.rule_id and finding.rule_id in _GAPS
    tone: charts.Tone = "accent" if rests_on else "ink"
    value, low, high = (100 * number for number in (finding.effect, finding.low, finding.high))
    return charts.Estimate(label, f"{number} · n {finding.n_images:,}", tone, value, low, high)


def words_chart(concepts: Sequence[ClassConcept], verdict: Verdict, residual: float | None) -> Markup:
    """The leading words of a class as bars, and what they leave unexplained."""
    rows = word_bars(concepts, verdict, residual)
    told = "; ".join(f"{row.label} {row.text}" for row in rows)
    return charts.share_bars(rows, f"Shares of the words: {told}") if rows else Markup()


def word_bars(concepts: Sequence[ClassConcept], verdict: Verdict, residual: float | None) -> list[charts.ShareBar]:
    """The leading words of a class and what they leave unexplained, as rows of a bar chart."""
    shown = [concept for concept in concepts if concept.share >= 0.005][:WORDS_SHOWN]
    rows = []
    for concept in shown:
        leads = concept.concept_id == verdict.concept_id
        tone: charts.Tone = "accent" if leads else "core" if concept.concept_kind in CORE_KINDS else "ink"
        kind = plain(concept.concept_kind, 16).replace("_", " ")
        others = 100 * concept.share_elsewhere if math.isfinite(concept.share_elsewhere) else None
        text = percent(concept.share) + (f" · others {percent(concept.share_elsewhere)}" if others is not None else "")
        term = plain(concept.concept, _LABEL)
        label = f"{term} ({kind})" if len(term) + len(kind) + 3 <= _LABEL else term
        rows.append(charts.ShareBar(label, text, tone, min(100 * concept.share, 100), others))
    if residual is not None:
        rows.append(charts.ShareBar("no word fits", percent(residual), "grey", 100 * min(max(residual, 0), 1)))
    return rows


def arms(
    verdict: Verdict, lead: Lead | None, counterexamples: Sequence[Counterexample], subgroups: Sequence[Subgroup]
) -> list[Arm]:
    """How often the class is recognised with the concept and without it; for a pull, the other classes' pictures."""
    concept = plain(verdict.concept or "", 30)
    examples = sorted((row for row in counterexamples if row.concept_id == verdict.concept_id), key=_with_first)
    if lead is not None and lead.rule_id == "E4-pull" and examples:
        return [_arm(_side(row, concept), row.n_others, row.n_others_called, row.present) for row in examples]
    if examples:
        return [_arm(_side(row, concept), row.n, row.n_correct, not row.present) for row in examples]
    counts = sorted((row for row in subgroups if row.concept_id == verdict.concept_id), key=_with_first)
    return [_arm(_side(row, concept), row.n, row.n_correct, not row.present) for row in counts]


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
    values = {"$class_idx": str(int(verdict.class_idx)), "$concept": concept}
    return {
        title: re.sub(r"\$\w+", lambda name: values[name.group()], statement)
        for title, statement in _STATEMENTS.items()
    }
