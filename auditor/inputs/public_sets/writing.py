"""A public set as a manifest, and its order of classes as a class map, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.manifest_writing import (
    DEFAULT_NAME,
    WrittenManifest,
    placed,
    refuse_existing,
    write_csv,
    write_manifest,
)
from auditor.inputs.public_sets.celeba import DEFAULT_TARGET, read_celeba
from auditor.inputs.public_sets.clevr import read_clevr
from auditor.inputs.public_sets.cub import read_cub
from auditor.inputs.public_sets.imagenet import read_imagenet
from auditor.inputs.public_sets.isic import read_isic
from auditor.inputs.public_sets.layout import PublicSet
from auditor.inputs.public_sets.metashift import read_metashift
from auditor.inputs.public_sets.waterbirds import read_waterbirds
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
    items = placed(manifest, root, found.items, name)
    names = tuple(dict.fromkeys(attribute for item in items for attribute in item.attributes))
    if attributes is not None:
        names = _chosen(attributes, names, name)
    if len({item.label for item in items} - {None}) < 2:
        raise InputError(f"{name}: {len(items)} pictures with one label only; expected at least two classes in {root}")
    class_map = manifest.with_name(f"{manifest.stem}-class-map.csv")
    refuse_existing((manifest, class_map), force=force)
    write_manifest(manifest, items, names)
    order = ([label, str(output)] for output, label in enumerate(found.class_order))
    write_csv(class_map, ["label", "output"], order)
    return WrittenManifest(manifest, class_map, items, names, found.notes)


def _chosen(attributes: Sequence[str], names: Sequence[str], what: str) -> tuple[str, ...]:
    for attribute in attributes:
        if attribute not in names:
            close = nearest(attribute, names)
            hint = f"; nearest is {quote(close)}" if close else ""
            raise InputError(f"{what}: no attribute {quote(attribute)}; there are {quote_list(names)}{hint}")
    return tuple(dict.fromkeys(attributes))
