"""CLEVR (Johnson et al. 2017) and CLEVR-Hans3 and 7 (Stammer et al. 2021), whose training pictures are confounded.

CLEVR-Hans: ``train|val|test/CLEVR_HANS_scenes_SPLIT.json`` beside ``images/``, as written by
https://github.com/ml-research/CLEVR-Hans (clevr-hans-dataset-gen/image_generation/run_scripts/run_conf_3.sh); a
scene has ``image_filename``, ``class_id`` and ``objects`` with shape, size, color, material. Its README says the
confounders: the large cube of the first class is grey in train and val and of any colour in test, the small sphere
of the second is of metal, and in CLEVR-Hans7 the small cyan object of the third is a small cube.

CLEVR v1.0: ``images/SPLIT/`` and ``scenes/CLEVR_SPLIT_scenes.json``; the label is the number of objects, as in
https://github.com/pytorch/vision (torchvision/datasets/clevr.py). Its test pictures have no scenes and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.errors import InputError
from auditor.inputs.public_sets.layout import NO, YES, PublicSet, only_present
from auditor.records import ImageItem
from auditor.wording import quote, quote_path

WHAT = "clevr"
_SPLITS = ("train", "val", "test")
_KEPT = frozenset(["scenes", "image_filename", "class_id", "objects", "shape", "size", "color", "material"])
_CONFOUNDERS: dict[str, dict[str, str]] = {
    "large gray cube": {"size": "large", "color": "gray", "shape": "cube"},
    "small metal sphere": {"size": "small", "material": "metal", "shape": "sphere"},
    "small cyan cube": {"size": "small", "color": "cyan", "shape": "cube"},
}
_VALUES = {
    "color": ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"),
    "material": ("rubber", "metal"),
    "shape": ("cube", "sphere", "cylinder"),
    "size": ("large", "small"),
}


def read_clevr(root: Path) -> PublicSet:
    """Read whichever of the two lies in the folder.

    Raises:
        InputError: neither layout, or a scenes file that is not as it should be.
    """
    hans = [(split, root / split / f"CLEVR_HANS_scenes_{split}.json") for split in _SPLITS]
    base = root / "CLEVR_v1.0" if (root / "CLEVR_v1.0").is_dir() else root
    plain = [(split, base / "scenes" / f"CLEVR_{split}_scenes.json") for split in _SPLITS]
    if any(path.is_file() for _, path in hans):
        items = [item for split, path in hans if path.is_file() for item in _hans_items(split, path)]
        order = sorted({item.label for item in items if item.label}, key=_number)
        notes = [
            f"no {path.parent.name}/{path.name}: no {split} pictures" for split, path in hans if not path.is_file()
        ]
    elif any(path.is_file() for _, path in plain):
        prefix = base.relative_to(root).as_posix() + "/" if base != root else ""
        items = [item for split, path in plain if path.is_file() for item in _plain_items(split, path, prefix)]
        order = sorted({item.label for item in items if item.label}, key=lambda label: int(label.split()[0]))
        notes = []
    else:
        raise InputError(
            f"{WHAT}: neither train/CLEVR_HANS_scenes_train.json nor scenes/CLEVR_train_scenes.json in "
            f"{quote_path(root)}; give the set's own top folder as ROOT"
        )
    kept, missing = only_present(items, root, WHAT)
    return PublicSet(tuple(kept), tuple(order), (*missing, *notes))


def _number(label: str) -> int:
    return int(label.rpartition(" ")[2])


def _hans_items(split: str, path: Path) -> Iterator[ImageItem]:
    for scene in _scenes(path):
        class_id = scene.get("class_id")
        if not isinstance(class_id, int):
            raise _wrong(path, f"class_id {quote(class_id)}", "the number of a class")
        objects = scene["objects"]
        attributes = {name: _any(objects, wanted) for name, wanted in _CONFOUNDERS.items()}
        yield ImageItem(
            image_id="",
            path=f"{split}/images/{scene['image_filename']}",
            label=f"class {class_id}",
            split=split,
            attributes={**attributes, "objects": str(len(objects))},
        )


def _plain_items(split: str, path: Path, prefix: str) -> Iterator[ImageItem]:
    for scene in _scenes(path):
        objects = scene["objects"]
        yield ImageItem(
            image_id="",
            path=f"{prefix}images/{split}/{scene['image_filename']}",
            label=f"{len(objects)} objects",
            split=split,
            attributes={value: _any(objects, {key: value}) for key, values in _VALUES.items() for value in values},
        )


def _any(objects: list[dict[str, Any]], wanted: dict[str, str]) -> str:
    """Whether some object has all of these."""
    return YES if any(all(one.get(key) == value for key, value in wanted.items()) for one in objects) else NO


def _scenes(path: Path) -> list[dict[str, Any]]:
    """The scenes of a file, only with what is read of them: positions and relations would fill the memory."""
    try:
        with path.open(encoding="utf-8") as file:
            content = json.load(file, object_hook=lambda entry: {key: entry[key] for key in _KEPT & entry.keys()})
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(path, f"not readable as JSON ({quote(error)})", "the set's own file") from error
    scenes = content.get("scenes") if isinstance(content, dict) else None
    if not isinstance(scenes, list) or not scenes:
        raise _wrong(path, "no scenes", "a list 'scenes'")
    for scene in scenes:
        filename = scene.get("image_filename") if isinstance(scene, dict) else None
        objects = scene.get("objects") if isinstance(scene, dict) else None
        if (
            not isinstance(filename, str)
            or not isinstance(objects, list)
            or not all(isinstance(one, dict) for one in objects)
        ):
            raise _wrong(path, f"scene {quote(filename)}", "image_filename and a list of objects in every scene")
    return scenes


def _wrong(path: Path, found: str, expected: str) -> InputError:
    return InputError(f"{WHAT}: {path.name}: {found}; expected {expected}")
