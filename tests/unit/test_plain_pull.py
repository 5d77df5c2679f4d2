"""Plain pulls of all classes in one product: the same pairs as class by class, ties among them."""

import numpy as np
import pytest

from auditor.evidence.effects.association import present_counts
from auditor.evidence.effects.plain_pull import may_be_pulled
from auditor.evidence.effects.significance import TwoArms, risk_difference


def test_a_pull_is_towards_the_class_that_the_pictures_are_called() -> None:
    # ten pictures of class 0: of five with the concept three are called 1, of five without it none
    labels = np.zeros(10, dtype=np.int64)
    called = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    present = (np.arange(10) < 5)[:, None]
    arms = present, ~present, labels, called, np.array([[5], [0]]), np.array([[5], [0]])
    assert may_be_pulled(*arms, above=0.59).tolist() == [[False], [True]]
    assert may_be_pulled(*arms, above=0.6).tolist() == [[False], [True]]  # a tie is looked at
    assert may_be_pulled(*arms, above=0.61).tolist() == [[False], [False]]


@pytest.mark.parametrize("copied", [False, True])
def test_the_same_as_class_by_class(copied: bool) -> None:
    rng = np.random.default_rng(3)
    n, n_classes, n_concepts, above = 400, 6, 5, 0.03
    labels, called = rng.integers(-1, n_classes, n), rng.integers(-1, n_classes, n)
    presence = rng.random((n, n_concepts))
    present, absent = presence > 0.6, presence < 0.5
    copies = rng.integers(0, 200, n) if copied else None
    n_with, n_without = (present_counts(arm, labels, n_classes, copies=copies) for arm in (present, absent))
    found = may_be_pulled(present, absent, labels, called, n_with, n_without, above=above, copies=copies)
    for c in range(n_classes):
        x1, x0 = (present_counts(arm, labels, n_classes, called == c, copies=copies) for arm in (present, absent))
        others = np.arange(n_classes) != c
        arms = TwoArms.of(*(counts[others].T for counts in (x1, n_with, x0, n_without)))
        np.testing.assert_array_equal(found[c], risk_difference(arms) > above)
    assert found.any()
    assert not found.all()
