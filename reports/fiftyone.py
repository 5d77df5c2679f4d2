"""An audit as a data set of FiftyOne: labels and predictions, a tag for every side of every finding, and the maps.

Written is the simple JSON form of ``fiftyone.types.FiftyOneDataset`` (samples.json, and metadata.json without a
version), in which samples stand alone: in the other one a data set's whole schema stands, as one version of FiftyOne
has it. Pictures are named where they lie and not copied. How saved views are kept hangs on the version too: a script
beside the set opens it and makes one of each tag, by FiftyOne's own functions.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from auditor.errors import InputError
from auditor.inputs.packed_address import packed_address
from auditor.records import FOUND, SaliencyMap, Verdict
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.chosen_pictures import Choice, StoredPicture, chosen_pictures, every_picture
from auditor.store.queries.pictures import maps_of_pictures
from auditor.wording import quote
from reports.display import plain
from reports.export import new_folder
from reports.page.pictures import is_crop

#: Longest side of a map that is laid over a whole picture.
_MAP_SIDE = 256
_NAME_LIMIT = 80
#: Pictures whose maps are read at a time.
_AT_ONCE = 500
_SIDES: tuple[Choice, ...] = ("carrying", "breaking", "pulled")


#: Nothing of the audit stands in it: tags are read from the set that is there.
LAUNCH = "launch.py"
_LAUNCH = '''"""Open this audit in FiftyOne, with a saved view of each side of a finding: python launch.py"""

from pathlib import Path

import fiftyone as fo

folder = Path(__file__).resolve().parent
if fo.dataset_exists(folder.name):
    dataset = fo.load_dataset(folder.name)
else:
    dataset = fo.Dataset.from_dir(str(folder), dataset_type=fo.types.FiftyOneDataset, name=folder.name)
    for tag in dataset.distinct("tags"):
        dataset.save_view(tag[:100], dataset.match_tags(tag))
fo.launch_app(dataset).wait()
'''


@dataclass(frozen=True, slots=True)
class FiftyOneFolder:
    """What was written."""

    folder: Path
    n_pictures: int
    n_maps: int
    tags: tuple[str, ...]


def export_fiftyone(connection: Connection, folder: Path, root: Path) -> FiftyOneFolder:
    """Write an open audit into a new folder, which appears when it is whole.

    Args:
        connection: an open audit.
        folder: does not exist yet, or is empty.
        root: where the audited pictures lie.

    Raises:
        InputError: the folder is not empty, or cannot be made, or the pictures are no files of their own.
    """
    folder, tags = folder.absolute(), _tags(connection)
    samples: list[dict[str, Any]] = []
    n_maps = 0
    with new_folder(folder, "the data set") as unfinished:
        (unfinished / "maps").mkdir()
        pictures = every_picture(connection)
        packed = next((one.path for one in pictures if packed_address(root / one.path) is not None), None)
        if packed is not None:
            raise InputError(
                f"the audited pictures lie in shards ({quote(packed)}), and FiftyOne opens files: unpack them, and "
                "audit the files"
            )
        for start in range(0, len(pictures), _AT_ONCE):
            part = pictures[start : start + _AT_ONCE]
            maps = _maps(connection, part)
            for one in part:
                sample = _sample(one, root, tags.get(one.image_id, []))
                for field, saliency in maps[one.image_id].items():
                    drawn = _whole(saliency, one.width, one.height)
                    if drawn is None:
                        continue
                    name = f"{len(samples):06d}-{field}.png"
                    drawn.save(unfinished / "maps" / name)
                    sample[field] = {"_cls": "Heatmap", "map_path": str(folder / "maps" / name), "range": [0, 255]}
                    n_maps += 1
                samples.append(sample)
        _write(unfinished / "samples.json", {"samples": samples})
        _write(unfinished / "metadata.json", {"media_type": "image", "info": _info(connection)})
        (unfinished / LAUNCH).write_text(_LAUNCH, encoding="utf-8")
    names = sorted({tag for of_picture in tags.values() for tag in of_picture})
    return FiftyOneFolder(folder, len(samples), n_maps, tuple(names))


def _tags(connection: Connection) -> dict[str, list[str]]:
    """By picture the sides of findings that it is on: "waterbird, water: breaking"."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for verdict in queries.verdicts(connection):
        if verdict.verdict not in FOUND or verdict.concept_id is None:
            continue
        for side in _SIDES:
            for picture in chosen_pictures(connection, side, verdict.class_name, verdict.concept_id):
                found[picture.image_id].append(tag_of(verdict, side))
    return found


def tag_of(verdict: Verdict, side: Choice) -> str:
    """The tag of one side of what a verdict names."""
    return f"{plain(verdict.class_name, _NAME_LIMIT)}, {plain(verdict.concept or '', _NAME_LIMIT)}: {side}"


def _sample(one: StoredPicture, root: Path, tags: list[str]) -> dict[str, Any]:
    sample: dict[str, Any] = {
        "filepath": str((root / one.path).absolute()),
        "tags": [*tags, *([one.split] if one.split else []), *(["mistake"] if one.correct is False else [])],
        "image_id": one.image_id,
    }
    if one.label is not None:
        sample["ground_truth"] = {"_cls": "Classification", "label": one.label}
    if one.called is not None:
        sample["called"] = {"_cls": "Classification", "label": one.called, "confidence": one.confidence}
    return sample


def _maps(connection: Connection, pictures: list[StoredPicture]) -> defaultdict[str, dict[str, SaliencyMap]]:
    """By picture and field the map of a class (of what it is called, where there is one) and that of a concept."""
    called = {one.image_id: one.called_idx for one in pictures}
    found: defaultdict[str, dict[str, SaliencyMap]] = defaultdict(dict)
    for saliency in maps_of_pictures(connection, list(called)):
        field = "class_map" if saliency.concept_id is None else "concept_map"
        kept = found[saliency.image_id]
        if field not in kept or saliency.class_idx == called[saliency.image_id] != kept[field].class_idx:
            kept[field] = saliency
    return found


def _whole(saliency: SaliencyMap, width: int, height: int) -> Image.Image | None:
    """A map of a part of a picture as one of the whole, which FiftyOne lays it over; None where it has no place."""
    crop = saliency.crop or (0.0, 0.0, 1.0, 1.0)
    if min(width, height) < 1 or not is_crop(crop):
        return None
    scale = _MAP_SIDE / max(width, height)
    canvas = Image.new("L", (max(1, round(width * scale)), max(1, round(height * scale))))
    left, right = (round(side * canvas.width) for side in crop[::2])
    top, bottom = (round(side * canvas.height) for side in crop[1::2])
    size = (max(1, right - left), max(1, bottom - top))
    canvas.paste(Image.fromarray(saliency.data).resize(size, Image.Resampling.BILINEAR), (left, top))
    return canvas


def _info(connection: Connection) -> dict[str, Any]:
    run = queries.run(connection)
    return {
        "auditor": run.versions.get("auditor"),
        "model": run.model_spec,
        "created_at": run.created_at,
        "run_id": run.run_id,
        "sentences": {verdict.class_name: verdict.sentence for verdict in queries.verdicts(connection)},
    }


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
