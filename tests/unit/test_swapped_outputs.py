"""Labels and outputs that look swapped: found by the best assignment, said first, and no class of them is praised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import World
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.evidence.effects.swapped_outputs import swapped_outputs
from auditor.evidence.verdicts.judge import judge
from auditor.evidence.verdicts.swapped_sentences import looks_swapped, swapped_notice


def pictures(confusion):
    """Labels and predictions with these counts (label, prediction)."""
    counts = np.asarray(confusion)
    label, called = np.indices(counts.shape).reshape(2, -1)
    return np.repeat(label, counts.ravel()), np.repeat(called, counts.ravel())


@pytest.mark.parametrize(
    ("confusion", "called_as"),
    [
        ([[1, 19], [2, 18]], {}),  # everything is called 1
        ([[2, 18], [17, 3]], {0: 1, 1: 0}),
        ([[6, 14], [6, 14]], {}),
        ([[18, 42], [42, 18]], {0: 1, 1: 0}),  # 70 to 30, the limit
        ([[19, 41], [42, 18]], {}),
        ([[6, 14], [14, 6]], {}),  # chance, p = .008
        ([[0, 3], [3, 0]], {}),  # six pictures: chance, p = 1/64
        ([[0, 5], [5, 0]], {0: 1, 1: 0}),  # p = 1/1024
        ([[1, 9, 0], [0, 1, 9], [9, 0, 1]], {0: 1, 1: 2, 2: 0}),
        ([[1, 9, 0], [9, 1, 0], [0, 0, 10]], {0: 1, 1: 0}),  # the third is as it should be
        ([[2, 18, 0], [3, 17, 0], [0, 0, 20]], {}),  # a weak class beside one that takes its pictures
        ([[0, 0, 20, 0], [0, 0, 0, 20], [0] * 4, [0] * 4], {0: 2, 1: 3}),  # outputs that no label has
        ([[0, 0, 0, 20], [0, 20, 0, 0], [0, 0, 20, 0], [0] * 4], {}),  # one of three labels goes there
        ([[20, 0], [0, 20]], {}),
    ],
)
def test_who_is_swapped(confusion, called_as):
    found = swapped_outputs(*pictures(confusion))
    assert (dict(found.called_as) if found else {}) == called_as
    if found:
        counts = np.asarray(confusion)
        assert found.counts == {c: (counts[c].sum(), counts[c, c], counts[c, other]) for c, other in called_as.items()}


def test_without_labels_or_predictions_nothing_is_known():
    assert swapped_outputs(np.full(9, -1), np.zeros(9, np.int64)) is None
    assert swapped_outputs(np.zeros(9, np.int64), np.full(9, -1)) is None


@settings(deadline=None, max_examples=60)
@given(st.permutations(range(5)), st.integers(0, 2**32 - 1))
def test_the_permutation_is_found_whatever_it_is(permutation, seed):
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(5), 40)
    right = np.where(draw.random(labels.size) < 0.9, labels, draw.integers(5, size=labels.size))
    order = np.array(permutation)
    found = swapped_outputs(labels, order[right])
    expected = {c: int(order[c]) for c in range(5) if order[c] != c}
    assert (dict(found.called_as) if found else {}) == expected


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_a_model_that_knows_nothing_is_not_swapped(n_classes, seed):
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_classes), 60)
    assert swapped_outputs(labels, draw.integers(n_classes, size=labels.size)) is None


# --- what is said ----


def test_the_notice_gives_the_permutation_and_how_to_say_it():
    found = swapped_outputs(*pictures([[2, 18, 0], [17, 3, 0], [0, 0, 20]]))
    assert swapped_notice(found, ("cat", "dog", "owl")) == (
        "labels and outputs look swapped: 13 % of 40 pictures of 2 classes are called what they are labelled, and 88 % "
        "would be with 'cat' = output 1, 'dog' = output 0; if that is so, say which output a label is with --class-map "
        "FILE (a CSV with the columns label and output), and audit again: until then nothing good is said of these "
        "classes. If the labels are right, the model takes these classes for each other"
    )
    many = swapped_outputs(np.repeat(np.arange(12), 9), np.repeat(np.roll(np.arange(12), 1), 9))
    assert "'a' = output 11, 'b' = output 0" in swapped_notice(many, "abcdefghijkl")
    assert "'j' = output 8 and 2 more; if" in swapped_notice(many, "abcdefghijkl")


def test_of_an_output_that_no_picture_is_labelled_with_nothing_else_is_said():
    found = swapped_outputs(*pictures([[0, 0, 20, 0], [0, 0, 0, 20], [0] * 4, [0] * 4]))
    assert looks_swapped(found, 0, ("cat", "dog", "owl", "fox")).claim == (
        'Label and output of "cat" look swapped: 0 % of 20 pictures are called "cat" and 100 % "owl", which none is '
        "labelled"
    )


@pytest.fixture(scope="module")
def swapped_result():
    inputs = World(seed=0).audit(120)
    exchanged = np.array([0, 1, 2, 4, 3])  # cat and balloon

    def chunks():
        return ((rows, x, logits[:, exchanged]) for rows, x, logits in inputs.head_chunks())

    head = replace(inputs.head, weight=inputs.head.weight[exchanged], bias=inputs.head.bias[exchanged])
    return judge(replace(inputs, predicted_idx=exchanged[inputs.predicted_idx], head=head, head_chunks=chunks))


def test_nothing_good_is_said_of_swapped_classes(swapped_result):
    states = {verdict.class_name: verdict for verdict in swapped_result.verdicts}
    for name, other in (("cat", "balloon"), ("balloon", "cat")):
        assert states[name].verdict == "not_analysed"
        assert states[name].sentence.startswith(f'Label and output of "{name}" look swapped: ')
        assert f'% "{other}", whose own are called otherwise as well' in states[name].sentence
        assert "--class-map FILE" in states[name].advice
    assert not any("swapped" in states[name].sentence for name in ("waterbird", "landbird", "vehicle"))
    (notice,) = swapped_result.first_notices
    assert "'cat' = output 4, 'balloon' = output 3" in notice


def test_labels_that_fit_have_no_such_notice():
    assert judge(World(seed=0).audit(60)).first_notices == ()


def test_a_proof_on_a_swapped_class_says_so_too():
    inputs = World(planted={"waterbird": ("scene", "water", 0.95)}, seed=0, class_strength=0.6).audit(240)
    label = inputs.label_idx.copy()
    swapped = np.isin(label, (0, 1))
    result = judge(replace(inputs, label_idx=np.where(swapped, 1 - label, label)))
    for verdict in result.verdicts[:2]:
        assert verdict.verdict in ("flagged", "not_analysed")
        assert "look swapped" in verdict.sentence
