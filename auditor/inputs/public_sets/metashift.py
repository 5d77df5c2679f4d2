"""MetaShift (Liang & Zou 2022): classes of Visual Genome, split by what else is in the picture.

Layouts, as made by the scripts of https://github.com/Weixin-Liang/MetaShift: ``CLASS/CLASS(CONTEXT)/ID.jpg``
(dataset/generate_full_MetaShift.py); ``SPLIT/CLASS/CLASS(CONTEXT)/ID.jpg`` (dataset/domain_generalization_cat_dog.py
and the unmixed output of dataset/subpopulation_shift_cat_dog_indoor_outdoor.py); ``SPLIT/CLASS/ID.jpg`` with
``imageID_to_group.pkl`` beside, a dictionary from ID to a list such as ["cat(indoor)"] (the mixed output of the
latter).

The scripts make links to the pictures unless ``use_symlink=False``: then put the manifest above both (--output).
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from auditor.errors import InputError
from auditor.inputs.picture_formats import PICTURE_SUFFIXES
from auditor.inputs.public_sets.layout import NO, YES, Listing, PublicSet, folders_in
from auditor.records import ImageItem
from auditor.regular_files import require_regular
from auditor.wording import quote, quote_path

WHAT = "metashift"
_SUBSET = re.compile(r"(.+?)\s*\((.+)\)")
_GROUPS = "imageID_to_group.pkl"
_MAX_GROUPS_BYTES = 64 * 2**20


class _Seen(NamedTuple):
    """One file; ``context`` None where its folder does not tell."""

    path: str
    split: str | None
    label: str
    number: str
    context: str | None


def read_metashift(root: Path) -> PublicSet:
    """Read any of the layouts: a column ``context``, or one a context where pictures lie in several.

    A picture that lies under two classes shows both: it is left out, as the official scripts do with cat(dog).

    Raises:
        InputError: none of the layouts, or an unusable imageID_to_group.pkl.
    """
    seen = list(_files(root))
    if not seen:
        raise InputError(
            f"{WHAT}: no pictures in CLASS/CLASS(CONTEXT)/, SPLIT/CLASS/CLASS(CONTEXT)/ or SPLIT/CLASS/ of "
            f"{quote_path(root)}; give the folder that the official scripts wrote as ROOT"
        )
    if any(file.context is None for file in seen):
        groups = _read_groups(root / _GROUPS)
        seen = [one for file in seen for one in _with_groups(file, groups)]
    labels_of: dict[str, set[str]] = defaultdict(set)
    for file in seen:
        labels_of[file.number].add(file.label)
    pictures: dict[tuple[str | None, str, str], list[_Seen]] = defaultdict(list)
    for file in seen:
        if len(labels_of[file.number]) == 1:
            pictures[file.split, file.label, file.number].append(file)
    known: dict[str, set[str]] = defaultdict(set)
    for file in seen:
        known[file.label].add(file.context or "")
    single = all(len({file.context for file in files}) == 1 for files in pictures.values())
    items = []
    for (split, label, number), files in sorted(pictures.items(), key=lambda entry: entry[1][0].path):
        contexts = {file.context or "" for file in files}
        if single:
            attributes = {"context": next(iter(contexts))}
        else:  # a context that a class has no subset for is not known of its pictures
            attributes = {context: YES if context in contexts else NO for context in sorted(known[label])}
        items.append(
            ImageItem(
                image_id="",
                path=min(file.path for file in files),
                label=label,
                split=split,
                group_id=number,
                attributes=attributes,
            )
        )
    n_both = sum(len(labels) > 1 for labels in labels_of.values())
    notes = (f"{n_both} pictures lie under several classes: left out",) if n_both else ()
    return PublicSet(tuple(items), tuple(sorted({item.label for item in items if item.label})), notes)


def _files(root: Path) -> Iterator[_Seen]:
    """Every picture in one of the layouts: below top/, the folders of classes or of splits."""
    listing = Listing(root)
    for top in folders_in(root):
        inner = folders_in(root / top)
        if any(_subset_of(top, name) for name in inner):
            for folder in inner:
                yield from _subset_files(listing, None, top, f"{top}/{folder}", folder)
            continue
        for label in inner:
            subsets = [name for name in folders_in(root / top / label) if _subset_of(label, name)]
            for folder in subsets:
                yield from _subset_files(listing, top, label, f"{top}/{label}/{folder}", folder)
            if not subsets:
                for path, stem in _pictures(listing, f"{top}/{label}"):
                    yield _Seen(path, top, label, stem, None)


def _subset_files(listing: Listing, split: str | None, label: str, folder: str, name: str) -> Iterator[_Seen]:
    context = _subset_of(label, name)
    if context is not None:
        for path, stem in _pictures(listing, folder):
            yield _Seen(path, split, label, stem, context)


def _subset_of(label: str, name: str) -> str | None:
    """CONTEXT of a folder CLASS(CONTEXT), where the class is the one asked for."""
    matched = _SUBSET.fullmatch(name)
    return matched[2] if matched and matched[1] == label else None


def _pictures(listing: Listing, folder: str) -> list[tuple[str, str]]:
    names = sorted(name for name in listing.names(folder) if name.lower().endswith(PICTURE_SUFFIXES))
    return [(f"{folder}/{name}", name.rpartition(".")[0]) for name in names]


def _with_groups(file: _Seen, groups: dict[str, list[str]]) -> list[_Seen]:
    """The file once for each context that the dictionary gives it."""
    if file.context is not None:
        return [file]
    contexts = [context for name in groups.get(file.number, []) if (context := _subset_of(file.label, name))]
    if not contexts:
        raise InputError(
            f"{WHAT}: {_GROUPS} gives picture {quote(file.number)} no group {file.label}(...); take the set's own file"
        )
    return [file._replace(context=context) for context in contexts]


def _opcodes(data: bytes) -> Iterator[tuple[str, Any]]:
    return ((opcode.name, argument) for opcode, argument, _ in pickletools.genops(data))


class _PlainUnpickler(pickle.Unpickler):
    """Reads dictionaries, lists and text; whatever would name code is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        """Refuse every name."""
        raise pickle.UnpicklingError(f"names {module}.{name}")


def _read_groups(path: Path) -> dict[str, list[str]]:
    """The dictionary of imageID_to_group.pkl; the file is foreign, so nothing in it is run."""
    expected = "expected the official script's dictionary from picture to a list of groups"
    try:
        if require_regular(path) > _MAX_GROUPS_BYTES:
            raise InputError(f"{WHAT}: {_GROUPS} has more than {_MAX_GROUPS_BYTES >> 20} MiB; {expected}")
        data = path.read_bytes()
        # a memo is as long as the highest place that is written to, whatever the size of the file
        if any(name in ("BINPUT", "LONG_BINPUT", "PUT") and place > len(data) for name, place in _opcodes(data)):
            raise pickle.UnpicklingError("a place in the memo beyond the file's length")
        content: Any = _PlainUnpickler(io.BytesIO(data)).load()
    except OSError as error:
        raise InputError(
            f"{WHAT}: {_GROUPS} not found in {quote_path(path.parent)}; it says which context SPLIT/CLASS/ID.jpg has"
        ) from error
    except Exception as error:  # a foreign pickle fails in any way it likes
        if isinstance(error, InputError):
            raise
        raise InputError(f"{WHAT}: {_GROUPS} cannot be read ({quote(error)}); {expected}") from error
    if not isinstance(content, dict) or not all(
        isinstance(groups, list) and all(isinstance(name, str) for name in groups) for groups in content.values()
    ):
        raise InputError(f"{WHAT}: {_GROUPS} holds something else; {expected}")
    return {str(picture): groups for picture, groups in content.items()}
