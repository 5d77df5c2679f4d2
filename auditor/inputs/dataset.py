"""The data set: a folder ``class/picture`` or a manifest, as a fixed list of pictures with stable ids."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.contents import read_contents
from auditor.inputs.manifest import Confinement, read_manifest, split_name
from auditor.inputs.one_spelling import refuse_look_alikes, spelling_notice, tidy
from auditor.inputs.picture_formats import holds_picture, kind_of, left_out_line, readable_words
from auditor.inputs.split_leaks import leak_notice, leaks
from auditor.records import Dataset, ImageItem, Progress
from auditor.wording import nearest, quote, quote_list, quote_path

TRAINING_NAMES = frozenset(["train", "training", "training_set", "trainset"])
#: A folder that holds nothing but these has splits at the top where classes are expected.
SPLIT_NAMES = frozenset(
    [
        *(*TRAINING_NAMES, "val", "valid", "validation", "validation_set"),
        *("test", "testing", "test_set", "testset", "dev", "eval"),
    ]
)

#: Share of pictures that a model was trained on which changes next to nothing: a gap of 20 points is seen as one of 19.
_FEW_TRAINED_ON = 0.05


def image_id(relative_path: str) -> str:
    """Return the first 16 hex digits of the sha256 of the path, which has forward slashes."""
    return hashlib.sha256(relative_path.encode()).hexdigest()[:16]


def load_dataset(
    path: Path,
    *,
    split: str | None = None,
    max_images_per_class: int | None = None,
    seed: int = 0,
    memory: Path | None = None,
    n_jobs: int = 1,
    on_progress: Progress | None = None,
) -> Dataset:
    """Load a folder ``class/picture`` or a CSV/Parquet manifest; formats are in docs/inputs.md.

    Files that a manifest names and the disk lacks are kept: they fail, and are counted, when they are decoded.

    Args:
        path: The folder, or the manifest file.
        split: Keep the rows of a manifest with this value of ``split``, whatever its case and blanks.
        max_images_per_class: Keep at most so many pictures of each label (and so many without one). The choice depends
            on the seed and on each picture's id alone, so neither order nor other pictures change it.
        seed: Of that choice.
        memory: File that remembers contents by the state of the files; None: all pictures and masks are read.
        n_jobs: Threads that read them.
        on_progress: Called with ("contents", done, total).

    Raises:
        InputError: nothing there, nothing in it, fewer than two labels, labels that look the same, an unusable
            manifest, an unknown split.
    """
    if max_images_per_class is not None and max_images_per_class < 1:
        raise InputError(f"max_images_per_class is {max_images_per_class}; expected at least 1")
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError) as error:  # a name that is too long or holds NUL
        raise InputError(f"data {quote_path(path)} cannot be read: {error}") from error
    attribute_names: tuple[str, ...] = ()
    other_splits: list[ImageItem] = []
    if is_folder:
        root = path.resolve()
        items, notices = _folder_items(path, split)
    elif is_file:
        root = path.parent.resolve()
        manifest = read_manifest(path)
        items, attribute_names, notices = manifest.items, manifest.attribute_names, list(manifest.notices)
        if split is not None:
            if not manifest.has_splits:
                raise InputError(
                    f"split {quote(split)} asked, but manifest {quote(path.name)} has no column 'split'; add one"
                )
            items, unsplit = _of_split(items, split, manifest=path.name)
            notices += unsplit
            other_splits = [item for item in manifest.items if item.split not in (None, split_name(split))]
    else:
        raise InputError(
            f"data {quote_path(path)} not found; expected a folder class/picture or a CSV or Parquet manifest"
        )
    items = sorted((replace(item, image_id=image_id(item.path)) for item in items), key=lambda item: item.path)
    if len({item.image_id for item in items}) < len(items):
        raise InputError(f"data {quote_path(path)}: two paths share an image id; rename one of them")
    if max_images_per_class is not None:
        items = _at_most(items, max_images_per_class, seed)
    labels = tuple(sorted({item.label for item in items if item.label is not None}))
    refuse_look_alikes(labels, f"data {quote_path(path)}")
    if len(labels) < 2:
        found = f"only one label, {quote(labels[0])}," if labels else "no labels"
        raise InputError(
            f"data {quote_path(path)}: {found} in {len(items)} pictures; expected at least two classes to tell apart"
        )
    unlabelled = sum(item.label is None for item in items)
    if unlabelled:
        notices.append(f"{unlabelled:,} of {len(items):,} pictures have no label, and tell nothing of any class")
    files = sorted({name for item in items for name in (item.path, item.mask_path) if name is not None})
    contents = read_contents(root, files, memory=memory, n_jobs=n_jobs, on_progress=on_progress)
    leaked = leaks(root, items, contents, other_splits, memory=memory, n_jobs=n_jobs, on_progress=on_progress)
    notices += [leak_notice(leaked, len(items))] if leaked else []
    folder_name = split_name(root.name) if is_folder else ""
    return Dataset(
        root=root,
        source="folder" if is_folder else "manifest",
        items=tuple(items),
        labels=labels,
        attribute_names=attribute_names,
        digest=_digest(items, contents, attribute_names, folder_name if folder_name in SPLIT_NAMES else "", leaked),
        contents=contents,
        notices=tuple(notices),
    )


def in_training(dataset: Dataset) -> bool | None:
    """Whether a model was trained on more than a few of the pictures, by their names; None where they do not say.

    False takes every picture: all are in a split, or the folder, that is called one of those kept from training.
    """
    names = _split_names(dataset)
    if sum(name in TRAINING_NAMES for name in names) > _FEW_TRAINED_ON * len(names):
        return True
    return False if names and all(name in SPLIT_NAMES - TRAINING_NAMES for name in names) else None


def _split_names(dataset: Dataset) -> list[str]:
    """Of every picture, the name of its split; in a folder, the folder's own."""
    if dataset.source == "folder":
        return [split_name(dataset.root.name)] * len(dataset.items)
    return [item.split or "" for item in dataset.items]


def training_notice(dataset: Dataset) -> str | None:
    """What the reader must be told of pictures that the model was trained on, by the name of their split or folder."""
    n = sum(name in TRAINING_NAMES for name in _split_names(dataset))
    if n == 0:
        return None
    return (
        f"{n:,} of {len(dataset.items):,} pictures are named as training data: what a model was trained on hides gaps"
    )


def _folder_items(folder: Path, split: str | None) -> tuple[list[ImageItem], list[str]]:
    """Pictures of a folder, and what was left out; a class is a folder at its top, and pictures may lie deeper."""
    if split is not None:
        raise InputError(
            f"split {quote(split)} asked of folder {quote_path(folder)}; only manifests have splits: "
            f"name the split's own folder, such as {quote_path(folder / split)}"
        )
    confinement = Confinement(folder)
    classes = sorted(entry.name for entry in _entries(folder) if _is_folder(entry, folder))
    if classes and all(split_name(name) in SPLIT_NAMES for name in classes):
        raise InputError(
            f"folder {quote_path(folder)} holds splits ({quote_list(classes)}) where classes were expected; "
            f"name one of them, such as {quote_path(folder / classes[-1])}"
        )
    loose = sum(not entry.is_dir() and holds_picture(Path(entry.path)) for entry in _entries(folder))
    items: list[ImageItem] = []
    empty: list[str] = []
    others: list[str] = []
    for name in classes:
        pictures = pictures_below(folder, name, others)
        for relative_path in pictures:
            if not confinement.holds(relative_path):
                raise InputError(
                    f"picture {quote(relative_path)} is a link out of folder {quote_path(folder)}; "
                    "put the file itself there"
                )
            items.append(ImageItem(image_id="", path=relative_path, label=tidy(name)))
        if not pictures:
            empty.append(name)
    left_out = _left_out(folder, others, len(items))
    if not items:
        lying = f"; {loose} pictures lie directly in it" if loose else ""
        raise InputError(
            f"folder {quote_path(folder)} holds no pictures in class folders{lying}; "
            f"expected class/picture with {readable_words()} files{''.join(f'; {line}' for line in left_out)}"
        )
    spelt = spelling_notice("names of class folders", (item.path.partition("/")[0] for item in items))
    notices = left_out if spelt is None else [*left_out, spelt]
    if empty:
        notices.append(f"{counted(len(empty), 'class folder')} without pictures left out: {quote_list(empty)}")
    if loose:
        notices.append(f"{counted(loose, 'picture')} directly in the folder of the data, in no class folder: left out")
    return items, notices


def pictures_below(folder: Path, relative_folder: str, others: list[str]) -> list[str]:
    """Paths of the pictures in a folder below another one and in all folders below it, from the upper one.

    All files that are no pictures are added to ``others``.
    """
    pictures: list[str] = []
    pending = [relative_folder]
    while pending:
        current = pending.pop()
        for entry in _entries(folder / current):
            relative_path = f"{current}/{entry.name}"
            if _is_folder(entry, folder):
                pending.append(relative_path)
            else:
                (pictures if holds_picture(Path(entry.path)) else others).append(relative_path)
    return pictures


def _left_out(folder: Path, others: Sequence[str], n_pictures: int) -> list[str]:
    """A line on the files that are no pictures, if there are any."""
    kinds = Counter(kind_of(folder / relative_path) for relative_path in others)
    return [left_out_line(kinds, len(others) + n_pictures)] if others else []


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Everything in a folder that is not hidden."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".") and entry.name != "__MACOSX"]
    except OSError as error:
        raise InputError(f"folder {quote_path(folder)} cannot be read: {error.strerror}") from error
    for entry in entries:
        try:
            entry.name.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"name {quote(entry.name)} in {quote_path(folder)} is not UTF-8; rename it") from error
    return entries


def _is_folder(entry: os.DirEntry[str], root: Path) -> bool:
    if entry.is_symlink() and entry.is_dir():
        # Followed, it could lead out of the data set, in a circle, or give a picture two labels.
        raise InputError(
            f"{quote(entry.name)} in data {quote_path(root)} is a link to a folder; put the folder itself there"
        )
    return entry.is_dir(follow_symlinks=False)


def _of_split(items: Sequence[ImageItem], split: str, *, manifest: str) -> tuple[list[ImageItem], list[str]]:
    """The rows of a split, and a line on those that are in none."""
    asked = split_name(split)
    kept = [item for item in items if item.split == asked]
    rows = Counter(item.split for item in items)
    n_without = rows.pop(None, 0)
    if not kept:
        close = nearest(asked, [name for name in rows if name])
        hint = f"; did you mean {quote(close)}?" if close else ""
        found = [f"{name} ({counted(n, 'row')})" for name, n in sorted(rows.items(), key=str)]
        found += [f"no split ({counted(n_without, 'row')})"] if n_without else []
        raise InputError(f"split {quote(split)} not in manifest {quote(manifest)}; splits: {quote_list(found)}{hint}")
    if not n_without:
        return kept, []
    return kept, [f"{n_without:,} of {len(items):,} rows of the manifest name no split, and are left out"]


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
