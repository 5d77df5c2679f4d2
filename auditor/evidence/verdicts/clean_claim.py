"""What a class without a finding may be called clean on: bounds of the gaps of the concepts that can bear the claim.

Nothing found is not nothing there. A class is clean where every gap of these concepts, in both directions, of recall
and of pull, surely lies under the tolerance; else it was not shown (docs/decisions/0027-clean-with-a-bound.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.concept_records import UnboundedGap
from auditor.evidence.effects.equivalence import (
    ArmEffects,
    PullStrata,
    group_effects,
    pictures_to_bound,
    pull_bounds,
    recall_bounds,
)
from auditor.evidence.effects.significance import TwoArms
from auditor.evidence.effects.witnesses import n_witnesses
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured
from auditor.evidence.presence.families import members_of
from auditor.evidence.presence.presence import SCENE
from auditor.evidence.verdicts.counterexamples import presence_reliability
from auditor.records import BoolArray, IntArray
from auditor.rules import COVERED_PART, FIT_PART, MIN_ARM, MIN_CLASS, PLACED_PART, PRESENT

Float64Array = NDArray[np.float64]

#: Gaps of one class that are told with what they miss; each takes milliseconds.
MOST_UNBOUNDED = 10


@dataclass(frozen=True, slots=True)
class WeakestPoint:
    """The concept of which the largest gap is not excluded, and what it would take to exclude it.

    ``by_pull``: pictures of other classes leave it open, else the class's own; the counts are theirs (n pictures, of
    which x are called the class). ``more_with`` and ``more_without`` are missing; None where no number would do.
    ``grouped``: the pictures come in groups, of which each counts for one here.
    """

    concept_idx: int
    by_pull: bool
    x_with: int
    n_with: int
    x_without: int
    n_without: int
    more_with: int | None
    more_without: int | None
    grouped: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class CleanClaim:
    """What can be claimed of a class where nothing was found.

    Attributes:
        tolerance: Gaps under this are tolerated.
        members: (M,) concepts that bear the claim.
        bounds: (M,) largest gap that is not excluded, of recall or pull, either way; 1 without two arms.
        by_pull: (M,) whether it is the pull's.
        of_column: (M,) whether the manifest knows them, else they are words.
        outside: Concepts that are not covered, those with the largest smaller arm first.
        fit: Whether the encoder tells enough words for them to bear a claim.
        placed: Part of the class's pictures that some scene word is told to be in; 1 where that is not asked.
        told_apart: Whether it tells context from the class; else no word bears a claim on it.
    """

    tolerance: float
    members: IntArray
    bounds: Float64Array
    by_pull: BoolArray
    of_column: BoolArray
    outside: tuple[int, ...]
    fit: bool
    placed: float = 1.0
    told_apart: bool = True

    @property
    def words_bear(self) -> bool:
        """Whether words may bear the claim: the encoder tells most, context from class, and where most pictures are."""
        return self.fit and self.told_apart and self.placed >= PLACED_PART

    @property
    def bound(self) -> float | None:
        """The largest bound; None where nothing bears the claim: words alone, and they may not."""
        borne = self.members.size and (self.words_bear or self.of_column.any())
        return float(self.bounds.max()) if borne else None

    @property
    def holds(self) -> bool:
        """Whether the class is clean."""
        return self.bound is not None and self.bound < self.tolerance

    @property
    def n_open(self) -> int:
        """Members of which a gap over the tolerance is not excluded."""
        return int((self.bounds >= self.tolerance).sum())

    def bound_of(self, *, of_column: bool) -> tuple[float, int] | None:
        """The largest bound among columns or among words, and the concept; None where there are none."""
        mine = np.flatnonzero(self.of_column == of_column)
        if mine.size == 0:
            return None
        first = mine[np.argmax(self.bounds[mine])]
        return float(self.bounds[first]), int(self.members[first])


def clean_claims(inputs: EvidenceInput, measured: Measured) -> tuple[CleanClaim | None, ...]:
    """The claim of every class; None for one with too few pictures to be analysed."""
    fit, placed = _fit(inputs, measured), _placed(inputs)
    of_column = np.array([concept.column is not None for concept in inputs.concepts], dtype=np.bool_)
    stand_ins = _stand_ins(inputs)
    members = _members(inputs, measured, of_column, stand_ins, words_bear=fit & (placed >= PLACED_PART))
    chosen = np.flatnonzero(members.any(axis=0)).astype(np.int64)
    reliable = np.array([presence_reliability(inputs, measured, int(v)) for v in chosen])
    effects = group_effects(inputs, measured.present, measured.known, chosen)
    recall = recall_bounds(
        TwoArms.of(
            *(
                counts[:, chosen, None]
                for counts in (
                    measured.n_with_correct,
                    measured.n_with,
                    measured.n_known_correct - measured.n_with_correct,
                    measured.n_without,
                )
            )
        ),
        None if effects is None else effects[0],
    )
    strata = PullStrata.of(measured.n_with[:, chosen], measured.n_without[:, chosen])
    seen = measured.present[:, chosen], measured.known[:, chosen]
    claims: list[CleanClaim | None] = []
    for c, n in enumerate(measured.n_labelled.tolist()):
        if n < MIN_CLASS:
            claims.append(None)
            continue
        mine = np.flatnonzero(members[c, chosen])
        groups = None if effects is None else ArmEffects(*(one[:, c, mine] for one in effects[1]))
        pull = pull_bounds(inputs, *seen, strata, c, mine, recall[c, mine], groups)
        enough = measured.pull_arms[c, chosen[mine]] >= MIN_ARM
        if groups is not None:
            enough &= groups.n_groups.min(axis=0) >= MIN_ARM
        pull = np.where(enough, pull, 1.0)
        both = np.stack([recall[c, mine], pull]) / np.maximum(reliable[mine], 1e-9)
        bounds = np.minimum(both.max(axis=0), 1.0)
        by_pull = both[1] > both[0]
        v = chosen[mine]
        outside, told_apart = _outside(inputs, measured, c, v, stand_ins), bool(measured.fit.tells_context[c])
        told = fit, float(placed[c]), told_apart
        claims.append(CleanClaim(inputs.tolerance, v, bounds, by_pull, of_column[v], outside, *told))
    return tuple(claims)


def _fit(inputs: EvidenceInput, measured: Measured) -> bool:
    """Whether the encoder tells the context words twice alike, as far as they were told twice."""
    words = np.array([concept.is_context and concept.column is None for concept in inputs.concepts], dtype=np.bool_)
    return not words.any() or float(measured.measurable[words].mean()) >= FIT_PART


def _placed(inputs: EvidenceInput) -> Float64Array:
    """Part of the pictures of every class (C,) that some scene word is told to be in; 1 with fewer than two such words.

    A picture was taken somewhere, so where the encoder finds none of the scenes likely it does not see what is there,
    or has no word for it: what such a class may rest on is in no arm of anything.
    """
    known = np.asarray(np.isfinite(inputs.presence).any(axis=0))
    scenes = [v for v, one in enumerate(inputs.concepts) if one.kind == SCENE and one.column is None and known[v]]
    if len(scenes) < 2:
        return np.ones(len(inputs.class_names))
    told = (inputs.presence[:, scenes] > PRESENT).any(axis=1)
    labelled = inputs.label_idx >= 0
    n, n_told = (
        np.bincount(inputs.label_idx[rows], minlength=len(inputs.class_names)) for rows in (labelled, labelled & told)
    )
    return np.asarray(n_told / np.maximum(n, 1))


def _members(
    inputs: EvidenceInput,
    measured: Measured,
    of_column: BoolArray,
    stand_ins: Sequence[tuple[int, list[int]]],
    *,
    words_bear: BoolArray,
) -> BoolArray:
    """Whether each concept bears the claim of each class: (C, V), words by ``words_bear`` (C,).

    Measurable context whose smaller arm is a fair part of the class, or that the data associate with it. A concept
    that another one stands for is left out: words that a super-concept is made of, and the word of a column's name.
    """
    smaller = np.minimum(measured.n_with, measured.n_without)
    fair = (smaller >= COVERED_PART * measured.n_labelled[:, None]) & (smaller >= MIN_ARM)
    fair &= of_column | words_bear[:, None]
    context = np.zeros(smaller.shape, dtype=np.bool_)
    for c in range(len(context)):
        # what is measured of pictures is not claimed: every class is fragile
        context[c, inputs.named(inputs.context_of(c))] = True
    members = context & measured.measurable & measured.readable & (fair | measured.by_data)
    for stand_in, stood_for in stand_ins:
        members[:, stood_for] &= ~members[:, [stand_in]]
    return members


def _stand_ins(inputs: EvidenceInput) -> list[tuple[int, list[int]]]:
    """Concepts that stand for others wherever they bear a claim themselves: the largest super-concepts first."""
    composed = [(family, list(members)) for family, members in members_of(inputs.concepts).items()]
    composed.sort(key=lambda pair: -len(pair[1]))
    return [*composed, *((attribute, [word]) for attribute, word in inputs.same_as.items())]


def _outside(
    inputs: EvidenceInput, measured: Measured, c: int, members: IntArray, stand_ins: Sequence[tuple[int, list[int]]]
) -> tuple[int, ...]:
    """Context that the claim does not cover, and that nothing in it stands for; the most nearly covered first."""
    covered = set(members.tolist())
    covered |= {v for stand_in, stood_for in stand_ins if stand_in in covered for v in stood_for}
    smaller = np.minimum(measured.n_with[c], measured.n_without[c])
    there = [measured.measurable[v] or inputs.concepts[v].column is None for v in range(smaller.size)]
    named = inputs.named(inputs.context_of(c)).tolist()
    left = [v for v in named if v not in covered and there[v]]  # no column without a value
    return tuple(sorted(left, key=lambda v: (-int(smaller[v]), v)))


def weakest_point(inputs: EvidenceInput, measured: Measured, c: int, claim: CleanClaim) -> WeakestPoint | None:
    """What the largest bound is of, and what is missing to exclude the tolerance there; None without members."""
    return _point(inputs, measured, c, claim, int(np.argmax(claim.bounds))) if claim.members.size else None


def unbounded_gaps(inputs: EvidenceInput, measured: Measured, c: int, claim: CleanClaim) -> list[UnboundedGap]:
    """The gaps of a class that are not excluded, the widest first, and what is missing for each; at most ten.

    None where nothing bears the claim: more pictures alone would not do then.
    """
    if claim.bound is None:
        return []
    widest = np.argsort(-claim.bounds, kind="stable")[: min(claim.n_open, MOST_UNBOUNDED)]
    found = []
    for member in widest:
        point, concept = _point(inputs, measured, c, claim, int(member)), inputs.concepts[int(claim.members[member])]
        found.append(
            UnboundedGap(
                class_idx=c,
                class_name=inputs.class_names[c],
                concept_id=concept.concept_id,
                concept=concept.term,
                concept_kind=concept.kind,
                by_others=point.by_pull,
                bound=float(claim.bounds[member]),
                n_with=point.n_with,
                n_without=point.n_without,
                n_missing_with=point.more_with,
                n_missing_without=point.more_without,
            )
        )
    return found


def _point(inputs: EvidenceInput, measured: Measured, c: int, claim: CleanClaim, member: int) -> WeakestPoint:
    """What the bound of a member is of, and what is missing to exclude the tolerance there."""
    v, by_pull = int(claim.members[member]), bool(claim.by_pull[member])
    labelled, called = inputs.label_idx >= 0, inputs.predicted_idx == c
    pictures = labelled & (inputs.label_idx != c) if by_pull else inputs.label_idx == c
    arms = [pictures & measured.known[:, v] & (measured.present[:, v] == there) for there in (True, False)]
    counts = [(n_witnesses(arm, inputs.copies, called), n_witnesses(arm, inputs.copies)) for arm in arms]
    (x_with, n_with), (x_without, n_without) = counts
    # pictures of one group may be worth no more than one
    worth = [n_with, n_without]
    if inputs.groups is not None:
        worth = [min(n, np.unique(inputs.groups[arm]).size) for arm, n in zip(arms, worth, strict=True)]
    hits, n = n_witnesses(pictures, inputs.copies, called), n_witnesses(pictures, inputs.copies)
    rate, seen = (hits + 0.5) / (n + 1), inputs.tolerance * presence_reliability(inputs, measured, v)
    needed = pictures_to_bound(rate, max(worth), seen) if seen > 0 else None
    more_with, more_without = (None if needed is None else max(0, needed - units) for units in worth)
    grouped = worth != [n_with, n_without]
    return WeakestPoint(v, by_pull, x_with, n_with, x_without, n_without, more_with, more_without, grouped)
