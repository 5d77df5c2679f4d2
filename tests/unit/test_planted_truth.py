"""The truth of the planted benchmark on answers made by hand."""

from __future__ import annotations

import numpy as np

from benchmarks.planted.drawing import ClassOf, variant_names
from benchmarks.planted.truth import PairTruth, measure
from benchmarks.planted.worlds import SAMPLE

NAMES = variant_names(SAMPLE)
CLASSES = (ClassOf("cat", ("cat",)), ClassOf("boat", ("boat",)), ClassOf("owl", ("owl",)))
N = 200


def answers(rules) -> tuple[np.ndarray, np.ndarray]:
    """Every class right everywhere, but for ``rules``: (class, factor, value) to (answer, share of its scenes)."""
    labels = np.repeat(np.arange(3), N)
    called = np.repeat(labels[:, None], len(NAMES), axis=1).astype(np.int8)
    for (class_idx, factor, value), (answer, share) in rules.items():
        column = NAMES.index((factor, value))
        called[class_idx * N : class_idx * N + round(share * N), column] = answer
    return labels, called


def truth_of(rules) -> dict[tuple[int, str], PairTruth]:
    labels, called = answers(rules)
    return {(one.class_idx, one.value): one for one in measure(labels, called, NAMES, CLASSES)}


def test_a_model_that_is_always_right_is_clean_everywhere() -> None:
    found = truth_of({})
    assert {one.status for one in found.values()} == {"clean"}
    assert not any(one.repelled for one in found.values())
    assert (0, "none") not in found
    assert (0, "day") not in found


def test_a_class_that_needs_its_scene_relies_on_it_alone() -> None:
    scenes = [value for factor, value in NAMES if factor == "background" and value != "water"]
    found = truth_of({(0, "background", value): (1, 0.4) for value in scenes})
    water = found[0, "water"]
    assert water.effect == 0.4
    assert water.status == "relies"
    assert 0.2 < water.low < 0.4 < water.high < 0.6
    # the class that gets the pictures pulls without any scene of its own doing so
    assert {value for (c, value), one in found.items() if one.status == "relies" or one.pulls} == {"water"}


def test_a_class_that_loses_its_pictures_to_another_is_repelled_and_the_other_pulls() -> None:
    found = truth_of({(c, "artifact", "watermark"): (2, 0.6) for c in (0, 1)})
    assert found[0, "watermark"].repelled
    assert found[0, "watermark"].effect == -0.6
    assert all(found[0, value].status == "clean" for value in ("ruler", "sticker", "border"))
    assert found[2, "watermark"].effect == 0
    assert found[2, "watermark"].pull == 0.6
    assert found[2, "watermark"].pulls
    assert found[2, "watermark"].status == "clean"


def test_harm_is_the_mirror_image_of_reliance() -> None:
    found = truth_of({(0, "artifact", "watermark"): (2, 0.6)})
    assert found[0, "watermark"].harm == -0.6
    assert found[0, "watermark"].harm_high < -0.1
    assert found[0, "watermark"].harmed
    assert not any(one.harmed for place, one in found.items() if place != (0, "watermark"))
    # a class that needs its scene is not harmed by the others
    scenes = [value for factor, value in NAMES if factor == "background" and value != "water"]
    needs = truth_of({(0, "background", value): (1, 0.4) for value in scenes})
    assert not any(one.harmed for one in needs.values())
    assert needs[0, "snow"].harm == 0
    assert needs[0, "water"].harm == 0.4


def test_fewer_samples_leave_effects_as_they_are() -> None:
    labels, called = answers({(0, "artifact", "watermark"): (2, 0.6)})
    few, many = (measure(labels, called, NAMES, CLASSES, n_samples=n) for n in (100, 1000))
    assert [(one.effect, one.pull, one.harm) for one in few] == [(one.effect, one.pull, one.harm) for one in many]


def test_a_mark_that_does_as_well_as_none_is_not_relied_on() -> None:
    found = truth_of({(0, "artifact", value): (1, 0.5) for value in ("watermark", "sticker", "border")})
    assert found[0, "ruler"].effect == 0
    assert found[0, "ruler"].status == "clean"


def test_three_scenes_that_work_alike_do_not_hide_each_other() -> None:
    alike = ("water", "sky", "snow")
    scenes = [value for factor, value in NAMES if factor == "background" and value not in alike]
    found = truth_of({(0, "background", value): (1, 0.5) for value in scenes})
    assert set(found[0, "water"].alike) == set(alike)
    assert found[0, "water"].effect == 0.5
    assert found[0, "water"].status == "relies"


def test_classes_that_are_scenes_have_no_truth_about_scenes() -> None:
    labels, called = answers({})
    classes = (ClassOf("sand", ("cat",), background="sand"), *CLASSES[1:])
    found = measure(labels, called, NAMES, classes)
    assert not [one for one in found if one.class_idx == 0 and one.factor == "background"]
    assert [one for one in found if one.class_idx == 1 and one.factor == "background"]
