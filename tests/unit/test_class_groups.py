"""Which channel groups carry a class, by hand."""

import numpy as np
import pytest

from auditor.records import ActivationStats, ChannelGroups, ClassChannelGroup
from auditor.textcam import class_groups
from auditor.textcam.class_groups import class_channel_groups

#: Channels 0 and 2 form group 0, channel 1 is group 1, channel 3 belongs to none.
GROUPS = ChannelGroups(np.array([0, 1, 0, -1]), np.eye(2, 3, dtype=np.float32))
STATS = ActivationStats(np.zeros(4, np.float32), np.ones(4, np.float32))
WEIGHTS = np.array([[1, 1, 1, 2], [-1, -1, -1, -2]], np.float32)


def of(activations, predicted, ids="abcd", chunk=10):
    rows = np.array(activations, np.float32)
    chunks = [
        (slice(start, min(start + chunk, len(rows))), rows[start : start + chunk], rows[:0])
        for start in range(0, len(rows), chunk)
    ]
    return class_channel_groups(
        chunks, list(ids)[: len(rows)], np.array(predicted), ("bird", "car"), WEIGHTS, STATS, GROUPS
    )


@pytest.mark.parametrize("chunk", [1, 3])
def test_shares_are_means_over_pictures_and_pictures_come_by_what_they_carry(chunk):
    # evidence of a: 1, 2, 1, 0 -> groups 2/4, 2/4; of b: 6, 0, 0, 2 -> groups 6/8, 0
    found = of([[1, 2, 1, 0], [6, 0, 0, 1], [-1, 0, 0, 0]], [0, 0, 1], chunk=chunk)
    assert found == (
        ClassChannelGroup(0, "bird", 0, 0.625, 2, ("b", "a")),
        ClassChannelGroup(0, "bird", 1, 0.25, 2, ("a",)),
        # a low activation is evidence for the second class, and as much of it
        ClassChannelGroup(1, "car", 0, 1.0, 1, ("c",)),
    )


def test_pictures_without_evidence_count_for_nothing():
    assert of([[-1, 0, 0, 0], [2, 0, 0, 0]], [0, 0]) == (ClassChannelGroup(0, "bird", 0, 1.0, 1, ("b",)),)
    assert of([[-1, 0, 0, 0]], [0]) == ()
    assert of([[0, 0, 0, 5]], [0]) == ()  # its channel is in no group


def test_few_pictures_are_named_and_equal_ones_by_id(monkeypatch):
    monkeypatch.setattr(class_groups, "PICTURES_PER_GROUP", 2)
    (only,) = of([[1, 0, 0, 0]] * 3, [0, 0, 0], ids="cab")
    assert only.image_ids == ("a", "b")


def test_no_groups():
    none = ChannelGroups(np.array([-1]), np.zeros((0, 3), np.float32))
    stats = ActivationStats(np.zeros(1, np.float32), np.ones(1, np.float32))
    chunks = [(slice(0, 1), np.ones((1, 1), np.float32), np.ones((1, 1), np.float32))]
    assert class_channel_groups(chunks, ["a"], np.array([0]), ("x",), np.ones((1, 1), np.float32), stats, none) == ()
