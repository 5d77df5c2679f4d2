"""The small world of evidence with marks as levels of a measured property that can be set in its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from evidence_world import ARTIFACTS, World
from scipy import sparse

from auditor.edit_records import LevelEdits, PictureEdit
from auditor.evidence.effects.edits import CANNOT_BE_SET, EditAnswers, EditPictures
from auditor.evidence.effects.erased_outcome import called_with_margin
from auditor.evidence.effects.kept_scores import UNKNOWN, as_parts
from auditor.evidence.evidence_input import EvidenceInput
from auditor.records import ATTRIBUTE_KIND, Concept, LinearHead

MARK = ARTIFACTS.index("watermark")


@dataclass
class Edits:
    """What setting the mark does; ``asked`` are the edits that were carried out, with how many pictures."""

    edit: EditPictures
    asked: list[tuple[PictureEdit, int]]


def unknown_margins(called: np.ndarray) -> EditAnswers:
    """As in an audit of before margins were kept."""
    return EditAnswers(called, np.full(len(called), UNKNOWN))


def edited_world(
    world: World,
    head: LinearHead,
    *,
    per_class: int = 120,
    stream: int = 1,
    whole_frame: bool = False,
    kept_does: bool = True,
    fragile: float = 0.0,
    one_way: bool = False,
    answer: Callable[[PictureEdit, np.ndarray], np.ndarray] = lambda _, called: called,
    name: str = "mark",
    margins: bool = False,
) -> tuple[EvidenceInput, Edits]:
    """An audit whose only concepts are the levels of the property, and the edits of its pictures.

    Args:
        world: Of the pictures; their artifact "watermark" is the property's level "yes".
        head: What is audited.
        per_class: Pictures.
        stream: Of the draw.
        whole_frame: Whether the property is one of colour and light.
        kept_does: Whether an edit does something with the object's place left as it is.
        fragile: Noise that an edit adds to the features, whatever it sets.
        one_way: Whether the mark can be given and not taken.
        answer: Changes what edited pictures are called.
        name: Of the property.
        margins: Whether those of edited pictures are known.
    """
    given, pictures = world.audit(per_class, head=head, stream=stream), world.draw(per_class, stream)
    there = pictures.artifact == MARK
    concepts = tuple(
        Concept(f"{name}-{value}", f"property:{name} = {value}", ATTRIBUTE_KIND, column=f"property:{name}")
        for value in ("no", "yes")
    )
    asked: list[tuple[PictureEdit, int]] = []

    def edit(one: PictureEdit, rows: Sequence[int]) -> EditAnswers:
        asked.append((one, len(rows)))
        chosen = np.array(rows)
        if one_way and one.level == "no":
            return unknown_margins(np.full(len(rows), CANNOT_BE_SET))
        if one.keep_object and not kept_does:
            return unknown_margins(given.predicted_idx[chosen])
        changed = replace(pictures, artifact=np.where(one.level != "no", MARK, -1) * np.ones_like(pictures.artifact))
        x = world.features(changed)
        x += fragile * np.random.default_rng(5).normal(size=x.shape).astype(np.float32)
        called, margin = called_with_margin(x @ head.weight.T + head.bias, given.label_idx)
        found = unknown_margins(answer(one, called[chosen]))
        return EditAnswers(found.called, as_parts(margin[chosen])) if margins else found

    if fragile:  # so are the pictures that bear the mark as they are
        called = edit(PictureEdit(name, "yes"), range(len(there))).called
        given = replace(given, predicted_idx=np.where(there, called, given.predicted_idx))
        asked.clear()
    yes, no = PictureEdit(name, "yes"), PictureEdit(name, "no")
    inputs = replace(
        given,
        concepts=concepts,
        presence=np.stack([~there, there], axis=1).astype(np.float32),
        shares=sparse.csr_array((len(there), 2), dtype=np.float32),
        edits={
            0: LevelEdits(no, None if one_way else yes, whole_frame=whole_frame),
            1: LevelEdits(yes, None if one_way else no, (0.0, 0.25, 0.5, 0.75, 1.0), whole_frame),
        },
    )
    return inputs, Edits(edit, asked)
