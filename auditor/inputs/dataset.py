"""The data set: a folder of class folders or a manifest, as a fixed list of pictures with stable ids."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.class_folders import SPLIT_NAMES, TRAINING_NAMES, read_class_folders
from auditor.inputs.contents import read_contents
from auditor.inputs.imagefolder import metadata_tables, read_imagefolder
from auditor.inputs.manifest import (
    AS_FOUND,
    Manifest,
    Reading,
    missing_files,
    split_name,
    tables_of_pictures,
    with_label,
)
from auditor.inputs.one_spelling import refuse_look_alikes
from auditor.inputs.several_labels import PictureLabels, check_both, check_label
from auditor.inputs.shards import read_manifest_or_shard, read_shards, shards_in, tars_in
from auditor.inputs.split_leaks import leak_notice, leaks
from auditor.records import Dataset, ImageItem, Progress
from auditor.wording import nearest, quote, quote_list, quote_path

#: Share of pictures that a model was trained on which changes next to nothing: a gap of 20 points is seen as one of 19.
_FEW_TRAINED_ON = 0.05


def image_id(relative_path: str) -> str:
    """Return the first 16 hex digits of the sha256 of the path, which has forward slashes."""
    return hashlib.sha256(relative_path.encode()).hexdigest()[:16]


def load_dataset(
    path: Path,
    *,
    reading: Reading = AS_FOUND,
    split: str | None = None,
    max_images_per_class: int | None = None,
    max_missing_share: float = 1.0,
    seed: int = 0,
    memory: Path | None = None,
    n_jobs: int = 1,
    on_progress: Progress | None = None,
) -> Dataset:
    """Load a folder of class folders or a manifest; layouts and formats are in docs/inputs.md.

    Files that a manifest names and the disk lacks are told; a few of them are kept, and fail when they are decoded.

    Args:
        path: The folder, or the manifest file.
        reading: Which columns of a manifest count, and where its pictures lie.
        split: Keep the rows of a manifest with this value of ``split``, whatever its case and blanks, or the pictures
            in the folder of the split.
        max_images_per_class: Keep at most so many pictures of each label (and so many without one). The choice depends
            on the seed and on each picture's id alone, so neither order nor other pictures change it.
        max_missing_share: Share of the pictures whose files may be missing.
        seed: Of that choice.
        memory: File that remembers contents by the state of the files; None: all pictures and masks are read.
        n_jobs: Threads that read them.
        on_progress: Called with ("contents", done, total).

    Raises:
        InputError: nothing there, nothing in it, fewer than two labels, labels that look the same, an unusable
            manifest (with all its problems at once), an unknown split, a label that none or all have.
    """
    if max_images_per_class is not None and max_images_per_class < 1:
        raise InputError(f"max_images_per_class is {max_images_per_class}; expected at least 1")
    listed = list_pictures(path, reading)
    if reading.label is not None:
        check_label(reading.label, listed.label_names, listed.what)
    items, notices, problems = listed.items, list(listed.notices), listed.problems
    in_folders = path.is_dir()
    splits = {item.split for item in items if item.split is not None}
    if split is not None:
        items, unsplit = _of_split(listed, split)
        notices += unsplit
    elif in_folders and len(splits) > 1:
        offered = held_back_split(splits) or min(splits)
        raise InputError(
            f"{listed.what} holds splits ({quote_list(sorted(splits))}), and what a model was trained on hides gaps; "
            f"choose one with --split, such as --split {offered}"
        )
    items = sorted((replace(item, image_id=image_id(item.path)) for item in items), key=lambda item: item.path)
    if len({item.image_id for item in items}) < len(items):
        raise InputError(f"{listed.what}: two paths share an image id; rename one of them")
    if max_images_per_class is not None:
        items = _at_most(items, max_images_per_class, seed)
    is_whole = not problems.n  # no row was left out for a problem
    missing = missing_files(listed.root, items)
    if missing.n > max_missing_share * len(items):
        problems.take(missing)
    else:
        notices += missing.lines()
    labels = tuple(sorted({item.label for item in items if item.label is not None}))
    if len(labels) < 2 and is_whole and items and reading.label is None:
        found = f"only one label, {quote(labels[0])}," if labels else "no labels"
        problems.say(f"{found} in {counted(len(items), 'picture')}; expected at least two classes to tell apart")
    problems.refuse(listed.what)
    if reading.label is not None:
        check_both(reading.label, labels, len(items), listed.what)
    refuse_look_alikes(labels, f"data {quote_path(path) if reading.address is None else quote(reading.address)}")
    unlabelled = sum(item.label is None for item in items)
    if unlabelled:
        notices.append(f"{unlabelled:,} of {len(items):,} pictures have no label, and tell nothing of any class")
    files = sorted({name for item in items for name in (item.path, item.mask_path) if name is not None})
    root = listed.root.resolve()
    contents = read_contents(root, files, memory=memory, n_jobs=n_jobs, on_progress=on_progress)
    others = [one for one in listed.items if split is not None and one.split not in (None, split_name(split))]
    leaked = leaks(root, items, contents, others, memory=memory, n_jobs=n_jobs, on_progress=on_progress)
    notices += [leak_notice(leaked, len(items))] if leaked else []
    folder_name = split_name(root.name) if in_folders else ""
    split_of_folder = folder_name if folder_name in SPLIT_NAMES else ""
    return Dataset(
        root=root,
        source="folder" if in_folders else "manifest",
        items=tuple(items),
        labels=labels,
        attribute_names=listed.attribute_names,
        digest=_digest(items, contents, listed.attribute_names, split_of_folder, leaked),
        contents=contents,
        notices=tuple(notices),
    )


def list_pictures(path: Path, reading: Reading) -> Manifest:
    """List the pictures of whatever layout lies there, without choosing any.

    Raises:
        InputError: nothing there, nothing in it, or a table that cannot be used.
    """
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError) as error:  # a name that is too long or holds NUL
        raise InputError(
            f"data {quote_path(path)} cannot be read: {error}; give a folder or a manifest that can be"
        ) from error
    if is_file:
        return read_manifest_or_shard(path, reading)
    if not is_folder:
        raise InputError(
            f"data {quote_path(path)} not found; expected a folder class/picture, a manifest (.csv, .tsv, .jsonl or "
            ".parquet), or shards (.parquet or .tar)"
        )
    if reading.data_root is not None:
        raise InputError(f"data_root is for the paths of a manifest, and data {quote_path(path)} is a folder: drop it")
    if metadata_tables(path):
        return read_imagefolder(path, reading)
    shards = shards_in(path)
    if shards:
        return read_shards(path, shards, reading)
    if reading.path_column is not None or reading.label_column is not None:
        raise InputError(
            f"path_column and label_column name columns of a manifest, and data {quote_path(path)} is a folder without "
            "metadata.csv: drop them"
        )
    listed = read_class_folders(path)
    if reading.multi_label:
        of_picture = {item.path: PictureLabels(frozenset([item.label] if item.label else [])) for item in listed.items}
        items = with_label({item.path: item for item in listed.items}, of_picture, reading.label, ())
        listed = replace(
            listed, items=items, label_names=tuple(sorted(set().union(*(p.has for p in of_picture.values()))))
        )
    unread = tables_of_pictures(path) + tars_in(path)
    if not unread:
        return listed
    told = (
        f"{quote_list(unread)} in the folder of the data name or hold pictures too and are not read: --data names them"
    )
    return replace(listed, notices=(*listed.notices, told))


def held_back_split(splits: Iterable[str]) -> str | None:
    """A split to audit, where others hold what a model was trained on; None where all are alike."""
    names = {name for name in splits if split_name(name) in TRAINING_NAMES}
    others = sorted(set(splits) - names)
    return others[0] if names and others else None


def in_training(dataset: Dataset) -> bool | None:
    """Whether a model was trained on more than a few of the pictures, by their names; None where they do not say.

    False takes every picture: all are in a split, or the folder, that is called one of those kept from training.
    """
    names = _split_names(dataset)
    if sum(name in TRAINING_NAMES for name in names) > _FEW_TRAINED_ON * len(names):
        return True
    return False if names and all(name in SPLIT_NAMES - TRAINING_NAMES for name in names) else None


def _split_names(dataset: Dataset) -> list[str]:
    """Of every picture, the name of its split, or else of the folder that was given."""
    of_folder = split_name(dataset.root.name) if dataset.source == "folder" else ""
    return [item.split or of_folder for item in dataset.items]


def training_notice(dataset: Dataset) -> str | None:
    """What the reader must be told of pictures that the model was trained on, by the name of their split or folder."""
    n = sum(name in TRAINING_NAMES for name in _split_names(dataset))
    if n == 0:
        return None
    return (
        f"{n:,} of {len(dataset.items):,} pictures are named as training data: what a model was trained on hides gaps"
    )


def _of_split(listed: Manifest, split: str) -> tuple[list[ImageItem], list[str]]:
    """The pictures of a split, and a line on those that are in none."""
    if not listed.has_splits:
        raise InputError(
            f"split {quote(split)} asked, but {listed.what} has no column 'split' and no folders of splits such as "
            "val/; drop --split, or name the splits"
        )
    asked = split_name(split)
    kept = [item for item in listed.items if item.split == asked]
    rows = Counter(item.split for item in listed.items)
    n_without = rows.pop(None, 0)
    if not kept:
        close = nearest(asked, [name for name in rows if name])
        hint = f"; did you mean {quote(close)}?" if close else ""
        found = [f"{name} ({counted(n, 'picture')})" for name, n in sorted(rows.items(), key=str)]
        found += [f"no split ({counted(n_without, 'picture')})"] if n_without else []
        raise InputError(f"split {quote(split)} not in {listed.what}; splits: {quote_list(found)}{hint}")
    if not n_without:
        return kept, []
    return kept, [f"{n_without:,} of {len(listed.items):,} rows of the manifest name no split, and are left out"]


def _at_most(items: Iterable[ImageItem], n_per_label: int, seed: int) -> list[ImageItem]:
    """The pictures of each label with the lowest hash of seed and id, in the order given."""
    by_label: dict[str | None, list[tuple[bytes, str]]] = defaultdict(list)
    items = list(items)
    for item in items:
        rank = hashlib.sha256(f"{seed}:{item.image_id}".encode()).digest()
        by_label[item.label].append((rank, item.image_id))
    kept = {chosen for ranked in by_label.values() for _, chosen in sorted(ranked)[:n_per_label]}
    return [item for item in items if item.image_id in kept]


def _digest(
    items: Iterable[ImageItem],
    contents: Mapping[str, str | None],
    attribute_names: Sequence[str],
    split_name: str,
    leaked: Iterable[tuple[ImageItem, ImageItem]],
) -> str:
    """sha256 over what is in each picture and mask, and what the manifest or the folder says of it; no times, no root.

    ``split_name`` is the folder's own name where that says whether a model was trained on the pictures. ``leaked`` are
    those that another split has too: whether they are a test hangs on it.
    """
    digest = hashlib.sha256(json.dumps([list(attribute_names), split_name]).encode() + b"\n")
    for item in items:
        mask = None if item.mask_path is None else [item.mask_path, contents[item.mask_path]]
        known = sorted(item.attributes.items())
        facts = [item.path, contents[item.path], mask, item.label, item.split, item.group_id, known]
        digest.update(json.dumps(facts).encode() + b"\n")
    for item, other in leaked:
        digest.update(json.dumps([item.path, other.path, other.split]).encode() + b"\n")
    return digest.hexdigest()
