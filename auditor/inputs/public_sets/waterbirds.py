"""Waterbirds (Sagawa et al. 2020): birds of CUB pasted on places, 95 % of them on the place that fits.

Layout: ``metadata.csv`` with img_id, img_filename, y, split, place, place_filename beside the species folders, as
written by https://github.com/kohpangwei/group_DRO (dataset_scripts/generate_waterbirds.py; read by
data/cub_dataset.py): y 1 is a waterbird, place 1 is water, split 0, 1, 2 is train, val, test, place_filename is
``/o/ocean/00000001.jpg``.
"""

from __future__ import annotations

from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.public_sets.layout import PublicSet, only_present, required_path
from auditor.inputs.tables import read_table
from auditor.records import ImageItem
from auditor.wording import quote

WHAT = "waterbirds"
_COLUMNS = ("img_id", "img_filename", "y", "split", "place", "place_filename")
_LABELS = {"0": "landbird", "1": "waterbird"}
_PLACES = {"0": "land", "1": "water"}
_SPLITS = {"0": "train", "1": "val", "2": "test"}


def read_waterbirds(root: Path) -> PublicSet:
    """Read the set; the species of a bird is left out, since the label is made of it."""
    path = required_path(root, ("metadata.csv", "waterbird_complete95_forest2water2/metadata.csv"), WHAT)
    prefix = path.parent.relative_to(root).as_posix() + "/" if path.parent != root else ""
    table = read_table(path, f"{WHAT}: metadata.csv")
    table.require(_COLUMNS, f"{WHAT}: metadata.csv")
    columns = [table.columns[name] for name in _COLUMNS[1:]]
    items = []
    for where, filename, y, split, place, place_filename in zip(table.places, *columns, strict=True):
        items.append(
            ImageItem(
                image_id="",
                path=prefix + filename.strip(),
                label=_named(y, _LABELS, "y", where),
                split=_named(split, _SPLITS, "split", where),
                attributes={
                    "place": _named(place, _PLACES, "place", where),
                    "place_category": _category(place_filename),
                },
            )
        )
    kept, notes = only_present(items, root, WHAT)
    return PublicSet(tuple(kept), tuple(_LABELS.values()), tuple(notes))


def _named(value: str, names: dict[str, str], column: str, where: str) -> str:
    name = names.get(value.strip().removesuffix(".0"))
    if name is None:
        raise InputError(
            f"{WHAT}: metadata.csv, {where}: {column} is {quote(value)}; expected one of {', '.join(names)}"
        )
    return name


def _category(place_filename: str) -> str:
    """``/l/lake/natural/00001.jpg`` is "lake/natural": what lies between the letter and the file."""
    parts = [part for part in place_filename.strip().split("/") if part]
    return "/".join(parts[1:-1]).replace("_", " ")
