"""What a class may be called where only its pictures' predictions are known."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import World
from scipy import sparse

from auditor.evidence.verdicts.judge import judge

#: What predictions and the data alone are enough for.
WITHOUT_A_MODEL = {"E2", "E4-recall", "E4-pull", "E4-harm"}


def without_head(inputs):
    nothing = sparse.csr_array(inputs.shares.shape, dtype=np.float32)
    return replace(
        inputs,
        head=None,
        head_chunks=None,
        shares=nothing,
        residuals=np.full(len(inputs.image_ids), np.nan, np.float32),
    )


@pytest.fixture(scope="module")
def both():
    inputs = World(planted={"waterbird": ("scene", "water", 0.95)}, class_strength=0.6).audit(400)
    return judge(inputs), judge(without_head(inputs))


def test_a_planted_class_is_suspect_and_nothing_is_flagged_or_harmed(both):
    with_head, alone = both
    assert with_head.verdicts[0].verdict == "flagged"
    assert {one.verdict for one in alone.verdicts} <= {"suspect", "not_shown", "clean", "not_analysed"}
    verdict = alone.verdicts[0]
    assert (verdict.verdict, verdict.concept_id, verdict.share, verdict.detectable_effect) == (
        "suspect",
        "water",
        None,
        None,
    )
    assert verdict.claim.startswith("It is open whether the model relies on water (scene)")
    assert verdict.claim.endswith(": there is no model to intervene on.")


def test_what_needs_no_model_is_what_the_whole_audit_measures(both):
    with_head, alone = both
    assert {one.rule_id for one in alone.findings} <= WITHOUT_A_MODEL
    measured = {(f.class_idx, f.concept_id, f.rule_id): (f.effect, f.low, f.high, f.p) for f in with_head.findings}
    same = [(f.class_idx, f.concept_id, f.rule_id) for f in alone.findings]
    assert len(same) >= 9
    for key, found in zip(same, alone.findings, strict=True):
        assert measured[key] == (found.effect, found.low, found.high, found.p)
    assert alone.subgroups == with_head.subgroups


def test_a_class_may_be_clean_for_its_bounds_are_of_gaps(both):
    with_head, alone = both
    for one, other in zip(with_head.verdicts, alone.verdicts, strict=True):
        if one.verdict in ("clean", "not_shown"):
            assert one.gap_bound == other.gap_bound


def test_a_confounded_control_is_never_flagged():
    """Cats on water are of a sub-kind that is easier to tell: a large gap, and no reliance on water."""
    inputs = World(kind_by_scene=0.95, class_strength=1.0).audit(200)
    assert {one.verdict for one in judge(without_head(inputs)).verdicts}.isdisjoint({"flagged", "harmed"})
