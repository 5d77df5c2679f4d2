"""The planted benchmark's bank of layers and the draws of pictures from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.planted import words
from benchmarks.planted.bank import COLUMN, COLUMNS, Bank, BankSize
from benchmarks.planted.drawing import ClassOf, Mixture, Plant, Tie, draw_rows, variant_names, variants
from benchmarks.planted.grids import GRIDS
from benchmarks.planted.worlds import FACTOR_VALUES, HELD_BACK, OPEN, SAMPLE, WIDE, World
from sample_data.render import compose, finish
from sample_data.scene import Scene

_FEW = {"object": ("owl", "boat"), "background": ("water", "sand"), "surface": ("none", "tiles")}
TINY = World("tiny", tuple((factor, _FEW.get(factor, values)) for factor, values in FACTOR_VALUES.items()))
CLASSES = (ClassOf("boat", ("boat",)), ClassOf("owl", ("owl",)))


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> Bank:
    return Bank(tmp_path_factory.mktemp("bank"), BankSize((2, 1, 1), (2, 1, 1), (1, 1, 1)), TINY, pool=3)


def row_of(**values) -> np.ndarray:
    row = np.zeros(len(COLUMNS), np.int64)
    for name, value in values.items():
        row[COLUMN[name]] = FACTOR_VALUES[name].index(value) if isinstance(value, str) else value
    return row


def test_layers_put_together_are_what_the_renderer_draws(bank) -> None:
    seed = 100_000_000 + 3 * 1_000_000 + 1
    for change in ({}, {"light": "fog"}, {"artifact": "ruler"}):
        layer = {"artifact_layer": 1} if "artifact" in change else {}
        row = row_of(object="boat", background="water", object_layer=1, background_layer=1, **change, **layer)
        scene = replace(Scene("boat", "water", seed=seed), **change)
        drawn = np.asarray(finish(compose(scene, 64), scene)).astype(int)
        assert np.abs(bank.pictures(row[None])[0] - drawn).mean() < 1.0


def test_one_changed_factor_changes_nothing_else(bank) -> None:
    base = row_of(object="owl", background="sand", artifact="sticker")
    rows = variants(base[None], TINY)[0]
    assert len(rows) == len(variant_names(TINY)) == 2 + 5 + 4 + 4 + 2 + 2
    for (factor, value), row in zip(variant_names(TINY), rows, strict=True):
        changed = np.flatnonzero(row != base)
        assert set(changed) <= {COLUMN[factor]}
        assert row[COLUMN[factor]] == FACTOR_VALUES[factor].index(value)
    surface = bank.pictures(
        np.stack([base, row_of(object="owl", background="sand", artifact="sticker", surface="tiles")])
    )
    assert np.array_equal(surface[0, :40], surface[1, :40])  # a surface lies at the foot of the picture
    assert not np.array_equal(surface[0, 50:], surface[1, 50:])


def test_fainter_objects_let_the_background_through(bank) -> None:
    pictures = bank.pictures(
        np.stack([row_of(object="owl", background="sand", faint=faint) for faint in (0, 50, 100)])
    ).astype(int)
    empty = pictures[2]
    assert np.abs(pictures[0] - empty).mean() == pytest.approx(2 * np.abs(pictures[1] - empty).mean(), rel=0.05)


def test_plants_and_ties_have_their_rates(bank) -> None:
    labels = np.repeat([0, 1], 4000)
    ruler_on_water = Tie(1, "background", "water", "artifact", "ruler", "none", 0.8)
    faint_but_in_fog = Tie(0, "light", "fog", "faint", 0, 70, 1.0)
    mixture = Mixture((Plant(1, "background", "water", 0.9),), (ruler_on_water, faint_but_in_fog))
    rows = draw_rows(CLASSES, mixture, labels, bank, "train", np.random.default_rng(0))
    owls, boats = rows[labels == 1], rows[labels == 0]
    water, ruler = FACTOR_VALUES["background"].index("water"), FACTOR_VALUES["artifact"].index("ruler")
    on_water = owls[:, COLUMN["background"]] == water
    assert on_water.mean() == pytest.approx(0.9, abs=0.02)
    assert (boats[:, COLUMN["background"]] == water).mean() == pytest.approx(0.5, abs=0.03)
    assert (owls[on_water, COLUMN["artifact"]] == ruler).mean() == pytest.approx(0.8 + 0.2 * 0.035, abs=0.02)
    assert (owls[~on_water, COLUMN["artifact"]] == 0).mean() == pytest.approx(0.8 + 0.2 * 0.86, abs=0.04)
    fog = boats[:, COLUMN["light"]] == FACTOR_VALUES["light"].index("fog")
    assert set(boats[fog, COLUMN["faint"]]) == {0}
    assert set(boats[~fog, COLUMN["faint"]]) == {70}


def test_splits_share_no_layers(bank) -> None:
    for sort in ("object", "background", "artifact", "surface"):
        ranges = [range(*bank.layer_range(sort, split)) for split in ("train", "audit", "truth")]
        assert not set(ranges[0]) & set(ranges[1])
        assert not set(ranges[1]) & set(ranges[2])


@pytest.mark.parametrize("world", [SAMPLE, OPEN, WIDE])
def test_rates_of_every_factor_sum_to_one(world) -> None:
    for factor in ("background", "artifact", "light", "cast", "quality", "surface"):
        rates = world.rates(factor)
        assert sum(rates) == pytest.approx(1)
        assert all(
            rate == 0 for value, rate in zip(FACTOR_VALUES[factor], rates, strict=True) if value not in world.of(factor)
        )


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 7])
def test_scenarios_can_be_made_again_and_differ(seed) -> None:
    for grid in GRIDS.values():
        found = list(grid(seed))
        assert found == list(grid(seed))
        assert len({(one.model_digest(), one.encoder, one.encoder_error) for one in found}) == len(found)
    assert len(list(GRIDS["small"](seed))) == 8


def test_what_is_held_back_comes_with_the_late_seeds_alone() -> None:
    held_back = {value for values in HELD_BACK.values() for value in values}

    def shown(seed: int) -> set[str]:
        return {
            value
            for one in GRIDS["full"](seed)
            for value in (*(name for c in one.classes for name in c.objects), *(p.value for p in one.train.plants))
        }

    assert not shown(0) & held_back
    assert shown(100) & held_back == held_back


def test_every_value_has_words_and_captions_name_them() -> None:
    rng = np.random.default_rng(0)
    row = row_of(object="turtle", background="room", surface="carpet")
    texts = [words.caption_of(row, rng) for _ in range(40)]
    assert sum("turtle" in text or "tortoise" in text for text in texts) > 30
    assert sum("carpet" in text or "rug" in text for text in texts) == 40
    assert not any("boat" in text or "sand" in text for text in texts)
    assert words.TERM_OF["background", "bricks"] == "brick wall"
    assert ("surface", "none") not in words.TERM_OF
