"""What people have, as a manifest to look at: class folders, ``imagefolder``, a table, or COCO annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.class_folders import read_class_folders
from auditor.inputs.coco import labelled_pictures, read_coco, write_crops
from auditor.inputs.imagefolder import metadata_tables, read_imagefolder
from auditor.inputs.manifest import Manifest, Reading, missing_files
from auditor.inputs.manifest_writing import DEFAULT_NAME, WrittenManifest, placed, refuse_existing, write_manifest
from auditor.inputs.shards import read_manifest_or_shard, read_shards, shards_in
from auditor.records import Progress
from auditor.wording import quote_list, quote_path

Layout = Literal["folder", "hf", "csv", "coco"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)


def write_layout_manifest(
    layout: Layout,
    source: Path,
    *,
    reading: Reading,
    images: Path | None = None,
    crops: Path | None = None,
    output: Path | None = None,
    force: bool = False,
    write: bool = True,
    on_progress: Progress | None = None,
) -> WrittenManifest:
    """List pictures as they lie and write the manifest that says the same.

    Args:
        layout: How they lie: class folders, a folder with metadata, a table, or annotations of objects.
        source: The folder, or the file.
        reading: Which columns of a table count, where its pictures lie, and the labels of which a picture has one.
        images: Folder of annotated pictures; None: the folder of the annotations.
        crops: Folder into which every annotated box is cut out; None: pictures are taken whole.
        output: The manifest (.csv), in the folder of the pictures or above; default ``auditor-manifest.csv`` there.
        force: Whether a manifest that is there may be replaced.
        write: Whether it is written; else its rows are wanted, as they would be written to ``output``.
        on_progress: Called with ("crops", done, total).

    Raises:
        InputError: all that is wrong with the list at once, or a manifest that could not be read back.
    """
    if not (source.is_dir() if layout in ("folder", "hf") else source.is_file()):
        expected = "a folder" if layout in ("folder", "hf") else "a file"
        raise InputError(f"manifest {layout}: {quote_path(source)} is not {expected}; expected one as ROOT")
    if crops is not None:  # said before the work is done
        crops.mkdir(parents=True, exist_ok=True)
        placed(output or crops / DEFAULT_NAME, crops, (), "crops")
        refuse_existing([output or crops / DEFAULT_NAME], force=force or not write)
    listed = _listed(layout, source, reading, images, crops, on_progress)
    problems, missing = listed.problems, missing_files(listed.root, listed.items)
    if problems.n or missing.n == len(listed.items):  # a note where it is a manifest all the same
        problems.take(missing)
    problems.refuse(listed.what)
    labels = {item.label for item in listed.items} - {None}
    if len(labels) < 2:
        found = f"one label only ({quote_list(sorted(filter(None, labels)))})" if labels else "no labels"
        raise InputError(f"{listed.what}: {counted(len(listed.items), 'picture')} with {found}; expected two classes")
    manifest = output or listed.root / DEFAULT_NAME
    items = placed(manifest, listed.root, listed.items, listed.what)
    refuse_existing([manifest], force=force or not write)
    names = tuple(name for name in listed.attribute_names if name not in ("path", "label"))
    renamed = [name for name in listed.attribute_names if name not in names]
    notes = [*listed.notices, *missing.lines()]
    if renamed:
        notes.append(f"columns {quote_list(renamed)} are left out: those of a manifest are called so")
    if write:
        write_manifest(manifest, items, names)
    return WrittenManifest(manifest, None, items, names, tuple(notes))


def _listed(
    layout: Layout,
    source: Path,
    reading: Reading,
    images: Path | None,
    crops: Path | None,
    on_progress: Progress | None,
) -> Manifest:
    if layout == "folder":
        return read_class_folders(source)
    if layout == "hf":
        shards = [] if metadata_tables(source) else shards_in(source)
        return read_shards(source, shards, reading) if shards else read_imagefolder(source, reading)
    if layout == "csv":
        return read_manifest_or_shard(source, reading)
    annotations = read_coco(source, images)
    if crops is not None:
        return write_crops(annotations, crops, on_progress=on_progress)
    return labelled_pictures(annotations, reading.one_of)
