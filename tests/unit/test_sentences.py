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
from auditor.evidence.verdicts import sentences
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
        'The model calls a picture "waterbird" largely because of water (scene): '
        "without it 31 % [25, 38] of 212 are recognised, with it 96 % [95, 97] of 3,410; "
        "erasing it from the features takes away 38 points [33, 43]; it carries 41 % of the words (others 3 %)."
    )


def test_flagged_by_pull_names_merged_and_further_concepts():
    pair, other = replace(PAIR, partners=(1,)), replace(PAIR, concept_idx=2)
    sentence = sentences.flagged(INPUTS, proven(pair, PULL, PULL_GAP), [other]).text
    assert "in good part because of water (scene, indistinguishable here from waves)" in sentence
    assert (
        'pictures of other classes are called "waterbird" 22 points [18, 26] more often with it than without it '
        "(312 with it)"
    ) in sentence
    assert sentence.endswith("It also relies on life jacket (context object).")


def test_what_setting_a_property_shows_is_told_also_where_a_column_leads():
    recall, pull = (Intervention(0.6, 0.5, 0.7, 1e-9, called, 0.2, 100) for called in (0.8, 0.7))
    edits = LevelEdits(PictureEdit("jpeg_quality", 30.0), None)
    other = replace(PAIR, concept_idx=2, edits=edits, edited=Edited(recall, pull, 1e-9, 1e-9))
    told = (
        'Given JPEG quality 30, 70 % of 100 pictures of other classes are called "waterbird" instead of 20 % '
        "(60 points [50, 70]), and 80 % of 100 of its own instead of 20 % (60 points [50, 70]): "
        "each as it is and edited."
    )
    assert sentences.flagged(INPUTS, proven(PAIR, RECALL), [other]).text.endswith(f"(context object). {told}")
    unsure = replace(other, edited=Edited(replace(recall, low=0.0), pull, 0.5, 0.5))
    assert "Given" not in sentences.flagged(INPUTS, proven(PAIR, RECALL), [unsure]).text


def test_suspect_says_what_is_missing():
    few = replace(RECALL, n_present=496, n_absent=4, low=-1.0, high=1.0, status="too_few")
    assert sentences.suspect(INPUTS, undecided(PAIR, few), (0, 107)).text == (
        'water (scene) carries 41 % of the words for "waterbird" (others 3 %), but only 4 of its pictures are without '
        "it and 496 with it: reliance is neither shown nor excluded. Missing: 107 more pictures without it."
    )


def test_suspect_by_data_that_erasure_denies_or_cannot_try():
    pair = replace(PAIR, by_words=False, erased_recall=Erasure(0.02, -0.01, 0.05, 3410, 212))
    sentence = sentences.suspect(INPUTS, undecided(pair, RECALL), (0, 0)).text
    assert sentence.startswith(
        'water (scene) goes with "waterbird" in the data (AUC 0.93 [0.92, 0.94]), and without it'
    )
    assert sentence.endswith("takes away 2 points [−1, 5], so something that goes with it may be what is used.")
    untried = sentences.suspect(INPUTS, undecided(replace(pair, erased_recall=NOT_IDENTIFIED), RECALL), (0, 0)).text
    assert "erasure could not be tried" in untried


def test_clean_says_what_is_claimed():
    claimed = ["A gap that was missed is at most 12 points by words (fog).", "This covers named concepts only."]
    assert sentences.clean(INPUTS, "landbird", 500, 14, [], claimed, 0.93).text == (
        'No context concept was found to decide "landbird" (500 pictures, 14 concepts tested). '
        "A gap that was missed is at most 12 points by words (fog). This covers named concepts only."
    )
    dismissed = sentences.clean(INPUTS, "landbird", 500, 14, [PAIR], claimed, 1.0).text
    assert "Water (scene) stood out, but reliance on it was excluded. A gap that was missed is" in dismissed
    assert "trained on hide gaps" in dismissed


def test_flagged_by_the_margin_says_what_part_of_it_goes():
    small = Erasure(0.1, 0.05, 0.15, 3410, 212, p=0.005)
    pair = replace(PAIR, erased_recall=small, transferred_margin=Erasure(0.39, 0.35, 0.42, 3410, 212))
    assert (
        "erasing from the features what it does in the other classes takes away 39 % [35, 42] of the margin that goes "
        "with it"
    ) in sentences.flagged(INPUTS, proven(pair, RECALL), []).text


def test_suspect_although_erasure_agrees_does_not_blame_something_else():
    sentence = sentences.suspect(INPUTS, undecided(PAIR, RECALL, agreeing=ERASED_RECALL), (0, 12)).text
    assert "something that goes with it" not in sentence
    assert sentence.endswith("reliance is neither shown nor excluded. Missing: 12 more pictures without it.")


SWAPPED = Intervention(0.5, 0.4, 0.6, 1e-9, 0.72, 0.22, 160)


def test_flagged_by_a_gap_and_fillings_together():
    pair = replace(PAIR, swapped=SWAPPED)
    assert sentences.flagged(INPUTS, proven(pair, RECALL, agreeing=FILLED, together=True), []).text == (
        'The model calls a picture "waterbird" largely because of water (scene): '
        "without it 31 % [25, 38] of 212 are recognised, with it 96 % [95, 97] of 3,410, too few pictures to show it "
        "by themselves, but together with two interventions they do: "
        "erasing it from the features takes away 38 points [33, 43]; "
        'with its place covered by other classes\' pictures, 22 % of 160 trials are still called "waterbird" where '
        "those lack it and 72 % where they have it: 50 points [40, 60]; it carries 41 % of the words (others 3 %)."
    )


def test_flagged_by_intervention_only_without_any_counterexample():
    pair = replace(PAIR, recall=replace(RECALL, n_absent=0, status="too_few"), swapped=SWAPPED)
    sentence = sentences.flagged(INPUTS, proven(pair, SWAPPED.as_gap(), FILLED), []).text
    assert "(scene): shown by intervention only, as none of its pictures is without it; with its place" in sentence


def test_flagged_by_intervention_only():
    few = replace(RECALL, n_absent=3, status="too_few")
    pair = replace(PAIR, recall=few, swapped=SWAPPED)
    assert sentences.flagged(INPUTS, proven(pair, SWAPPED.as_gap(), FILLED), []).text == (
        'The model calls a picture "waterbird" largely because of water (scene): '
        "shown by intervention only, as only 3 of its pictures are without it; "
        'with its place covered by other classes\' pictures, 22 % of 160 trials are still called "waterbird" where '
        "those lack it and 72 % where they have it: 50 points [40, 60]; it carries 41 % of the words (others 3 %)."
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
        (no_intervention("unstable", 160), "even where the concept stays."),
        (no_intervention("too_few"), "Too few pictures show it, of this class or of others, to cover its place."),
        (no_intervention("not_applicable"), "It has no place of its own that could be covered."),
        (no_intervention("not_readable"), "The pictures could not be read again to cover its place."),
        (no_intervention("copies_class"), "or by chance: covering its place would show nothing of it."),
        (replace(SWAPPED, status="control_failed"), "with words that must do nothing: it is not counted."),
        (no_intervention("not_tried"), "reliance is neither shown nor excluded."),
    ],
)
def test_suspect_says_what_fillings_have_to_say(swapped, said):
    few = replace(RECALL, n_present=496, n_absent=4, low=-1.0, high=1.0, status="too_few")
    pair = replace(PAIR, recall=few, swapped=swapped)
    told = sentences.suspect(INPUTS, undecided(pair, few), (0, 107))
    assert told.numbers.endswith(said)
    assert told.text.endswith(f"{said} Missing: 107 more pictures without it.")


def test_a_sentence_comes_in_parts_that_stand_alone():
    few = replace(RECALL, n_present=496, n_absent=4, low=-1.0, high=1.0, status="too_few")
    assert sentences.suspect(INPUTS, undecided(PAIR, few), (0, 107)).parts == (
        'Water (scene) carries 41 % of the words for "waterbird" (others 3 %).',
        "But only 4 of its pictures are without it and 496 with it: reliance is neither shown nor excluded.",
        "Missing: 107 more pictures without it.",
    )
    claim, numbers, advice = sentences.flagged(INPUTS, proven(PAIR, RECALL), []).parts
    assert claim == 'The model calls a picture "waterbird" largely because of water (scene).'
    assert numbers.startswith("Without it 31 % [25, 38] of 212 are recognised")
    assert advice == ""
    assert sentences.trained_on("waterbird").parts[2] == "Audit pictures that it has not seen."


LOSS = Gap(0.58, 0.45, 0.68, 1e-9, 38, 100, 48, 50, narrowed=True)
LOST = replace(PAIR, recall=LOSS, erased_recall=Erasure(0.41, 0.3, 0.5, 50, 100, p=0.005, permuted=0.001))


def lost(pair=LOST, **how):
    return JudgedPair(pair, "proven", RECALL_LOSS, pair.recall, 0.45, **how)


def test_harmed_says_with_it_and_instead():
    assert sentences.harmed(INPUTS, lost(agreeing=RESTORED_RECALL), []).text == (
        '"waterbird" is harmed by water (scene): with it 38 % [29, 48] of 100 are recognised instead of '
        "96 % [87, 99] of 50 on comparable pictures without it; erasing it from the features gives back "
        "41 points [30, 50] (permuted 0 points)."
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
    assert 'without it, and 50 % are called "landbird"; erasing' in sentences.harmed(inputs, lost(pair), []).text
    shared = replace(inputs, predicted_idx=np.array([0, 1, 2, 2, 2, 2, 1]), copies=np.array([0, 1, 2, 2, 4, 5, 6]))
    assert "are called" not in sentences.harmed(shared, lost(pair), []).text  # two copies are one picture: one of two


def test_harmed_by_the_margin_names_the_other_source_and_other_concepts():
    margin = Erasure(0.7, 0.6, 0.8, 50, 100, p=0.005, permuted=0.004)
    pair = replace(LOST, erased_recall=Erasure(0.1, 0.0, 0.2, 50, 100, p=0.3), transferred_margin=margin)
    told = sentences.harmed(INPUTS, lost(pair), [replace(LOST, concept_idx=2)], LOST)
    assert told.numbers.endswith(
        "erasing from the features what it does in the other classes gives back 70 % [60, 80] of the margin that is "
        "lost with it (permuted < 1 %); the encoder's water agrees: 58 points [45, 68]. It is also harmed by "
        "life jacket (context object)."
    )


def test_a_loss_that_erasure_does_not_give_back():
    pair = replace(LOST, erased_recall=Erasure(0.02, -0.05, 0.1, 50, 100, p=0.3))
    told = sentences.loses(INPUTS, lost(pair))
    assert told.claim == '"waterbird" is recognised less often with water (scene)'
    assert told.numbers == (
        "With it 38 % [29, 48] of 100 are recognised instead of 96 % [87, 99] of 50 on comparable pictures without it; "
        "erasing it from the features gives back 2 points [−5, 10], so something that goes with it may be the cause: "
        "its pictures may only be harder."
    )
    nothing = replace(pair, transferred_recall=Erasure(-0.02, -0.05, 0.0, 50, 100, p=0.9))
    assert "gives nothing back (−2 points [−5, 0])" in sentences.loses(INPUTS, lost(nothing)).numbers
    untold = replace(pair, transferred_recall=NOT_TOLD)
    assert "so the cause is not known" in sentences.loses(INPUTS, lost(untold)).numbers
    untried = replace(pair, erased_recall=NOT_IDENTIFIED)
    assert "erasure could not be tried" in sentences.loses(INPUTS, lost(untried)).numbers


def test_losses_beside_what_a_state_tells():
    clean = sentences.clean(INPUTS, "landbird", 500, 14, [], ["A gap that was missed is small."], 0.93)
    assert sentences.with_losses(INPUTS, clean, []) == clean
    harder = replace(lost(replace(LOST, erased_recall=NOT_IDENTIFIED)), state="open")
    told = sentences.with_losses(INPUTS, clean, [lost(), harder, harder])
    assert told.numbers.startswith(f"{clean.numbers} It also loses pictures to water (scene): with it 38 % [29, 48]")
    assert told.numbers.count("It is recognised less often with water (scene): with it") == 1  # two are enough
