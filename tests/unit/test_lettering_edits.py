"""Lettering taken off, covered beside, and laid on: made pictures of which it is known how they look without."""

from __future__ import annotations

import numpy as np
import pytest
from lettered import lettered, scene
from PIL import Image

from auditor.edit_records import COVERED_BESIDE
from auditor.properties.edit import set_property
from auditor.properties.lettering_edits import covered_beside, lettering_of, with_lettering, without_lettering
from auditor.properties.measure import measure_one


def distance(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).mean())


@pytest.mark.parametrize("size", [(256, 256), (500, 380)])
def test_what_is_covered_looks_as_it_did_without(size):
    bare = scene(3, size)
    written = lettered(bare, high=size[1] // 8)
    covered = without_lettering(written)
    assert measure_one(covered, "lettering") == "no"
    assert covered.size == size
    assert distance(covered, bare) < 0.15 * distance(written, bare)


def test_a_picture_without_lettering_is_left_as_it_is_and_nothing_can_be_covered_beside():
    assert without_lettering(scene()).tobytes() == scene().tobytes()
    assert covered_beside(scene()) is None
    assert lettering_of(scene()) is None
    assert set_property(scene(), "lettering", "no").tobytes() == scene().tobytes()
    assert set_property(scene(), "lettering", COVERED_BESIDE) is None


def test_beside_the_letters_as_much_is_covered_and_they_stay():
    noise = np.random.default_rng(0).normal(0, 6, (256, 256, 3))
    bare = Image.fromarray(np.clip(np.asarray(scene(4)) + noise, 0, 255).astype(np.uint8))
    written = lettered(bare)
    off, beside = without_lettering(written), covered_beside(written)
    assert measure_one(beside, "lettering") == "yes"
    changed = [(np.asarray(one) != np.asarray(written)).any(axis=2) for one in (off, beside)]
    assert changed[1].sum() == pytest.approx(changed[0].sum(), rel=0.15)
    assert not (changed[0] & changed[1]).any()


def test_beside_a_caption_at_the_bottom_is_above_it_and_not_at_the_top():
    written = lettered(scene(4), at=(40, 222), opacity=1.0)
    changed = (np.asarray(covered_beside(written)) != np.asarray(written)).any(axis=(1, 2))
    lines = np.flatnonzero(changed)
    assert lines.size
    assert lines.min() > 120


def test_where_letters_leave_no_room_for_as_much_nothing_is_covered_beside_them():
    written = scene(4)
    for top in range(8, 230, 30):
        written = lettered(written, "PREVIEW PRE", at=(20, top), opacity=1.0)
    assert measure_one(written, "lettering") == "yes"
    assert covered_beside(written) is None
    assert without_lettering(written) is not None


def test_what_is_done_to_a_large_picture_is_what_is_done_to_a_small_one():
    """All is found and filled in the reduced copy; only what is covered or laid on changes."""
    small = lettered(scene(3))
    large = small.resize((1024, 1024), Image.Resampling.NEAREST)
    one, other = without_lettering(small), without_lettering(large)
    assert distance(other.resize((256, 256), Image.Resampling.BOX), one) < 1.0
    covered = (np.asarray(one) != np.asarray(small)).any(axis=2).repeat(4, 0).repeat(4, 1)
    changed = (np.asarray(other) != np.asarray(large)).any(axis=2)
    assert (changed & ~covered).mean() < 1e-3  # where a filling happened to be what was there
    assert lettering_of(large).alpha.shape == (256, 256)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 100), (2, 50)])
def test_tiny_pictures_have_none(size):
    tiny = Image.new("RGB", size, (9, 90, 200))
    assert without_lettering(tiny).tobytes() == tiny.tobytes()
    assert covered_beside(tiny) is lettering_of(tiny) is None


def test_a_layer_is_what_alpha_blending_laid_on():
    """Of white letters at .6 a picture keeps .4 of what is behind and 153 is added."""
    layer = lettering_of(lettered(scene(5)))
    assert layer.kept == pytest.approx(0.4, abs=0.06)
    assert layer.added == pytest.approx(153, abs=12)  # edges of letters are thinner
    assert layer.n_marks >= 6
    other = scene(6)
    assert distance(with_lettering(other, layer), lettered(other)) < 0.3 * distance(other, lettered(other))


def test_what_is_laid_on_carries_nothing_of_the_picture_that_it_came_from():
    """The same letters from two scenes look alike on a third."""
    third = scene(7)
    one, other = (with_lettering(third, lettering_of(lettered(scene(seed)))) for seed in (8, 9))
    assert distance(one, other) < 0.3 * distance(one, third)


def test_where_nothing_varies_behind_letters_nothing_says_that_one_sees_through_them():
    layer = lettering_of(lettered(Image.new("RGB", (256, 256), (100, 100, 100))))
    assert layer.kept == 0.0
    assert layer.added == pytest.approx(0.6 * 255 + 0.4 * 100, abs=12)


def test_lettering_is_set_by_layers_and_where_it_cannot_be_seen_it_is_not():
    layer = lettering_of(lettered(scene(8), opacity=1.0))
    found = set_property(scene(9), "lettering", "yes", layers=[layer])
    assert measure_one(found, "lettering") == "yes"
    assert set_property(scene(9), "lettering", "yes") is None
    assert set_property(Image.new("RGB", (256, 256), "white"), "lettering", "yes", layers=[layer]) is None
    small = set_property(scene(9, (128, 200)), "lettering", "yes", layers=[layer])
    assert small.size == (128, 200)
    other = lettering_of(lettered(scene(8), "4711", at=(20, 20), opacity=1.0))
    by_seed = [
        set_property(scene(9), "lettering", "yes", layers=[layer, other], seed=seed).tobytes() for seed in (2, 3)
    ]
    assert by_seed[0] == found.tobytes() != by_seed[1]
