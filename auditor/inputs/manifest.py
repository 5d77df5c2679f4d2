"""Rows of a manifest as pictures, with every path kept inside the manifest's folder."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.one_spelling import one_form, spelling_notice, visible
from auditor.inputs.tables import read_table
from auditor.records import PROPERTY_PREFIX, ImageItem
from auditor.wording import quote

REQUIRED_COLUMNS = ("path", "label")
RESERVED_COLUMNS = (*REQUIRED_COLUMNS, "split", "group_id", "mask")
#: What names files is kept letter by letter.
_PATH_COLUMNS = ("path", "mask")
#: How programs write that there is no value (what pandas reads as none, and R and Python write): a class of that name
#: cannot be told from pictures without a label, nor a patient from pictures of nobody.
_NO_VALUE = frozenset(
    [
        *("nan", "NaN", "-nan", "-NaN", "NaT", "None", "null", "NULL", "NA", "N/A", "n/a", "<NA>", "#NA", "#N/A"),
        *("#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    ]
)
_WHERE_A_VALUE_COUNTS = ("label", "split", "group_id", "mask")


class Confinement:
    """Tells whether files lie inside a folder once links are followed; remembers the folders it has looked at."""

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self._folders: dict[str, str] = {"": self.root}

    def holds(self, relative_path: str) -> bool:
        """Return whether the path (forward slashes, no "..") stays inside; a missing file does."""
        folder, _, name = relative_path.rpartition("/")
        real_folder = self._folders.get(folder)
        if real_folder is None:
            real_folder = os.path.realpath(f"{self.root}/{folder}")
            self._folders[folder] = real_folder
        if not self._inside(real_folder):
            return False
        file = f"{real_folder}/{name}"
        try:
            is_link = stat.S_ISLNK(os.lstat(file).st_mode)
        except OSError:
            return True  # absent or unreadable: a failure of that picture when it is decoded
        return not is_link or self._inside(os.path.realpath(file))

    def _inside(self, real_path: str) -> bool:
        return real_path == self.root or real_path.startswith(self.root.rstrip("/") + "/")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The pictures of a manifest in the file's order (``image_id`` still empty), and the sorted attribute columns.

    ``has_splits``: there is a column ``split``. ``notices``: what the reader must know of how values were read.
    """

    items: list[ImageItem]
    attribute_names: tuple[str, ...]
    has_splits: bool
    notices: tuple[str, ...]


def read_manifest(path: Path, *, required: Sequence[str] = REQUIRED_COLUMNS) -> Manifest:
    """Read a CSV or Parquet manifest; ``required`` columns must be there.

    Values have one form, see `auditor.inputs.one_spelling`; names of splits are lower case besides.

    Raises:
        InputError: unreadable, no column that is required, no rows, a path that is blank, repeated, or
            leads out of the manifest's folder, a label, split, group or mask that is written as no value is.
    """
    what = f"manifest {quote(path.name)}"
    table = read_table(path, what)
    table.require(required, what)
    if not table.places:
        raise InputError(f"{what}: no rows; expected one row a picture")
    columns = {name: values if name in _PATH_COLUMNS else one_form(values) for name, values in table.columns.items()}
    _refuse_no_value(columns, table.places, what)
    blank = [""] * len(table.places)
    confinement = Confinement(path.parent)
    splits = {value: split_name(value) for value in set(columns.get("split", blank))}
    attribute_names = tuple(sorted(set(columns) - set(RESERVED_COLUMNS)))
    taken = [name for name in attribute_names if name.startswith(PROPERTY_PREFIX)]
    if taken:
        raise InputError(
            f"{what}: column {quote(taken[0])} begins with {quote(PROPERTY_PREFIX)}, as only columns that auditor "
            "measures itself do: give it another name"
        )
    attribute_columns = [(name, columns[name]) for name in attribute_names]
    first_place: dict[str, str] = {}
    items: list[ImageItem] = []
    rows = zip(
        table.places,
        columns["path"],
        columns.get("label", blank),
        columns.get("split", blank),
        columns.get("group_id", blank),
        columns.get("mask", blank),
        strict=True,
    )
    for row, (place, raw_path, label, split, group_id, mask) in enumerate(rows):
        relative_path = _confined(raw_path, "path", confinement, f"{what}, {place}")
        if relative_path in first_place:
            raise InputError(
                f"{what}, {place}: path {quote(relative_path)} was already given on {first_place[relative_path]}; "
                "expected one row a picture: drop one"
            )
        first_place[relative_path] = place
        items.append(
            ImageItem(
                image_id="",
                path=relative_path,
                label=_or_none(label),
                split=_or_none(splits[split]),
                group_id=_or_none(group_id),
                mask_path=_confined(mask, "mask", confinement, f"{what}, {place}") if mask.strip() else None,
                attributes={name: values[row] for name, values in attribute_columns if values[row].strip()},
            )
        )
    told = (
        spelling_notice(f"{what}: values of column {quote(name)}", table.columns[name])
        for name in table.columns
        if name not in (*_PATH_COLUMNS, "split")
    )
    return Manifest(items, attribute_names, "split" in table.columns, tuple(notice for notice in told if notice))


def _refuse_no_value(columns: Mapping[str, Sequence[str]], places: Sequence[str], what: str) -> None:
    """Refuse what may be a name, and may be how a program wrote that there is none."""
    for name in _WHERE_A_VALUE_COUNTS:
        values = columns.get(name, ())
        first = next((row for row, value in enumerate(values) if value in _NO_VALUE), None)
        if first is not None:
            n = sum(value == values[first] for value in values)
            raise InputError(
                f"{what}, {places[first]}: {name} is {quote(values[first])} ({counted(n, 'row')}), which is how "
                "programs write that there is no value; leave the cell empty where there is none, or "
                "give it another name"
            )


def split_name(value: str) -> str:
    """The name of a split as it is compared: "Val", "val " and "val" are one."""
    return visible(one_form([value])[0]).casefold()


def _confined(raw: str, column: str, confinement: Confinement, where: str) -> str:
    """Normal form of a path ("./a//b" is "a/b", backslashes are slashes), refused when it leads out of the folder."""
    slashed = raw.replace("\\", "/")
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    if not raw.strip() or not parts:
        raise InputError(f"{where}: {column} is blank; expected a path relative to the manifest's folder")
    if "\0" in raw:
        raise InputError(f"{where}: {column} {quote(raw)} holds a NUL character; expected a file name")
    absolute = slashed.startswith("/") or re.match(r"[A-Za-z]:", slashed)
    relative_path = "/".join(parts)
    if absolute or ".." in parts or not confinement.holds(relative_path):
        reason = "is absolute" if absolute else "leads out of the manifest's folder"
        raise InputError(
            f"{where}: {column} {quote(raw)} {reason}; expected a path below that folder, without '..' or links "
            "out of it: move the manifest to a folder above its pictures"
        )
    return relative_path


def _or_none(value: str) -> str | None:
    return value if value.strip() else None
