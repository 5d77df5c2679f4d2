"""Hugging Face's ``imagefolder``: a table of metadata beside the pictures, or one in each folder of a split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.class_folders import split_folders
from auditor.inputs.manifest import Manifest, Reading, read_manifest, split_name
from auditor.inputs.problems import Problems
from auditor.inputs.tables import column_names
from auditor.wording import quote_path

_TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
#: The column by which such a table is told from any other of its name.
_FILE_NAME = "file_name"


def metadata_tables(folder: Path) -> dict[str, Path]:
    """The tables of metadata of a folder, by the folder of the split ("" for none); none in another layout."""
    of_all = _table_in(folder)
    if of_all is not None:
        return {"": of_all}
    found = {name: _table_in(folder / name) for name in split_folders(folder)}
    return {name: table for name, table in found.items() if table is not None}


def read_imagefolder(folder: Path, reading: Reading) -> Manifest:
    """Read such a folder; without a column of labels the folder of a picture is its label.

    Raises:
        InputError: no metadata, or what `read_manifest` refuses.
    """
    tables = metadata_tables(folder)
    if not tables:
        raise InputError(
            f"folder {quote_path(folder)} has no {', '.join(_TABLES)} with a column {_FILE_NAME}, at its top or in "
            "folders of splits such as train/; add one, or take `auditor manifest folder` where folders are the classes"
        )
    parts = {name: read_manifest(table, reading, labels_of_folders=True) for name, table in tables.items()}
    if "" in parts:
        return parts[""]
    problems = Problems()
    for name, part in parts.items():
        problems.take(part.problems, name)
    items = [
        replace(
            item,
            path=f"{name}/{item.path}",
            mask_path=item.mask_path and f"{name}/{item.mask_path}",
            split=split_name(name),
        )
        for name, part in parts.items()
        for item in part.items
    ]
    return Manifest(
        what=f"folder {quote_path(folder)}",
        root=folder,
        items=items,
        attribute_names=tuple(sorted({name for part in parts.values() for name in part.attribute_names})),
        has_splits=True,
        notices=tuple(f"{name}: {notice}" for name, part in parts.items() for notice in part.notices),
        problems=problems,
        label_names=tuple(dict.fromkeys(name for part in parts.values() for name in part.label_names)),
        one_column=all(part.one_column for part in parts.values()),
    )


def _table_in(folder: Path) -> Path | None:
    paths = (folder / name for name in _TABLES)
    return next((path for path in paths if path.is_file() and _FILE_NAME in column_names(path)), None)
