"""Two releases side by side: what a diff needs to know of each audit, and what it says of the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from auditor.concept_records import CoreConcept, CounterexampleState, PlaceState
from auditor.records import Finding, FloatArray, IntArray, Subgroup, Verdict, VerdictName
from auditor.repair_records import RepairFigure

#: ``new``, ``fixed``: found in one release, excluded in the other, and the gap really changed. ``worse``, ``better``:
#: not excluded in either, and the gap really changed. ``unchanged``: the change is inside the noise. ``unclear``: one
#: release did not measure it, or verdict and gap say opposite things; ``note`` says which.
Change = Literal["new", "fixed", "worse", "better", "unchanged", "unclear"]
#: What a release says of one class and concept. ``open``: it passed a screen, reliance was neither shown nor excluded,
#: and the class's verdict rests on another concept; or the class's pictures could not have shown it.
Standing = Literal["flagged", "harmed", "suspect", "open", "clean", "not_analysed"]
#: Which gap is compared: of recall in the class's own pictures, of how far it pulls pictures of other classes, or how
#: much less often the class's pictures with the concept are recognised than those without it.
Measure = Literal["recall", "pull", "loss"]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    KeyArray = NDArray[np.uint64]
    PresenceArray = NDArray[np.int8]
else:  # as in `records`
    KeyArray = PresenceArray = Any


class Pair(NamedTuple):
    """A class and a concept, by what is stable from release to release."""

    class_name: str
    concept_id: str


@dataclass(frozen=True, slots=True)
class Release:
    """How one of the two audits was made; ``name`` is the folder that it was written to."""

    name: str
    created_at: str
    model_spec: str
    model_digest: str
    weights: str | None
    data_path: str
    data_digest: str
    encoder_spec: str
    encoder_digest: str
    vocabulary_digest: str
    auditor_version: str
    n_images: int
    run_id: str = ""
    rules_digest: str | None = None  # None: the audit is older than that
    rejudged_from: str | None = None  # run_id of the audit whose features these are; None: they are its own


@dataclass(frozen=True, slots=True, eq=False)
class ReleasePictures:
    """The pictures of an audit in any order; ``present`` has the concepts that the audit found."""

    keys: KeyArray  # (N,) equal in two audits for the same path with the same content
    label_idx: IntArray  # (N,), -1 for none
    predicted_idx: IntArray  # (N,), -1 where no model was examined
    groups: IntArray | None  # (N,) codes of pictures that belong together
    present: Mapping[str, PresenceArray]  # (N,) by concept id: 1 there, 0 not there, -1 not known

    def __post_init__(self) -> None:
        columns = (self.keys, self.label_idx, self.predicted_idx, *self.present.values())
        sizes = {column.shape for column in (*columns, *(() if self.groups is None else (self.groups,)))}
        if len(sizes) != 1:
            raise ValueError(f"columns of the pictures have the shapes {sorted(sizes)}: expected one length for all")


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseGroups:
    """Channel groups: G names, how much the head uses each (in the model's own unit), and where each points."""

    names: tuple[str, ...]
    use: NDArray[np.float64]  # (G,)
    n_channels: tuple[int, ...]
    directions: FloatArray  # (G, D)


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseFacts:
    """Everything that a diff reads of one audit."""

    release: Release
    settings: Mapping[str, object]  # those that shape findings
    class_names: tuple[str, ...]
    concept_ids: frozenset[str]  # vocabulary and known attributes
    same_as: Mapping[str, str]  # known attribute -> concept of its name, by concept_id
    core: frozenset[Pair]  # what a class may rest on
    states: Mapping[Pair, CounterexampleState]  # what was shown or is open
    verdicts: tuple[Verdict, ...]
    gaps: tuple[Finding, ...]  # E4
    subgroups: tuple[Subgroup, ...]
    pictures: ReleasePictures
    groups: ReleaseGroups
    allowed: Mapping[Pair, CoreConcept] = field(default_factory=dict)  # of core, what the settings say
    thresholds: Mapping[str, float] = field(default_factory=dict)  # of the rules, by name; empty where not known
    places: Mapping[Pair, PlaceState] = field(default_factory=dict)  # that a class's evidence was seen to lie at
    #: Of a repaired model what was taken out: gap and pull before and after, by heads that did not see the pictures.
    held_out: Mapping[Pair, tuple[RepairFigure, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FindingSide:
    """What one release says of a class and concept.

    ``effect`` is the gap (rate with the concept less rate without it, for a loss the reverse) with its own 95 %
    interval, None where it was not measured; the rates are None where the releases were measured on different pictures.
    """

    verdict: Standing | None  # None: the release has no such class
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    rate_with: float | None = None
    rate_without: float | None = None


@dataclass(frozen=True, slots=True)
class FindingChange:
    """One class and concept that at least one release found, and how its gap changed.

    ``difference`` is the new gap less the old one. Its interval holds for all differences of the diff together. None
    where it could not be measured. ``n_with`` and ``n_without`` count the pictures that both releases were compared on.
    """

    class_name: str
    concept_id: str
    concept: str
    concept_kind: str
    change: Change
    measure: Measure
    old: FindingSide
    new: FindingSide
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    n_with: int | None
    n_without: int | None
    fingerprint: str
    note: str | None = None
    same_as: str | None = None  # concept_id of the concept that a known attribute is named after


@dataclass(frozen=True, slots=True)
class ClassChange:
    """A class in either release; None for the verdict of a release that has no such class."""

    class_name: str
    old_verdict: VerdictName | None
    new_verdict: VerdictName | None


@dataclass(frozen=True, slots=True)
class GroupMatch:
    """A channel group followed from one release to the other; the fields of a side are None where it has no match.

    ``cosine`` is how alike their directions are; ``old_share`` and ``new_share`` are parts of all use of a release.
    """

    old_idx: int | None
    new_idx: int | None
    old_name: str | None
    new_name: str | None
    old_channels: int | None
    new_channels: int | None
    old_share: float | None
    new_share: float | None
    cosine: float | None


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """How a release differs from the one before.

    ``shared_images`` is the number of pictures that both were compared on one by one, None where the two were
    measured on different pictures. ``differences`` says in words what else differs between the two audits.
    ``group_note`` says why channel groups were not followed, None where they were. ``rules_note`` says that nothing but
    the rules differs, and how; None where that is not so.
    """

    old: Release
    new: Release
    shared_images: int | None
    old_accuracy: float | None
    new_accuracy: float | None
    confidence: float  # of each interval of a difference, so that all hold together with 95 %
    changes: tuple[FindingChange, ...]
    classes: tuple[ClassChange, ...]
    groups: tuple[GroupMatch, ...]
    differences: tuple[str, ...] = field(default=())
    group_note: str | None = None
    rules_note: str | None = None

    def told(self) -> tuple[FindingChange, ...]:
        """The findings, without known attributes where the concept of their name changed alike: they are one thing."""
        changed = {(one.class_name, one.concept_id): one.change for one in self.changes}
        return tuple(one for one in self.changes if changed.get((one.class_name, one.same_as or "")) != one.change)

    @property
    def n_same_things(self) -> int:
        """Number of findings on known attributes that are not told, for the concept of their name is."""
        return len(self.changes) - len(self.told())

    def count(self, change: Change) -> int:
        """Number of findings, each told once, that changed in this way."""
        return sum(one.change == change for one in self.told())
