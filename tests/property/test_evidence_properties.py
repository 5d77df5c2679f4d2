"""What must not change the verdicts: names, order, copies, and concepts that are nowhere."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from auditor.evidence.effects import significance
from auditor.evidence.effects.equivalence import recall_bounds
from auditor.evidence.effects.gaps import recall_gap, recall_loss, reference_level
from auditor.evidence.effects.significance import TwoArms
from auditor.evidence.pairs.measure import measure
from auditor.evidence.verdicts.clean_claim import clean_claims
from auditor.evidence.verdicts.judge import judge
from auditor.records import Concept

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from evidence_world import World, relabelled, taken  # the world is shared with the unit tests
from family_world import in_words

PLANTED = {"waterbird": ("scene", "water", 0.9), "vehicle": ("artifact", "watermark", 0.9)}
SLOW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def audit():
    inputs = World(planted=PLANTED, seed=5, class_strength=0.6).audit(240)
    return inputs, judge(inputs)


def outcome(result):
    return {v.class_name: (v.verdict, v.severity, v.concept_id, v.sentence) for v in result.verdicts}


def effects(result):
    return {(f.class_name, f.concept_id, f.rule_id): f.effect for f in result.findings}


def test_the_world_has_something_to_find(audit):
    verdicts = {name: found[0] for name, found in outcome(audit[1]).items()}
    assert verdicts["waterbird"] == verdicts["vehicle"] == "flagged"


@pytest.fixture(scope="module")
def families(audit):
    inputs = in_words(audit[0], 3)
    return inputs, judge(inputs)


@pytest.mark.slow
@SLOW
@given(st.permutations(range(5)))
def test_relabelling_permutes_the_verdicts_on_families_too(families, permutation):
    inputs, result = families
    again = judge(relabelled(inputs, np.array(permutation)))
    names = {name: (found[0], found[2]) for name, found in outcome(result).items()}
    assert names["waterbird"] == ("flagged", "family-water")
    assert {name: (found[0], found[2]) for name, found in outcome(again).items()} == names


@pytest.mark.slow
@SLOW
@given(st.permutations(range(3)))
def test_the_order_of_a_family_s_words_changes_nothing(families, permutation):
    """Words that trade places trade their columns alone."""
    inputs, result = families
    v = {concept.concept_id: v for v, concept in enumerate(inputs.concepts)}
    words = [v[one] for one in next(one for one in inputs.concepts if one.members).members]
    order = np.arange(len(inputs.concepts))
    order[words] = np.array(words)[list(permutation)]
    again = judge(
        replace(
            inputs,
            concepts=tuple(inputs.concepts[i] for i in order),
            presence=inputs.presence[:, order],
            shares=inputs.shares[:, order],
        )
    )
    assert outcome(again) == outcome(result)


@pytest.mark.slow
@SLOW
@given(st.permutations(range(5)))
def test_relabelling_classes_permutes_the_verdicts(audit, permutation):
    inputs, result = audit
    again = judge(relabelled(inputs, np.array(permutation)))
    names = {name: (found[0], found[2]) for name, found in outcome(result).items()}
    assert {name: (found[0], found[2]) for name, found in outcome(again).items()} == names
    found, expected = effects(again), effects(result)
    assert found.keys() == expected.keys()
    assert all(found[key] == pytest.approx(expected[key], abs=0.02) for key in expected)


@pytest.mark.slow
@SLOW
@given(st.randoms(use_true_random=False))
def test_order_of_images_changes_no_verdict_and_no_share(audit, random):
    inputs, result = audit
    rows = list(range(len(inputs.image_ids)))
    random.shuffle(rows)
    again = judge(taken(inputs, np.array(rows)))
    assert {n: f[:3] for n, f in outcome(again).items()} == {n: f[:3] for n, f in outcome(result).items()}
    shares = {(c.class_name, c.concept_id): c.share for c in result.class_concepts}
    for c in again.class_concepts:
        assert c.share == pytest.approx(shares[c.class_name, c.concept_id], abs=1e-6)


@pytest.mark.slow
@SLOW
@given(st.sampled_from(["scene", "artifact", "texture", "person"]))
def test_concept_that_is_never_present_flags_nothing(audit, kind):
    inputs, result = audit
    n = len(inputs.image_ids)
    never = np.random.default_rng(0).random((n, 1)).astype(np.float32) * 0.05
    more = replace(
        inputs,
        concepts=(*inputs.concepts, Concept("never", "never", kind)),
        presence=np.hstack([inputs.presence, never]),
        shares=sparse.csr_array(sparse.hstack([inputs.shares, sparse.csr_array((n, 1), dtype=np.float32)])),
    )
    again = judge(more)
    assert {name: f[:3] for name, f in outcome(again).items()} == {name: f[:3] for name, f in outcome(result).items()}
    assert not [f for f in again.findings if f.concept_id == "never" and f.rule_id.startswith("E4") and f.low > 0]


def test_duplicated_images_leave_effects_unchanged(audit):
    inputs, _ = audit
    n = len(inputs.image_ids)
    ids = (*inputs.image_ids, *(f"{image_id}-again" for image_id in inputs.image_ids))
    again = judge(replace(taken(inputs, np.tile(np.arange(n), 2), ids), groups=np.tile(np.arange(n), 2)))
    once = judge(replace(inputs, groups=np.arange(n)))
    assert {name: found[0] for name, found in outcome(again).items()} == {k: f[0] for k, f in outcome(once).items()}
    found, expected = effects(again), effects(once)
    for key in expected:
        # folds are drawn anew for other ids: erasure may move a little; n pairs are worth n - 1 pictures on their own
        assert found[key] == pytest.approx(expected[key], abs=0.06 if key[2].startswith("E3") else 1e-3), key


some_rows = st.lists(st.integers(0, 1199), min_size=1, max_size=3, unique=True)


def with_copies(inputs, rows, k):
    """The audit with ``k`` copies of each of some pictures behind it, and codes of what are copies of each other."""
    n = len(inputs.image_ids)
    again = np.repeat(np.array(rows), k)
    ids = (*inputs.image_ids, *(f"{inputs.image_ids[row]}-{i}" for i, row in enumerate(again)))
    of = np.r_[np.arange(n), again]
    return taken(inputs, of, ids), of


@pytest.mark.slow
@SLOW
@given(some_rows, st.integers(1, 40))
def test_byte_copies_change_no_verdict_and_no_interval(audit, rows, k):
    inputs, result = audit
    n = len(inputs.image_ids)
    more, _ = with_copies(inputs, rows, k)
    counted = np.arange(len(more.image_ids)) < n
    again = judge(
        replace(
            more,
            label_idx=np.where(counted, more.label_idx, -1),
            predicted_idx=np.where(counted, more.predicted_idx, -1),
        )
    )
    assert outcome(again) == outcome(result)
    bounds = {(f.class_name, f.concept_id, f.rule_id): (f.low, f.high) for f in result.findings}
    for f in again.findings:
        assert (f.low, f.high) == pytest.approx(bounds[f.class_name, f.concept_id, f.rule_id], abs=1e-4), f


@pytest.fixture(scope="module")
def audit_in_groups(audit):
    """The same where every picture is said to be its own group, which divides by n - 1 and not by n."""
    inputs, _ = audit
    return judge(replace(inputs, groups=np.arange(len(inputs.image_ids))))


@pytest.mark.slow
@SLOW
@given(some_rows, st.integers(1, 40))
def test_near_copies_are_one_picture_in_every_gap_and_flag_nothing(audit, audit_in_groups, rows, k):
    inputs, _ = audit
    more, codes = with_copies(inputs, rows, k)
    again = judge(replace(more, groups=codes, copies=codes))
    for verdict, expected in zip(again.verdicts, audit_in_groups.verdicts, strict=True):
        assert verdict.n_images == expected.n_images
        assert verdict.verdict != "flagged" or expected.verdict == "flagged"

    def pulls(result):
        """Gaps that have no strata, which copies would move (clusters and quintiles of embeddings)."""
        return {
            (f.class_name, f.concept_id): (f.effect, f.low, f.high, f.n_images)
            for f in result.findings
            if f.rule_id == "E4-pull" and f.status == "measured"
        }

    found, expected = pulls(again), pulls(audit_in_groups)
    common = found.keys() & expected.keys()
    assert common
    assert all(found[pair] == pytest.approx(expected[pair], abs=1e-6) for pair in common)


group_sizes = st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(group_sizes)
def test_copies_never_narrow_a_gap(pictures):
    """Each picture once, and each as often as drawn: (copies, with the concept, called right)."""
    present, correct = (np.array([picture[i] for picture in pictures], dtype=bool) for i in (1, 2))
    value = np.zeros(present.size, np.int64)
    once = recall_gap(present, value, correct)
    of = np.repeat(np.arange(present.size), [picture[0] for picture in pictures])
    again = recall_gap(present[of], value[of], correct[of], groups=of, copies=of)
    assert again.status == once.status
    assert (again.low, again.high, again.p) == pytest.approx((once.low, once.high, once.p), abs=1e-6)
    as_clips = recall_gap(present[of], value[of], correct[of], groups=of)
    assert as_clips.status == "too_few" or once.status == "measured"


counts = st.integers(0, 60)


@given(counts, counts, counts, counts)
def test_interval_holds_the_estimate_and_mirrors(x1, miss1, x0, miss0):
    arms = significance.TwoArms.of(x1, x1 + miss1, x0, x0 + miss0)
    mirrored = significance.TwoArms.of(x0, x0 + miss0, x1, x1 + miss1)
    low, high = significance.score_interval(arms)
    _, other_high = significance.score_interval(mirrored)
    assert float(low) == pytest.approx(-float(other_high), abs=2e-6)
    if x1 + miss1 and x0 + miss0:
        effect = float(significance.risk_difference(arms))
        assert -1 <= low <= effect + 1e-6 <= high + 2e-6 <= 1 + 2e-6
        assert (float(significance.p_above(arms, 0.05)) < 0.025) == (low > 0.05) or abs(low - 0.05) < 2e-6


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=9))
def test_reference_is_an_upper_part_of_the_rates(cells):
    successes = np.array([x for x, _ in cells], dtype=float)
    trials = successes + np.array([miss for _, miss in cells])
    chosen = reference_level(successes, trials)
    assert chosen.any() == (trials.sum() > 0)
    assert not chosen[trials == 0].any()


@given(st.lists(st.booleans(), min_size=30, max_size=80), st.integers(0, 2**32 - 1))
def test_gap_of_the_complement_is_opposite_in_sign(right, seed):
    rng = np.random.default_rng(seed)
    correct = np.array(right)
    present = rng.random(correct.size) < 0.5
    value = np.where(present, 0, 1)
    one, other = recall_gap(present, value, correct), recall_gap(~present, 1 - value, correct)
    assert one.effect == pytest.approx(-other.effect)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 2)), min_size=25, max_size=120),
    st.booleans(),
)
def test_turning_presence_around_turns_a_gap_into_a_loss(rows, grouped):
    """Where all pictures without the concept are the reference, and so are all with it."""
    present, correct, stratum = (np.array(column) for column in zip(*rows, strict=True))
    value, groups = np.zeros(present.size, dtype=np.int64), np.arange(present.size) // 2 if grouped else None
    gap = recall_gap(present, value, correct, strata=[stratum], groups=groups)
    loss = recall_loss(~present, value, correct, strata=[stratum], groups=groups)
    assert (loss.effect, loss.low, loss.high) == pytest.approx((gap.effect, gap.low, gap.high), abs=1e-5)
    assert loss.p == pytest.approx(gap.p, rel=1e-6, abs=1e-9)
    assert (loss.x_present, loss.n_present, loss.x_absent, loss.n_absent, loss.status) == (
        gap.x_absent, gap.n_absent, gap.x_present, gap.n_present, gap.status,
    )  # fmt: skip


arm_sizes = st.integers(10, 300)


@given(n1=arm_sizes, n0=arm_sizes, share1=st.floats(0, 1), share0=st.floats(0, 1), times=st.integers(2, 5))
def test_more_pictures_at_the_same_rates_never_widen_a_bound(n1, n0, share1, share0, times):
    """So that a clean class with more of the same pictures is never one that is not shown."""
    x1, x0 = round(share1 * n1), round(share0 * n0)
    few, many = (recall_bounds(TwoArms.of(x1 * k, n1 * k, x0 * k, n0 * k)) for k in (1, times))
    assert float(many) <= float(few) + 1e-4


@given(n1=arm_sizes, n0=arm_sizes, share1=st.floats(0, 1), share0=st.floats(0, 1))
def test_a_bound_covers_what_was_seen_and_has_no_direction(n1, n0, share1, share0):
    x1, x0 = round(share1 * n1), round(share0 * n0)
    bound = float(recall_bounds(TwoArms.of(x1, n1, x0, n0)))
    assert abs(x1 / n1 - x0 / n0) <= bound + 1e-4
    assert bound == pytest.approx(float(recall_bounds(TwoArms.of(x0, n0, x1, n1))), abs=1e-4)
    assert bound == pytest.approx(float(recall_bounds(TwoArms.of(n1 - x1, n1, n0 - x0, n0))), abs=1e-4)


@SLOW
@given(times=st.integers(2, 3))
def test_more_of_the_same_pictures_turn_no_clean_class_into_one_that_is_not_shown(times):
    inputs = replace(World(seed=0, class_strength=0.9).audit(500), in_training=False)
    rows = np.tile(np.arange(len(inputs.image_ids)), times)
    more = taken(inputs, rows, tuple(f"{i:06d}" for i in range(rows.size)))
    before, after = (clean_claims(one, measure(one, lambda *_: None)) for one in (inputs, more))
    assert any(claim.holds for claim in before)
    for one, other in zip(before, after, strict=True):
        assert other.holds or not one.holds
        assert other.members.tolist() == one.members.tolist()
