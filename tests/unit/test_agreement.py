from dataclasses import replace

from auditor.evidence.agreement import agrees, excluded, margins_agree
from auditor.evidence.reliance import NOT_IDENTIFIED, Erasure
from auditor.evidence.subgroups import Gap


def gap(effect, low, high, status="measured"):
    return Gap(effect, low, high, 0.01, 0, 0, 0, 0, status=status)


def erasure(effect, low, high, p=0.005):
    return Erasure(effect, low, high, 50, 50, p=p, permuted=0.0)


OBSERVED = gap(0.5, 0.3, 0.7)
STRONG, WEAK = erasure(0.3, 0.1, 0.5), erasure(0.04, 0.01, 0.07)


def test_erasure_agrees_with_a_gap_by_size_and_by_its_null():
    assert agrees(OBSERVED, STRONG, STRONG)
    assert agrees(OBSERVED, STRONG, NOT_IDENTIFIED)
    assert agrees(OBSERVED, erasure(0.3, -0.1, 0.6), STRONG)  # few counterexamples, but no chance: permutation says so
    assert not agrees(OBSERVED, WEAK, STRONG)
    assert not agrees(OBSERVED, erasure(0.12, 0.1, 0.14), STRONG)  # a quarter of 50 points is 12.5
    assert not agrees(OBSERVED, STRONG, erasure(0.0, -0.03, 0.03))
    assert not agrees(OBSERVED, NOT_IDENTIFIED, STRONG)


def test_erasure_that_permuted_presence_explains_does_not_agree():
    for p in (0.06, None):
        assert not agrees(OBSERVED, erasure(0.3, 0.1, 0.5, p), STRONG)
        assert not agrees(OBSERVED, STRONG, erasure(0.3, 0.1, 0.5, p))
        assert not margins_agree(erasure(0.5, 0.3, 0.7, p), erasure(0.5, 0.3, 0.7))


def test_margins_agree_by_a_tenth_of_both_erasers():
    part = erasure(0.5, 0.3, 0.7)
    assert margins_agree(part, part)
    assert not margins_agree(part, NOT_IDENTIFIED)
    assert margins_agree(part, erasure(0.11, 0.05, 0.2))
    assert not margins_agree(part, erasure(0.09, 0.05, 0.2))
    assert not margins_agree(part, replace(part, status="too_few"))


def test_rule_of_exclusion():
    assert excluded(gap(0.02, -0.02, 0.09), NOT_IDENTIFIED)
    assert not excluded(gap(0.02, -0.02, 0.12), NOT_IDENTIFIED)
    assert excluded(gap(0.02, -0.02, 0.12), Erasure(0.0, -0.02, 0.02, 50, 50))
    assert not excluded(gap(0.11, 0.02, 0.2), Erasure(0.0, -0.02, 0.02, 50, 50))
    assert not excluded(gap(0.0, -1.0, 1.0, "too_few"), Erasure(0.0, -0.02, 0.02, 50, 50))
