"""What editing a property of pictures (E6) asks for, and what it gives: records that several stages share."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: A number in the property's own unit, or its name: greyscale "yes".
Level = float | str
#: A level of lettering that only :func:`control_of` asks for: it is there, and as much is covered beside it.
COVERED_BESIDE = "yes, covered beside"


@dataclass(frozen=True, slots=True)
class PictureEdit:
    """A property that is set to a level, in the whole picture or with the object's place left as it is."""

    property_name: str
    level: Level
    keep_object: bool = False


def control_of(edit: PictureEdit) -> PictureEdit | None:
    """What an edit is compared with that harms a picture by more than what it sets; None: the picture as it was.

    What is covered is lost with all that the covering hides, so it is compared with as much that is covered beside it.
    """
    if (edit.property_name, edit.level) == ("lettering", "no"):
        return replace(edit, level=COVERED_BESIDE)
    return None


@dataclass(frozen=True, slots=True)
class LevelEdits:
    """How a concept that is a level of a property is given to pictures without it and taken from those with it.

    ``taken`` is None where there is no way back, or where the way back would be the loss: a class that is recognised
    less often in blurred pictures does not rely on sharpness.
    ``doses`` are five levels between the values that a tenth of the pictures lie below and above; empty where the
    property is no number. ``whole_frame``: the property is the colour or light of all of the picture, the object's own
    among it.
    """

    given: PictureEdit
    taken: PictureEdit | None
    doses: tuple[float, ...] = ()
    whole_frame: bool = False


@dataclass(frozen=True, slots=True)
class DoseResponse:
    """What pictures are called at one level of a property: those of the class, and those of other classes."""

    class_idx: int
    class_name: str
    concept_id: str
    concept: str
    property_name: str
    level: float
    n: int
    n_called: int
    n_others: int
    n_others_called: int
