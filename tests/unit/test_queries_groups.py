"""What is asked of channel groups, on a hand-made audit."""

from dataclasses import replace

import pytest
from picture_audit import image_id, write_picture_audit

from auditor.store.open_audit import open_audit_database
from auditor.store.queries import groups as group_queries


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("concepts") / "birds", n_classes=3)


def test_groups_with_the_classes_that_use_them(birds):
    with open_audit_database(birds) as connection:
        first, second = group_queries.groups(connection, n_classes=2, limit=10)
        assert [row.class_idx for row in group_queries.classes_of(connection, 0, limit=2)] == [0, 1]
        assert group_queries.channels_of(connection, 1, limit=9) == [group_queries.Channel(1, "beak", 1.0, 1)]
        assert group_queries.group(connection, 7) is None
    assert replace(first, image_ids=()) == group_queries.ListedGroup(
        0, "water, lake", 1.0, 1, 3, ("bird 0", "bird 1"), (0.46, 0.46), (), 1.0, 2
    )
    assert first.image_ids == (image_id(0, 0), image_id(0, 1))
    assert (second.group_idx, second.shares) == (1, (0.12, 0.12))
