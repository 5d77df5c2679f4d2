"""Which pair of a class leads: what the manifest knows comes before what an encoder guesses."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from evidence_world import SCENES, V, World
from scipy import sparse

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts.judge import judge
from auditor.evidence.verdicts.pair_states import judged_pairs, without_twins
from auditor.records import Concept

CONCEPTS = (
    Concept("pole", "pole", "context_object"),
    Concept("snow", "snow", "scene"),
    Concept("scene-snow", "scene = snow", "attribute", column="scene"),
    Concept("camera-a", "camera = A", "attribute", column="camera"),
    Concept("dark", "brightness < 0.2", "attribute", column="property:brightness"),
)
POLE, SNOW, SCENE_SNOW, CAMERA, DARK = range(5)
AGREED = Erasure(0.3, 0.2, 0.4, 50, 50, p=0.005, permuted=0.0)


def measured(effect, low, high):
    return Gap(effect, low, high, 0.01, 0, 50, 0, 50)


TOO_FEW = Gap(0.0, -1.0, 1.0, 1.0, 0, 60, 0, 0, status="too_few")


def suspect(concept_idx, auc, gap):
    """Associated with the class; the erasure does not agree with its gap."""
    return PairEvidence(0, concept_idx, None, (auc, auc - 0.05, auc + 0.05), False, True, recall=gap)


def proven(concept_idx, gap):
    return PairEvidence(
        0, concept_idx, None, (0.8, 0.7, 0.9), False, True,
        recall=gap, erased_recall=AGREED, transferred_recall=AGREED, p=gap.p / 0.45, q=0.01,
    )  # fmt: skip


def order(*pairs, same_as=None, has_predictions=True):
    inputs = SimpleNamespace(concepts=CONCEPTS, same_as=same_as or {}, has_predictions=has_predictions)
    judged = judged_pairs(inputs, pairs)
    return [j.pair.concept_idx for j in judged], [j.state for j in judged]


POLE_BY_CHANCE = suspect(POLE, 0.88, measured(0.02, -0.08, 0.12))


def test_a_suspect_column_with_a_gap_leads_over_a_word_that_goes_with_the_class():
    found = order(POLE_BY_CHANCE, suspect(SCENE_SNOW, 0.7, measured(0.28, 0.1, 0.45)))
    assert found == ([SCENE_SNOW, POLE], ["open", "open"])


def test_so_does_one_without_a_gap_but_after_those_with_one():
    follows, weak = suspect(CAMERA, 0.95, TOO_FEW), suspect(SCENE_SNOW, 0.65, measured(0.06, -0.05, 0.18))
    assert order(POLE_BY_CHANCE, follows)[0] == [CAMERA, POLE]
    assert order(POLE_BY_CHANCE, follows, weak)[0] == [SCENE_SNOW, CAMERA, POLE]
    tolerated = suspect(SCENE_SNOW, 0.65, measured(0.04, -0.05, 0.18))
    assert order(POLE_BY_CHANCE, follows, tolerated)[0] == [CAMERA, SCENE_SNOW, POLE]


def test_a_proven_column_leads_over_a_word_with_a_larger_gap():
    word, column = proven(POLE, measured(0.5, 0.4, 0.6)), proven(SCENE_SNOW, measured(0.28, 0.2, 0.4))
    assert order(word, column) == ([SCENE_SNOW, POLE], ["proven", "proven"])
    larger = proven(CAMERA, measured(0.3, 0.25, 0.4))
    assert order(word, column, larger)[0] == [CAMERA, SCENE_SNOW, POLE]


def test_a_column_leads_over_a_measured_property_and_that_over_a_word():
    word, column = proven(POLE, measured(0.5, 0.4, 0.6)), proven(CAMERA, measured(0.28, 0.2, 0.4))
    dark = proven(DARK, measured(0.4, 0.3, 0.5))
    assert order(word, dark, column)[0] == [CAMERA, DARK, POLE]


def test_a_word_that_tells_the_column_of_its_name_stands_where_the_column_would():
    word, column = suspect(SNOW, 0.6, measured(0.1, -0.1, 0.3)), suspect(SCENE_SNOW, 0.7, measured(0.28, 0.1, 0.45))
    inputs = SimpleNamespace(concepts=CONCEPTS, same_as={SCENE_SNOW: SNOW}, has_predictions=True)
    judged = judged_pairs(inputs, [POLE_BY_CHANCE, word, column])
    assert [j.pair.concept_idx for j in judged] == [SNOW, SCENE_SNOW, POLE]
    assert [j.pair.concept_idx for j in without_twins(inputs, judged)] == [SNOW, POLE]


@pytest.mark.parametrize(
    "column",
    [
        proven(SCENE_SNOW, measured(0.28, 0.2, 0.45)),  # leads its own list
        replace(suspect(SCENE_SNOW, 0.5, measured(0.01, -0.2, 0.2)), by_data=False),  # nothing lets it through
    ],
)
def test_a_column_in_another_state_or_without_a_screen_moves_no_word(column):
    found, _ = order(POLE_BY_CHANCE, suspect(SNOW, 0.6, measured(0.1, -0.1, 0.3)), column, same_as={SCENE_SNOW: SNOW})
    assert found == [SCENE_SNOW, POLE, SNOW]


def test_words_alone_and_data_alone_are_in_the_order_of_their_strength():
    word, column = suspect(SNOW, 0.6, measured(0.3, 0.2, 0.4)), suspect(SCENE_SNOW, 0.7, measured(0.28, 0.1, 0.45))
    assert order(word, POLE_BY_CHANCE)[0] == [POLE, SNOW]
    assert order(word, column, POLE_BY_CHANCE, has_predictions=False)[0] == [POLE, SCENE_SNOW, SNOW]


def test_the_column_leads_the_verdict_although_a_junk_word_tells_the_class():
    """Cats on water are of a sub-kind that is easier to tell: the column has a gap that no erasure explains."""
    world = World(seed=20, class_strength=0.6, kind_by_scene=0.9)
    inputs, pictures = world.audit(300), world.draw(300, 1)
    cats = pictures.label == inputs.class_names.index("cat")
    presence = inputs.presence.copy()
    presence[:, : len(SCENES)] = np.nan  # an encoder that knows no scene,
    # and sees rulers in half of all pictures and nearly all cats: AUC .88, too few cats without one to exclude it
    score = np.random.default_rng(0).normal(size=cats.size) + 1.66 * cats
    presence[:, V["ruler"]] = 1 / (1 + np.exp(-score))
    known = (pictures.scene[:, None] == np.arange(len(SCENES))).astype(np.float32)
    places = tuple(Concept(f"place-{name}", f"place = {name}", "attribute", column="place") for name in SCENES)
    result = judge(
        replace(
            inputs,
            concepts=(*inputs.concepts, *places),
            presence=np.column_stack([presence, known]).astype(np.float32),
            shares=sparse.csr_array((cats.size, len(inputs.concepts) + len(places)), dtype=np.float32),
        )
    )
    found = {(one.concept, one.rule_id): one for one in result.findings if one.class_name == "cat"}
    assert found["ruler", "E2"].effect == pytest.approx(0.88, abs=0.02)
    assert found["place = water", "E2"].effect < 0.8
    assert found["place = water", "E4-recall"].effect > 0.28
    verdict = next(one for one in result.verdicts if one.class_name == "cat")
    assert (verdict.verdict, verdict.concept) == ("suspect", "place = water")
    # the word tells the class, and nothing says that the model uses it
    assert list(dict.fromkeys(one.concept for one in result.counterexamples if one.class_name == "cat")) == [
        "place = water"
    ]
