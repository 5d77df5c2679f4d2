"""What ``auditor repair`` tells of a repair: each figure before and after, on pictures that it did not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: auto tries the others.
Method = Literal["erase", "reweight", "erase+reweight", "average", "groups"]
METHODS: tuple[Method, ...] = ("erase", "reweight", "erase+reweight", "average", "groups")
#: Pictures of a subgroup that a page shows: that are mended, and that are called worse.
MENDED_SHOWN, LOST_SHOWN = 3, 1
#: What a figure measures: see docs/repair.md.
FigureName = Literal["accuracy", "balanced", "worst", "ece", "class", "subgroup", "gap", "pull"]


@dataclass(frozen=True, slots=True)
class RepairTarget:
    """A concept that a class is to rest on no more."""

    class_name: str
    concept_id: str
    concept: str
    n_with: int  # pictures of the class
    n_without: int
    n_unknown: int  # of which nobody knows whether the concept is there


@dataclass(frozen=True, slots=True)
class RepairFigure:
    """One figure before and after, a fraction; ``low`` and ``high`` are those of what changed, paired by picture.

    ``class_name``, ``concept`` and ``present`` say which class, pair or subgroup it is of; None for all.
    """

    name: FigureName
    n: int
    before: float
    after: float
    low: float
    high: float
    class_name: str | None = None
    concept: str | None = None
    present: bool | None = None


@dataclass(frozen=True, slots=True)
class RepairTrial:
    """One way to repair, on held-out pictures: accuracy of the worst subgroup and the mean over balanced classes.

    ``loses`` names the classes that surely lose more than the margin, ``left`` class and concept of the pairs of which
    neither gap nor pull is surely less.
    """

    method: Method
    penalty: float | None  # of the change, where rows are fitted again
    worst: float
    balanced: float
    loses: tuple[str, ...]
    left: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RepairLimit:
    """What any head on these features could reach on the worst subgroup, as far as the pictures can tell.

    ``fitted`` is the same fit's accuracy there on the pictures it was fitted on, ``halved`` that on held-out ones
    with half of the pictures of this subgroup; None where there are too few to halve.
    """

    class_name: str
    concept: str
    present: bool
    n: int
    held_out: float
    fitted: float
    halved: float | None


@dataclass(frozen=True, slots=True)
class RepairCard:
    """A repair and its proof. ``objections`` say why it should not be used; none where it is better."""

    targets: tuple[RepairTarget, ...]
    method: Method
    penalty: float | None
    n_images: int
    trials: tuple[RepairTrial, ...]
    figures: tuple[RepairFigure, ...]
    limit: RepairLimit | None
    objections: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangedPicture:
    """A picture that is called something else after a repair, by heads that did not see it.

    ``shows`` and ``lacks`` are the repaired concepts that it has and has not; of others nobody knows.
    """

    image_id: str
    class_name: str
    called_before: str
    called_after: str
    confidence_before: float
    confidence_after: float
    shows: tuple[str, ...]
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepairMap:
    """Where the evidence for its own class lies in a picture, by the head before and by the one that came of a repair.

    ``before`` and ``after`` are ``height`` x ``width`` bytes, row by row, each scaled to its own largest place;
    ``crop`` is the part of the picture that they cover (left, top, right, bottom in fractions), None where it is not
    known.
    """

    image_id: str
    class_name: str
    height: int
    width: int
    before: bytes
    after: bytes
    crop: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class KeptRepair:
    """A row of ``repairs``: what was asked, what was done, and which model came of it.

    ``class_names`` and the two after it go together, one for each pair. ``repaired_digest`` and the two after it are
    None where nothing was written; ``weights`` is relative to the audit's folder.
    """

    repair_id: str
    created_at: str
    auditor_version: str
    model_digest: str
    repaired_digest: str | None
    weights_sha256: str | None
    weights: str | None
    class_names: tuple[str, ...]
    concept_ids: tuple[str, ...]
    concepts: tuple[str, ...]
    methods: tuple[str, ...]  # that were tried
    method: str
    penalty: float | None
    n_images: int
    forced: bool
    objections: tuple[str, ...]
    notices: tuple[str, ...]
