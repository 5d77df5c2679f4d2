"""What pictures are called, and by what margin, when concepts are erased from the head's input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditor.evidence.effects.erasers import Erasers, HeadChunks, batches
from auditor.records import BoolArray, FloatArray, IntArray

_BLOCK = 1_000_000  # erased logits held at a time
_ROUNDING = 1e-4  # of float32 logits: a tie is looked at closely


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Of J pairs of a class and a concept: which pictures are called the class, and by what margin, without it."""

    called: IntArray  # (N,) as they are
    called_without: BoolArray  # (N, J) whether a picture is called the pair's class with the concept erased
    margin: FloatArray  # (N,) logit of the label less the largest other one; 0 without a label
    along: FloatArray  # (N, J) u.(x - mean x) / (u.sigma): how far a picture lies along what is erased
    place: IntArray  # (N,) how many pictures of its class come before a picture
    own_margins: FloatArray  # (largest class, J) margins without it of each pair's class, by the pictures' places

    def margin_without(self, rows: IntArray, column: int) -> FloatArray:
        """Margins (n,) of rows with the pair's concept erased; the rows must be of the pair's class."""
        margins: FloatArray = self.own_margins[self.place[rows], column]
        return margins


def erased_outcome(
    chunks: HeadChunks, erasers: Erasers, parts: IntArray, label_idx: IntArray, class_idx: IntArray
) -> Outcome:
    """A second pass over the head's inputs: every picture by the eraser of its part.

    Args:
        chunks: Rows, activations and logits.
        erasers: Of J pairs, by part.
        parts: (N,) the part of every picture.
        label_idx: (N,) labels, -1 for none.
        class_idx: (J,) the class of every pair.
    """
    shape = parts.size, class_idx.size
    place, largest = _places(label_idx)
    outcome = Outcome(
        called=np.zeros(shape[0], dtype=np.int64),
        called_without=np.zeros(shape, dtype=np.bool_),
        margin=np.zeros(shape[0], dtype=np.float32),
        along=np.zeros(shape, dtype=np.float32),
        place=place,
        own_margins=np.zeros((largest, class_idx.size), dtype=np.float32),
    )
    for rows, activations, logits in batches(chunks):
        outcome.called[rows], outcome.margin[rows] = called_with_margin(logits.copy(), label_idx[rows])
        for f in np.unique(parts[rows]):
            inside = np.flatnonzero(parts[rows] == f)
            at, own_logits, shift = rows.start + inside, logits[inside], erasers.head_shift[f]
            along = outcome.along[at] = activations[inside] @ erasers.direction[f] - erasers.offset[f]  # (b, J)
            is_own = label_idx[at, None] == class_idx
            asked = is_own | _may_be_called(own_logits, outcome.called[at], along, shift, class_idx)
            picture, pair = np.nonzero(asked)
            step = max(1, _BLOCK // logits.shape[1])
            for start in range(0, picture.size, step):
                i, j = picture[start : start + step], pair[start : start + step]
                called, margin = called_with_margin(own_logits[i] - along[i, j, None] * shift.T[j], label_idx[at[i]])
                outcome.called_without[at[i], j] = called == class_idx[j]
                mine = is_own[i, j]
                outcome.own_margins[place[at[i[mine]]], j[mine]] = margin[mine]
    return outcome


def _places(label_idx: IntArray) -> tuple[IntArray, int]:
    """How many pictures of its class come before each (N,), 0 without a label; how many the largest class has."""
    place = np.zeros(label_idx.size, dtype=np.int64)
    labelled = np.flatnonzero(label_idx >= 0)
    by_class = labelled[np.argsort(label_idx[labelled], kind="stable")]
    sizes = np.bincount(label_idx[labelled])
    place[by_class] = np.arange(by_class.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place, int(sizes.max(initial=0))


def _may_be_called(
    logits: FloatArray, called: IntArray, along: FloatArray, shift: FloatArray, class_idx: IntArray
) -> BoolArray:
    """Whether pictures may be called the pair's class with its concept erased, (b, J).

    They cannot where the class then stays behind the one that they are called as they are; few are left.
    """
    lead = logits[np.arange(called.size), called][:, None] - logits[:, class_idx]
    moved = along * (shift[called] - shift[class_idx, np.arange(class_idx.size)])
    return np.asarray(lead - moved <= _ROUNDING * (1 + np.abs(moved)))


def called_with_margin(logits: FloatArray, label_idx: IntArray) -> tuple[IntArray, FloatArray]:
    """What rows are called, and the margins of their labels, (n,) each, of logits (n, C), which are lost."""
    known = np.flatnonzero(label_idx >= 0)
    labels = label_idx[known]
    own = logits[known, labels]
    logits[known, labels] = -np.inf
    called = logits.argmax(axis=1)
    best = logits[known, called[known]]
    # of equals the first is called, as ever
    leads = (own > best) | ((own == best) & (labels < called[known]))
    called[known] = np.where(leads, labels, called[known])
    margin = np.zeros(called.size, dtype=np.float32)
    margin[known] = own - best
    return called, margin
