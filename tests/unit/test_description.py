"""Descriptions of pictures: of the predicted class and of the label, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.records import ActivationStats
from auditor.textcam.description import describe_images

#: Two classes that weigh two channels against each other; each channel means one concept of three.
WEIGHTS = np.array([[1, -1], [-1, 1]], np.float32)
STATS = ActivationStats(np.ones(2, np.float32), np.zeros(2, np.float32))
DIRECTIONS = np.eye(2, 3, dtype=np.float32)
CONCEPTS = np.eye(3, dtype=np.float32)
#: Less the mean: [2, 0], [3, -4], [-1, 0], [0, 0].
ACTIVATIONS = np.array([[3, 1], [4, -3], [0, 1], [1, 1]], np.float32)
PREDICTED = np.array([0, 0, 1, 0])
LABEL = np.array([0, 1, -1, 1])


def describe(*sizes, **options):
    starts = np.cumsum([0, *sizes])
    chunks = (
        (slice(int(start), int(start) + size), ACTIVATIONS[start : start + size], np.zeros((size, 2), np.float32))
        for start, size in zip(starts, sizes, strict=False)
    )
    return describe_images(chunks, LABEL, PREDICTED, WEIGHTS, STATS, DIRECTIONS, CONCEPTS, **options)


def test_every_picture_for_its_prediction_and_for_its_label_where_that_differs():
    found = describe(4)
    assert found.image_idx.tolist() == [0, 1, 2, 3, 1, 3]
    assert found.class_idx.tolist() == [0, 0, 1, 0, 1, 1]


def test_exact_words():
    found = describe(4)
    # evidence along the directions: [2, 0]; [3, -4]; class 1 gets [-1, 0]; nothing; class 1 of picture 1 gets nothing
    # for it. The penalty takes a tenth of the largest match, and a concept against the evidence is never said.
    expected = np.array([[1.8, 0, 0], [2.7, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(found.weights.toarray(), expected, atol=1e-5)
    np.testing.assert_allclose(found.shares.toarray()[:, 0], [0.9, 2.7 * 3 / 25, 0, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(found.residuals, [0.01, (0.3**2 + 16) / 25, 1, 1, 1, 1], atol=1e-5)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (3, 1), (2, 2)])
def test_chunks_change_nothing_but_the_order(sizes):
    whole, found = describe(4), describe(*sizes)
    assert sorted(zip(found.image_idx, found.class_idx, strict=True)) == sorted(
        zip(whole.image_idx, whole.class_idx, strict=True)
    )
    for classes in (PREDICTED, np.where(LABEL < 0, PREDICTED, LABEL)):
        shares, residuals = found.of_classes(classes)
        expected_shares, expected_residuals = whole.of_classes(classes)
        np.testing.assert_allclose(shares.toarray(), expected_shares.toarray(), atol=1e-6)
        np.testing.assert_allclose(residuals, expected_residuals, atol=1e-6)


def test_of_classes_gives_one_row_a_picture_in_order():
    shares, residuals = describe(3, 1).of_classes(PREDICTED)
    assert shares.shape == (4, 3)
    np.testing.assert_allclose(shares.toarray()[:, 0], [0.9, 0.324, 0, 0], atol=1e-5)
    np.testing.assert_allclose(residuals, [0.01, 0.6436, 1, 1], atol=1e-4)


def test_progress_counts_pictures():
    calls = []
    describe(3, 1, on_progress=lambda *call: calls.append(call))
    assert calls == [("words", 3, 4), ("words", 4, 4)]
