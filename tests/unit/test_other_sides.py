"""Which side of one difference is named: pictures counted by hand, and a world in which another class takes them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from evidence_world import ARTIFACTS, V, World
from scipy import sparse

from auditor.evidence.effects.gaps import NOT_MEASURABLE, Gap
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts.judge import judge
from auditor.evidence.verdicts.other_sides import without_other_sides
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.records import Concept
from auditor.rules import EDITED_RECALL, RECALL_GAP, RECALL_LOSS

BED, MARK = 0, 1


def pictures(*cells):
    """Two classes; of each cell (label, bed, mark, called class 0, called class 1) the pictures."""
    rows = [
        (label, bed, mark, called)
        for label, bed, mark, *counts in cells
        for called, n in enumerate(counts)
        for _ in range(n)
    ]
    label, bed, mark, called = np.array(rows, dtype=np.int64).T
    inputs = SimpleNamespace(label_idx=label, predicted_idx=called, groups=None, copies=None)
    present = np.column_stack([bed, mark]).astype(bool)
    return inputs, SimpleNamespace(present=present, known=np.ones_like(present))


def shown(concept, *, c=0, pull=NOT_MEASURABLE, rule=RECALL_GAP, agreeing=None, **pair):
    evidence = PairEvidence(c, concept, None, (0.5, 0.4, 0.6), by_words=False, by_data=False, by_gap=True, pull=pull)
    evidence = replace(evidence, **pair)
    return JudgedPair(evidence, "proven", rule, evidence.recall, 0.0, agreeing)


def states(inputs, measured, of_class, losses=(), of_other=()):
    told = without_other_sides(inputs, measured, [list(of_class), list(of_other)], [list(losses), []])
    return [[one.state for one in of] for of in told]


#: Class 0 with a bed, with a mark; the mark costs it half of its pictures, the bed, which goes with its lack, nothing.
COSTS = ((0, 1, 0, 76, 4), (0, 0, 0, 19, 1), (0, 1, 1, 10, 10), (0, 0, 1, 40, 40))
UNMOVED = tuple((1, bed, mark, 2, 48) for bed in (0, 1) for mark in (0, 1))


def test_a_bed_where_no_mark_is_is_the_other_side_of_the_mark():
    """Recall 86 % with a bed and 59 % without; without a mark 95 % either way, with one 50 % either way."""
    inputs, measured = pictures(*COSTS, *UNMOVED)
    loss = shown(MARK, rule=RECALL_LOSS)
    assert states(inputs, measured, [shown(BED)], [loss]) == [["open"], []]
    # without a loss, and without a class that takes the pictures, nothing says so
    assert states(inputs, measured, [shown(BED)]) == [["proven"], []]


def test_a_bed_that_makes_the_difference_itself_stays():
    """The same pictures with the names exchanged: the class relies on the lack of what is called a mark now."""
    exchanged = [(label, mark == 0, bed == 0, *n) for label, bed, mark, *n in COSTS]
    inputs, measured = pictures(*exchanged, *UNMOVED)
    assert states(inputs, measured, [shown(BED)], [shown(MARK, rule=RECALL_LOSS)]) == [["proven"], []]


def test_two_findings_that_do_not_exclude_each_other_stay_two():
    both = ((0, 1, 0, 95, 5), (0, 0, 0, 60, 40), (0, 1, 1, 60, 40), (0, 0, 1, 20, 80))
    inputs, measured = pictures(*both, *UNMOVED)
    assert states(inputs, measured, [shown(BED)], [shown(MARK, rule=RECALL_LOSS)]) == [["proven"], []]


def test_what_setting_it_in_pictures_shows_is_no_other_side():
    inputs, measured = pictures(*COSTS, *UNMOVED)
    of_edits = shown(BED, agreeing=EDITED_RECALL)
    assert states(inputs, measured, [of_edits], [shown(MARK, rule=RECALL_LOSS)]) == [["proven"], []]


def test_of_a_column_of_two_the_class_that_pulls_has_the_finding():
    """No picture has both levels or neither: what another class surely takes more with is not relied on."""
    cells = ((0, 1, 0, 190, 10), (0, 0, 1, 6, 6), (1, 1, 0, 40, 60), (1, 0, 1, 2, 98))
    inputs, measured = pictures(*cells)
    loss = shown(MARK, rule=RECALL_LOSS)

    def pulls(low, high):
        return Gap((low + high) / 2, low, high, 1e-6, 0, 0, 0, 0)

    mine, taker = shown(BED, pull=pulls(0.05, 0.2)), shown(MARK, c=1, pull=pulls(0.3, 0.6))
    assert states(inputs, measured, [mine], [loss], [taker]) == [["open"], ["proven"]]
    # nobody takes them; no more than it pulls itself; the data tie it to its class
    assert states(inputs, measured, [mine], [loss]) == [["proven"], []]
    alike = shown(MARK, c=1, pull=pulls(0.1, 0.4))
    assert states(inputs, measured, [mine], [loss], [alike]) == [["proven"], ["proven"]]
    tied = shown(BED, pull=pulls(0.05, 0.2), by_data=True)
    assert states(inputs, measured, [tied], [loss], [taker]) == [["proven"], ["proven"]]


@pytest.mark.slow
def test_where_vehicles_take_marked_pictures_nobody_relies_on_the_other_site():
    """A column of two: site = b has the watermark, site = a has all other pictures."""

    class Sites(World):
        marked = (0.04, 0.04, 0.9, 0.04, 0.04)

        def draw(self, per_class, stream):
            drawn = super().draw(per_class, stream)
            chance = np.random.default_rng((self.seed, 77, stream)).random(drawn.label.size)
            there = chance < np.array(self.marked)[drawn.label]
            drawn.artifact = np.where(there, ARTIFACTS.index("watermark"), -1)
            return drawn

    inputs = Sites(seed=0, class_strength=0.6).audit(300)
    marked = inputs.presence[:, V["watermark"]] > 0.5
    n = marked.size
    # the encoder does not see the mark, so that the column alone tells it
    presence = inputs.presence.copy()
    presence[:, V["watermark"]] = 0
    sites = [Concept(f"site-{one}", f"site = {one}", "attribute", column="site") for one in "ab"]
    told = replace(
        inputs,
        concepts=(*inputs.concepts, *sites),
        presence=np.column_stack([presence, ~marked, marked]).astype(np.float32),
        shares=sparse.hstack([inputs.shares, sparse.csr_array((n, 2), dtype=np.float32)], format="csr"),
        kappa=None,
    )
    found = judge(told).verdicts
    flagged = {one.class_name: one.concept for one in found if one.verdict == "flagged"}
    assert flagged == {"vehicle": "site = b"}
    assert {one.concept for one in found if one.verdict == "harmed"} <= {"site = b"}
