"""Whether an encoder's words say something of a class, on hand-made presence, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import World
from hypothesis import given
from hypothesis import strategies as st

from auditor.concept_records import Contradiction, EncoderFit
from auditor.evidence.effects.association import association_auc
from auditor.evidence.effects.encoder_fit import CONTRARY, encoder_fit
from auditor.evidence.verdicts.fit_sentences import WHAT_TO_DO, fit_notices, not_told_apart
from auditor.evidence.verdicts.judge import judge
from auditor.inputs.vocabulary import load_vocabulary
from auditor.records import Concept

LABELS = np.repeat([0, 1], 20)


def fit_of(presence, concepts=None, kappa=None, score=None, labels=LABELS):
    presence = np.asarray(presence, np.float32)
    if concepts is None:
        concepts = [Concept(f"w{v}", f"w{v}", "scene") for v in range(presence.shape[1])]
    auc = association_auc(presence, labels, 2, groups=None, known=np.isfinite(presence))
    score = np.eye(2)[np.maximum(labels, 0)] if score is None else score
    return encoder_fit(presence, score.astype(np.float32), labels, concepts, auc, kappa)


def copies(n, of=50):
    """Presence of ``of`` words, of which the first n copy the label; the others are alike in both classes."""
    presence = np.tile(np.tile(np.linspace(0, 1, 20), 2)[:, None], (1, of))
    presence[:, :n] = (LABELS == 1)[:, None]
    return presence


@pytest.mark.parametrize(("n", "of", "fit"), [(10, 50, True), (11, 50, False), (9, 12, True), (10, 12, False)])
def test_words_say_nothing_where_over_a_fifth_and_ten_of_them_tell_the_class(n, of, fit):
    found = fit_of(copies(n, of))
    assert (found.n_words, found.n_copies, found.tells_context) == (of, (n, n), (fit, fit))


def test_columns_families_objects_and_what_is_not_measured_are_no_words():
    concepts = [
        Concept("a", "a", "scene"), Concept("b", "b", "object"), Concept("c", "site = c", "attribute", column="site"),
        Concept("d", "d", "scene", members=("a",)), Concept("e", "e", "light"),
    ]  # fmt: skip
    presence = copies(5, 5)
    presence[:, 4] = np.nan
    found = fit_of(presence, concepts, kappa=np.array([0.8, 0.1, np.nan, 0.2, 0.3], np.float32))
    assert (found.n_words, found.n_copies, found.n_doubted) == (1, (1, 1), 1)
    assert found.kappa == pytest.approx(0.55)  # of a and e


def test_recognised_by_name_counts_labelled_pictures_alone():
    labels = np.where(np.arange(40) < 4, -1, LABELS)
    score = np.eye(2)[LABELS]
    score[10:19] = [0, 1]
    found = fit_of(copies(0), labels=labels, score=score)
    assert (found.n_pictures, found.n_recognised, found.zero_shot) == (36, 27, 0.75)
    assert fit_of(copies(0), labels=np.full(40, -1)).zero_shot == 0


def test_words_that_exclude_each_other_are_counted_where_both_are_said():
    concepts = [Concept("night", "night", "light"), Concept("bright-sunlight", "bright sunlight", "light")]
    presence = np.zeros((40, 2))
    presence[:12, 0] = presence[9:30, 1] = 0.9
    assert fit_of(presence, concepts).contradictions == (Contradiction("bright sunlight", "night", 21, 12, 3),)
    assert fit_of(presence, [concepts[0], Concept("day", "day", "light")]).contradictions == ()


def test_words_that_exclude_each_other_are_of_the_bundled_vocabularies():
    known = {concept.concept_id for concept in load_vocabulary().concepts} | {"bright-light", "dim-light"}
    assert {word for pair in CONTRARY for word in pair} <= known


@given(st.permutations(range(12)))
def test_the_order_of_words_changes_nothing(order):
    presence = copies(4, 12)
    assert fit_of(presence[:, order]) == replace(fit_of(presence), kappa=pytest.approx(np.nan, nan_ok=True))


FIT = EncoderFit(200, 180, 100, (45, 3), (False, True), 0.71, 4, (Contradiction("fog", "clear weather", 9, 80, 7),))


def test_the_reader_is_told_first_what_words_are_worth():
    figures, unfit = fit_notices(FIT, ("cat", "dog"))
    assert figures == (
        "how well the encoder sees these pictures: by the names of the classes alone it puts 90 % of 200 pictures "
        "into the right one; 45 of 100 context words (45 %) by themselves tell 'cat' from the others, as if they "
        "were its name (AUC over 0.80); asked twice whether something is in a picture it agrees with itself "
        "(median kappa 0.71); of 4 words it cannot tell in which pictures they are; it contradicts itself: fog and"
        " clear weather in 7 pictures"
    )
    assert unfit.startswith("this encoder sees the class in every word, so its words say nothing of 'cat' and make")
    fine = replace(FIT, n_copies=(0, 0), tells_context=(True, True), contradictions=(), n_doubted=0)
    assert fit_notices(fine, ("cat", "dog"))[0].split("; ")[1] == "none of 100 context words tells a class by itself"
    assert len(fit_notices(fine, ("cat", "dog"))) == 1
    assert fit_notices(replace(FIT, n_words=0), ("cat", "dog")) == []
    assert all("auditor doctor" not in line for line in fit_notices(FIT, ("cat", "dog"), advice=f"{WHAT_TO_DO}."))
    assert fit_notices(FIT, ("cat", "dog"), advice=f"{WHAT_TO_DO}.")[-1].endswith("or take another encoder.")
    told = not_told_apart(FIT.of_class(0, "cat"), "Covered.")
    assert "45 of 100 context words tell it from the others (AUC over 0.80), so words say nothing" in told.claim


def test_a_class_that_words_cannot_tell_is_not_shown_and_never_clean_by_words():
    """A world whose encoder says of a dozen more words what it says of the class."""
    inputs = World(seed=0).audit(60)
    usual = judge(inputs)
    assert all(usual.fit.tells_context)
    rng = np.random.default_rng(0)
    n, more = len(inputs.image_ids), 14
    seen = np.where((inputs.label_idx == 3)[:, None], 0.9, 0.1) + rng.uniform(-0.1, 0.1, (n, more))
    words = tuple(Concept(f"word-{v}", f"word {v}", "scene") for v in range(more))
    blind = replace(
        inputs,
        concepts=(*inputs.concepts, *words),
        presence=np.hstack([inputs.presence, seen.astype(np.float32)]),
        shares=type(inputs.shares)((n, inputs.shares.shape[1] + more), dtype=np.float32),
        kappa=None,
        kappa_elsewhere=None,
    )
    told = judge(blind)
    assert told.fit.tells_context == (True, True, True, False, True)
    cat = told.verdicts[3]
    assert (cat.verdict, cat.concept, cat.gap_bound) == ("not_shown", None, None)
    assert cat.claim.startswith('Nothing was shown for "cat", but this encoder sees the class in every word')
    assert "auditor doctor --data DATA --encoder ENCODER" in cat.advice

    nobody = {"predicted_idx": np.full(n, -1), "residuals": np.full(n, np.nan, np.float32)}
    alone = judge(replace(blind, head=None, head_chunks=None, **nobody)).verdicts
    assert alone[3].claim.startswith(
        'No model was examined; no column goes with "cat" in the data, and this encoder sees the class in every word'
    )
    assert "in every word" not in alone[4].sentence
