"""What the readers of public sets share: looking files up, reading their lines, and what a reader gives back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.records import ImageItem
from auditor.wording import quote, quote_path

#: How attributes that a set gives as 0/1 or -1/1 are written.
YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class PublicSet:
    """A public set as its files describe it."""

    items: tuple[ImageItem, ...]  # paths relative to the root; ``image_id`` empty
    class_order: tuple[str, ...]  # labels in the set's own order: output 0, 1, ... of a model trained on its numbers
    notes: tuple[str, ...] = ()  # what the user should know, one line each


def find_path(root: Path, candidates: Sequence[str]) -> Path | None:
    """Return the first of the places (relative to the root) where something lies."""
    return next((path for path in (root / candidate for candidate in candidates) if path.exists()), None)


def required_path(root: Path, candidates: Sequence[str], what: str) -> Path:
    """Return the same for what a set cannot be read without.

    Raises:
        InputError: nothing lies at any of them; names the first, which is where the set itself has it.
    """
    path = find_path(root, candidates)
    if path is None:
        others = f" (or {', '.join(candidates[1:])})" if len(candidates) > 1 else ""
        raise InputError(
            f"{what}: {candidates[0]} not found in {quote_path(root)}{others}; expected the set's own layout: see "
            "docs/public-sets.md, and give its top folder as ROOT"
        )
    return path


def read_lines(path: Path, what: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers.

    Raises:
        InputError: the file cannot be read or is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{what}: {path.name} is not UTF-8 text; expected the set's own file") from error
    except OSError as error:
        raise InputError(f"{what}: {path.name} cannot be read: {error.strerror}; look at its rights") from error


def read_pairs(path: Path, what: str, form: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line number, first word, rest) of every line; ``form`` is what messages say a line looks like."""
    for number, line in read_lines(path, what):
        first, _, rest = line.partition(" ")
        if not rest.strip():
            raise wrong_line(what, path, number, line, form)
        yield number, first, rest.strip()


def wrong_line(what: str, path: Path, number: int, line: object, form: str) -> InputError:
    """The error of a line that is not as the set's files have it."""
    return InputError(f"{what}: {path.name}, line {number}: {quote(line)}; expected {form}")


class Listing:
    """Tells whether files are there, by listing each folder once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, frozenset[str]] = {}

    def names(self, folder: str) -> frozenset[str]:
        """Names in a folder (relative to the root); none if it is not there."""
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(path.name for path in (self._root / folder).iterdir())
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]

    def holds(self, relative_path: str) -> bool:
        """Whether the file is there."""
        folder, _, name = relative_path.rpartition("/")
        return name in self.names(folder)


def only_present(items: Sequence[ImageItem], root: Path, what: str) -> tuple[list[ImageItem], list[str]]:
    """Keep the pictures that are on the disk, and masks that are; say how many are not.

    Raises:
        InputError: none is.
    """
    listing = Listing(root)
    kept = [item for item in items if listing.holds(item.path)]
    if not kept:
        first = f" ({items[0].path}, for one)" if items else ""
        raise InputError(
            f"{what}: none of the {len(items)} pictures that its files name lies in {quote_path(root)}{first}; "
            "unpack the set's pictures there"
        )
    missing = len(items) - len(kept)
    notes = [f"{missing} of {len(items)} pictures that its files name are not on the disk: left out"] if missing else []
    return kept, notes


def spaced(name: str) -> str:
    """A name as words: underscores are spaces."""
    return " ".join(name.replace("_", " ").split())


def folders_in(path: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones."""
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []
