"""What goes with a class and makes no suspect is told, and what it is not."""

from __future__ import annotations

from dataclasses import replace

from evidence_world import World

from auditor.edit_records import LevelEdits, PictureEdit
from auditor.evidence.effects.edits import Edited
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.effects.swaps import Intervention, no_intervention
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts.unsupported_sentences import unsupported

INPUTS = World(seed=0).audit(20)
PLAIN = PairEvidence(0, 0, None, (0.9, 0.8, 0.95), False, True)


def gap(low, effect=0.2):
    return Gap(effect, low, 0.4, 0.01, 30, 40, 20, 40)


def test_the_line_names_three_and_counts_the_rest():
    pairs = [replace(PLAIN, concept_idx=v, auc=(0.9 - v / 100, 0.8, 0.95)) for v in range(5)]
    assert unsupported(INPUTS, pairs) == (
        "",
        "Association: water (scene, AUC 0.90), forest (scene, AUC 0.89), sand (scene, AUC 0.88) and 2 more go with it "
        "in these data; nothing says that the model uses them.",
    )
    assert unsupported(INPUTS, pairs[:1])[1] == (
        "Association: water (scene, AUC 0.90) goes with it in these data; nothing says that the model uses it."
    )
    assert unsupported(INPUTS, []) == ("", "")


def test_the_surest_gap_is_told_with_its_rates_and_what_erasing_takes():
    recall = replace(PLAIN, recall=gap(0.12), pull=gap(0.01))
    told, others = unsupported(INPUTS, [replace(PLAIN, concept_idx=1), recall])
    assert told == (
        "Recall gap: without water (scene) 50 % [35, 65] of 40 are recognised, with it 75 % [60, 86] of 40; erasing it "
        "could not be tried, so nothing says that the model uses it."
    )
    assert others.startswith("Association: forest")
    erased = replace(recall, erased_recall=Erasure(0.02, -0.09, 0.13, 40, 40))
    assert unsupported(INPUTS, [erased])[0].endswith(
        "erasing it takes away 2 points [−9, 13] of that, so something that goes with it may be the cause."
    )
    alone = replace(INPUTS, head=None, head_chunks=None)
    assert unsupported(alone, [recall])[0].endswith("with it 75 % [60, 86] of 40; there is no model to intervene on.")


def test_of_a_pull_the_points_of_a_share_the_part_and_of_others_the_number():
    pull = replace(PLAIN, concept_idx=1, pull=gap(0.2))
    assert unsupported(INPUTS, [replace(PLAIN, recall=gap(0.12)), pull]) == (
        'Pull: pictures of other classes are called "waterbird" 20 points [20, 40] more often with forest (scene) than '
        "without it (40 have it); erasing it could not be tried, so nothing says that the model uses it. 1 more "
        "concept has such a gap.",
        "",
    )
    share = replace(PLAIN, pulled_share=gap(0.1), erased_share=Erasure(0.01, 0.0, 0.02, 40, 40))
    assert unsupported(INPUTS, [share])[0] == (
        'Pulled share: 20 % [10, 40] of what is called "waterbird" are pictures of other classes with water (scene); '
        "erasing it takes away 1 % [0, 2] of that, so something that goes with it may be the cause."
    )


def test_an_edit_that_pulls_and_makes_no_suspect_is_told():
    """A fragile network of two classes: what falls out of one falls into the other."""
    pulled = Edited(no_intervention("measured"), Intervention(0.35, 0.24, 0.44, 1e-6, 0.42, 0.07, 98), 1.0, 1e-6)
    level = replace(PLAIN, edits=LevelEdits(PictureEdit("jpeg_quality", 30.0), None), edited=pulled, is_property=True)
    _, edit, others = unsupported(INPUTS, [level])
    assert edit.startswith(
        'Editing: given JPEG quality 30, 42 % of 98 pictures of other classes are called "waterbird"'
    )
    assert others == ""
