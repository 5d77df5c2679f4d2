import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.dashboard.lasso import corners_of, inside, packed

SQUARE = "250.250.750.250.750.750.250.750"
#: A square with a notch from above down to its middle.
NOTCHED = np.float32([[-1, -1], [1, -1], [1, 1], [0.2, 1], [0, 0], [-0.2, 1], [-1, 1]])


def test_corners_are_thousandths_from_the_upper_left():
    assert corners_of("0.0.1000.0.500.1000").tolist() == [[-1, 1], [1, 1], [0, -1]]


def test_what_lies_inside():
    places = np.float32([[0, 0], [0.49, 0.49], [0.51, 0], [0, -0.6], [-0.49, -0.49]])
    assert inside(places, corners_of(SQUARE)).tolist() == [True, True, False, False, True]


def test_a_notch_is_outside():
    places = np.float32([[0, 0.5], [0, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    assert inside(places, NOTCHED).tolist() == [False, True, True, True]


def test_nothing_lies_on_a_line():
    assert not inside(np.float32([[0, 0], [0.2, 0.1]]), np.float32([[-1, 0], [1, 0], [0, 0]])).any()


@given(st.integers(0, 6), st.booleans())
def test_where_the_corners_begin_and_which_way_they_go_does_not_count(first, backwards):
    places = np.random.default_rng(0).uniform(-1, 1, (50, 2)).astype(np.float32)
    corners = np.roll(NOTCHED, first, axis=0)[:: -1 if backwards else 1]
    assert (inside(places, corners) == inside(places, NOTCHED)).all()


def test_points_take_five_bytes_each():
    data = base64.b64decode(packed(np.float32([[-1, 1], [1, -1], [0, 0]]), np.array([0, 1, 8])))
    assert len(data) == 15
    assert np.frombuffer(data[:6], "<u2").tolist() == [0, 65535, 32768]
    assert np.frombuffer(data[6:12], "<u2").tolist() == [0, 65535, 32768]
    assert list(data[12:]) == [0, 1, 8]


def test_a_hundred_thousand_are_less_than_a_megabyte():
    places = np.zeros((100_000, 2), np.float32)
    assert len(packed(places, np.zeros(100_000, np.int64))) == pytest.approx(667_000, abs=1000)
