"""A class's evidence as SVG, for the HTML page: its rules, its words, and what pictures are called at levels."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from auditor.edit_records import DoseResponse, PictureEdit
from auditor.evidence.verdicts.edit_sentences import level
from auditor.figures import percent
from auditor.records import ClassConcept, Finding, Verdict
from reports.page import charts, class_evidence


def forest(findings: Sequence[Finding], verdict: Verdict) -> Markup:
    """The forest plot of a concept's findings; the one that the verdict rests on stands out."""
    rows = class_evidence.estimates(findings, verdict.rule_id)
    told = "; ".join(f"{row.label} {row.text}" for row in rows)
    return charts.forest_plot(rows, f"Evidence with 95 % intervals: {told}") if rows else Markup()


def words_chart(concepts: Sequence[ClassConcept], verdict: Verdict, residual: float | None) -> Markup:
    """The leading words of a class as bars, and what they leave unexplained."""
    rows = class_evidence.word_bars(concepts, verdict, residual)
    told = "; ".join(f"{row.whole or row.label} {row.text}" for row in rows)
    return charts.share_bars(rows, f"Shares of the words: {told}") if rows else Markup()


def dose_chart(doses: Sequence[DoseResponse], verdict: Verdict) -> Markup:
    """What pictures are called at levels of the leading property: the class's own, and those of other classes."""
    shown = class_evidence.doses_of_lead(doses, verdict)
    if not shown:
        return Markup()
    told = "; ".join(
        f"{level(PictureEdit(one.property_name, one.level))}: own {percent(one.n_called / one.n)}, "
        f"others {percent(one.n_others_called / one.n_others)}"
        for one in shown
    )
    of, points = class_evidence.dose_points(doses, verdict)
    return charts.dose_curve(points, of, f"Called it at levels of a property: {told}")
