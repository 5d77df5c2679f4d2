"""Pictures that are called something else after a repair, by heads that did not see them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.repair.proof import Answers
from auditor.repair.repair_input import RepairInput
from auditor.repair_records import LOST_SHOWN, MENDED_SHOWN, ChangedPicture

#: Pictures in all of which maps are drawn: a subgroup has four, a page twelve subgroups.
_MOST_DRAWN = 48


def changed_pictures(
    given: RepairInput, before: Answers, after: Answers, class_names: Sequence[str], concepts: Sequence[str]
) -> tuple[ChangedPicture, ...]:
    """Of the n pictures those whose answer is another one, in their order.

    Args:
        given: The n pictures.
        before: The head's answers.
        after: Those of the repaired one, to pictures that it did not see.
        class_names: C.
        concepts: T, what the columns of ``given.present`` are called.
    """
    found = []
    for row in np.flatnonzero(before.called != after.called):
        told = list(zip(concepts, given.present[row], given.known[row], strict=True))
        found.append(
            ChangedPicture(
                image_id=given.image_ids[row],
                class_name=class_names[given.labels[row]],
                called_before=class_names[before.called[row]],
                called_after=class_names[after.called[row]],
                confidence_before=float(before.confidence[row]),
                confidence_after=float(after.confidence[row]),
                shows=tuple(name for name, there, known in told if known and there),
                lacks=tuple(name for name, there, known in told if known and not there),
            )
        )
    return tuple(found)


def to_be_drawn(changed: Sequence[ChangedPicture]) -> tuple[ChangedPicture, ...]:
    """Those that pages show first of each subgroup: of the lowest ids, which are digests, so that it is by chance."""
    left: dict[tuple[str, str, bool, bool], int] = {}
    chosen = []
    for one in sorted(changed, key=lambda one: one.image_id):
        mended = one.called_after == one.class_name
        if not mended and one.called_before != one.class_name:
            continue  # wrong before and after
        wanted = False
        for concept, present in [*((name, True) for name in one.shows), *((name, False) for name in one.lacks)]:
            subgroup = one.class_name, concept, present, mended
            free = left.setdefault(subgroup, MENDED_SHOWN if mended else LOST_SHOWN)
            left[subgroup] = free - 1
            wanted = wanted or free > 0
        if wanted:
            chosen.append(one)
    return tuple(chosen[:_MOST_DRAWN])
