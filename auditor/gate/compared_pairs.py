"""The gap of every class and concept that a release found, in both releases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from auditor.gate.gap_change import Estimate, PairedGap, SeparateGaps, design_effect, paired_gap, plain_gap
from auditor.gate.pair_standing import RULES, AuditIndex
from auditor.gate.releases import Measure, Pair
from auditor.gate.shared_pictures import SharedPictures
from auditor.place_grid import place_of
from auditor.records import PLACE_KIND, Finding
from auditor.rules import DELTA


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pair and its gap in both releases, None where it was not measured."""

    pair: Pair
    concept: str
    concept_kind: str
    measure: Measure
    gap: PairedGap | SeparateGaps | None


def comparisons(old: AuditIndex, new: AuditIndex, shared: SharedPictures | None) -> list[Comparison]:
    """Every pair that either release found, by name."""
    compared = []
    for pair in sorted(old.found | new.found):
        measures = measures_of(pair, old, new)
        gap: PairedGap | SeparateGaps | None = None
        used = measures[0]
        for measure in measures:
            gap = _separate(pair, measure, old, new) if shared is None else _paired(pair, measure, shared)
            if gap is not None:
                used = measure
                break
        concept, kind = named(pair, new, old)
        compared.append(Comparison(pair, concept, kind, used, gap))
    return compared


def measures_of(pair: Pair, *indexes: AuditIndex) -> list[Measure]:
    """The gaps that the finding rests on, that with the largest lower bound first."""
    bounds: dict[Measure, float] = {}
    for index in indexes:
        if pair in index.found:
            for measure, gap in measured_gaps(pair, index):
                bounds[measure] = max(gap.low, bounds.get(measure, -1.0))
    # a gap that lies over what is tolerated stands for a finding as well as the one with the largest bound
    ordered = sorted(bounds, key=lambda measure: (-bounds[measure], measure != "recall"))
    return [measure for measure in ordered if measure == ordered[0] or bounds[measure] > DELTA] or ["recall"]


def measured_gaps(pair: Pair, index: AuditIndex) -> Iterator[tuple[Measure, Finding]]:
    """The gaps that an audit reports of a pair."""
    for measure, rule_id in RULES.items():
        gap = index.gaps.get(pair, {}).get(rule_id)
        if gap is not None and gap.status == "measured" and np.isfinite([gap.effect, gap.low, gap.high]).all():
            yield measure, gap


def named(pair: Pair, *indexes: AuditIndex) -> tuple[str, str]:
    """Concept and kind as the first audit writes them that has them; the newest comes first."""
    place = place_of(pair.concept_id)
    if place is not None:
        return place.name, PLACE_KIND
    for index in indexes:
        for gap in index.gaps.get(pair, {}).values():
            return gap.concept, gap.concept_kind
        verdict = index.verdicts.get(pair.class_name)
        if verdict is not None and verdict.concept_id == pair.concept_id:
            return verdict.concept or pair.concept_id, verdict.concept_kind or "no kind"
    return pair.concept_id, "no kind"


def _paired(pair: Pair, measure: Measure, shared: SharedPictures) -> PairedGap | None:
    if pair.class_name not in shared.class_names or pair.concept_id not in shared.present:
        return None
    c = shared.class_names.index(pair.class_name)
    known = shared.known[pair.concept_id]
    own = shared.label == c
    rows = np.flatnonzero((shared.label >= 0) & ~own & known if measure == "pull" else own & known)
    gap = paired_gap(
        shared.old_predicted[rows] == c,
        shared.new_predicted[rows] == c,
        shared.present[pair.concept_id][rows],
        shared.label[rows] if measure == "pull" else np.zeros(rows.size, dtype=np.int64),
        None if shared.groups is None else shared.groups[rows],
    )
    return gap.reversed() if gap is not None and measure == "loss" else gap


def _separate(pair: Pair, measure: Measure, old: AuditIndex, new: AuditIndex) -> SeparateGaps | None:
    (first, second), _ = like_gaps(pair, measure, old, new)
    return None if first is None or second is None else SeparateGaps(first, second)


def like_gaps(pair: Pair, measure: Measure, *indexes: AuditIndex) -> tuple[list[Estimate | None], bool]:
    """Like with like: E4 of all audits or, where one has counts alone, the plain counts of all.

    The second answer is whether it is the counts. A pull has none.
    """
    found = [dict(measured_gaps(pair, index)).get(measure) for index in indexes]
    reported = [Estimate(gap.effect, gap.low, gap.high) if gap else None for gap in found]
    if measure == "pull" or None not in reported:
        return reported, False
    counted = [_counted(pair, index) for index in indexes]
    if not any(told is None and count is not None for told, count in zip(reported, counted, strict=True)):
        return reported, False
    return [gap and gap.reversed() for gap in counted] if measure == "loss" else [*counted], True


def _counted(pair: Pair, index: AuditIndex) -> Estimate | None:
    """The recall gap by an audit's counts of subgroups; the class's pictures that belong together count less."""
    arms = index.subgroups.get(pair, {})
    counts = [(arms[present].n_correct, arms[present].n) for present in (True, False) if present in arms]
    n_correct = [right for right, _ in counts if right is not None]
    if len(n_correct) < 2:
        return None
    pictures, effect = index.facts.pictures, 1.0
    if pictures.groups is not None:
        c = index.facts.class_names.index(pair.class_name)
        own = pictures.label_idx == c
        correct = (pictures.predicted_idx[own] == c).astype(np.int64)
        effect = design_effect(correct, pictures.groups[own]) if own.any() else 1.0
    return plain_gap((n_correct[0], n_correct[1]), (counts[0][1], counts[1][1]), design_effect=effect)
