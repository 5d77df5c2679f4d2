"""The verdicts without a part of the evidence: with nothing taken out they are the product's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import CLASSES, World

from auditor.evidence.verdicts.judge import judge, measurable
from benchmarks.planted.ablations import ABLATIONS, _copy, flagged_leads, measure_again, sure_losses


@pytest.fixture(scope="module")
def given():
    return World(planted={"waterbird": ("scene", "water", 0.95)}, seed=0, class_strength=0.6).audit(400)


@pytest.fixture(scope="module")
def measured(given):
    return measure_again(measurable(given), None)


@pytest.fixture(scope="module")
def losses(given, measured):
    return sure_losses(measurable(given), measured)


def test_with_everything_the_flags_are_the_verdicts(given, measured, losses) -> None:
    flagged = [one.concept_id if one.verdict == "flagged" else None for one in judge(given).verdicts]
    assert flagged_leads(given, _copy(measured), losses) == flagged
    assert flagged[CLASSES.index("waterbird")] == "water"


def test_what_was_measured_is_not_changed(given, measured, losses) -> None:
    before = [(pair.words, pair.by_data, pair.erased_recall, pair.swapped) for pair in measured.pairs]
    for part in ABLATIONS.values():
        flagged_leads(given, part(_copy(measured)), losses)
    assert [(pair.words, pair.by_data, pair.erased_recall, pair.swapped) for pair in measured.pairs] == before
    assert measured.by_data.any()


def test_without_erasure_a_gap_alone_is_enough(given, measured, losses) -> None:
    everything = flagged_leads(given, _copy(measured), losses)
    without = flagged_leads(given, ABLATIONS["without E3, erasure"](_copy(measured)), losses)
    assert all(one is not None for one, lead in zip(without, everything, strict=True) if lead is not None)
    # what no eraser supports is flagged once nobody asks it
    denied = _copy(measured)
    for pair in denied.pairs:
        pair.erased_recall = pair.erased_pull = pair.erased_margin = type(pair.erased_recall)(0, -0.1, 0.1, 9, 9, p=1.0)
    assert flagged_leads(given, _copy(denied), losses) == [None] * len(CLASSES)
    assert flagged_leads(given, ABLATIONS["without E3, erasure"](denied), losses) == without


def test_without_words_and_association_only_gaps_let_a_pair_through(given, measured) -> None:
    bare = ABLATIONS["without E2, association"](ABLATIONS["without E1, words"](_copy(measured)))
    assert not any(pair.suspicious for pair in bare.pairs)
    assert not bare.by_words.any()
    assert not bare.by_data.any()


def test_presence_that_is_told_differently_twice_is_not_known(given) -> None:
    kappa = np.ones(len(given.concepts), np.float32)
    kappa[0] = 0.2
    doubted = measurable(replace(given, kappa=kappa)).presence
    assert np.isnan(doubted[:, 0]).all()
    np.testing.assert_array_equal(doubted[:, 1:], given.presence[:, 1:])
