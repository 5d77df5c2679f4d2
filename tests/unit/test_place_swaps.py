"""Exchanging places on a network set by hand: channel 0 is red, channel 1 green minus blue."""

import numpy as np
import pytest
from PIL import Image
from toy_audit import PLAIN, toy_classifier

from auditor.errors import InputError
from auditor.evidence.effects.place_exchange import PlaceSwap, given, taken_away
from auditor.extraction import place_swaps as hands
from auditor.extraction.place_swaps import place_swaps
from auditor.place_grid import PLACES

NAMES = [place.name for place in PLACES]
TOP, BOTTOM = NAMES.index("top edge"), NAMES.index("bottom edge")
ROSE, LEAF = 0, 1
RED, GREEN = (255, 0, 0), (0, 255, 0)
assert isinstance(PLAIN.size, tuple)
SIDE = PLAIN.size[0]


def picture(top, rest):
    made = Image.new("RGB", (SIDE, SIDE), rest)
    made.paste(top, (0, 0, SIDE, round(SIDE / 3)))
    return made


PICTURES = [picture(RED, RED), picture(GREEN, GREEN), picture(RED, GREEN)]


def read(row):
    if row >= len(PICTURES):
        raise InputError("gone")
    return PICTURES[row]


def test_the_place_is_filled_from_the_other_picture_and_nothing_else(monkeypatch):
    seen = []
    forward = hands.cam.forward

    def watched(classifier, batch):
        seen.append(batch.clone())
        return forward(classifier, batch)

    monkeypatch.setattr(hands.cam, "forward", watched)
    # logits are [a0 - a1, 2 a1 + .5]: of 8 rows 3 (top) or 3 (bottom) turn green
    exchange = place_swaps(toy_classifier(), read)
    assert exchange([PlaceSwap(ROSE, TOP, BOTTOM, 0, 1)]).tolist() == [[LEAF, LEAF]]
    top, bottom = (batch[0] for batch in seen[-2:])
    assert top[1].mean(dim=1).tolist() == [1.0] * 3 + [0.0] * 5
    assert bottom[1].mean(dim=1).tolist() == [0.0] * 5 + [1.0] * 3


def test_a_place_decides_where_its_mirror_image_does_not():
    # green below, red above: taking the red away by giving it green changes nothing that the bottom would not
    exchange = place_swaps(toy_classifier(), read)
    assert exchange([PlaceSwap(ROSE, TOP, BOTTOM, 2, 0)]).shape == (1, 2)
    assert exchange([]).shape == (0, 2)


def test_pictures_that_are_gone_give_nothing():
    exchange = place_swaps(toy_classifier(), read)
    asked = [PlaceSwap(ROSE, TOP, BOTTOM, 0, 9), PlaceSwap(ROSE, TOP, BOTTOM, 9, 0), PlaceSwap(ROSE, TOP, BOTTOM, 0, 0)]
    assert exchange(asked).tolist() == [[-1, -1], [-1, -1], [ROSE, ROSE]]


def test_batches_change_nothing(monkeypatch):
    swaps = [PlaceSwap(ROSE, TOP, BOTTOM, a, b) for a in range(3) for b in range(3)]
    whole = place_swaps(toy_classifier(), read)(swaps)
    monkeypatch.setattr(hands, "BATCH", 2)
    assert place_swaps(toy_classifier(), read)(swaps).tolist() == whole.tolist()


def swaps(n):
    return [PlaceSwap(0, TOP, BOTTOM, i, 1000 + i) for i in range(n)]


def test_both_ways_by_hand():
    # 100 exchanges, [with the place filled, with its mirror image filled]: 60 kept either way, 30 lost with the place
    found = np.array([[0, 0]] * 60 + [[1, 0]] * 30 + [[0, 1]] * 5 + [[1, 1]] * 5)
    taken = taken_away(found, swaps(100), None)
    assert (taken.effect, taken.called, taken.called_without, taken.n) == (0.25, 0.9, 0.65, 100)
    # the same the other way round: called the class with the place, and not with the mirror image
    put = given(found[:, ::-1], swaps(100), None)
    assert (put.effect, put.called, put.called_without) == (0.25, 0.9, 0.65)
    assert put.p == taken.p < 1e-3
    assert put.changed == tuple(range(60, 90))


@pytest.mark.parametrize(("kept", "status"), [(30, "unstable"), (60, "measured")])
def test_where_any_place_changes_the_call_nothing_is_measured(kept, status):
    found = np.array([[0, 0]] * kept + [[1, 1]] * (100 - kept))
    assert taken_away(found, swaps(100), None).status == status
    assert given(found, swaps(100), None).status == "measured"  # other classes need not be called it at all


def test_few_exchanges_or_few_pictures_say_nothing():
    assert taken_away(np.zeros((9, 2), int), swaps(9), None).status == "too_few"
    again = [PlaceSwap(0, TOP, BOTTOM, i % 5, 1000 + i) for i in range(50)]
    assert taken_away(np.zeros((50, 2), int), again, None).status == "too_few"
    groups = np.zeros(2000, dtype=np.int64)
    groups[:1000] = np.arange(1000)
    assert taken_away(np.zeros((50, 2), int), swaps(50), groups).status == "too_few"  # others are all of one group
