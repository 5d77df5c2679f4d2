"""Pictures in folders that are named like their classes, below folders of splits or a folder around all, if any."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.manifest import Confinement, Manifest, split_name
from auditor.inputs.one_spelling import spelling_notice, tidy
from auditor.inputs.picture_formats import holds_picture, kind_of, left_out_line, readable_words
from auditor.records import ImageItem
from auditor.wording import quote, quote_list, quote_path

TRAINING_NAMES = frozenset(["train", "training", "training_set", "trainset"])
#: Folders of these names are splits, and the classes lie in them.
SPLIT_NAMES = frozenset(
    [
        *(*TRAINING_NAMES, "val", "valid", "validation", "validation_set"),
        *("test", "testing", "test_set", "testset", "dev", "eval"),
    ]
)


def read_class_folders(folder: Path) -> Manifest:
    """Read a folder ``class/picture`` or ``split/class/picture``, or one of these within a single folder.

    A class is a folder at the top, and pictures may lie deeper in it.

    Raises:
        InputError: no pictures, a link that leads out, a name that is not UTF-8, or what cannot be read.
    """
    confinement = Confinement(folder)
    items: list[ImageItem] = []
    names: list[str] = []  # of the items' class folders, as they are spelt
    empty: list[str] = []
    others: list[str] = []
    around = _around(folder, "")
    splits = split_folders(folder, around)
    tops: list[tuple[str | None, str]] = [(split_name(name), _around(folder, f"{around}{name}/")) for name in splits]
    tops = tops or [(None, around)]
    for split, top in tops:
        for name in _folders(folder, top):
            pictures = pictures_below(folder, f"{top}{name}", others)
            for path in pictures:
                if not confinement.holds(path):
                    raise InputError(
                        f"picture {quote(path)} is a link out of folder {quote_path(folder)}; put the file itself there"
                    )
                items.append(ImageItem(image_id="", path=path, label=tidy(name), split=split))
            names += [name] * len(pictures)
            empty += [] if pictures else [f"{top}{name}"]
    loose = sum(_loose_pictures(folder, top) for top in {around, *(top for _, top in tops)})
    left_out = _left_out(folder, others, len(items))
    if not items:
        lying = f"; {loose} pictures lie directly in it" if loose else ""
        raise InputError(
            f"folder {quote_path(folder)} holds no pictures in class folders{lying}; "
            f"expected class/picture with {readable_words()} files{''.join(f'; {line}' for line in left_out)}"
        )
    notices = [f"the class folders were found in {quote(around.rstrip('/'))}"] if around else []
    notices += left_out
    spelt = spelling_notice("names of class folders", names)
    notices += [spelt] if spelt else []
    if empty:
        notices.append(f"{counted(len(empty), 'class folder')} without pictures left out: {quote_list(empty)}")
    if loose:
        notices.append(f"{counted(loose, 'picture')} directly in the folder of the data, in no class folder: left out")
    return Manifest(
        what=f"folder {quote_path(folder)}",
        root=folder,
        items=items,
        has_splits=bool(splits),
        notices=tuple(notices),
    )


def split_folders(folder: Path, top: str = "") -> list[str]:
    """Names of the folders of splits in a folder of the data set; none where pictures lie in any other one as well."""
    names = _folders(folder, top)
    splits = [name for name in names if split_name(name) in SPLIT_NAMES]
    others = [name for name in names if name not in splits] if splits else []
    return [] if any(pictures_below(folder, f"{top}{name}", []) for name in others) else splits


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


def _around(folder: Path, top: str) -> str:
    """The folder in which the class or split folders lie, with a slash: ``top``, or the single folder within it.

    A single folder with pictures, or with none but pictures below it, is a class.
    """
    here = top
    while not _loose_pictures(folder, here):
        names = _folders(folder, here)
        if len(names) > 1 or any(split_name(name) in SPLIT_NAMES for name in names):
            return here
        if not names:
            break
        here = f"{here}{names[0]}/"
    return top


def _folders(folder: Path, top: str) -> list[str]:
    return sorted(entry.name for entry in _entries(folder / top) if _is_folder(entry, folder))


def _loose_pictures(folder: Path, top: str) -> int:
    return sum(not entry.is_dir() and holds_picture(Path(entry.path)) for entry in _entries(folder / top))


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
        raise InputError(f"folder {quote_path(folder)} cannot be read: {error.strerror}; look at its rights") from error
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
