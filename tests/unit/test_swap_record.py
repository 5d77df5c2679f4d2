"""Interventions that were carried out are looked up; what was not, or otherwise, is not invented."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.evidence.effects.swaps import Swap
from auditor.extraction.swap_record import SwapRecord, SwapRecorder, replayed

FIRST, SECOND = Swap(0, 4, 10, 20, 30), Swap(1, 5, 11, 21, 31)
NUMBERS = st.integers(0, 50)


def outcome(swaps):
    return np.array([[swap.target % 3, -1] for swap in swaps], dtype=np.int64).reshape(-1, 2)


def test_what_was_carried_out_comes_out_again_in_any_order():
    recorder = SwapRecorder(outcome, "halves")
    assert recorder([FIRST, SECOND]).tolist() == [[1, -1], [2, -1]]
    record = recorder.record()
    assert record.swaps.tolist() == [[0, 4, 10, 20, 30], [1, 5, 11, 21, 31]]
    assert record.called.tolist() == [[1, -1], [2, -1]]
    assert replayed(record, "halves")([SECOND, FIRST]).tolist() == [[2, -1], [1, -1]]


def test_another_swap_or_another_procedure_was_not_tried():
    recorder = SwapRecorder(outcome, "halves")
    recorder([FIRST])
    assert replayed(recorder.record(), "halves")([FIRST, SECOND]) is None
    assert replayed(recorder.record(), "thirds")([FIRST]) is None
    assert replayed(SwapRecord(), "halves")([FIRST]) is None


def test_nothing_tried_is_an_empty_record():
    record = SwapRecorder(outcome, "halves").record()
    assert (record.swaps.shape, record.called.shape, record.procedure) == ((0, 0), (0, 0), "halves")


def test_swaps_and_outcomes_that_do_not_belong_together():
    with pytest.raises(ValueError, match=r"swaps \(2, 5\) and outcomes \(1, 2\) do not belong together"):
        SwapRecord(np.zeros((2, 5), np.int64), np.zeros((1, 2), np.int64))


@given(st.lists(st.builds(Swap, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1), st.integers(1, 7))
def test_a_replay_says_what_the_model_said(swaps, batch):
    recorder = SwapRecorder(outcome, "p")
    for start in range(0, len(swaps), batch):
        recorder(swaps[start : start + batch])
    again = replayed(recorder.record(), "p")(swaps)
    assert again is not None
    assert again.tolist() == outcome(swaps).tolist()
