"""What else goes with a concept within the classes: residual presence for E3, and what cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from auditor.evidence.presence.families import members_of
from auditor.evidence.presence.presence import EXCLUSIVE_KINDS
from auditor.records import BoolArray, Concept, FloatArray, IntArray

Float64Array = NDArray[np.float64]
#: For each concept, those that are no covariates of it.
Rivals = Sequence[frozenset[int]]

#: Variance inflation above which a concept is indistinguishable from others.
MAX_VIF = 5.0
_RIDGE = 0.01  # of the correlation matrix: presences of an exclusive kind sum to one and have no inverse without it
_LEAST_SPREAD = 0.02  # within-class standard deviation of presence below which a covariate explains nothing
_PICTURES_PER_COVARIATE = 5
_COLUMNS = 16  # concepts of all pictures that are worked on at a time
_ROWS = 65_536  # pictures whose residuals are found, or whose columns are moved, at a time
_AGAINST = 1e-4  # decides between correlations that differ by rounding and by their sign


@dataclass(frozen=True, slots=True, eq=False)
class ResidualPresence:
    """Presence within classes, net of the other concepts and of difficulty: (N, T), zero where it is not known.

    ``column_of`` gives the column of each concept that E3 can examine; merged concepts share one.
    ``partners`` lists, for a concept, those it is indistinguishable from here, and not those that it is the absence of;
    for a column the words that follow it, the closest first. Concepts that were asked for and are in neither are tied
    to the object itself (a core concept or the class prompt), to a column, or to several concepts together.
    """

    values: FloatArray
    column_of: Mapping[int, int]
    partners: Mapping[int, tuple[int, ...]]


def within_class(values: FloatArray, label_idx: IntArray) -> FloatArray:
    """Values less the mean of their class; unlabelled rows become zero."""
    rows = np.flatnonzero(label_idx >= 0)
    centred = np.zeros_like(values)
    for some, part in _centred_blocks(values, label_idx, rows):
        centred[rows, some] = part
    return centred


def _centred_blocks(values: FloatArray, label_idx: IntArray, rows: IntArray) -> Iterator[tuple[slice, FloatArray]]:
    """The labelled rows less the mean of their class, a few columns at a time."""
    n_classes = int(label_idx.max(initial=-1)) + 1
    member = sparse.csr_array((np.ones(rows.size), (label_idx[rows], rows)), shape=(n_classes, label_idx.size))
    sizes = np.maximum(np.bincount(label_idx[rows], minlength=n_classes), 1)
    for some in _column_blocks(values):
        part = values[:, some]
        means = ((member @ part) / sizes[:, None]).astype(np.float32)
        yield some, part[rows] - means[label_idx[rows]]


def _column_blocks(values: FloatArray) -> list[slice]:
    """Few columns at a time: of all of them at once, copies in double precision would be most of an audit's memory."""
    return [slice(start, start + _COLUMNS) for start in range(0, values.shape[1], _COLUMNS)]


def _standardised(
    presence: FloatArray, columns: Sequence[int], difficulty: FloatArray, label_idx: IntArray, n: int
) -> FloatArray:
    """(N, U + 1) presence of some concepts, and last difficulty: less the means of the classes, of variance one."""
    standard = np.empty((label_idx.size, len(columns) + 1), np.float32)
    for some in _column_blocks(standard):
        asked = columns[some]
        together = [presence[:, asked]] if len(asked) == _COLUMNS else [presence[:, asked], difficulty]
        part = within_class(np.column_stack(together).astype(np.float32, copy=False), label_idx)
        standard[:, some] = part / np.sqrt(np.maximum((part**2).sum(axis=0, dtype=np.float64) / n, 1e-12))
    return standard


def _without(standard: FloatArray, column: int) -> FloatArray:
    """The same memory without one of its columns."""
    for start in range(0, standard.shape[0], _ROWS):
        rows = slice(start, start + _ROWS)
        standard[rows, column:-1] = standard[rows, column + 1 :]
    return standard[:, :-1]


def _residuals(standard: FloatArray, active: Sequence[int], weights: FloatArray) -> FloatArray:
    """(N, T) of the active columns what the weights (U + 1, T) of all columns do not say."""
    values = np.empty((standard.shape[0], len(active)), np.float32)
    for start in range(0, standard.shape[0], _ROWS):
        rows = slice(start, start + _ROWS)
        values[rows] = standard[rows, active] - standard[rows] @ weights
    return values


def rivals_of(concepts: Sequence[Concept], same_as: Mapping[int, int]) -> list[frozenset[int]]:
    """For each concept those that say the same, or exclude it: no covariates of it, nor it of them.

    Concepts of an exclusive kind (water is the absence of forest, sand and the rest), values of one column of a
    manifest, and a family with its members. A value that is named as a concept of the vocabulary makes its whole column
    a rival of that concept, and of its kind where that is exclusive.
    """
    families = members_of(concepts)
    members: dict[str, set[int]] = {}
    for v, concept in enumerate(concepts):
        if concept.column is not None:
            members.setdefault(f"column {concept.column}", set()).add(v)
        elif concept.kind in EXCLUSIVE_KINDS:
            members.setdefault(concept.kind, set()).add(v)
    rivals: list[set[int]] = [set() for _ in concepts]

    def exclude(some: set[int], others: set[int]) -> None:
        for v in some:
            rivals[v] |= others - {v}

    for together in (*members.values(), *({family, *of_it} for family, of_it in families.items())):
        exclude(together, together)
    for value, v in same_as.items():
        column = members[f"column {concepts[value].column}"]
        like = members.get(concepts[v].kind, {v, *families.get(v, ())})
        exclude(column, like)
        exclude(like, column)
    return [frozenset(found) for found in rivals]


def residual_presence(
    presence: FloatArray,
    label_idx: IntArray,
    difficulty: FloatArray,
    concepts: Sequence[Concept],
    targets: Sequence[int],
    same_as: Mapping[int, int] = MappingProxyType({}),
    told: BoolArray | None = None,
) -> ResidualPresence:
    """Presence of each target, centred within class, less what the other concepts and difficulty predict of it.

    Rivals (:func:`rivals_of`) are no covariates of each other.
    A target with a variance inflation above :data:`MAX_VIF` is merged with the context concept it goes with most. But
    what somebody wrote down, a column, or showed by examples is merged with no word: words that follow it are readings
    of it, net of which nothing of it would be left. Above that bound words are no covariates of it, and a word that
    goes with it most is tied to it.
    A family explains nothing of the other concepts that its members do not explain, and is no covariate; nor is a
    measured property, in which night, a dim light and a dark animal are all the same.

    Args:
        presence: (N, V) continuous presence, not finite where it is not known: there it is at its class's mean.
        label_idx: (N,) labels, -1 for none.
        difficulty: (N,) the encoder's score of the own class's prompt.
        concepts: The V concepts.
        targets: PictureConcepts concepts to be examined.
        same_as: Attributes that have the name of a concept of the vocabulary.
        told: (N, V) pictures whose presence counts for a concept: elsewhere its residual is zero; None: where it is
            finite.
    """
    given, known = presence, np.isfinite(presence)
    if not known.all():
        presence = _at_class_means(presence, known, label_idx)
    del known  # a fourth of all presence
    silent = _explain_nothing(concepts)
    rivals = rivals_of(concepts, same_as)
    columns = _covariates(presence, label_idx, concepts, targets)
    n = max(int((label_idx >= 0).sum()), 1)
    standard = _standardised(presence, columns, difficulty, label_idx, n)
    alone = correlation = (standard.T @ standard).astype(np.float64) / n
    place = {v: j for j, v in enumerate(columns)}
    words, written = _words(concepts), _written_down(concepts)
    net_of_columns: set[int] = set()  # of what is written down, that of which words are no covariates
    # each column stands for a tuple of concepts; the last one, difficulty, for none
    owners: list[tuple[int, ...]] = [(v,) for v in columns] + [()]
    wanted = set(targets)
    tied: set[int] = set()
    while True:
        active = [j for j, owner in enumerate(owners) if wanted.intersection(owner) and j not in tied]
        covariates = [j for j, owner in enumerate(owners) if not owner or not silent >= set(owner)]
        weights = _regress(correlation, owners, rivals, active, covariates)
        left = np.array([_residual_variance(correlation, weights[:, i], j) for i, j in enumerate(active)])
        if not active or left.min() >= 1 / MAX_VIF:
            break
        worst = active[int(left.argmin())]
        own = written.intersection(owners[worst])
        if own - net_of_columns:
            net_of_columns |= own
            for v in own:
                rivals[v] |= words
            continue
        partner = _closest(correlation, owners, rivals, worst, covariates)
        if (
            partner is None
            or not (owners[partner] and concepts[owners[partner][0]].is_context)
            or (not words.isdisjoint(owners[worst]) and not written.isdisjoint(owners[partner]))
        ):
            tied.add(worst)
            continue
        merged = standard[:, worst] + np.sign(correlation[worst, partner]) * standard[:, partner]
        standard[:, worst] = merged / max(float(np.sqrt((merged.astype(np.float64) ** 2).sum() / n)), 1e-6)
        owners[worst] = owners[worst] + owners[partner]
        keep = [j for j in range(len(owners)) if j != partner]
        tied = {keep.index(j) for j in tied if j != partner}
        standard, owners = _without(standard, partner), [owners[j] for j in keep]
        correlation = (standard.T @ standard).astype(np.float64) / n
    values = _residuals(standard, active, weights.astype(np.float32))
    for i, j in enumerate(active):
        of_one = list(owners[j])
        seen = np.isfinite(given[:, of_one]).all(axis=1)
        if told is not None:
            seen &= told[:, of_one].all(axis=1)
        if not seen.all():
            values[:, i] = within_class(values[:, [i]], np.where(seen, label_idx, -1))[:, 0]
    column_of = {v: i for i, j in enumerate(active) for v in owners[j]}
    partners = {
        v: tuple(u for u in owners[j] if u != v and alone[place[u], place[v]] > 0)
        for j in active
        for v in owners[j]
        if len(owners[j]) > 1
    }
    follows = 1 - 1 / MAX_VIF
    for v in net_of_columns & column_of.keys():
        goes = {u: alone[place[v], place[u]] for u in columns if u in words and concepts[u].is_context}
        explained = {
            u: one**2 / max(alone[place[v], place[v]] * alone[place[u], place[u]], 1e-12) for u, one in goes.items()
        }
        going = sorted((u for u in goes if goes[u] > 0 and explained[u] >= follows), key=lambda u: -explained[u])
        partners[v] = (*partners.get(v, ()), *going)
    return ResidualPresence(values, column_of, partners)


def _at_class_means(presence: FloatArray, known: BoolArray, label_idx: IntArray) -> FloatArray:
    """Presence with the mean over the class's known pictures where it is not known; 0 where a class has none."""
    filled = np.where(known, presence, 0).astype(np.float32)
    for v in np.flatnonzero(~known.all(axis=0)):
        rows = np.flatnonzero(known[:, v] & (label_idx >= 0))
        size = int(label_idx.max(initial=0)) + 1
        sums = np.bincount(label_idx[rows], weights=filled[rows, v], minlength=size)
        means = sums / np.maximum(np.bincount(label_idx[rows], minlength=size), 1)
        gaps = np.flatnonzero(~known[:, v] & (label_idx >= 0))
        filled[gaps, v] = means[label_idx[gaps]]
    return filled


def _covariates(
    presence: FloatArray, label_idx: IntArray, concepts: Sequence[Concept], targets: Sequence[int]
) -> list[int]:
    """Targets, and as many of the other concepts that vary as the pictures can carry."""
    rows = np.flatnonzero(label_idx >= 0)
    spread = np.zeros(len(concepts))
    for some, part in _centred_blocks(presence, label_idx, rows) if rows.size else ():
        spread[some] = part.std(axis=0)
    left_out = {*targets, *_explain_nothing(concepts)}
    others = [v for v in np.argsort(-spread, kind="stable") if spread[v] > _LEAST_SPREAD and v not in left_out]
    room = max(0, rows.size // _PICTURES_PER_COVARIATE - len(targets))
    return sorted(int(v) for v in (*targets, *others[:room]))


def _explain_nothing(concepts: Sequence[Concept]) -> frozenset[int]:
    """Concepts that are no covariates of others."""
    return frozenset([*members_of(concepts), *(v for v, concept in enumerate(concepts) if concept.is_property)])


def _words(concepts: Sequence[Concept]) -> frozenset[int]:
    """Concepts whose presence is an encoder's reading of their words."""
    return frozenset(v for v, concept in enumerate(concepts) if concept.column is None)


def _written_down(concepts: Sequence[Concept]) -> frozenset[int]:
    """Columns of the manifest and concepts by example, but not what is measured of the pictures."""
    return frozenset(v for v, concept in enumerate(concepts) if concept.column is not None and not concept.is_property)


def _rivals(owners: Sequence[tuple[int, ...]], rivals: Rivals, j: int) -> list[int]:
    """Columns that hold a rival of a concept of column j."""
    excluded = frozenset().union(*(rivals[v] for v in owners[j]))
    return [i for i, owner in enumerate(owners) if i != j and excluded.intersection(owner)]


def _regress(
    correlation: Float64Array,
    owners: Sequence[tuple[int, ...]],
    rivals: Rivals,
    active: Sequence[int],
    covariates: Sequence[int],
) -> Float64Array:
    """Ridge weights (P, len(active)) of each active column on all covariates but itself and its rivals."""
    size = correlation.shape[0]
    ridge = correlation + _RIDGE * np.eye(size)
    weights = np.zeros((size, len(active)))
    inverse = np.linalg.inv(ridge[np.ix_(covariates, covariates)])
    place = {k: i for i, k in enumerate(covariates)}
    solved: dict[tuple[int, ...], Float64Array] = {}
    for i, j in enumerate(active):
        excluded = _rivals(owners, rivals, j)
        if j in place and not place.keys() & set(excluded):
            # regression of one column on all the others, read off the inverse
            weights[covariates, i] = -inverse[:, place[j]] / inverse[place[j], place[j]]
            weights[j, i] = 0.0
            continue
        outside = tuple(k for k in covariates if k != j and k not in set(excluded))
        if outside not in solved:
            solved[outside] = np.asarray(
                np.linalg.solve(ridge[np.ix_(outside, outside)], correlation[list(outside)]), dtype=np.float64
            )
        weights[list(outside), i] = solved[outside][:, j]
    return weights


def _residual_variance(correlation: Float64Array, weights: Float64Array, j: int) -> float:
    """Share of a standardised column's variance that its covariates leave: 1 / VIF."""
    return float(correlation[j, j] - 2 * weights @ correlation[:, j] + weights @ correlation @ weights)


def _closest(
    correlation: Float64Array,
    owners: Sequence[tuple[int, ...]],
    rivals: Rivals,
    j: int,
    covariates: Sequence[int],
) -> int | None:
    """The covariate that goes with column j most, rivals and itself left out; None when nothing goes with it alone.

    Of two values of a column one goes with it as much as the other goes against it: it is the one that goes with it.
    """
    strength = np.zeros(len(correlation))
    strength[covariates] = np.abs(correlation[j, covariates]) - _AGAINST * (correlation[j, covariates] < 0)
    strength[[j, *_rivals(owners, rivals, j)]] = 0.0
    best = int(strength.argmax())
    return best if strength[best] > 0.5 else None
