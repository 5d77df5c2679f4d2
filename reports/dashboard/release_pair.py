"""Two audits for the compare view: their diff, and the evidence of one class in each; no Streamlit."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from markupsafe import Markup

from auditor.gate.release_diff import compare_releases
from auditor.gate.releases import Change, FindingChange, ReleaseDiff
from auditor.records import Verdict
from reports import class_evidence, picture_queries, queries
from reports.leads import leads
from reports.page_records import Arm
from reports.queries import Connection
from reports.release_facts import release_facts

#: Evidence is drawn for so many concepts of a class; the table has all.
_CONCEPTS_SHOWN = 3
#: What a reader of a new release looks for, in this order.
CHANGES: tuple[Change, ...] = ("new", "worse", "unclear", "fixed", "better", "unchanged")


@dataclass(frozen=True, slots=True)
class ClassSide:
    """What one release says of a class; ``evidence`` has a forest plot by concept, empty where nothing was measured."""

    verdict: Verdict
    arms: tuple[Arm, ...]
    words: Markup
    evidence: dict[str, Markup]


def diff_of(
    old: Connection, new: Connection, names: tuple[str, str], *, allow_different_data: bool = False
) -> ReleaseDiff:
    """What ``auditor diff`` says of two open audits, under the names that the dashboard calls them.

    Raises:
        InputError: data or encoder differ and that was not allowed.
        StoreError: tables that are not an audit's.
    """
    diff = compare_releases(release_facts(old), release_facts(new), allow_different_data=allow_different_data)
    return replace(diff, old=replace(diff.old, name=names[0]), new=replace(diff.new, name=names[1]))


def told_changes(diff: ReleaseDiff, find: str = "") -> dict[Change, tuple[FindingChange, ...]]:
    """The findings by change, those of classes with ``find`` in their name; without changes that have none."""
    told = [one for one in diff.told() if find.casefold() in one.class_name.casefold()]
    grouped = {change: tuple(one for one in told if one.change == change) for change in CHANGES}
    return {change: found for change, found in grouped.items() if found}


def concepts_of(diff: ReleaseDiff, class_name: str) -> dict[str, str]:
    """Id and word of the concepts that either release found on a class, those that changed most first."""
    told = [one for one in diff.told() if one.class_name == class_name]
    return {one.concept_id: one.concept for one in told[:_CONCEPTS_SHOWN]}


def class_side(connection: Connection, class_name: str, concept_ids: Collection[str]) -> ClassSide | None:
    """One release's evidence on a class; None where it has no such class.

    Args:
        connection: an open audit.
        class_name: of the class.
        concept_ids: concepts that a forest plot is drawn for.
    """
    verdict = next((one for one in queries.verdicts(connection) if one.class_name == class_name), None)
    if verdict is None:
        return None
    c = verdict.class_idx
    lead = leads(connection).get(c)
    findings = queries.findings(connection, c)
    evidence = {}
    for concept_id in concept_ids:
        leading = lead if concept_id == verdict.concept_id else None
        evidence[concept_id] = class_evidence.forest([one for one in findings if one.concept_id == concept_id], leading)
    residual = picture_queries.mean_residuals(connection).get(c)
    words = queries.class_concepts(connection, c, limit=class_evidence.WORDS_SHOWN)
    examples = queries.counterexamples(connection, c)
    subgroups = [] if examples else queries.subgroups(connection, c)
    return ClassSide(
        verdict=verdict,
        arms=tuple(class_evidence.arms(verdict, lead, examples, subgroups)),
        words=class_evidence.words_chart(words, verdict, residual),
        evidence=evidence,
    )
