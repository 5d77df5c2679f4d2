"""Edits of pictures that were carried out, to be read again instead of being carried out again; as ``swap_record``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from auditor.edit_records import PictureEdit
from auditor.evidence.effects.edits import NOT_READABLE, EditAnswers, EditPictures
from auditor.figures import counted
from auditor.records import ImageItem, IntArray
from auditor.wording import first_of, quote

#: Pictures that a notice names.
_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class EditRecord:
    """Edits, and what became of the picture of a row: ``called`` is (S, 4) of edit, row, what it is called and margin.

    Margins are as `auditor.evidence.effects.edits.EditAnswers` has them.
    """

    edits: tuple[PictureEdit, ...] = ()
    called: IntArray = field(default_factory=lambda: np.zeros((0, 4), dtype=np.int64))
    procedure: str = ""

    def __post_init__(self) -> None:
        if self.called.ndim != 2 or self.called.shape[1] != 4:
            raise ValueError(f"outcomes of edits {self.called.shape}: expected (S, 4)")
        if self.called.size and not 0 <= self.called[:, 0].min() <= self.called[:, 0].max() < len(self.edits):
            raise ValueError("an outcome is of no edit")


class EditRecorder:
    """Carries out edits as the function that it is given does, each once, and keeps what came of it."""

    def __init__(self, edit: Callable[[PictureEdit, Sequence[int]], EditAnswers], procedure: str) -> None:
        self._edit = edit
        self._procedure = procedure
        self._called: dict[PictureEdit, dict[int, tuple[int, int]]] = {}

    def __call__(self, asked: PictureEdit, rows: Sequence[int]) -> EditAnswers:
        """What the pictures are called."""
        known = self._called.setdefault(asked, {})
        missing = [row for row in dict.fromkeys(rows) if row not in known]
        if missing:
            found = self._edit(asked, missing)
            answers = zip(found.called.tolist(), found.margin.tolist(), strict=True)
            known.update(zip(missing, answers, strict=True))
        return _answers([known[row] for row in rows])

    def record(self) -> EditRecord:
        """All that was carried out until now."""
        rows = [(i, row, *answer) for i, one in enumerate(self._called.values()) for row, answer in one.items()]
        return EditRecord(tuple(self._called), np.array(rows, dtype=np.int64).reshape(-1, 4), self._procedure)


def _answers(found: Sequence[tuple[int, int]]) -> EditAnswers:
    called, margin = np.array(found, dtype=np.int64).reshape(-1, 2).T
    return EditAnswers(called, margin)


def unread_notice(record: EditRecord, items: Sequence[ImageItem]) -> str | None:
    """A line on the pictures, of all that were audited, that could not be read again to edit them; None for none."""
    rows = np.unique(record.called[record.called[:, 2] == NOT_READABLE, 1]).tolist()
    if not rows:
        return None
    named = first_of([quote(items[row].path) for row in rows], _NAMED)
    them, count, were = ("it", "counts", "was it") if len(rows) == 1 else ("them", "count", "were they")
    return (
        f"{counted(len(rows), 'picture')} could not be read or written again to set properties in {them}, and {count} "
        f"in no edit: {named}; {were} moved or changed meanwhile?"
    )


def replayed_edits(record: EditRecord, procedure: str) -> EditPictures:
    """Looks up what came of an edit; None where one was not carried out for a picture, or by another procedure."""
    known: dict[tuple[PictureEdit, int], tuple[int, int]] = {
        (record.edits[edit], row): (called, margin) for edit, row, called, margin in record.called.tolist()
    }

    def edit(asked: PictureEdit, rows: Sequence[int]) -> EditAnswers | None:
        if record.procedure != procedure or any((asked, row) not in known for row in rows):
            return None
        return _answers([known[asked, row] for row in rows])

    return edit
