"""Which pictures to gather, so that as many open concepts as possible are settled by as few of them as possible.

What a concept of a class misses was counted when the audit was made: pictures with it and without it, of the class, or
of the others where these leave it open. One picture serves several: it has one class, but it may lack many concepts.
The list is a greedy cover, no smallest one: each step takes the sort of picture that serves most of what is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.records import ATTRIBUTE_KIND
from auditor.rules import settled_by_others
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection

#: Sorts of pictures on a list; nobody gathers more, and what they leave is counted.
MOST_SORTS = 200
#: (class name, concept_id)
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Need:
    """Pictures that a concept of a class misses on one side.

    ``by_others``: pictures of any other class than the one it is about, else pictures of that class.
    """

    class_name: str
    concept_id: str
    concept: str
    concept_kind: str
    present: bool
    by_others: bool
    n: int

    @property
    def pair(self) -> Pair:
        """What it would settle a part of."""
        return self.class_name, self.concept_id


@dataclass(frozen=True, slots=True)
class Sort:
    """``n`` pictures of a class with some concepts and without others, and the concepts of classes that they serve.

    ``class_name`` None: of any class but those of ``other_than``.
    """

    n: int
    class_name: str | None
    other_than: tuple[str, ...]
    with_concepts: tuple[str, ...]
    without_concepts: tuple[str, ...]
    serves: tuple[str, ...]  # "class: concept"


@dataclass(frozen=True, slots=True)
class Collection:
    """What to gather, in the order in which it serves most.

    ``n_separate`` are the pictures that the same needs would take one by one. ``n_beyond`` concepts no number of
    pictures settles: errors of the encoder hide them, or what was seen lies too near the tolerance. ``not_shown`` are
    classes that could not be shown to be clean and of which nothing is said that pictures would settle.
    """

    sorts: tuple[Sort, ...]
    n_pairs: int
    n_settled: int
    n_separate: int
    n_beyond: int
    not_shown: tuple[str, ...] = ()

    @property
    def n_pictures(self) -> int:
        """Pictures of all sorts."""
        return sum(sort.n for sort in self.sorts)


@dataclass(frozen=True, slots=True)
class Kinship:
    """Concepts that say the same, or one of which says the other: by concept_id the twin, and by member its family."""

    twin: Mapping[str, str]
    family: Mapping[str, str]


def collection_of(connection: Connection) -> Collection:
    """The list for an open audit, from the figures that it holds."""
    needs, beyond = needs_of(connection)
    twins = {row.concept_id: row.same_as for row in queries.attribute_concepts(connection) if row.same_as is not None}
    kinship = Kinship(twins, queries.family_of(connection))
    found = cover(needs, queries.run(connection).class_names, kinship, n_beyond=len(beyond))
    asked = {need.class_name for need in needs} | {class_name for class_name, _ in beyond}
    unshown = (row.class_name for row in queries.verdicts(connection) if row.verdict == "not_shown")
    return replace(found, not_shown=tuple(name for name in unshown if name not in asked))


def needs_of(connection: Connection) -> tuple[list[Need], set[Pair]]:
    """All that open concepts and gaps that are not excluded miss, and the pairs that no pictures settle."""
    asked: dict[Pair, list[tuple[Need, int | None]]] = defaultdict(list)
    for row in queries.counterexamples(connection):
        if row.state == "open":
            by_others = settled_by_others(row.rule_id)
            missing = row.n_others_missing if by_others else row.n_missing
            of = (row.class_name, row.concept_id, row.concept, row.concept_kind)
            asked[of[:2]].append((Need(*of, row.present, by_others, missing or 0), missing))
    for gap in queries.unbounded_gaps(connection):
        of = (gap.class_name, gap.concept_id, gap.concept, gap.concept_kind)
        for present, missing in ((True, gap.n_missing_with), (False, gap.n_missing_without)):
            asked[of[:2]].append((Need(*of, present, gap.by_others, missing or 0), missing))
    needs: list[Need] = []
    beyond: set[Pair] = set()
    for pair, sides in asked.items():
        if any(missing is None for _, missing in sides) or not any(missing for _, missing in sides):
            beyond.add(pair)
        else:
            needs += [need for need, missing in sides if missing]
    return needs, beyond


def cover(needs: Sequence[Need], class_names: Iterable[str], kinship: Kinship, *, n_beyond: int = 0) -> Collection:
    """Sorts of pictures that meet the needs, greedily.

    Args:
        needs: Each more than 0 pictures.
        class_names: All of the audit.
        kinship: What a picture cannot have without, or with, something else.
        n_beyond: Pairs that no pictures settle, to be told.
    """
    left = {need: need.n for need in needs}
    owners = {need.class_name for need in needs if not need.by_others}
    # of classes without needs of their own two stand for all: one of them is another class than any
    candidates = sorted(owners) + [name for name in class_names if name not in owners][:2]
    found = {name: _served(left, name, kinship) for name in candidates}
    sorts: list[Sort] = []
    while left and len(sorts) < MOST_SORTS:
        served = max(found.values(), key=len)
        if not served:  # nobody else: an audit of one class
            break
        n = min(left[need] for need in served)
        sorts.append(_sort(n, served))
        for need in served:
            left[need] -= n
        left = {need: missing for need, missing in left.items() if missing}
        # a class's own needs are nobody else's
        touched = candidates if any(need.by_others for need in served) else {need.class_name for need in served}
        found |= {name: _served(left, name, kinship) for name in touched}
    pairs = {need.pair for need in needs}
    return Collection(
        sorts=tuple(sorts),
        n_pairs=len(pairs) + n_beyond,
        n_settled=len(pairs - {need.pair for need in left}),
        n_separate=sum(need.n for need in needs),
        n_beyond=n_beyond,
    )


def _served(left: Mapping[Need, int], class_name: str, kinship: Kinship) -> list[Need]:
    """The needs that one picture of a class can serve at once."""
    usable = [need for need in left if (need.class_name != class_name) == need.by_others]
    votes: defaultdict[str, dict[bool, list[Need]]] = defaultdict(lambda: {True: [], False: []})
    for need in usable:
        votes[kinship.twin.get(need.concept_id, need.concept_id)][need.present].append(need)
    side: dict[str, bool] = {}
    taken: set[str] = set()
    in_order = sorted(
        votes.items(), key=lambda one: (-max(map(len, one[1].values())), -_most(left, one[1].values()), one[0])
    )
    for concept, by_side in in_order:
        present = max((True, False), key=lambda there: (len(by_side[there]), _most(left, [by_side[there]])))
        if present and (kind := _exclusive(by_side[True][0])) in taken:
            present = False  # two scenes are not in one picture
        elif present:
            taken.add(kind)
        side[concept] = present
    # with a member is with its family
    side |= {family: True for member, family in kinship.family.items() if side.get(member) and family in side}
    return [need for need in usable if side[kinship.twin.get(need.concept_id, need.concept_id)] == need.present]


def _most(left: Mapping[Need, int], sides: Iterable[Sequence[Need]]) -> int:
    return max((left[need] for needs in sides for need in needs), default=0)


def _exclusive(need: Need) -> str:
    """What a picture has one of: a value of each column, a concept of each kind."""
    return need.concept.partition(" = ")[0] if need.concept_kind == ATTRIBUTE_KIND else need.concept_kind


def _sort(n: int, served: Sequence[Need]) -> Sort:
    own = next((need.class_name for need in served if not need.by_others), None)
    return Sort(
        n=n,
        class_name=own,
        other_than=() if own is not None else tuple(sorted({need.class_name for need in served})),
        with_concepts=tuple(sorted({need.concept for need in served if need.present})),
        without_concepts=tuple(sorted({need.concept for need in served if not need.present})),
        serves=tuple(dict.fromkeys(f"{need.class_name}: {need.concept}" for need in served)),
    )
