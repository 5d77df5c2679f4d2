"""Which pictures tell a class's story; the audit is tests/unit/picture_audit.py."""

import duckdb
import numpy as np
import pytest
from picture_audit import CROP, image_id, write_picture_audit

from auditor.store.open_audit import open_audit_database
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.pictures import CalledPictures, GroupOfClass


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_picture_audit(tmp_path_factory.mktemp("audit"), 3)) as connection:
        yield connection


def ids_of(pictures):
    return [picture.image_id for picture in pictures]


def test_pictures_are_told_by_side(connection):
    told = picture_queries.side_pictures(connection, [0, 1], limit=9)
    assert set(told) == {(c, side) for c in (0, 1) for side in ("with", "without", "pulled")}
    assert ids_of(told[1, "with"]) == [image_id(1, 0), image_id(1, 1)]  # the larger share first
    assert ids_of(told[1, "without"]) == [image_id(1, 3), image_id(1, 2)]  # the mistake first
    (pulled,) = told[1, "pulled"]
    assert (pulled.image_id, pulled.label_name, pulled.predicted_name) == (image_id(0, 4), "bird 0", "bird 1")
    assert (pulled.path, pulled.confidence, pulled.correct) == ("bird 0/4.jpg", 0.75, False)
    assert pulled.presence == pytest.approx(0.7)
    # its own picture that is called the next class shows water too, but is neither without it nor pulled here
    assert image_id(1, 4) not in {picture.image_id for pictures in told.values() for picture in pictures}


def test_few_are_told(connection):
    told = picture_queries.side_pictures(connection, [2], limit=1)
    assert {side: ids_of(pictures) for (_, side), pictures in told.items()} == {
        "with": [image_id(2, 0)], "without": [image_id(2, 3)], "pulled": [image_id(1, 4)],
    }  # fmt: skip
    assert picture_queries.side_pictures(connection, [], limit=1) == {}


def test_groups_come_by_what_they_carry(connection):
    groups = picture_queries.groups_of_classes(connection, [1], limit=5)
    assert groups == {
        1: [
            GroupOfClass(1, 0, "water, lake", 0.46, 3400, 1, (image_id(1, 0), image_id(1, 1))),
            GroupOfClass(1, 1, "beak", 0.12, 3400, 1, (image_id(1, 1), image_id(1, 2))),
        ]
    }
    assert [group.name for group in picture_queries.groups_of_classes(connection, [1], limit=1)[1]] == ["water, lake"]


def test_what_is_called_a_concept_surely_barely_and_barely_not(connection):
    called = picture_queries.called_pictures(connection, ["water", "'; DROP"], limit=3)["water"]
    assert (called.n_present, called.n_known) == (9, 15)
    assert sorted(called.surest) == [image_id(c, 0) for c in range(3)]  # .9
    assert sorted(called.above) == [image_id(c, 4) for c in range(3)]  # .7
    assert sorted(called.below) == [image_id(c, 3) for c in range(3)]  # .2
    again = picture_queries.called_pictures(connection, ["water"], limit=3)["water"]
    assert again == called
    assert picture_queries.called_pictures(connection, [], limit=3) == {}


def test_presence_at_the_line_is_not_present_as_in_the_counts(tmp_path):
    write_picture_audit(tmp_path, 3)
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as writer:
        writer.execute("UPDATE concept_presence SET presence = 0.5")
    with open_audit_database(tmp_path) as connection:
        assert picture_queries.called_pictures(connection, ["water"], limit=3)["water"].n_present == 0
        assert {side for _, side in picture_queries.side_pictures(connection, [0, 1], limit=9)} == {"without"}


def test_a_concept_that_no_picture_shows(connection):
    assert picture_queries.called_pictures(connection, ["nothing"], limit=3) == {}
    assert CalledPictures("x", 0, 0, (), (), ()).surest == ()


def test_residuals_thumbnails_and_maps(connection):
    assert picture_queries.mean_residuals(connection) == {0: 0.25, 1: 0.25, 2: 0.25}
    found = picture_queries.thumbnails_and_paths(connection, [image_id(0, 1), "nothing"])
    assert list(found) == [image_id(0, 1)]
    path, thumbnail = found[image_id(0, 1)]
    assert path == "bird 0/1.jpg"
    assert thumbnail.startswith(b"\xff\xd8")
    maps = picture_queries.maps_of_class(connection, 1)
    assert set(maps) == {(image_id(1, n), None) for n in range(4)} | {(image_id(0, 4), None), (image_id(1, 0), "water")}
    one = maps[image_id(1, 0), "water"]
    np.testing.assert_array_equal(one.data[2:5, 2:4], 255)
    assert (one.data.sum(), one.scale, tuple(one.crop)) == (6 * 255, 0.5, CROP)


def test_maps_of_pictures_are_of_every_class_that_has_one(connection):
    maps = picture_queries.maps_of_pictures(connection, [image_id(1, 0), image_id(0, 4), "nothing"])
    assert [(one.image_id, one.class_idx, one.concept_id) for one in maps] == [
        (image_id(0, 4), 1, None), (image_id(1, 0), 1, None), (image_id(1, 0), 1, "water"),
    ]  # fmt: skip
    assert maps[2].scale == 0.5
    assert picture_queries.maps_of_pictures(connection, []) == []


@pytest.mark.parametrize(("n_bytes", "height", "width"), [(5, 2, 3), (6, 0, 3), (6, -2, -3), (0, 0, 0)])
def test_maps_whose_bytes_do_not_fit_are_left_out(n_bytes, height, width):
    assert picture_queries._pixels(bytes(n_bytes), height, width) is None


def test_rows_of_the_index_are_those_of_the_pictures(connection):
    ids = [image_id(1, 0), image_id(0, 4)]
    rows = [picture_queries.index_row(connection, one) for one in ids]
    assert picture_queries.ids_of_index_rows(connection, [*rows, 10_000]) == dict(zip(rows, ids, strict=True))
    assert picture_queries.ids_of_index_rows(connection, []) == {}
    assert picture_queries.index_row(connection, "nothing") is None
