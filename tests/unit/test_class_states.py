"""Named states: each with its reason, none of them clean."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import V, World

from auditor.evidence.verdicts.judge import judge
from auditor.rules import MIN_KAPPA

PLANTED = {"waterbird": ("scene", "water", 0.95)}


@pytest.fixture(scope="module")
def inputs():
    return World(planted=PLANTED, seed=0, class_strength=0.6).audit(240)


def doubting(inputs, *terms, kappa=0.41):
    values = np.full(len(inputs.concepts), 0.9, np.float32)
    values[[V[term] for term in terms]] = kappa
    return replace(inputs, kappa=values)


def by_name(result):
    return {verdict.class_name: verdict for verdict in result.verdicts}


def test_concept_that_is_not_told_twice_alike_is_not_measurable(inputs):
    assert by_name(judge(inputs))["waterbird"].verdict == "flagged"
    result = judge(doubting(inputs, "water"))
    verdict = by_name(result)["waterbird"]
    assert (verdict.verdict, verdict.concept) == ("not_analysed", "water")
    assert "reads as water (scene), but the encoder cannot tell" in verdict.sentence
    assert "agrees with itself by 0.41; 0.6 is needed" in verdict.sentence
    found = {f.rule_id: f for f in result.findings if (f.class_name, f.concept) == ("waterbird", "water")}
    assert {f.status for f in found.values()} == {"measured", "not_measurable"}
    assert [rule for rule, f in found.items() if f.status == "measured"] == ["E1"]
    assert all(f.p is None and f.q is None for f in found.values())
    assert not [s for s in result.subgroups if s.concept == "water"]
    assert any("cannot tell in which pictures 1 of 14 context concepts are" in notice for notice in result.notices)


def test_kappa_at_the_bound_and_kappa_that_is_not_known_are_measured(inputs):
    for kappa in (MIN_KAPPA, np.nan):
        assert by_name(judge(doubting(inputs, "water", kappa=kappa)))["waterbird"].verdict == "flagged"


def test_doubt_of_a_concept_that_no_word_names_changes_nothing(inputs):
    before, after = by_name(judge(doubting(inputs))), by_name(judge(doubting(inputs, "ruler")))
    assert {name: v.verdict for name, v in after.items()} == {name: v.verdict for name, v in before.items()}


@pytest.fixture(scope="module")
def faultless(inputs):
    """All right, by a wide margin."""
    labels = inputs.label_idx
    every = list(inputs.head_chunks())
    sure = [(rows, x, 9 * np.eye(5, dtype=np.float32)[labels[rows]]) for rows, x, _ in every]
    return replace(inputs, predicted_idx=labels, head_chunks=lambda: sure)


def test_nearly_no_mistakes_are_told(faultless):
    notices = judge(faultless).notices
    assert any(notice.startswith("the model recognises 100.0 % of 1,200 pictures") for notice in notices)


@pytest.mark.parametrize(
    ("in_training", "said"),
    [
        (None, "the model recognises 100.0 % of all pictures: it may have been trained on them"),
        (True, "these pictures are marked as training data"),
        (False, None),
    ],
)
def test_what_a_model_may_have_learnt_by_heart_is_never_clean(faultless, in_training, said):
    verdicts = judge(replace(faultless, in_training=in_training)).verdicts
    hidden = [v for v in verdicts if v.verdict == "not_analysed" and "Nothing was shown" in v.sentence]
    assert all(said in verdict.sentence for verdict in hidden)
    clean = [verdict for verdict in verdicts if verdict.verdict == "clean"]
    assert (len(hidden) > 0, len(clean) > 0) == ((True, False) if said else (False, True))


def test_a_proof_stands_on_training_pictures_too(inputs):
    before, after = by_name(judge(inputs)), by_name(judge(replace(inputs, in_training=True)))
    assert before["waterbird"] == after["waterbird"]
    assert before["waterbird"].verdict == "flagged"
    assert "clean" not in {verdict.verdict for verdict in after.values()}


def test_concepts_that_next_to_no_picture_shows_are_told(inputs):
    assert not [notice for notice in judge(inputs).notices if "are in fewer than 10" in notice]
    presence = inputs.presence.copy()
    presence[:, V["ruler"]] = 0
    presence[9:, V["frame"]] = 0
    told = judge(replace(inputs, presence=presence)).notices
    assert "2 of 14 context concepts are in fewer than 10 pictures, so nothing is said of them: ruler, frame" in told


def test_predictions_of_one_class_are_told(inputs):
    called = np.zeros(len(inputs.image_ids), np.int64)
    every = list(inputs.head_chunks())
    same = [(rows, x, np.tile(np.array([5, 0, 0, 0, 0], np.float32), (len(x), 1))) for rows, x, _ in every]
    result = judge(replace(inputs, predicted_idx=called, head_chunks=lambda: same))
    assert 'all 1,200 pictures are called "waterbird": there is no decision to audit' in result.notices
    assert {verdict.verdict for verdict in result.verdicts} == {"not_analysed"}
