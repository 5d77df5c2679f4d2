"""A public set as a manifest, and its order of classes as a class map, written whole or not at all."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.manifest import REQUIRED_COLUMNS, Confinement
from auditor.inputs.public_sets.celeba import DEFAULT_TARGET, read_celeba
from auditor.inputs.public_sets.clevr import read_clevr
from auditor.inputs.public_sets.cub import read_cub
from auditor.inputs.public_sets.imagenet import read_imagenet
from auditor.inputs.public_sets.isic import read_isic
from auditor.inputs.public_sets.layout import PublicSet
from auditor.inputs.public_sets.metashift import read_metashift
from auditor.inputs.public_sets.waterbirds import read_waterbirds
from auditor.records import ImageItem
from auditor.wording import nearest, quote, quote_list, quote_path

READERS: Mapping[str, Callable[[Path], PublicSet]] = {
    "waterbirds": read_waterbirds,
    "celeba": read_celeba,
    "cub": read_cub,
    "imagenet": read_imagenet,
    "metashift": read_metashift,
    "clevr": read_clevr,
    "isic": read_isic,
}
DEFAULT_NAME = "auditor-manifest.csv"


@dataclass(frozen=True, slots=True)
class WrittenManifest:
    """What was written, and what it holds."""

    manifest: Path
    class_map: Path
    items: tuple[ImageItem, ...]  # paths relative to the manifest's folder
    attribute_names: tuple[str, ...]
    notes: tuple[str, ...]


def write_public_manifest(
    name: str,
    root: Path,
    *,
    output: Path | None = None,
    target: str | None = None,
    attributes: Sequence[str] | None = None,
    force: bool = False,
) -> WrittenManifest:
    """Read a public set and write its manifest, and beside it a class map with the set's own order of classes.

    Args:
        name: One of ``READERS``.
        root: The set's top folder.
        output: The manifest (.csv), in ``root`` or a folder above; default ``auditor-manifest.csv`` in ``root``.
        target: CelebA's attribute that becomes the label.
        attributes: Columns to keep; None for all.
        force: Whether files that are there may be replaced.

    Raises:
        InputError: the folder is not laid out as the set is, or the manifest could not be read back.
    """
    if not root.is_dir():
        raise InputError(f"{name}: {quote_path(root)} is no folder; expected the set's top folder as ROOT")
    if target is not None and name != "celeba":
        raise InputError(f"{name}: --target {quote(target)} chooses CelebA's label only; leave it out")
    found = read_celeba(root, target or DEFAULT_TARGET) if name == "celeba" else READERS[name](root)
    manifest = output or root / DEFAULT_NAME
    items = _relative_to(manifest, root, found.items, name)
    names = tuple(dict.fromkeys(attribute for item in items for attribute in item.attributes))
    if attributes is not None:
        names = _chosen(attributes, names, name)
    if len({item.label for item in items} - {None}) < 2:
        raise InputError(f"{name}: {len(items)} pictures with one label only; expected at least two classes in {root}")
    class_map = manifest.with_name(f"{manifest.stem}-class-map.csv")
    for path in (manifest, class_map):
        if path.exists() and not force:
            raise InputError(f"{quote_path(path)} is there already; --force replaces it, --output names another")
    columns = [column for column in ("split", "group_id", "mask_path") if any(getattr(i, column) for i in items)]
    header = [*REQUIRED_COLUMNS, *(column.removesuffix("_path") for column in columns), *names]
    rows = (
        [
            item.path,
            item.label or "",
            *(getattr(item, column) or "" for column in columns),
            *(item.attributes.get(attribute, "") for attribute in names),
        ]
        for item in items
    )
    _write_csv(manifest, header, rows)
    _write_csv(class_map, ["label", "output"], ([label, output] for output, label in enumerate(found.class_order)))
    return WrittenManifest(manifest, class_map, items, names, found.notes)


def _relative_to(manifest: Path, root: Path, items: Iterable[ImageItem], name: str) -> tuple[ImageItem, ...]:
    """The items with paths from the manifest's folder, by path; refused where the manifest could not be read back."""
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


def _chosen(attributes: Sequence[str], names: Sequence[str], what: str) -> tuple[str, ...]:
    for attribute in attributes:
        if attribute not in names:
            close = nearest(attribute, names)
            hint = f"; nearest is {quote(close)}" if close else ""
            raise InputError(f"{what}: no attribute {quote(attribute)}; there are {quote_list(names)}{hint}")
    return tuple(dict.fromkeys(attributes))


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
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
