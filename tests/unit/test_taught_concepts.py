"""From examples to presence, or to the state that says why there is none."""

from pathlib import Path

import numpy as np
import pytest

from auditor.inputs.examples import Example, ExampleSet
from auditor.records import Concept
from auditor.taught_concepts import learn

SNOW = Concept("snow-1", "snow by example", "weather", column="snow", by_example=True)


def given(n=20, labels=("cat", "dog"), groups=None, state=None):
    """n pictures with it and as many without, labels in turn on either side."""
    examples = tuple(
        Example(Path(f"{k}.png"), f"{k:064x}", labels[k % n % len(labels)], None if groups is None else groups(k))
        for k in range(2 * n)
    )
    found = ExampleSet(SNOW, "snow", examples, np.arange(2 * n) < n, 0)
    return found if state is None else found.refused(state, "because")


def rows(n=20, strength=4.0, dim=50):
    found = np.random.default_rng(0).normal(size=(2 * n, dim)).astype(np.float32)
    found[:n, 0] += strength
    return found


def taught(found, of_examples=None, of_pictures=None, contents=("a", "b")):
    pictures = np.zeros((len(contents), 50), np.float32) if of_pictures is None else of_pictures
    features = [] if of_examples is None else [of_examples]
    return learn([found], features, pictures, contents, seed=0)


def test_a_concept_with_its_figures():
    pictures = np.zeros((3, 50), np.float32)
    pictures[:, 0] = 8, -4, 8
    result = taught(given(), rows(strength=8.0), pictures, ("x", "y", f"{3:064x}"))
    assert result.concepts == (SNOW,)
    assert (result.presence[:, 0] > 0.5).tolist() == [True, False, False]
    assert np.isnan(result.presence[2, 0])  # an example itself
    (record,) = result.records
    assert (record.state, record.n_yes, record.n_no, record.n_classes, record.n_in_audit) == ("learnt", 20, 20, 2, 1)
    assert (record.auc, record.kappa) == (1.0, 1.0)
    assert result.kappa.tolist() == [1.0]
    assert result.same_as == {"snow-1": "snow"}
    assert result.notices == (
        "'snow by example' was learnt from 20 pictures with it and 20 without it, within 2 classes: unseen ones are "
        "told with AUC 1.00, kappa 1.00; 1 example among the audited pictures left out of both arms",
    )


def test_classes_that_are_not_known_are_said_to_be_so():
    result = taught(given(labels=(None,)), rows(strength=8.0))
    assert result.records[0].n_classes == 0
    assert "of unknown classes, so that it may tell a class instead" in result.notices[0]


def test_yes_and_no_that_follow_the_class():
    found = given()
    examples = tuple(
        Example(one.path, one.content, "cat" if shows else "dog", None)
        for one, shows in zip(found.examples, found.yes, strict=True)
    )
    result = taught(ExampleSet(SNOW, "snow", examples, found.yes, 0), rows(strength=8.0))
    assert (result.records[0].state, result.concepts, result.presence.shape) == ("follows_class", (), (2, 0))
    assert result.notices == (
        "'snow by example' is not examined: yes and no follow the classes of the examples: 0 with it and 0 without it "
        "are of classes with both, 10 of each are needed",
    )


@pytest.mark.parametrize(
    ("strength", "state", "reason"),
    [(0.0, "at_chance", "no better than chance"), (2.0, "not_measurable", "0.6 is needed; give more examples")],
)
def test_probes_that_tell_nothing_or_not_enough(strength, state, reason):
    result = taught(given(), rows(strength=strength))
    assert (result.records[0].state, result.concepts) == (state, ())
    assert reason in result.notices[0]
    assert result.records[0].auc is not None


def test_unreadable_examples_are_counted_and_may_leave_too_few():
    broken = rows(strength=8.0)
    broken[:4] = np.nan
    (record,) = taught(given(), broken).records
    assert (record.state, record.n_yes, record.n_left_out) == ("learnt", 16, 4)
    broken[:11] = np.nan
    (record,) = taught(given(), broken).records
    assert (record.state, record.n_yes, record.n_left_out) == ("too_few", 9, 11)


def test_pictures_of_few_groups_are_few():
    (record,) = taught(given(groups=lambda k: f"{k % 4}"), rows(strength=8.0)).records
    assert (record.state, record.reason) == ("too_few", "the examples are of 4 groups, at least 5 are needed")


def test_what_was_refused_before_stays_so():
    result = taught(given(state="column"))
    assert [(one.state, one.reason, one.auc) for one in result.records] == [("column", "because", None)]
    assert result.notices == ("'snow by example' is not examined: because",)
