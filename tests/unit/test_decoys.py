"""Decoy words: which meaning each word gets, and what counts as being misled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import CLASSES, V, World

from auditor.evidence.calibration.decoys import N_SHUFFLES, decoy_trials, exchanged
from auditor.evidence.calibration.planted_heads import Bench
from auditor.evidence.evidence_input import EvidenceResult
from auditor.records import ClassConcept, Concept, Verdict


@pytest.fixture(scope="module")
def bench():
    inputs = World(seed=5).audit(100)
    return Bench.of(inputs, np.concatenate([x for _, x, _ in inputs.head_chunks()]))


def test_words_of_context_get_the_meaning_of_one_about_as_frequent(bench):
    context = [v for v, concept in enumerate(bench.inputs.concepts) if concept.is_context]
    core = sorted(set(range(len(bench.inputs.concepts))) - set(context))
    frequency = bench.features.present.mean(axis=0)
    rank = np.argsort(np.argsort(-frequency[context], kind="stable"), kind="stable")
    for number in range(3):
        decoys = exchanged(bench, np.random.default_rng(number))
        assert sorted(decoys) == list(range(len(decoys)))
        assert (decoys[core] == core).all()
        assert (decoys[context] != context).all()
        given = rank[[context.index(v) for v in decoys[context]]]
        assert np.abs(rank - given).max() < 10  # two fives of neighbours, at most


def test_attributes_have_no_words_to_exchange(bench):
    concepts = (*bench.inputs.concepts[:-1], Concept("scene=sea", "scene = sea", "attribute", (), "scene"))
    changed = replace(bench, inputs=replace(bench.inputs, concepts=concepts))
    decoys = exchanged(changed, np.random.default_rng(0))
    assert decoys[-1] == len(concepts) - 1


def result(class_idx, concept_id, verdict, share):
    """A verdict on one class, clean ones on the others, and one word that carries a share."""
    words = [
        ClassConcept(class_idx, CLASSES[class_idx], concept_id, concept_id, "scene", share, share, share, 0.0, 9.0, 50)
    ]
    verdicts = tuple(
        Verdict(c, name, verdict if c == class_idx else "clean", "none",
                concept_id if c == class_idx else None, None, None, "", 50)
        for c, name in enumerate(CLASSES)
    )  # fmt: skip
    return EvidenceResult(words, [], [], verdicts)


@pytest.mark.parametrize(
    ("verdict", "share", "words", "flags"),
    [("flagged", 0.5, 5, (5, 0)), ("suspect", 0.5, 5, (0, 5)), ("flagged", 0.1, 0, (5, 0)), ("clean", 0.1, 0, (0, 0))],
)
def test_a_class_is_misled_by_a_word_without_its_meaning(bench, verdict, share, words, flags):
    n = N_SHUFFLES * len(CLASSES)
    found = decoy_trials(bench, lambda decoys: result(1, "bright", verdict, share))
    assert found == ((n, words, 0), (n, *flags))


def test_a_word_whose_concept_the_class_relies_on_is_no_decoy(bench):
    own = bench.own.copy()
    (column,) = [t for t, members in enumerate(bench.truth.alike) if V["bright"] in members]
    own[1, column] = 0.3
    found = decoy_trials(replace(bench, own=own), lambda decoys: result(1, "bright", "flagged", 0.5))
    n = N_SHUFFLES * len(CLASSES)
    assert found == ((n, 0, 0), (n, 0, 0))


def test_a_word_that_kept_its_meaning_is_no_decoy(bench):
    found = decoy_trials(bench, lambda decoys: result(1, CLASSES[0], "flagged", 0.5))
    assert found[0][1] == found[1][1] == 0
