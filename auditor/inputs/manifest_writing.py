"""A manifest is written: every column that is known, whole or not at all."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.manifest import Confinement
from auditor.records import ImageItem
from auditor.wording import quote, quote_path

DEFAULT_NAME = "auditor-manifest.csv"


@dataclass(frozen=True, slots=True)
class WrittenManifest:
    """What was written, and what it holds; ``manifest`` is where its paths begin, also where it was not written."""

    manifest: Path
    class_map: Path | None
    items: tuple[ImageItem, ...]  # paths relative to the manifest's folder
    attribute_names: tuple[str, ...]
    notes: tuple[str, ...]


def placed(manifest: Path, root: Path, items: Iterable[ImageItem], name: str) -> tuple[ImageItem, ...]:
    """The items with paths from the manifest's folder, sorted by path.

    Args:
        manifest: Where it will be written.
        root: Folder that the items' paths begin in.
        items: The pictures.
        name: How messages call the data.

    Raises:
        InputError: the manifest could not be read back: it is no CSV, or does not lie above the pictures.
    """
    if manifest.suffix.lower() != ".csv":
        raise InputError(f"{name}: --output {quote_path(manifest)} ends in {quote(manifest.suffix)}; expected .csv")
    folder = manifest.parent.resolve()
    if not folder.is_dir() or not root.resolve().is_relative_to(folder):
        raise InputError(
            f"{name}: --output {quote_path(manifest)} lies neither in {quote_path(root)} nor above it; paths of a "
            "manifest are below its folder: put it there"
        )
    below = root.resolve().relative_to(folder).as_posix()
    prefix = "" if below == "." else below + "/"
    confinement = Confinement(folder)
    placed = []
    for item in sorted(items, key=lambda one: one.path):
        mask = prefix + item.mask_path if item.mask_path else None
        for path in (prefix + item.path, mask):
            if path is not None and (".." in path.split("/") or not confinement.holds(path)):
                raise InputError(
                    f"{name}: {quote(path)} leads out of {quote_path(folder)}; copy the pictures themselves, or give "
                    "--output in a folder above both"
                )
        placed.append(replace(item, path=prefix + item.path, mask_path=mask))
    return tuple(placed)


def refuse_existing(paths: Iterable[Path], *, force: bool) -> None:
    """Raise InputError for the first file that is there already, unless it may be replaced."""
    for path in paths:
        if path.exists() and not force:
            raise InputError(f"{quote_path(path)} is there already; --force replaces it, --output names another")


def write_manifest(path: Path, items: Sequence[ImageItem], attribute_names: Sequence[str]) -> None:
    """Write pictures as `auditor.inputs.manifest.read_manifest` reads them; columns that nobody has are left out."""
    write_csv(path, *_table(items, attribute_names))


def manifest_text(items: Sequence[ImageItem], attribute_names: Sequence[str]) -> str:
    """What `write_manifest` writes."""
    header, rows = _table(items, attribute_names)
    file = io.StringIO(newline="")
    csv.writer(file).writerows([header, *rows])
    return file.getvalue()


def _table(items: Sequence[ImageItem], attribute_names: Sequence[str]) -> tuple[list[str], Iterator[list[str]]]:
    columns = [column for column in ("split", "group_id", "mask_path") if any(getattr(i, column) for i in items)]
    header = ["path", "label", *(column.removesuffix("_path") for column in columns), *attribute_names]
    rows = (
        [
            item.path,
            item.label or "",
            *(getattr(item, column) or "" for column in columns),
            *(item.attributes.get(attribute, "") for attribute in attribute_names),
        ]
        for item in items
    )
    return header, rows


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write beside and rename, so that an interrupted write leaves nothing."""
    unfinished = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise InputError(f"{quote_path(path)} cannot be written: {error.strerror}; give another --output") from error
