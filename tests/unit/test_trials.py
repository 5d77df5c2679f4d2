"""What is counted on heads of known truth, with judges whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from evidence_world import CLASSES, World, taken

from auditor.evidence.calibration.planting import logits_of
from auditor.evidence.calibration.trials import SIZES, calibrate
from auditor.evidence.effects.significance import clopper_pearson
from auditor.evidence.evidence_input import EvidenceResult
from auditor.evidence.verdicts.judge import judge
from auditor.records import Verdict

N_HEADS = 3
ORDER = [("recall", size) for size in SIZES] + [("recall_common", size) for size in SIZES] + [
    ("false_alarms", None), ("beside", None), ("decoy_words", None), ("decoy_flags", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def inputs():
    """A head that relies on nothing."""
    return World(seed=5).audit(150)


@pytest.fixture(scope="module")
def activations(inputs):
    return np.concatenate([x for _, x, _ in inputs.head_chunks()])


def answering(verdict, concept_id=None):
    """A judge that gives every class of every head the same answer."""
    calls = []

    def judge_head(head, rows, decoys):
        calls.append((head, rows, decoys))
        verdicts = (Verdict(c, name, verdict, "none", concept_id, None, None, "", 9) for c, name in enumerate(CLASSES))
        return EvidenceResult([], [], [], tuple(verdicts))

    return judge_head, calls


def counted(inputs, activations, judge_head):
    rows = calibrate(inputs, activations, judge_head, n_heads=N_HEADS)
    assert [(row.measure, row.effect) for row in rows] == ORDER
    for row in rows:
        assert (row.low, row.high) == clopper_pearson(row.n_found, row.n)
    return {(row.measure, row.effect): row for row in rows}


def test_a_judge_that_sees_nothing_finds_nothing_and_raises_no_alarm(inputs, activations):
    judge_head, calls = answering("clean")
    rows = counted(inputs, activations, judge_head)
    assert all(row.n_found == row.n_suspect == 0 for row in rows.values())
    assert [rows[key].n for key in ORDER[:8]] == [N_HEADS] * 8
    assert rows["false_alarms", None].n <= N_HEADS * len(CLASSES)
    assert rows["false_alarms", None].n > 0
    assert 0 < rows["beside", None].n <= 8 * N_HEADS * (len(CLASSES) - 1)
    assert len(calls) == 9 * N_HEADS + 5
    # decoys are tried on the user's own head and all of its pictures
    shuffled = [call for call in calls if call[2] is not None]
    assert len(shuffled) == 5
    assert all(head is inputs.head and rows.size == len(activations) for head, rows, _ in shuffled)


def test_a_judge_that_flags_all_for_one_thing_finds_it_and_alarms_everywhere(inputs, activations):
    rows = counted(inputs, activations, answering("flagged", "bright")[0])
    alarms, beside = rows["false_alarms", None], rows["beside", None]
    assert (alarms.n_found, beside.n_found) == (alarms.n, beside.n)
    found = [rows[key] for key in ORDER[:8]]
    # only what was planted, or what has come to be relied on with it, counts as found
    assert sum(row.n_found for row in found) < sum(row.n for row in found)


def test_a_flag_without_a_concept_finds_nothing(inputs, activations):
    rows = counted(inputs, activations, answering("flagged")[0])
    assert sum(rows[key].n_found for key in ORDER[:8]) == 0


def test_suspects_are_counted_apart(inputs, activations):
    rows = counted(inputs, activations, answering("suspect", "bright")[0])
    assert [rows[key].n_suspect for key in ORDER[:8]] == [N_HEADS] * 8
    assert all(row.n_found == 0 for row in rows.values())


def test_progress_ends_where_it_said(inputs, activations):
    told = []
    judge_head, _ = answering("clean")
    calibrate(inputs, activations, judge_head, n_heads=1, on_progress=lambda *step: told.append(step))
    assert told[-1] == ("calibrate", 10, 10)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


@pytest.mark.slow
def test_the_products_own_judge_finds_large_reliances_and_leaves_the_others_alone(inputs, activations):
    from evidence_world import _shares

    def judge_head(head, rows, decoys):
        part = taken(inputs, rows)
        x = activations[rows]
        logits = logits_of(head, x)
        predicted = logits.argmax(axis=1).astype(np.int64)

        def chunks():
            yield slice(0, len(x)), x, logits

        fields = {name: getattr(part, name) for name in part.__dataclass_fields__}
        fields |= {"head": head, "head_chunks": chunks, "predicted_idx": predicted}
        fields["shares"] = _shares(x, part.label_idx, part.presence, head, predicted)
        return judge(type(part)(**fields))

    rows = {(row.measure, row.effect): row for row in calibrate(inputs, activations, judge_head, n_heads=2)}
    large = rows["recall_common", 0.4]
    assert large.n == 2
    assert large.n_found + large.n_suspect >= 1
    assert rows["false_alarms", None].n_found == 0
