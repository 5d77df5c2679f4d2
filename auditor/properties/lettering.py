"""Finds text-like marks in a picture: letters, digits or other marks of one height, side by side in a row.

What a watermark, a caption, a copyright tag and a token of letters have in common whatever they say, and what hardly
anything else in photographs has: marks that begin and end at the same height, several of them, at small distances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from auditor.records import BoolArray

#: Marks in a row from which it is text; of 120 photographs without any, one had as many.
LEAST_IN_ROW = 4
#: Grey levels between a mark and what lies around it; where a picture surely has text, more of it may be fainter.
_APART, _FAINT = 26, 13
_AROUND = 5  # pixels either way that are "around"
_HEIGHTS = (6, 64)  # pixels, of a picture of 256
_WIDTHS = (0.12, 2.5)  # of the height
_FILLED = (0.15, 0.95)  # of a mark's box
_UNEVEN = 0.12  # of the height, that top and bottom may lie off their row
_GAP = 0.8  # of the height, between neighbours
_OUTWEIGHS = 3  # marks in a row from which it may stand in the place of one that lies on it
_MORE_ROWS = 2  # marks in a row of the same text, where one row has enough
_ALIKE = 0.2  # of the height, that such a row's may differ
_BEYOND = 2.0  # of the height, either way of a row: marks there were missed
_MARGIN = 0.25  # and above and below


@dataclass(frozen=True, slots=True)
class Row:
    """Marks of one height: their box, in pixels of the picture that was searched, and whether they are the lighter."""

    top: int
    bottom: int
    left: int
    right: int
    n_marks: int
    light: bool
    contrast: float  # mean grey levels between its marks and what lies around them

    @property
    def height(self) -> int:
        """Of its marks."""
        return self.bottom - self.top


def text_rows(levels: Image.Image) -> list[Row]:
    """Rows of marks, none where no row has enough; where one surely is text, also fainter and shorter ones like it.

    Args:
        levels: A grey picture, 256 pixels or so a side.
    """
    above = _above_surroundings(levels)
    rows = [row for light in (True, False) for row in _rows(above, light=light, least=_APART)]
    # paper between white letters is darker than its surroundings, but by less
    rows.sort(key=lambda row: (row.n_marks < _OUTWEIGHS, -row.contrast))
    rows = _apart_from_each_other(rows)
    sure = [row for row in rows if row.n_marks >= LEAST_IN_ROW]
    if not sure:
        return []
    for light in {row.light for row in sure}:
        rows += _rows(above, light=light, least=_FAINT)
    alike = [
        row
        for row in rows
        if any(one.light == row.light and abs(one.height - row.height) <= _ALIKE * one.height for one in sure)
    ]
    return _apart_from_each_other([*sure, *alike])


def strokes(levels: Image.Image, rows: list[Row], *, faint: bool) -> BoolArray:
    """(h, w) the marks of rows, and whatever else is as light or dark in and beside a row: letters that were missed.

    Args:
        levels: As :func:`text_rows` had it.
        rows: What that found.
        faint: Also what is less apart from its surroundings, between a row's own marks.
    """
    found, above = np.zeros((levels.height, levels.width), np.bool_), _above_surroundings(levels)
    for row in rows:
        apart = above if row.light else -above
        up, beside = round(_MARGIN * row.height), round(_BEYOND * row.height)
        lines = slice(max(row.top - up, 0), row.bottom + up)
        wide, own = slice(max(row.left - beside, 0), row.right + beside), slice(row.left, row.right)
        found[lines, wide] |= apart[lines, wide] > _APART
        if faint:
            found[lines, own] |= apart[lines, own] > _FAINT
    return found


def _above_surroundings(levels: Image.Image) -> NDArray[np.int16]:
    """(h, w) how many grey levels a pixel lies above the mean around it."""
    around = np.asarray(levels.filter(ImageFilter.BoxBlur(_AROUND)), np.int16)
    return np.asarray(levels, np.int16) - around


def _apart_from_each_other(rows: list[Row]) -> list[Row]:
    """Rows in their order, without those that lie on one of before."""
    kept: list[Row] = []
    for row in rows:
        if not any(
            min(row.bottom, one.bottom) > max(row.top, one.top) and min(row.right, one.right) > max(row.left, one.left)
            for one in kept
        ):
            kept.append(row)
    return kept


def _rows(above: NDArray[np.int16], *, light: bool, least: int) -> list[Row]:
    apart = above if light else -above
    boxes = _marks(apart > least)
    if len(boxes) < _MORE_ROWS:
        return []
    top, bottom, left, right = boxes.T
    height = bottom - top
    uneven = np.maximum(1, np.rint(_UNEVEN * height))
    level = (np.abs(top[:, None] - top) <= uneven[:, None]) & (np.abs(bottom[:, None] - bottom) <= uneven[:, None])
    found: list[Row] = []
    taken = np.zeros(len(boxes), np.bool_)
    for i in np.argsort(-level.sum(axis=1), kind="stable").tolist():
        if taken[i] or level[i].sum() < _MORE_ROWS:
            continue
        beside = np.flatnonzero(level[i] & ~taken)
        beside = beside[np.argsort(left[beside], kind="stable")]
        gaps = left[beside[1:]] - right[beside[:-1]]
        for run in np.split(beside, np.flatnonzero(gaps > _GAP * height[i]) + 1):
            if i in run and run.size >= _MORE_ROWS:
                taken[run] = True
                ends = int(top[run].min()), int(bottom[run].max()), int(left[run].min()), int(right[run].max())
                inside = apart[ends[0] : ends[1], ends[2] : ends[3]]
                found.append(Row(*ends, int(run.size), light, float(inside[inside > least].mean())))
    return found


def _marks(mask: BoolArray) -> NDArray[np.int16]:
    """(n, 4) top, bottom, left and right of connected marks that may be letters; none touches the picture's edge."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    large = sizes >= _HEIGHTS[0]  # most are specks, and no box of theirs is asked for
    large[0] = False  # what is no mark
    renumbered = np.cumsum(large, dtype=np.int32) * large
    boxes = np.array(
        [(rows.start, rows.stop, cols.start, cols.stop) for rows, cols in ndimage.find_objects(renumbered[labels])],
        dtype=np.int16,  # all pairs are compared, and a picture made for it has thousands
    ).reshape(-1, 4)
    top, bottom, left, right = boxes.T
    height, width = bottom - top, right - left
    area = np.maximum(height.astype(np.int64) * width, 1)
    filled = sizes[large] / area
    within: NDArray[np.bool_] = (top > 0) & (left > 0) & (bottom < mask.shape[0]) & (right < mask.shape[1])
    return boxes[
        within
        & (height >= _HEIGHTS[0])
        & (height <= _HEIGHTS[1])
        & (width >= _WIDTHS[0] * height)
        & (width <= _WIDTHS[1] * height)
        & (filled >= _FILLED[0])
        & (filled <= _FILLED[1])
    ]
