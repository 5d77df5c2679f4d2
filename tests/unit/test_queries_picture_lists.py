"""Which pictures a list holds, in which order, page by page; the audit is tests/unit/picture_audit.py."""

from dataclasses import replace

import pytest
from picture_audit import PER_CLASS, image_id, write_picture_audit

from auditor.store.open_audit import open_audit_database
from auditor.store.queries.picture_lists import (
    Column,
    Having,
    PicturePage,
    Selection,
    Step,
    columns,
    nearest_page,
    read_page,
    step,
    step_in,
    told,
    values_in,
)

N_CLASSES = 3


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_picture_audit(tmp_path_factory.mktemp("audit"), N_CLASSES)) as connection:
        yield connection


def ids(connection, among, **selection):
    chosen = Selection(among, **{"class_idx": 1, "concept_id": "water", **selection})
    page = read_page(connection, chosen, 1)
    assert page.total == len(page.pictures)
    return [picture.image_id for picture in page.pictures]


def test_lists_of_a_class(connection):
    assert ids(connection, "with") == [image_id(1, 0), image_id(1, 1), image_id(1, 4)]  # .9, .8, .7
    assert ids(connection, "without") == [image_id(1, 3), image_id(1, 2)]  # the mistake first
    assert set(ids(connection, "mistakes")) == {image_id(1, 3), image_id(1, 4)}
    assert ids(connection, "pulled") == [image_id(0, 4)]
    everything = ids(connection, "all")
    assert len(everything) == PER_CLASS
    assert set(everything[:2]) == {image_id(1, 3), image_id(1, 4)}  # mistakes first


def test_a_list_is_narrowed_by_a_column_of_the_manifest(connection):
    day, night, none = [image_id(1, 0), image_id(1, 2)], [image_id(1, 3), image_id(1, 1)], [image_id(1, 4)]
    assert set(ids(connection, "all", having=Having("light", ("day",)))) == set(day)
    assert set(ids(connection, "all", having=Having("light", ("night", "")))) == {*night, *none}
    assert set(ids(connection, "all", having=Having("light"))) == {*day, *night, *none}
    assert ids(connection, "without", having=Having("light", ("' OR 1=1 --",))) == []
    span = Having("property:brightness", span=(0.1, 0.3))
    assert set(ids(connection, "all", having=span)) == {image_id(1, 1), image_id(1, 2), image_id(1, 3)}
    assert ids(connection, "all", having=Having("light", span=(0, 1))) == []  # no number is in no span
    assert step(connection, Selection("all", 1, "water", having=span), image_id(1, 4)) is None


def test_what_columns_there_are_and_what_a_list_has_in_one(connection):
    assert columns(connection) == [Column("light", 2, None, None), Column("property:brightness", 5, 0.0, 0.4)]
    everything = Selection("all", 1, "water")
    assert values_in(connection, everything, "light") == [("day", 2), ("night", 2), ("", 1)]
    assert values_in(connection, Selection("without", 1, "water"), "light") == [("day", 1), ("night", 1)]


def test_mistakes_need_no_concept(connection):
    assert set(ids(connection, "mistakes", concept_id=None)) == {image_id(1, 3), image_id(1, 4)}
    assert ids(connection, "with", concept_id=None) == []


def test_lists_of_a_concept_are_of_all_classes(connection):
    most = ids(connection, "most", class_idx=None)
    assert len(most) == N_CLASSES * PER_CLASS
    assert set(most[:3]) == {image_id(c, 0) for c in range(N_CLASSES)}
    assert set(ids(connection, "least", class_idx=None)[:3]) == {image_id(c, 2) for c in range(N_CLASSES)}


def test_where_the_words_say_a_concept(connection):
    # for the class: only those called it have words for it; their shares are half of .9, .8, .1, and the pulled one's
    assert ids(connection, "said") == [image_id(1, 0), image_id(1, 1), image_id(0, 4), image_id(0, 3), image_id(1, 2)]
    said = read_page(connection, Selection("said", concept_id="water"), 1)
    assert said.total == N_CLASSES * PER_CLASS
    assert said.pictures[0].share == pytest.approx(0.45)


def test_lists_of_a_channel_group(connection):
    assert ids(connection, "group", group_idx=0) == [image_id(1, 0), image_id(1, 1)]
    of_all = ids(connection, "group", group_idx=0, class_idx=None)
    assert sorted(of_all) == sorted(image_id(c, number) for c in range(N_CLASSES) for number in range(2))
    assert ids(connection, "group", group_idx=99) == []


def test_what_stands_beside_a_picture(connection):
    (picture,) = read_page(connection, Selection("pulled", 1, "water"), 1).pictures
    assert (picture.path, picture.label_name, picture.predicted_name) == ("bird 0/4.jpg", "bird 0", "bird 1")
    assert (picture.confidence, picture.correct, picture.predicted_idx) == (0.75, False, 1)
    assert (picture.presence, picture.share) == (pytest.approx(0.7), pytest.approx(0.35))
    assert picture.score is None
    (same,) = told(connection, [picture.image_id], class_idx=1, concept_id="water")
    assert same == picture
    # of a class that the picture has no words for there is no share
    (other,) = told(connection, [picture.image_id], class_idx=2, concept_id="water")
    assert other == replace(picture, share=None)


def test_named_pictures_keep_their_order_and_unknown_ones_are_left_out(connection):
    named = [image_id(2, 1), "'; DROP TABLE images; --", image_id(0, 0)]
    assert [picture.image_id for picture in told(connection, named)] == [named[0], named[2]]
    assert told(connection, []) == []


def test_pages_make_up_the_list(connection):
    chosen = Selection("most", concept_id="water")
    pages = [read_page(connection, chosen, number, size=4) for number in range(1, 5)]
    assert [len(page.pictures) for page in pages] == [4, 4, 4, 3]
    assert {page.total for page in pages} == {15}
    paged = [picture.image_id for page in pages for picture in page.pictures]
    assert paged == ids(connection, "most", class_idx=None)


def test_beyond_the_last_page_is_the_last(connection):
    beyond = read_page(connection, Selection("most", concept_id="water"), 99, size=4)
    assert (beyond.number, len(beyond.pictures), beyond.total) == (4, 3, 15)
    assert read_page(connection, Selection("with", 77, "water"), 3) == PicturePage((), 0, 1)
    assert [nearest_page(number, 25) for number in (1, 2, 3)] == [1, 2, 2]
    assert nearest_page(5, 0) == 1


@pytest.mark.parametrize("among", ["all", "with", "without", "mistakes", "pulled", "most", "least", "said", "group"])
def test_steps_walk_through_the_list(connection, among):
    chosen = Selection(among, None if among in ("most", "least") else 1, "water", 0)
    listed = [picture.image_id for picture in read_page(connection, chosen, 1).pictures]
    walked = [step(connection, chosen, one) for one in listed]
    assert walked == [step_in(listed, one) for one in listed]
    assert [one.position for one in walked] == list(range(1, len(listed) + 1))
    assert (walked[0].previous, walked[-1].following) == (None, None)
    assert [one.following for one in walked[:-1]] == listed[1:]
    assert [one.previous for one in walked[1:]] == listed[:-1]


def test_a_picture_outside_the_list_has_no_step(connection):
    assert step(connection, Selection("with", 1, "water"), image_id(0, 0)) is None
    assert step(connection, Selection("with", 1, "water"), "no such picture") is None
    assert step_in(["a"], "b") is None


def test_the_page_of_a_step():
    assert [Step(position, 99, None, None).page for position in (1, 24, 25, 48, 49)] == [1, 1, 2, 2, 3]


def test_without_a_model(tmp_path):
    with open_audit_database(write_picture_audit(tmp_path, 2, model=False)) as connection:
        assert ids(connection, "mistakes") == []
        (first, *_) = read_page(connection, Selection("with", 1, "water"), 1).pictures
    assert (first.predicted_name, first.confidence, first.correct) == (None, None, None)
