from dataclasses import replace

import numpy as np
import pytest
from test_clean_claim import SEA, SITE, WATER, audited

from auditor.evidence.verdicts import claim_sentences
from auditor.evidence.verdicts.clean_claim import CleanClaim, WeakestPoint

INPUTS = audited((WATER, SEA, SITE), [(k, (1, 1, 1), k, 20) for k in (0, 1)])
CLAIM = CleanClaim(
    tolerance=0.2,
    members=np.array([0, 1, 2]),
    bounds=np.array([0.18, 0.05, 0.12]),
    by_pull=np.zeros(3, np.bool_),
    of_column=np.array([False, False, True]),
    outside=(),
    fit=True,
)
OPEN = replace(CLAIM, bounds=np.array([0.56, 0.05, 0.12]))
POINT = WeakestPoint(0, False, x_with=85, n_with=85, x_without=12, n_without=15, more_with=0, more_without=57)


def test_columns_are_claimed_apart_from_words():
    assert claim_sentences.bounded(INPUTS, CLAIM) == (
        "Bound: a gap that may have been missed is at most 12 points by the manifest's columns (site = b) and at most "
        "18 points by words (water)."
    )
    words = replace(CLAIM, members=np.array([1]), bounds=np.array([0.05]), of_column=np.zeros(1, np.bool_))
    told = "Bound: a gap that may have been missed is at most 5 points by words (sea)."
    assert claim_sentences.bounded(INPUTS, words) == told


def test_what_is_not_covered_is_counted_and_named():
    assert claim_sentences.coverage(INPUTS, CLAIM) == "Coverage: named concepts only."
    assert claim_sentences.coverage(INPUTS, replace(CLAIM, outside=(1,))) == (
        "Coverage: named concepts only, except 1 that too few pictures have or lack, or that the encoder cannot "
        "tell (sea)."
    )
    many = claim_sentences.coverage(INPUTS, replace(CLAIM, outside=(1, 0, 2, 1), fit=False))
    assert many.endswith(
        "except 4 that too few pictures have or lack, or that the encoder cannot tell (sea, water, site = b …). Words "
        "are not relied on, as the encoder cannot tell in which pictures most words are."
    )


def test_the_smallest_effect_says_its_power_and_that_erasure_must_agree():
    assert claim_sentences.detectable(None, of_half=True) == []
    assert claim_sentences.detectable(0.27, of_half=True) == [
        "Smallest gap: 8 of 10 such audits would have shown one of 27 points by half of the concepts, where erasure "
        "agrees."
    ]
    assert "shown one of 27 points, where" in claim_sentences.detectable(0.27, of_half=False)[0]


def told(claim=OPEN, point=POINT):
    return claim_sentences.not_shown(INPUTS, "cat", claim, point, None)


def test_not_shown_says_what_is_open_and_what_is_missing():
    assert told().text == (
        'Nothing was shown for "cat", but in these pictures a gap of up to 56 points by water (scene) is not '
        "excluded. Recall gap: without it 80 % [55, 93] of 15 are recognised, with it 100 % [96, 100] of 85. "
        "Coverage: named concepts only. Missing: 57 "
        "more pictures without it. If there is no gap, 8 of 10 such audits then exclude one of 20 points."
    )
    more = replace(OPEN, bounds=np.array([0.56, 0.3, 0.25]))
    assert "by water (scene) is not excluded, nor one over 20 points by 2 more concepts." in told(more).text
    column = told(replace(OPEN, bounds=np.array([0.1, 0.1, 0.3])), replace(POINT, concept_idx=2)).text
    assert "a gap of up to 30 points by site = b is not excluded." in column


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"more_with": 5},
            "Missing: 5 more pictures with it and 57 more pictures without it. If there is no gap, 8 of 10",
        ),
        (
            {"more_with": None, "more_without": None},
            "The encoder's own errors would hide it in any number of pictures.",
        ),
        (
            {"grouped": True},
            "57 more pictures without it, each of another group. If there is no gap, 8 of 10 such audits then exclude",
        ),
        ({"more_without": 0}, "The gap that was seen lies near the tolerance or over it"),
        ({"x_without": 0, "n_without": 0}, "Recall gap: without it none are recognised, with it 100 % [96, 100]"),
        ({"by_pull": True}, "Pull: it is in 85 pictures of other classes and absent from 15. Coverage:"),
        (
            {"by_pull": True},
            "Missing: 57 more pictures of other classes without it. If there is no gap, 8 of 10",
        ),
    ],
)
def test_not_shown_in_its_other_forms(changes, said):
    assert said in told(point=replace(POINT, **changes)).text


def test_not_shown_without_any_concept():
    nothing = replace(CLAIM, members=CLAIM.members[:0], bounds=CLAIM.bounds[:0], of_column=CLAIM.of_column[:0])
    assert told(nothing, None).text == (
        'Nothing was shown for "cat", but no concept is in enough of its pictures, and absent from enough, to claim '
        "that there is nothing. Coverage: named concepts only. A concept counts from 10 pictures and 10 % of the "
        "class on, with it and without it."
    )


def test_words_that_tell_no_scene_of_most_pictures_are_named_as_the_reason():
    words = replace(OPEN, members=np.array([0]), bounds=np.array([0.05]), of_column=np.zeros(1, np.bool_), placed=0.25)
    assert told(words).text == (
        'Nothing was shown for "cat", but the encoder tells a scene in only 25 % of its pictures, so words cannot say '
        "that there is nothing. Coverage: named concepts only. A column of the manifest that says where they were "
        "taken, or words for it in the vocabulary, would."
    )
    assert (
        "the encoder cannot tell in which pictures most words are, so words cannot say"
        in told(replace(words, fit=False)).text
    )
    beside = replace(CLAIM, placed=0.25, outside=(1,))
    assert claim_sentences.coverage(INPUTS, beside).endswith(
        "(sea). Words are not relied on, as the encoder tells a scene in only 25 % of its pictures."
    )
