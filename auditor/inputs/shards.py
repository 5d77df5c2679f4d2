"""Data in shards, files that hold many pictures each; a split is in their names, as Hugging Face writes them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.class_folders import SPLIT_NAMES
from auditor.inputs.columns import PATH
from auditor.inputs.manifest import Confinement, Manifest, Reading, pictures_of, read_manifest, split_name
from auditor.inputs.packed_address import PARQUET_SUFFIXES, TAR_SUFFIXES, shard_end
from auditor.inputs.parquet_tables import holds_pictures, parquet_table
from auditor.inputs.picture_formats import PICTURE_SUFFIXES
from auditor.inputs.problems import Problems
from auditor.inputs.tar_tables import tar_table
from auditor.wording import quote, quote_list, quote_path

#: ``train-00000-of-00004``, with whatever comes behind; WebDataset's ``train-000017`` and ``train_017``.
_SHARD_NAME = re.compile(r"(.+?)[-_.]\d{2,}(?:-of-\d+.*)?")
#: Files that lie beside shards and say what the data are.
_DESCRIPTIONS = frozenset([".md", ".json", ".txt"])


def shards_in(folder: Path) -> list[str]:
    """Paths of the shards of a folder, sorted: at its top, else in ``data/`` or in folders of splits.

    There are none where the folder holds pictures as files: these are the data then.

    Raises:
        InputError: a folder cannot be read, shards of two sorts, or a link that leads out.
    """
    found = _shards(folder, "")
    if not found or _holds_picture_files(folder):
        return []
    sorts = {Path(shard).suffix.lower() in TAR_SUFFIXES for shard in found}
    if len(sorts) > 1:
        raise InputError(
            f"folder {quote_path(folder)} holds Parquet files and tars ({quote_list(found)}); expected shards of one "
            "sort: give a folder or a file of them alone"
        )
    confinement = Confinement(folder)
    for shard in found:
        if not confinement.holds(shard):
            raise InputError(
                f"shard {quote(shard)} is a link out of folder {quote_path(folder)}; put the file itself there (hf "
                "download --local-dir does), or give the shard itself as --data"
            )
    return found


def tars_in(folder: Path) -> list[str]:
    """Names of the tars at the top of a folder."""
    return [name for name in _entries(folder)[0] if Path(name).suffix.lower() in TAR_SUFFIXES]


def read_manifest_or_shard(path: Path, reading: Reading) -> Manifest:
    """Read one file: a shard that holds pictures, or else a manifest that names them.

    Raises:
        InputError: what cannot be read.
    """
    if path.suffix.lower() in TAR_SUFFIXES or holds_pictures(path, reading.path_column):
        return _read(path.parent, [path.name], f"data {quote(reading.address or path.name)}", reading)
    return read_manifest(path, reading)


def read_shards(folder: Path, shards: Sequence[str], reading: Reading) -> Manifest:
    """Read the shards of a folder as one list of pictures.

    Args:
        folder: Folder of the data set.
        shards: Paths from it, see `shards_in`.
        reading: Which columns count.

    Raises:
        InputError: what cannot be read, or holds no pictures.
    """
    what = f"folder {quote_path(folder)}" if reading.address is None else f"data {quote(reading.address)}"
    found = _read(folder, shards, what, reading)
    return replace(found, notices=(*found.notices, *_left_beside(folder, shards)))


def _read(folder: Path, shards: Sequence[str], what: str, reading: Reading) -> Manifest:
    """The pictures of shards; a column ``split`` tells their split, or else the name of the shard."""
    if reading.data_root is not None:
        raise InputError(f"data_root is for paths of files, and {what} holds the pictures itself: drop it")
    problems = Problems()
    if Path(shards[0]).suffix.lower() in TAR_SUFFIXES:
        if reading.path_column is not None:
            raise InputError(f"path_column names a column, and {what} holds tars, which have none of paths: drop it")
        table, notices = tar_table(shards, folder, what, problems)
        if table.places and len(table.columns) == 1:
            raise InputError(
                f"{what}: nothing tells the classes: expected KEY.cls or KEY.json beside KEY.jpg, or pictures in "
                "folders of their classes"
            )
    else:
        table, notices = parquet_table(shards, folder, reading.path_column, what, problems)
    if not table.places:
        problems.refuse(what)
        raise InputError(f"{what}: no pictures in {counted(len(shards), 'shard')} ({quote_list(shards)})")
    splits = {shard: split_of(shard) for shard in shards}
    if "split" not in table.columns and any(splits.values()):
        table.columns["split"] = [splits.get(address[: shard_end(address)], "") for address in table.columns[PATH.name]]
    of_addresses = replace(reading, path_column=PATH.name)
    found = pictures_of(table, what, Confinement(folder, named=shards), of_addresses, problems)
    return replace(found, notices=(*notices, *found.notices))


def _left_beside(folder: Path, shards: Sequence[str]) -> list[str]:
    """A notice on files in the folders of the shards that are none, but for those that describe the data."""
    found = []
    for top in dict.fromkeys(shard.rpartition("/")[0] for shard in shards):
        files, _ = _entries(folder / top)
        paths = (f"{top}/{name}" if top else name for name in files)
        found += [one for one in paths if one not in set(shards) and Path(one).suffix.lower() not in _DESCRIPTIONS]
    return [f"{counted(len(found), 'file')} beside the shards left out: {quote_list(found)}"] if found else []


def split_of(shard: str) -> str:
    """The split that a shard's folder or name tells; "" where they tell none."""
    path = Path(shard)
    named = _SHARD_NAME.fullmatch(path.stem)
    for name in (path.parent.name, path.stem, named[1] if named else ""):
        if split_name(name) in SPLIT_NAMES:
            return split_name(name)
    # Hugging Face has splits of any name, and always with the number of shards.
    return split_name(named[1]) if named and "-of-" in path.stem else ""


def _shards(folder: Path, top: str) -> list[str]:
    """At the top of a folder, else in the folders of splits and ``data`` there, else in its only folder."""
    files, folders = _entries(folder / top)
    suffixes = PARQUET_SUFFIXES | TAR_SUFFIXES
    found = [f"{top}{name}" for name in files if Path(name).suffix.lower() in suffixes]
    if found:
        return found
    inner = [name for name in folders if name == "data" or split_name(name) in SPLIT_NAMES]
    inner = inner or (folders if len(folders) == 1 else [])
    return [shard for name in inner for shard in _shards(folder, f"{top}{name}/")]


def _holds_picture_files(folder: Path) -> bool:
    names = (name for _, _, names in os.walk(folder) for name in names)
    return any(Path(name).suffix.lower() in PICTURE_SUFFIXES for name in names)


def _entries(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the files and of the folders in a folder, sorted, without what is hidden."""
    try:
        with os.scandir(folder) as entries:
            found = [(one.name, one.is_dir(follow_symlinks=False)) for one in entries if not one.name.startswith(".")]
    except OSError as error:
        raise InputError(f"folder {quote_path(folder)} cannot be read: {error.strerror}; look at its rights") from error
    files, folders = ([name for name, is_folder in sorted(found) if is_folder is wanted] for wanted in (False, True))
    return files, folders
