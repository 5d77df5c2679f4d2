"""Edits that were carried out are looked up, each was carried out once; what was not is not invented."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.edit_records import PictureEdit
from auditor.evidence.effects.edits import CANNOT_BE_SET, NOT_READABLE, EditAnswers
from auditor.extraction.edit_record import EditRecord, EditRecorder, replayed_edits, unread_notice
from auditor.records import ImageItem

DARK, GREY = PictureEdit("brightness", 0.3), PictureEdit("greyscale", "yes")


class Model:
    def __init__(self) -> None:
        self.asked: list[tuple[PictureEdit, list[int]]] = []

    def __call__(self, edit, rows):
        self.asked.append((edit, list(rows)))
        called = np.array([(len(edit.property_name) + row) % 3 for row in rows], dtype=np.int64)
        return EditAnswers(called, 10 * called)


def test_an_edit_of_a_picture_is_carried_out_once():
    model = Model()
    recorder = EditRecorder(model, "first")
    assert recorder(DARK, [4, 5]).called.tolist() == [2, 0]
    assert recorder(DARK, [5, 6, 4]).called.tolist() == [0, 1, 2]
    assert recorder(GREY, [4]).called.tolist() == [1]
    assert model.asked == [(DARK, [4, 5]), (DARK, [6]), (GREY, [4])]


def test_what_was_carried_out_comes_out_again():
    recorder = EditRecorder(Model(), "first")
    recorder(DARK, [4, 5])
    recorder(GREY, [4])
    record = recorder.record()
    assert record.edits == (DARK, GREY)
    assert record.called.tolist() == [[0, 4, 2, 20], [0, 5, 0, 0], [1, 4, 1, 10]]
    again = replayed_edits(record, "first")
    assert again(DARK, [5, 4]).called.tolist() == [0, 2]
    assert again(DARK, [5, 4]).margin.tolist() == [0, 20]
    assert again(GREY, [4, 5]) is None
    assert again(PictureEdit("brightness", 0.4), [4]) is None
    assert replayed_edits(record, "second")(DARK, [4]) is None


def test_nothing_tried_is_an_empty_record():
    record = EditRecorder(Model(), "first").record()
    assert (record.edits, record.called.shape) == ((), (0, 4))


def test_outcomes_of_no_edit():
    with pytest.raises(ValueError, match="an outcome is of no edit"):
        EditRecord((DARK,), np.array([[1, 0, 0, 0]]), "first")
    with pytest.raises(ValueError, match=r"outcomes of edits \(2, 2\): expected \(S, 4\)"):
        EditRecord((DARK,), np.zeros((2, 2), np.int64), "first")


def test_pictures_that_could_not_be_read_again_are_counted_and_named():
    items = [ImageItem("", f"{row}.png", None) for row in range(6)]

    def record(*called):
        return EditRecord((DARK, GREY), np.array([(*one, 0) for one in called], dtype=np.int64).reshape(-1, 4), "first")

    assert unread_notice(record((0, 1, 2), (0, 2, CANNOT_BE_SET)), items) is None
    assert unread_notice(EditRecord(), items) is None
    once = record((0, 3, NOT_READABLE), (1, 3, NOT_READABLE), (1, 4, 0))
    assert unread_notice(once, items) == (
        "1 picture could not be read or written again to set properties in it, and counts in no edit: '3.png'; was it "
        "moved or changed meanwhile?"
    )
    many = record(*((0, row, NOT_READABLE) for row in (5, 0, 2, 1)))
    assert ": '0.png', '1.png', '2.png' and 1 more; were they" in unread_notice(many, items)
