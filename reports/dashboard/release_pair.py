"""Two audits for the compare view: their diff, and the evidence of one class in each; no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from auditor.gate.release_diff import compare_releases
from auditor.gate.releases import Change, FindingChange, ReleaseDiff
from auditor.records import Verdict
from auditor.release.facts import release_facts
from auditor.store.queries import audit as queries
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.audit import Connection
from reports.page import class_evidence
from reports.page.chart_rows import Estimate, ShareBar
from reports.page.records import Arm

#: Evidence is drawn for so many concepts of a class; the table has all.
_CONCEPTS_SHOWN = 3
#: What a reader of a new release looks for, in this order.
CHANGES: tuple[Change, ...] = ("new", "worse", "unclear", "fixed", "better", "unchanged")


@dataclass(frozen=True, slots=True)
class ClassSide:
    """What one release says of a class; ``evidence`` has rows by the concept's word, none where it was not measured."""

    verdict: Verdict
    arms: tuple[Arm, ...]
    words: tuple[ShareBar, ...]
    evidence: tuple[tuple[str, tuple[Estimate, ...]], ...]


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


def told_changes(diff: ReleaseDiff, find: str = "") -> list[FindingChange]:
    """The findings of classes with ``find`` in their name, by change in the order of ``CHANGES``."""
    told = [one for one in diff.told() if find.casefold() in one.class_name.casefold()]
    return sorted(told, key=lambda one: CHANGES.index(one.change))


def concepts_of(diff: ReleaseDiff, class_name: str) -> dict[str, str]:
    """Id and word of the concepts that either release found on a class, those that changed most first."""
    told = [one for one in diff.told() if one.class_name == class_name]
    return {one.concept_id: one.concept for one in told[:_CONCEPTS_SHOWN]}


def class_side(connection: Connection, class_name: str, concepts: Mapping[str, str]) -> ClassSide | None:
    """One release's evidence on a class; None where it has no such class.

    Args:
        connection: an open audit.
        class_name: of the class.
        concepts: id and word of the concepts whose evidence is wanted.
    """
    verdict = next((one for one in queries.verdicts(connection) if one.class_name == class_name), None)
    if verdict is None:
        return None
    c = verdict.class_idx
    findings = queries.findings(connection, c)
    evidence = []
    for concept_id, term in concepts.items():
        of_concept = [one for one in findings if one.concept_id == concept_id]
        decided_by = verdict.rule_id if concept_id == verdict.concept_id else None
        evidence.append((term, tuple(class_evidence.estimates(of_concept, decided_by))))
    residual = picture_queries.mean_residuals(connection).get(c)
    words = queries.class_concepts(connection, c, limit=class_evidence.WORDS_SHOWN)
    examples = queries.counterexamples(connection, c)
    subgroups = [] if examples else queries.subgroups(connection, c)
    return ClassSide(
        verdict=verdict,
        arms=tuple(class_evidence.arms(verdict, examples, subgroups)),
        words=tuple(class_evidence.word_bars(words, verdict, residual)),
        evidence=tuple(evidence),
    )
