"""CelebA (Liu et al. 2015): faces with 40 attributes; the label is one of them, blond hair unless another is asked for.

Layout: ``list_attr_celeba.txt`` (number of pictures, names of the attributes, then a picture and 40 times -1 or 1 a
line), ``list_eval_partition.txt`` (picture, 0 train, 1 valid, 2 test), ``identity_CelebA.txt`` (picture, number of
the person) and the folder ``img_align_celeba``, as read by https://github.com/pytorch/vision
(torchvision/datasets/celeba.py); they lie together, or in Anno/, Eval/ and Img/ as in the official download. The
same tables as CSV, with ``image_id`` and ``partition``, are read by https://github.com/kohpangwei/group_DRO
(data/celebA_dataset.py), where blond hair against Male is the known shortcut.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.public_sets.layout import (
    NO,
    YES,
    PublicSet,
    find_path,
    only_present,
    read_lines,
    required_path,
    spaced,
    wrong_line,
)
from auditor.inputs.tables import read_table
from auditor.records import ImageItem
from auditor.wording import nearest, quote

WHAT = "celeba"
DEFAULT_TARGET = "Blond_Hair"
_FOLDERS = ("", "Anno/", "Eval/", "Img/", "celeba/", "data/")
_SPLITS = {"0": "train", "1": "val", "2": "test"}
_SIGNS = {"-1": NO, "0": NO, "1": YES}


def read_celeba(root: Path, target: str = DEFAULT_TARGET) -> PublicSet:
    """Read the set with ``target`` as the label; pictures of one person are one group.

    Raises:
        InputError: a file is missing or not as it should be, or no attribute is called ``target``.
    """
    attributes_path = required_path(root, _places("list_attr_celeba.txt", "list_attr_celeba.csv"), WHAT)
    split_path = required_path(root, _places("list_eval_partition.txt", "list_eval_partition.csv"), WHAT)
    identity_path = find_path(root, _places("identity_CelebA.txt"))
    names, signs = _attributes(attributes_path)
    if target not in names:
        close = nearest(target, names)
        hint = f"; nearest is {quote(close)}" if close else ""
        raise InputError(f"{WHAT}: no attribute {quote(target)} among {', '.join(names)}{hint}")
    splits = dict(_two_columns(split_path, "partition"))
    persons = dict(_two_columns(identity_path, "identity")) if identity_path else {}
    folder = _picture_folder(root)
    label_of = {YES: spaced(target).lower(), NO: f"not {spaced(target).lower()}"}
    items = []
    for picture, values in signs.items():
        split = _SPLITS.get(splits.get(picture, ""))
        if split is None:
            found = quote(splits[picture]) if picture in splits else "not given"
            raise InputError(f"{WHAT}: {split_path.name}: partition of {quote(picture)} is {found}; expected 0, 1 or 2")
        by_name = dict(zip(names, values, strict=True))
        items.append(
            ImageItem(
                image_id="",
                path=f"{folder}/{picture}",
                label=label_of[by_name.pop(target)],
                split=split,
                group_id=f"person {persons[picture]}" if picture in persons else None,
                attributes=by_name,
            )
        )
    kept, notes = only_present(items, root, WHAT)
    if identity_path is None:
        notes.append("no identity_CelebA.txt: pictures of one person are not kept together in the intervals")
    return PublicSet(tuple(kept), (label_of[NO], label_of[YES]), tuple(notes))


def _places(*names: str) -> tuple[str, ...]:
    return tuple(folder + name for name in names for folder in _FOLDERS)


def _picture_folder(root: Path) -> str:
    """The folder of the pictures, relative to the root; some copies have it inside itself."""
    path = required_path(root, _places("img_align_celeba"), WHAT)
    inner = path / path.name
    return (inner if inner.is_dir() else path).relative_to(root).as_posix()


def _attributes(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Names of the attributes, and yes or no for each of them by picture."""
    if path.suffix == ".csv":
        table = read_table(path, f"{WHAT}: {path.name}")
        table.require(("image_id",), f"{WHAT}: {path.name}")
        names = [name for name in table.columns if name != "image_id"]
        rows = zip(*(table.columns[name] for name in names), strict=True)
        pictures = zip(table.places, table.columns["image_id"], rows, strict=True)
        return names, {picture: [_sign(value, path, where) for value in values] for where, picture, values in pictures}
    lines = read_lines(path, WHAT)
    next(lines, None)  # the number of pictures
    names = next(lines, (0, ""))[1].split()
    signs = {}
    for number, line in lines:
        picture, *values = line.split()
        if len(values) != len(names):
            raise wrong_line(WHAT, path, number, line, f"a picture and {len(names)} values, as line 2 names them")
        signs[picture] = [_sign(value, path, f"line {number}") for value in values]
    return names, signs


def _sign(value: str, path: Path, where: str) -> str:
    sign = _SIGNS.get(value.strip())
    if sign is None:
        raise InputError(f"{WHAT}: {path.name}, {where}: value {quote(value)}; expected -1 or 1")
    return sign


def _two_columns(path: Path, column: str) -> Iterator[tuple[str, str]]:
    if path.suffix == ".csv":
        table = read_table(path, f"{WHAT}: {path.name}")
        table.require(("image_id", column), f"{WHAT}: {path.name}")
        yield from zip(table.columns["image_id"], table.columns[column], strict=True)
        return
    for number, line in read_lines(path, WHAT):
        words = line.split()
        if len(words) != 2:
            raise wrong_line(WHAT, path, number, line, f"a picture and its {column}")
        yield words[0], words[1]
