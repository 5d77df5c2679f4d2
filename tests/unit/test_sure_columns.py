"""A column that makes a large, sure difference is the suspect although erasure finds nothing of it in the features."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import World
from test_known_presence import with_columns

from auditor.evidence.verdicts.judge import judge
from auditor.records import Concept

COLUMNS = [Concept(f"blur-{value}", f"blur = {value}", "attribute", column="blur") for value in ("no", "yes")]


@pytest.fixture(scope="module")
def inputs():
    return World(seed=100, class_strength=1.0).audit(120)


def blurred(inputs, *, lost, seed=0):
    """Half of all pictures are blurred, in every class alike; so many of the first class's are called the second."""
    rng = np.random.default_rng(seed)
    n = len(inputs.image_ids)
    blur = np.zeros(n, bool)
    for c in range(len(inputs.class_names)):
        blur[rng.permutation(np.flatnonzero(inputs.label_idx == c))[::2]] = True
    mine = np.flatnonzero(blur & (inputs.label_idx == 0))
    predicted = inputs.predicted_idx.copy()
    predicted[mine[: round(lost * mine.size)]] = 1
    presence = np.column_stack([~blur, blur]).astype(np.float32)
    return with_columns(replace(inputs, predicted_idx=predicted), presence, COLUMNS)


def test_a_column_with_a_large_sure_gap_leads_a_suspect(inputs):
    found = {v.class_name: v for v in judge(blurred(inputs, lost=0.8)).verdicts}
    verdict = found["waterbird"]
    assert (verdict.verdict, verdict.concept) == ("suspect", "blur = no")
    assert verdict.gap_low >= 0.2
    assert verdict.claim == (
        'It is open whether the model relies on blur = no (attribute) to call a picture "waterbird": there is a gap, '
        "but erasing the concept could not be tried."
    )
    assert verdict.numbers == (
        "Recall gap: without it 20 % [12, 32] of 60 are recognised, with it 98 % [91, 100] of 60.\n"
        "Erasure: not tried, as the features do not tell it in these pictures."
    )
    assert all(
        v.concept is None or not v.concept.startswith("blur") for name, v in found.items() if name != "waterbird"
    )


def test_chance_and_small_gaps_make_no_suspect(inputs):
    for lost in (0.0, 0.12):
        found = {v.class_name: v for v in judge(blurred(inputs, lost=lost)).verdicts}
        assert all(v.concept is None or not v.concept.startswith("blur") for v in found.values())
