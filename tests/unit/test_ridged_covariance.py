import numpy as np
import pytest

from auditor.evidence.effects.ridged_covariance import RIDGE, RidgedCovariance

rng = np.random.default_rng(0)


@pytest.mark.parametrize(("n", "width"), [(30, 80), (80, 30), (1, 5)])
def test_few_pictures_and_many_give_the_same_inverse(n, width):
    x = rng.normal(size=(n, width)) * rng.uniform(0.1, 10, width)
    x -= x.mean(axis=0) if n > 1 else 0
    x[:, 0] = 0  # a channel that never varies
    covariance, columns = x.T @ x / n, rng.normal(size=(width, 3))
    columns[0] = 0
    by_pictures = RidgedCovariance.of_pictures(x).solve(columns)
    by_channels = RidgedCovariance.of_channels(covariance).solve(columns)
    assert by_pictures == pytest.approx(by_channels, rel=1e-6, abs=1e-9)
    diagonal = RIDGE * np.diag(covariance)
    regular = covariance + np.diag(diagonal + 1e-6 * np.diag(covariance).mean())
    assert by_pictures == pytest.approx(np.linalg.solve(regular, columns), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("make", [RidgedCovariance.of_pictures, lambda x: RidgedCovariance.of_channels(x.T @ x / 40)])
def test_products_are_those_of_solved_columns(make):
    inverse = make(rng.normal(size=(40, 60)) * rng.uniform(0.1, 10, 60))
    others, rows = rng.normal(size=(3, 60)), rng.normal(size=(7, 60))
    expected = others @ inverse.solve(rows.T), rows @ inverse.solve(rows.T)
    for found, one in zip(inverse.products(others, rows), expected, strict=True):
        assert found == pytest.approx(one, rel=1e-9, abs=1e-9)
    single = inverse.in_single_precision().products(others.astype(np.float32), rows.astype(np.float32))
    for found, one in zip(single, expected, strict=True):
        assert found.dtype == np.float32
        assert found == pytest.approx(one, rel=1e-4, abs=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("make", [RidgedCovariance.of_pictures, RidgedCovariance.of_channels])
def test_features_that_are_all_zero_have_an_inverse(make):
    with np.errstate(all="raise"):
        assert np.isfinite(make(np.zeros((4, 4))).solve(np.ones((4, 1)))).all()
