"""COCO's annotations of objects: a label for every picture that shows one category, or a picture of every box.

Layout, as https://cocodataset.org/#format-data has it: ``images`` (id, file_name, width, height), ``categories`` (id,
name) and ``annotations`` (image_id, category_id, bbox: left, top, width, height in pixels, iscrowd).
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.images import read_image
from auditor.inputs.manifest import Confinement, Manifest, path_below
from auditor.inputs.one_label import OneOf
from auditor.inputs.one_spelling import tidy
from auditor.inputs.problems import Kind, Problems
from auditor.records import ImageItem, Progress
from auditor.regular_files import require_regular
from auditor.wording import quote, quote_path, shown

_NO_FILE = Kind(
    "image has no usable file_name", "images have no usable file_name", "name files below the pictures' folder"
)
_NO_IMAGE = Kind("annotation is of no image", "annotations are of no image", "'image_id' is an 'id' of 'images'")
_NO_CATEGORY = Kind(
    "annotation is of no category", "annotations are of no category", "'category_id' is an 'id' of 'categories'"
)
_NO_BOX = Kind("box is no box", "boxes are no boxes", "expected 'bbox': [left, top, width, height] in pixels")
_OTHER_SIZE = Kind(
    "picture has another size than its annotations say",
    "pictures have another size than their annotations say",
    "boxes would lie elsewhere: give the annotated pictures, upright",
)
_UNREADABLE = Kind("picture cannot be read", "pictures cannot be read", "--images names the folder of the pictures")
#: No picture has a pixel there.
_FARTHEST = 2**31


@dataclass(frozen=True, slots=True)
class Box:
    """One object of a picture; ``edges`` are left, top, right and bottom in pixels."""

    path: str
    size: tuple[object, object]  # (width, height) as the annotations have it
    category: str
    edges: tuple[float, float, float, float]
    number: str


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """What a file of annotations says: the pictures' paths, and their objects."""

    what: str
    root: Path
    paths: tuple[str, ...]
    boxes: tuple[Box, ...]
    n_crowds: int  # boxes around many objects at once, which are left out


def read_coco(file: Path, images: Path | None = None) -> Annotations:
    """Read a file of annotations.

    Args:
        file: The JSON file.
        images: Folder that its file names begin in; None: the file's own.

    Raises:
        InputError: no such file, not laid out as COCO's, or all that is wrong in its entries at once.
    """
    what = f"annotations {quote(file.name)}"
    given = _read_json(file, what)
    root = images or file.parent
    if not root.is_dir():
        raise InputError(f"{what}: folder of the pictures {quote_path(root)} not found; name it with --images")
    confinement, problems = Confinement(root), Problems()
    names = {str(one.get("id")): tidy(str(one.get("name") or "")) for one in _entries(given, "categories", what)}
    paths: dict[str, str] = {}
    sizes: dict[str, tuple[object, object]] = {}
    for position, one in enumerate(_entries(given, "images", what), start=1):
        name = one.get("file_name")
        path = path_below(name, confinement) if isinstance(name, str) and "\0" not in name else None
        if path is None:
            problems.add(_NO_FILE, f"image {position}: {shown(name)}")
            continue
        paths[str(one.get("id"))] = path
        sizes[path] = (one.get("width"), one.get("height"))
    boxes: list[Box] = []
    n_crowds = 0
    for position, one in enumerate(_entries(given, "annotations", what), start=1):
        number = f"annotation {position}"
        path, category = paths.get(str(one.get("image_id"))), names.get(str(one.get("category_id")))
        if path is None:
            problems.add(_NO_IMAGE, f"{number}: {shown(one.get('image_id'))}")
        elif not category:
            problems.add(_NO_CATEGORY, f"{number}: {shown(one.get('category_id'))}")
        elif one.get("iscrowd"):
            n_crowds += 1
        else:
            boxes.append(Box(path, sizes[path], category, _edges(one.get("bbox")), number))
    problems.refuse(what)
    return Annotations(what, root, tuple(dict.fromkeys(paths.values())), tuple(boxes), n_crowds)


def labelled_pictures(found: Annotations, one_of: OneOf | None = None) -> Manifest:
    """The pictures with the one category that they show; those with none or several are left out, and counted.

    Raises:
        InputError: no picture is left, or ``one_of`` has a category that no picture shows.
    """
    categories: dict[str, dict[str, None]] = {path: {} for path in found.paths}
    for box in found.boxes:
        categories[box.path][box.category] = None
    labels = {path: tuple(of_picture) for path, of_picture in categories.items()}
    if one_of is None:
        n_none = sum(not of_picture for of_picture in labels.values())
        kept = {path: of_picture[0] for path, of_picture in labels.items() if len(of_picture) == 1}
        told = [(len(labels) - n_none - len(kept), "show several categories"), (n_none, "show none")]
        notices = [f"{n:,} of {len(labels):,} pictures {how}, and are left out" for n, how in told if n]
    else:
        chosen = one_of.choose(labels, found.what)
        kept, notices = chosen.labels, list(chosen.notices)
    if not kept:
        raise InputError(
            f"{found.what}: none of {counted(len(labels), 'picture')} shows one category alone; --one-of A,B keeps "
            "those with one of A and B, and --crops FOLDER makes a picture of every box"
        )
    items = [ImageItem(image_id="", path=path, label=label) for path, label in kept.items()]
    return Manifest(found.what, found.root, items, notices=tuple(notices))


def write_crops(found: Annotations, folder: Path, *, on_progress: Progress | None = None) -> Manifest:
    """Write a picture of every box into ``folder/category``, as PNG, which adds nothing to it.

    Crops of one picture are one group. Boxes without a pixel within the picture are left out, and counted.

    Raises:
        InputError: no boxes, or pictures that cannot be read or have another size than the annotations say (all at
            once, and what was written stays).
        OSError: the folder cannot be written.
    """
    of_picture: dict[str, list[Box]] = defaultdict(list)
    for box in found.boxes:
        of_picture[box.path].append(box)
    problems, items, n_empty = Problems(), [], 0
    folders = _folder_names([box.category for box in found.boxes])
    for done, (path, boxes) in enumerate(sorted(of_picture.items())):
        if on_progress is not None:
            on_progress("crops", done, len(of_picture))
        try:
            image = read_image(found.root / path).image
        except InputError as error:
            problems.add(_UNREADABLE, f"{quote(path)}: {error}")
            continue
        width, height = boxes[0].size
        if (width is not None and width != image.width) or (height is not None and height != image.height):
            problems.add(
                _OTHER_SIZE, f"{quote(path)}: {image.width} x {image.height}, not {shown(width)} x {shown(height)}"
            )
            continue
        for box in boxes:
            left, top, right, bottom = box.edges
            if math.isnan(left):
                problems.add(_NO_BOX, box.number)
                continue
            edges = (
                *(max(0, math.floor(left)), max(0, math.floor(top))),
                *(min(image.width, math.ceil(right)), min(image.height, math.ceil(bottom))),
            )
            if edges[0] >= edges[2] or edges[1] >= edges[3]:
                n_empty += 1
                continue
            name = f"{folders[box.category]}/{box.number.removeprefix('annotation ')}.png"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            image.crop(edges).save(folder / name)
            items.append(ImageItem(image_id="", path=name, label=box.category, group_id=path))
    problems.refuse(found.what)
    if not items:
        raise InputError(f"{found.what}: no boxes to cut out; expected 'annotations' with 'bbox'")
    told = [(found.n_crowds, "around many objects at once (iscrowd)"), (n_empty, "without a pixel within its picture")]
    notices = tuple(f"{counted(n, 'box', 'boxes')} {what} left out" for n, what in told if n)
    return Manifest(found.what, folder, items, notices=notices)


def _read_json(file: Path, what: str) -> dict[str, Any]:
    try:
        require_regular(file)
        with file.open(encoding="utf-8-sig") as opened:
            given = json.load(opened)
    except OSError as error:
        raise InputError(f"{what}: cannot be read: {error.strerror}; expected COCO annotations (.json)") from error
    except (ValueError, RecursionError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{what}: not readable as JSON: {quote(first)}; expected COCO annotations") from error
    if not isinstance(given, dict):
        raise InputError(f"{what}: holds no object; expected COCO annotations: images, categories and annotations")
    return given


def _entries(given: dict[str, Any], key: str, what: str) -> list[dict[str, Any]]:
    entries = given.get(key)
    if not isinstance(entries, list) or not entries or not all(isinstance(one, dict) for one in entries):
        found = "missing" if key not in given else "empty" if entries == [] else "no list of objects"
        raise InputError(f"{what}: {key!r} is {found}; expected COCO annotations: images, categories and annotations")
    return entries


def _edges(box: object) -> tuple[float, float, float, float]:
    """Left, top, right and bottom; not-a-number where it is no box."""
    if isinstance(box, list) and len(box) == 4 and all(type(side) in (int, float) for side in box):
        left, top, width, height = box
        edges = (left, top, left + width, top + height)
        if all(abs(edge) < _FARTHEST for edge in edges):  # of what is no number too
            return edges
    return (math.nan,) * 4


def _folder_names(categories: list[str]) -> dict[str, str]:
    """A folder a category, whose name no system refuses; the label itself stands in the manifest."""
    names: dict[str, str] = {}
    taken: Counter[str] = Counter()
    for category in dict.fromkeys(categories):
        safe = "".join(c if c.isalnum() else "_" for c in category)[:60]
        taken[safe.casefold()] += 1
        names[category] = safe if taken[safe.casefold()] == 1 else f"{safe}-{taken[safe.casefold()]}"
    return names
