"""Maps of a class before and after a repair, of the pictures that the repair changes and pages show."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from auditor.config import AuditConfig
from auditor.data_address import pictures_in
from auditor.errors import InputError
from auditor.extraction.picture_maps import positive_map, seen_crop
from auditor.figures import counted
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.more_maps import picture_again
from auditor.records import LinearHead
from auditor.repair.changed_pictures import to_be_drawn
from auditor.repair_records import ChangedPicture, RepairMap
from auditor.store.open_audit import open_audit_database


def pictures_root(config: AuditConfig) -> Path | None:
    """The folder that the audited pictures' paths begin in; None where they would have to be fetched for it."""
    return None if config.needs_fetching else pictures_in(config.data_root or config.local_data)


def repaired_maps(
    folder: Path,
    root: Path | None,
    classifier: Classifier,
    after: LinearHead,
    changed: Sequence[ChangedPicture],
    class_names: Sequence[str],
) -> tuple[tuple[RepairMap, ...], tuple[str, ...]]:
    """Draw what speaks for a picture's own class by the head as it was and as it came of the repair, in one pass.

    Args:
        folder: The audit.
        root: Where its pictures lie, as :func:`pictures_root`.
        classifier: The model that was repaired, with maps by the method that the audit asks for.
        after: The repaired head, (C, K) and (C,).
        changed: Pictures that are called something else.
        class_names: C.

    Returns:
        The maps, and what their reader must know: pictures that could not be read again have none.
    """
    found: list[RepairMap] = []
    chosen, lost = to_be_drawn(changed), 0
    with open_audit_database(folder) as connection:
        for one in chosen:
            image = None
            if root is not None:
                with suppress(InputError):
                    image = picture_again(connection, root, one.image_id, classifier.input_size)
            if image is None:
                lost += 1
                continue
            c = class_names.index(one.class_name)
            rows = np.stack([classifier.head.weight[c], after.weight[c]])[None].astype(np.float32)
            pair = cam.response_maps(classifier, classifier.preprocess(image).unsqueeze(0), rows)[0]
            crop = seen_crop(classifier, image.size)
            before, repaired = (positive_map(one.image_id, c, None, values, crop).data for values in pair)
            height, width = before.shape
            found.append(
                RepairMap(one.image_id, one.class_name, height, width, before.tobytes(), repaired.tobytes(), crop)
            )
    told = f"{counted(lost, 'picture')} could not be read again, so that no maps before and after are shown of them"
    return tuple(found), (told,) if lost else ()
