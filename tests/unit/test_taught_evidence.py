"""A concept by example in the evidence: judged like a column, with a kappa, and told as what it is."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import CONCEPTS, SCENES, World
from scipy import sparse

from auditor.evidence.pairs.measure import measure
from auditor.evidence.verdicts.claim_sentences import bounded
from auditor.evidence.verdicts.clean_claim import clean_claims
from auditor.evidence.verdicts.counterexamples import presence_reliability
from auditor.evidence.verdicts.judge import judge
from auditor.records import Concept

V = len(CONCEPTS)  # its position
TAUGHT = Concept("water-1", "water by example", "scene", column="water", by_example=True)


def quiet(_stage, _done, _total):
    pass


def with_example(planted, kappa, concept=TAUGHT):
    """A world with one concept more, told rightly in nineteen pictures of twenty, and without the encoder's word."""
    world = World(planted=planted, seed=0, class_strength=0.6)
    inputs, pictures = world.audit(300), world.draw(300, 1)
    there = pictures.scene == list(SCENES).index("water")
    wrong = np.random.default_rng(0).random(there.size) < 0.05
    presence = np.where(there ^ wrong, 0.9, 0.1).astype(np.float32)
    water = next(v for v, one in enumerate(inputs.concepts) if one.term == "water")
    told = np.full(V + 1, np.nan, np.float32)
    told[water], told[V] = 0.3, kappa  # the encoder cannot tell its own word twice
    return replace(
        inputs,
        concepts=(*inputs.concepts, concept),
        presence=np.column_stack([inputs.presence, presence]).astype(np.float32),
        shares=sparse.hstack([inputs.shares, sparse.csr_array((there.size, 1))], format="csr"),
        same_as={V: water},
        kappa=told,
    )


@pytest.fixture(scope="module")
def planted():
    return with_example({"waterbird": ("scene", "water", 0.95)}, 0.85)


def test_it_is_flagged_where_its_word_cannot_be_told(planted):
    verdict = next(one for one in judge(planted).verdicts if one.class_name == "waterbird")
    assert (verdict.verdict, verdict.concept) == ("flagged", "water by example")
    assert verdict.sentence.startswith("With water by example (scene)")
    assert "manifest" not in verdict.sentence
    assert "reads as" not in verdict.sentence


def test_its_kappa_is_its_reliability(planted):
    measured = measure(planted, quiet)
    assert presence_reliability(planted, measured, V) == pytest.approx(0.85)


def test_under_the_least_kappa_it_is_in_no_arm(planted):
    doubtful = replace(planted, kappa=np.where(np.arange(V + 1) == V, 0.5, planted.kappa).astype(np.float32))
    found = [one for one in judge(doubtful).findings if one.concept_id == "water-1" and one.status == "measured"]
    assert found == []


def test_a_clean_class_names_examples_beside_columns():
    claims = {}
    for name, concept in (("examples", TAUGHT), ("the manifest's columns", replace(TAUGHT, by_example=False))):
        inputs = with_example({}, 0.95, concept)
        claim = next(one for one in clean_claims(inputs, measure(inputs, quiet)) if one and one.of_column.any())
        claims[name] = bounded(inputs, claim)
    for name, told in claims.items():
        assert f"points by {name} (water by example)" in told
