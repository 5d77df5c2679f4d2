from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from auditor.edit_records import LevelEdits, PictureEdit
from auditor.evidence.effects.edits import Edited
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.reliance import NOT_IDENTIFIED, NOT_TOLD, Erasure
from auditor.evidence.effects.swaps import Intervention, no_intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts import sentences, state_sentences
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.records import ClassConcept, Concept, LinearHead
from auditor.rules import ERASED_RECALL, FILLED, PULL_GAP, RECALL_GAP, RECALL_LOSS, RESTORED_RECALL

CONCEPTS = (
    Concept("water", "water", "scene"),
    Concept("waves", "waves", "texture"),
    Concept("life-jacket", "life jacket", "context_object"),
)
INPUTS = EvidenceInput(
    image_ids=(),
    label_idx=np.zeros(0, np.int64),
    predicted_idx=np.zeros(0, np.int64),
    class_names=("waterbird", "landbird"),
    concepts=CONCEPTS,
    shares=sparse.csr_array((0, 3), dtype=np.float32),
    residuals=np.zeros(0, np.float32),
    presence=np.zeros((0, 3), np.float32),
    embeddings=np.zeros((0, 4), np.float32),
    class_prompt_score=np.zeros((0, 2), np.float32),
    groups=None,
    head=LinearHead(np.zeros((2, 1), np.float32), np.zeros(2, np.float32)),
    head_chunks=tuple,
    seed=0,
)
RECALL = Gap(0.65, 0.59, 0.71, 1e-9, 3274, 3410, 66, 212)
PULL = Gap(0.22, 0.18, 0.26, 1e-9, 80, 312, 20, 2000)
PAIR = PairEvidence(
    class_idx=0,
    concept_idx=0,
    words=ClassConcept(0, "waterbird", "water", "water", "scene", 0.412, 0.4, 0.43, 0.03, 13.7, 3500),
    auc=(0.93, 0.92, 0.94),
    by_words=True,
    by_data=True,
    recall=RECALL,
    pull=PULL,
    erased_recall=Erasure(0.382, 0.33, 0.43, 3410, 212, p=0.005),
    erased_pull=Erasure(0.2, 0.15, 0.25, 312, 2000),
)


def proven(pair, gap, rule=RECALL_GAP, **how):
    return JudgedPair(pair, "proven", rule, gap, 1.0, **how)


def undecided(pair, gap, **how):
    return JudgedPair(pair, "open", RECALL_GAP, gap, 1.0, **how)


def test_flagged_by_recall():
    assert sentences.flagged(INPUTS, proven(PAIR, RECALL), []).text == (
        'Without water (scene) the model recognises 31 % of "waterbird" pictures instead of 96 %: '
        "it relies largely on water. "
        "Recall gap: without it 31 % [25, 38] of 212 are recognised, with it 96 % [95, 97] of 3,410. "
        "Erasure: with it taken out of the features, the gap shrinks by 38 points [33, 43]. "
        'Share: 41 % of the evidence for "waterbird" reads as water, in other classes 3 %.'
    )


def test_flagged_by_pull_names_merged_and_further_concepts():
    pair, other = replace(PAIR, partners=(1,)), replace(PAIR, concept_idx=2)
    sentence = sentences.flagged(INPUTS, proven(pair, PULL, PULL_GAP), [other]).text
    assert sentence.startswith(
        "With water (scene, indistinguishable here from waves) the model calls 22 more of 100 pictures of other "
        'classes "waterbird" than without it: it relies in good part on water. '
    )
    assert (
        'Pull: pictures of other classes are called "waterbird" 22 points [18, 26] more often with it than without it '
        "(312 have it)."
    ) in sentence
    assert "Erasure: with it taken out of the features, the pull shrinks by 20 points [15, 25]." in sentence
    assert sentence.endswith("It also relies on life jacket (context object).")


def test_what_setting_a_property_shows_is_told_also_where_a_column_leads():
    recall, pull = (Intervention(0.6, 0.5, 0.7, 1e-9, called, 0.2, 100) for called in (0.8, 0.7))
    edits = LevelEdits(PictureEdit("jpeg_quality", 30.0), None)
    other = replace(PAIR, concept_idx=2, edits=edits, edited=Edited(recall, pull, 1e-9, 1e-9))
    told = (
        'Editing: given JPEG quality 30, 70 % of 100 pictures of other classes are called "waterbird" instead of 20 % '
        "(60 points [50, 70]), and 80 % of 100 of its own instead of 20 % (60 points [50, 70]); "
        "each picture is compared with itself."
    )
    assert sentences.flagged(INPUTS, proven(PAIR, RECALL), [other]).text.endswith(f"(context object). {told}")
    unsure = replace(other, edited=Edited(replace(recall, low=0.0), pull, 0.5, 0.5))
    assert "Editing" not in sentences.flagged(INPUTS, proven(PAIR, RECALL), [unsure]).text


def test_suspect_says_what_is_missing():
    few = replace(RECALL, n_present=496, n_absent=4, low=-1.0, high=1.0, status="too_few")
    assert sentences.suspect(INPUTS, undecided(PAIR, few), (0, 107)).text == (
        'It is open whether the model relies on water (scene) to call a picture "waterbird": too few pictures lack it, '
        'or have it. Share: 41 % of the evidence for "waterbird" reads as water, in other classes 3 %. '
        "Recall gap: only 4 of its pictures are without it and 496 with it. Missing: 107 more pictures without it."
    )


def test_suspect_by_data_that_erasure_denies_or_cannot_try():
    pair = replace(PAIR, by_words=False, erased_recall=Erasure(0.02, -0.01, 0.05, 3410, 212))
    sentence = sentences.suspect(INPUTS, undecided(pair, RECALL), (0, 0)).text
    assert sentence.startswith(
        'It is open whether the model relies on water (scene) to call a picture "waterbird": something that goes with '
        'it may be what is used. Association: in the data it goes with "waterbird" (AUC 0.93 [0.92, 0.94]). Recall gap'
    )
    assert sentence.endswith("Erasure: with it taken out of the features, the gap shrinks by 2 points [−1, 5].")
    untried = sentences.suspect(INPUTS, undecided(replace(pair, erased_recall=NOT_IDENTIFIED), RECALL), (0, 0)).text
    assert "erasing the concept could not be tried" in untried
    assert untried.endswith("Erasure: not tried, as these pictures do not allow it.")


def test_clean_says_what_is_claimed():
    claimed = ["Bound: a gap that was missed is at most 12 points by words (fog).", "Coverage: named concepts only."]
    assert sentences.clean(INPUTS, "landbird", 500, 14, [], claimed, 0.93).text == (
        'The model was not found to rely on anything beside "landbird" itself (500 pictures, 14 concepts tested). '
        "Bound: a gap that was missed is at most 12 points by words (fog). Coverage: named concepts only."
    )
    dismissed = sentences.clean(INPUTS, "landbird", 500, 14, [PAIR], claimed, 1.0).text
    assert "Excluded: water (scene) stood out, but reliance on it was excluded. Bound: a gap that was" in dismissed
    assert "trained on would hide gaps" in dismissed


def test_flagged_by_the_margin_says_what_part_of_it_goes():
    small = Erasure(0.1, 0.05, 0.15, 3410, 212, p=0.005)
    pair = replace(PAIR, erased_recall=small, transferred_margin=Erasure(0.39, 0.35, 0.42, 3410, 212))
    assert (
        "Erasure: with what other classes show of it taken out of the features, 39 % [35, 42] of what it adds to the "
        "margin is gone."
    ) in sentences.flagged(INPUTS, proven(pair, RECALL), []).text


def test_suspect_although_erasure_agrees_does_not_blame_something_else():
    sentence = sentences.suspect(INPUTS, undecided(PAIR, RECALL, agreeing=ERASED_RECALL), (0, 12)).text
    assert "something that goes with it" not in sentence
    assert "it takes more pictures to tell." in sentence
    assert sentence.endswith("with it 96 % [95, 97] of 3,410. Missing: 12 more pictures without it.")


SWAPPED = Intervention(0.5, 0.4, 0.6, 1e-9, 0.72, 0.22, 160)


def test_flagged_by_a_gap_and_fillings_together():
    pair = replace(PAIR, swapped=SWAPPED)
    assert sentences.flagged(INPUTS, proven(pair, RECALL, agreeing=FILLED, together=True), []).text == (
        'Without water (scene) the model recognises 31 % of "waterbird" pictures instead of 96 %: '
        "it relies largely on water. "
        "Recall gap: without it 31 % [25, 38] of 212 are recognised, with it 96 % [95, 97] of 3,410. These are too few "
        "pictures to show it by themselves; together with two interventions they do. "
        "Erasure: with it taken out of the features, the gap shrinks by 38 points [33, 43]. "
        "Covering: with its place covered by other classes' pictures, 22 % of 160 trials are still called "
        '"waterbird" where those lack it and 72 % where they have it: 50 points [40, 60]. '
        'Share: 41 % of the evidence for "waterbird" reads as water, in other classes 3 %.'
    )


def test_flagged_by_intervention_only_without_any_counterexample():
    pair = replace(PAIR, recall=replace(RECALL, n_absent=0, status="too_few"), swapped=SWAPPED)
    sentence = sentences.flagged(INPUTS, proven(pair, SWAPPED.as_gap(), FILLED), []).text
    assert "Recall gap: not measured, as none of its pictures is without it. Covering: with its place" in sentence


def test_flagged_by_intervention_only():
    few = replace(RECALL, n_absent=3, status="too_few")
    pair = replace(PAIR, recall=few, swapped=SWAPPED)
    assert sentences.flagged(INPUTS, proven(pair, SWAPPED.as_gap(), FILLED), []).text == (
        'With the place of water (scene) covered, the model still calls 22 % "waterbird", instead of 72 % where it is '
        "covered by the same again: it relies largely on water. "
        "Recall gap: not measured, as only 3 of its pictures are without it. "
        "Covering: with its place covered by other classes' pictures, 22 % of 160 trials are still called "
        '"waterbird" where those lack it and 72 % where they have it: 50 points [40, 60]. '
        'Share: 41 % of the evidence for "waterbird" reads as water, in other classes 3 %.'
    )


def test_pictures_that_no_control_is_like_are_counted():
    few = replace(RECALL, n_absent=3, status="too_few")
    pair = replace(PAIR, recall=few, swapped=replace(SWAPPED, n_unlike=7))
    told = sentences.flagged(INPUTS, proven(pair, SWAPPED.as_gap(), FILLED), []).text
    assert "covered by other classes' pictures (7 left out, as none without it is alike), 22 % of 160 trials" in told


@pytest.mark.parametrize(
    ("swapped", "said"),
    [
        (SWAPPED, "72 % where they have it: 50 points [40, 60]."),
        (no_intervention("unstable", 160), "even where the concept stays, so it shows nothing."),
        (no_intervention("too_few"), "not tried, as too few pictures show it, of this class or of others."),
        (no_intervention("not_applicable"), "not tried, as it has no place of its own."),
        (no_intervention("not_readable"), "not tried, as the pictures could not be read again."),
        (no_intervention("copies_class"), 'it is told where pictures look like "waterbird", or by chance.'),
        (replace(SWAPPED, status="control_failed"), "as it moves pictures also with words that must do nothing."),
        (no_intervention("not_tried"), "only 4 of its pictures are without it and 496 with it."),
    ],
)
def test_suspect_says_what_fillings_have_to_say(swapped, said):
    few = replace(RECALL, n_present=496, n_absent=4, low=-1.0, high=1.0, status="too_few")
    pair = replace(PAIR, recall=few, swapped=swapped)
    told = sentences.suspect(INPUTS, undecided(pair, few), (0, 107))
    assert told.evidence[-1].endswith(said)
    assert told.text.endswith(f"{said} Missing: 107 more pictures without it.")


def test_a_sentence_comes_in_parts_that_stand_alone():
    few = replace(RECALL, n_present=496, n_absent=4, low=-1.0, high=1.0, status="too_few")
    assert sentences.suspect(INPUTS, undecided(PAIR, few), (0, 107)).parts == (
        'It is open whether the model relies on water (scene) to call a picture "waterbird": too few pictures lack it, '
        "or have it.",
        'Share: 41 % of the evidence for "waterbird" reads as water, in other classes 3 %.\n'
        "Recall gap: only 4 of its pictures are without it and 496 with it.",
        "Missing: 107 more pictures without it.",
    )
    claim, numbers, advice = sentences.flagged(INPUTS, proven(PAIR, RECALL), []).parts
    assert claim.startswith("Without water (scene) the model recognises 31 %")
    assert [line.partition(":")[0] for line in numbers.splitlines()] == ["Recall gap", "Erasure", "Share"]
    assert advice == ""
    assert state_sentences.trained_on("waterbird").parts[2] == "Audit pictures that it has not seen."


LOSS = Gap(0.58, 0.45, 0.68, 1e-9, 38, 100, 48, 50, narrowed=True)
LOST = replace(PAIR, recall=LOSS, erased_recall=Erasure(0.41, 0.3, 0.5, 50, 100, p=0.005, permuted=0.001))


def lost(pair=LOST, **how):
    return JudgedPair(pair, "proven", RECALL_LOSS, pair.recall, 0.45, **how)


def test_harmed_says_with_it_and_instead():
    assert sentences.harmed(INPUTS, lost(agreeing=RESTORED_RECALL), []).text == (
        'With water (scene) the model recognises 38 % of "waterbird" pictures instead of 96 %. '
        "Loss: with it 38 % [29, 48] of 100 are recognised, without it 96 % [87, 99] of 50 comparable pictures. "
        "Erasure: with it taken out of the features, 41 points [30, 50] of the loss come back (by chance 0 points)."
    )


def test_harmed_names_the_class_that_takes_most_of_what_is_missed():
    """Of four wet waterbirds one is recognised, two are called landbirds; of two dry ones none is."""
    labels = np.array([0, 0, 0, 0, 0, 0, 1])
    called = np.array([0, 1, 1, 2, 2, 2, 1])
    wet = np.array([1, 1, 1, 1, 0, 0, 1], np.float32)
    inputs = replace(
        INPUTS,
        image_ids=tuple("abcdefg"),
        label_idx=labels,
        predicted_idx=called,
        class_names=("waterbird", "landbird", "cat"),
        shares=sparse.csr_array((7, 3), dtype=np.float32),
        residuals=np.zeros(7, np.float32),
        presence=np.stack([wet, 0 * wet, 0 * wet], axis=1),
        embeddings=np.zeros((7, 4), np.float32),
        class_prompt_score=np.zeros((7, 3), np.float32),
    )
    pair = replace(LOST, recall=replace(LOSS, x_present=1, n_present=4, narrowed=False))
    assert 'instead of 96 %, and calls 50 % "landbird"' in sentences.harmed(inputs, lost(pair), []).text
    shared = replace(inputs, predicted_idx=np.array([0, 1, 2, 2, 2, 2, 1]), copies=np.array([0, 1, 2, 2, 4, 5, 6]))
    assert "and calls" not in sentences.harmed(shared, lost(pair), []).text  # two copies are one picture: one of two


def test_harmed_by_the_margin_names_the_other_source_and_other_concepts():
    margin = Erasure(0.7, 0.6, 0.8, 50, 100, p=0.005, permuted=0.004)
    pair = replace(LOST, erased_recall=Erasure(0.1, 0.0, 0.2, 50, 100, p=0.3), transferred_margin=margin)
    told = sentences.harmed(INPUTS, lost(pair), [replace(LOST, concept_idx=2)], LOST)
    assert told.evidence[1:] == (
        "Erasure: with what other classes show of it taken out of the features, 70 % [60, 80] of what it costs the "
        "margin comes back (by chance < 1 %).",
        "Second source: the encoder's water agrees, 58 points [45, 68].",
        "It is also harmed by life jacket (context object).",
    )


def test_a_loss_that_erasure_does_not_give_back():
    pair = replace(LOST, erased_recall=Erasure(0.02, -0.05, 0.1, 50, 100, p=0.3))
    told = sentences.loses(INPUTS, lost(pair))
    assert told.claim == (
        'With water (scene) the model recognises 38 % of "waterbird" pictures instead of 96 %; whether that is the '
        "cause is open"
    )
    assert told.evidence == (
        "Loss: with it 38 % [29, 48] of 100 are recognised, without it 96 % [87, 99] of 50 comparable pictures.",
        "Erasure: with it taken out of the features, 2 points [−5, 10] of the loss come back: something that goes with "
        "it may be the cause, or its pictures may only be harder.",
    )
    nothing = replace(pair, transferred_recall=Erasure(-0.02, -0.05, 0.0, 50, 100, p=0.9))
    assert "nothing of the loss comes back (−2 points [−5, 0])" in sentences.loses(INPUTS, lost(nothing)).text
    untold = replace(pair, transferred_recall=NOT_TOLD)
    assert "so the cause is not known" in sentences.loses(INPUTS, lost(untold)).text
    untried = replace(pair, erased_recall=NOT_IDENTIFIED)
    assert "Erasure: it could not be tried" in sentences.loses(INPUTS, lost(untried)).text


def test_losses_beside_what_a_state_tells():
    clean = sentences.clean(INPUTS, "landbird", 500, 14, [], ["A gap that was missed is small."], 0.93)
    assert sentences.with_losses(INPUTS, clean, []) == clean
    harder = replace(lost(replace(LOST, erased_recall=NOT_IDENTIFIED)), state="open")
    told = sentences.with_losses(INPUTS, clean, [lost(), harder, harder])
    assert told.evidence[: len(clean.evidence)] == clean.evidence
    assert [line.partition(":")[0] for line in told.evidence[1:]] == ["Loss", "Erasure"] * 2  # two are enough
    assert told.evidence[1] == (
        'Loss: with water (scene) the model recognises 38 % of "waterbird" pictures instead of 96 %.'
    )
