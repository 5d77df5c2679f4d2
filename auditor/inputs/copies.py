"""Copies of pictures: which of them count, which belong together, and what the reader must know of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.concept_records import Copy
from auditor.inputs.joined_codes import connected, joined
from auditor.inputs.near_copies import find_near_copies
from auditor.records import BoolArray, ByteArray, FloatArray, ImageItem, IntArray
from auditor.wording import quote

#: Pictures under two labels that a notice names; the table ``copies`` has all.
_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """Equal and nearly equal pictures among N; rows stand for pictures."""

    same_content: IntArray  # (N,) first row with the same bytes
    alike: IntArray  # (N,) first row of the pictures that are equal or nearly so, directly or by way of others
    #: (N,) One of the pictures with the same bytes and label counts, and one without a label only where none has one.
    counted: BoolArray
    closest: tuple[int, int] | None = None  # two near copies that differ least, as an example

    def units(self) -> IntArray | None:
        """(N,) codes of pictures that are one witness; None where every counted picture is alone."""
        return self.alike if np.unique(self.alike[self.counted]).size < int(self.counted.sum()) else None


def find_copies(
    items: Sequence[ImageItem], content_digests: Sequence[str], fingerprints: ByteArray, embeddings: FloatArray
) -> Copies:
    """Compare all pictures by contents, and by what they look like.

    Args:
        items: The N pictures, by path: of equal ones the first counts.
        content_digests: sha256 of each file.
        fingerprints: (N, 64), see :func:`auditor.inputs.near_copies.fingerprint`.
        embeddings: (N, D) unit rows.
    """
    n = len(items)
    first_of: dict[str, int] = {}
    same = np.array([first_of.setdefault(digest, row) for row, digest in enumerate(content_digests)], dtype=np.int64)
    labels = [item.label for item in items]
    labelled = {int(first) for first, label in zip(same, labels, strict=True) if label is not None}
    seen: set[tuple[int, str | None]] = set()
    counted = np.zeros(n, dtype=np.bool_)
    for row, (first, label) in enumerate(zip(same.tolist(), labels, strict=True)):
        counted[row] = (first, label) not in seen and (label is not None or first not in labelled)
        seen.add((first, label))
    near = find_near_copies(fingerprints, embeddings, same)
    alike = connected(n, (np.arange(n), same), (np.arange(n), near.first))
    return Copies(same, alike, counted, near.closest)


def groups_of(image_ids: Sequence[str], group_ids: Sequence[str | None], units: IntArray | None) -> IntArray | None:
    """Codes (N,) of pictures that belong together: by the manifest's groups and as copies, joined where they share one.

    Args:
        image_ids: (N,).
        group_ids: (N,) of the manifest; a picture without one is its own group.
        units: (N,) codes of copies, see :meth:`Copies.units`.

    Returns:
        None where no picture has a group or a copy.
    """
    if units is None and not any(group_ids):
        return None
    names = [group_id or image_id for image_id, group_id in zip(image_ids, group_ids, strict=True)]
    code = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return code if units is None else joined(code, units)


def copy_records(items: Sequence[ImageItem], copies: Copies) -> list[Copy]:
    """Every picture that has a copy, by path of the first of them."""
    size = np.bincount(copies.alike, minlength=len(items))
    rows = np.flatnonzero(size[copies.alike] > 1)
    return [
        Copy(
            image_id=items[row].image_id,
            copy_group=int(copies.alike[row]),
            same_content_as=items[copies.same_content[row]].image_id,
            label=items[row].label,
            counted=bool(copies.counted[row]),
        )
        for row in rows[np.argsort(copies.alike[rows], kind="stable")]
    ]


def copy_notices(items: Sequence[ImageItem], copies: Copies) -> tuple[str, ...]:
    """What the reader must know: how many copies, examples, and the same in two splits or two classes."""
    told = []
    again = np.flatnonzero(copies.same_content != np.arange(len(items)))
    if again.size:
        row, n = int(again[0]), again.size
        told.append(
            f"{n:,} of {len(items):,} pictures {'is a copy' if n == 1 else 'are copies'} of others, byte for byte, "
            f"such as {quote(items[row].path)} of {quote(items[copies.same_content[row]].path)}: one of each counts"
        )
    if copies.closest is not None:
        contents = np.unique(copies.same_content)
        size = np.bincount(copies.alike[contents], minlength=len(items))
        n, n_groups = int(size[size > 1].sum()), int((size > 1).sum())
        one, other = (quote(items[row].path) for row in copies.closest)
        told.append(
            f"{n:,} pictures are nearly the same as others (encoded again, resized, a little changed), in {n_groups:,} "
            f"group{'' if n_groups == 1 else 's'}, such as {one} and {other}: a group counts as one picture"
        )
    leaks = _with_different(items, copies, lambda item: item.split)
    if leaks:
        told.append(
            f"{_standing(len(leaks))} in more than one split, as the same or nearly the same picture: "
            f"{_named(items, leaks, lambda one: f'in {quote(str(one.split))}')}; what was trained on it is no test"
        )
    conflicts = _with_different(items, copies, lambda item: item.label)
    if conflicts:
        told.append(
            f"{_standing(len(conflicts))} under more than one label, as the same or nearly the same picture: "
            f"{_named(items, conflicts, lambda one: f'is {quote(str(one.label))}')}; mend the labels"
        )
    return tuple(told)


def _standing(n: int) -> str:
    return f"{n:,} {'picture stands' if n == 1 else 'pictures stand'}"


def _named(items: Sequence[ImageItem], sets: Sequence[Sequence[int]], said: Callable[[ImageItem], str]) -> str:
    """The first sets of copies, with what is said of each."""
    named = (" and ".join(f"{quote(items[row].path)} {said(items[row])}" for row in rows) for rows in sets[:_NAMED])
    return "; ".join(named) + ("; … see the table 'copies'" if len(sets) > _NAMED else "")


def _with_different(
    items: Sequence[ImageItem], copies: Copies, fact: Callable[[ImageItem], str | None]
) -> list[list[int]]:
    """Of copies that differ in a label or a split, the first row with each."""
    found: dict[int, dict[str, int]] = {}
    for row, item in enumerate(items):
        said = fact(item)
        if said is not None:
            found.setdefault(int(copies.alike[row]), {}).setdefault(said, row)
    return [list(rows.values()) for rows in found.values() if len(rows) > 1]
