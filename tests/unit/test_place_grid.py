import numpy as np
import pytest

from auditor.place_cells import CELLS, evidence_shares, symmetries
from auditor.place_grid import ALL_PLACES, MIDDLE, PLACES, SURROUNDINGS, mirrored, place_of

NAMES = [place.name for place in PLACES]


def test_names_boxes_and_cells():
    corner = PLACES[NAMES.index("bottom left corner")]
    assert corner.concept_id == "place-bottom-left-corner"
    assert corner.box == (0, 2 / 3, 1 / 3, 1)
    assert np.flatnonzero(corner.cells).tolist() == [6]
    edge = PLACES[NAMES.index("right edge")]
    assert np.flatnonzero(edge.cells).tolist() == [2, 5, 8]
    assert place_of("place-right-edge") is edge
    assert place_of("water") is None
    assert place_of(None) is None
    assert len({place.concept_id for place in ALL_PLACES}) == len(PLACES) + 1 == 13
    assert place_of("place-surroundings") is SURROUNDINGS
    left, top, right, bottom = MIDDLE
    assert (right - left) * (bottom - top) == pytest.approx(4 / 9)
    assert CELLS[:, 4].max() == 0  # the middle is no place


@pytest.mark.parametrize("name", NAMES)
def test_mirror_images_are_what_symmetries_make_of_a_place(name):
    place = NAMES.index(name)
    turned = {tuple(sorted(np.flatnonzero(PLACES[place].cells[cells]))) for cells in symmetries()}
    family = {tuple(np.flatnonzero(PLACES[p].cells)) for p in (place, *mirrored(place))}
    assert turned == family
    assert len(mirrored(place)) == 3


def test_symmetries_are_the_eight_of_a_square():
    found = symmetries()
    assert len({tuple(row) for row in found}) == 8
    assert found[0].tolist() == list(range(9))
    assert (found[:, 4] == 4).all()


def test_shares_of_maps_by_hand():
    even = np.ones((1, 6, 6), np.float32)
    assert evidence_shares(even)[0] == pytest.approx(np.full(9, 1 / 9))
    corner = np.full((1, 7, 7), -1.0, np.float32)
    corner[0, 0, 0] = 3
    assert evidence_shares(corner)[0].tolist() == [1] + [0] * 8
    # the third of seven columns lies to a third in the left third of the side, and to two thirds in the middle
    column = np.zeros((1, 7, 7), np.float32)
    column[0, 0, 2] = 5
    assert evidence_shares(column)[0][:3] == pytest.approx([1 / 3, 2 / 3, 0])


def test_maps_without_evidence_or_beyond_numbers_are_not_known():
    maps = np.stack([np.zeros((4, 4)), np.full((4, 4), -2.0), np.full((4, 4), np.nan), np.eye(4)]).astype(np.float32)
    known = np.isfinite(evidence_shares(maps)).all(axis=1)
    assert known.tolist() == [False, False, False, True]
    assert evidence_shares(np.zeros((0, 5, 5), np.float32)).shape == (0, 9)
