import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.evidence.effects import place_shares
from auditor.evidence.effects.place_shares import screen_places
from auditor.place_cells import evidence_shares, symmetries
from auditor.place_grid import PLACES

NAMES = [place.name for place in PLACES]
CORNER = NAMES.index("top left corner")


def blobs(rng, n, *, spread=0.2, corner=0.0):
    """Shares of maps with an object about the middle; with a mark at the top left in a part of the pictures."""
    at = (np.arange(8) + 0.5) / 8
    centres = 0.5 + spread * rng.normal(size=(n, 2))
    y, x = (np.exp(-((at[None] - centre[:, None]) ** 2) / 0.03) for centre in centres.T)
    maps = y[:, :, None] * x[:, None, :] + 0.05 * rng.random((n, 8, 8)) - 0.02
    maps[: round(corner * n), :2, :2] += 1.0
    return evidence_shares(maps)


def test_a_mark_in_one_corner_is_found_there_and_nowhere_else():
    rng = np.random.default_rng(0)
    found = screen_places(blobs(rng, 60, corner=0.8), [blobs(rng, 60), blobs(rng, 60)], rng)
    assert found.statistic.argmax() == CORNER
    assert found.p[CORNER] == 1 / (place_shares.N_DEALS + 1)
    assert found.low[CORNER] > 0.1
    assert found.excess[CORNER] == pytest.approx(found.share[CORNER] - found.share_elsewhere[CORNER])
    opposite = NAMES.index("bottom right corner")
    assert found.p[opposite] > 0.5


def test_a_mark_that_the_other_classes_have_as_well_is_no_excess():
    rng = np.random.default_rng(1)
    found = screen_places(blobs(rng, 60, corner=0.8), [blobs(rng, 60, corner=0.8)], rng)
    assert found.p.min() > 0.05
    assert found.low[CORNER] < 0.01


def test_shares_by_hand():
    own = np.zeros((4, 9), np.float32)
    own[:, 0], own[:, 4] = [0.2, 0.4, 0.6, 0.8], [0.8, 0.6, 0.4, 0.2]
    other = np.zeros((2, 9), np.float32)
    other[:, 4] = 1
    found = screen_places(own, [other], np.random.default_rng(0))
    assert (found.share[CORNER], found.share_elsewhere[CORNER]) == (pytest.approx(0.5), 0)
    half = 1.959964 * np.std([0.2, 0.4, 0.6, 0.8], ddof=1) / 2
    assert (found.low[CORNER], found.high[CORNER]) == (
        pytest.approx(0.5 - half, abs=1e-6),
        pytest.approx(0.5 + half, abs=1e-6),
    )
    # one of eight views of each picture has the corner where it is, and one more: (1/4)^4 of the deals are as large
    assert found.p[CORNER] < 0.05


def test_maps_that_all_places_share_alike_find_nothing():
    even = np.full((30, 9), 1 / 9, np.float32)
    found = screen_places(even, [even], np.random.default_rng(0))
    assert (found.p == 1).all()
    assert found.excess == pytest.approx(np.zeros(len(PLACES)))


@pytest.mark.parametrize("spread", [0.05, 0.25])
def test_the_level_holds_where_objects_lie_about_the_middle(spread, monkeypatch):
    """300 worlds without a fixed place: 5 % of them at most are taken for one, but for chance (upper bound .09)."""
    monkeypatch.setattr(place_shares, "N_DEALS", 99)
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(300):
        own, *others = (blobs(rng, 25, spread=spread) for _ in range(3))
        alarms += screen_places(own, others, rng).p.min() <= 0.05
    assert alarms / 300 < 0.09


@settings(max_examples=20, deadline=None)
@given(turn=st.integers(0, 7), seed=st.integers(0, 50))
def test_mirroring_every_picture_mirrors_what_is_found(turn, seed):
    rng = np.random.default_rng(seed)
    own, other = blobs(rng, 20, corner=0.5), blobs(rng, 20)
    cells = symmetries()[turn]
    plain = screen_places(own, [other], np.random.default_rng(0))
    turned = screen_places(own[:, cells], [other[:, cells]], np.random.default_rng(0))
    assert sorted(turned.statistic) == pytest.approx(sorted(plain.statistic), abs=1e-5)
    assert sorted(turned.share) == pytest.approx(sorted(plain.share), abs=1e-6)
