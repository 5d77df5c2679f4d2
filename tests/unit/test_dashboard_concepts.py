"""The views of concepts and of channel groups, and their queries, on hand-made audits."""

from dataclasses import replace

import pytest
from dashboard_page import links, markup, open_page, words
from hostile_audit import NAMES, write_hostile_audit
from picture_audit import image_id, write_picture_audit
from small_audit import write_small_audit

from auditor.store.database import open_audit_database
from auditor.store.queries import concepts as concept_queries
from auditor.store.queries import groups as group_queries


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("concepts") / "birds", n_classes=3)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("concepts") / "small")


def test_words_of_a_class_hold_what_was_said_and_what_was_counted(small):
    with open_audit_database(small) as connection:
        water, beak = concept_queries.words_of_class(connection, 0, leading="water")
        (first,) = concept_queries.words_of_class(connection, 0, leading="beak", limit=1)
    assert water == concept_queries.ClassWord("water", "water", "scene", 0.41, 0.03, 3410, 3274, 212, 66, 2)
    assert beak == concept_queries.ClassWord("beak", "beak", "part", 0.11, 0.0, None, None, None, None, 2)
    assert first.concept_id == "beak"


def test_concepts_come_by_what_they_lead(small):
    with open_audit_database(small) as connection:
        rows = concept_queries.concepts(connection, limit=10)
        (found,) = concept_queries.concepts(connection, find="MARK", limit=10)
        (second,) = concept_queries.concepts(connection, limit=1, start=1)
    assert [(row.concept, row.n_flagged, row.n_suspect) for row in rows] == [
        ("water", 1, 1), ("watermark", 1, 0), ("beak", 0, 0), ("scene = s0", 0, 0),
    ]  # fmt: skip
    assert rows[0].share == 0.41
    assert rows[0].class_name == "waterbird"
    assert found.concept_id == "watermark"
    assert (second.concept_id, second.total) == ("watermark", 4)


def test_one_concept_is_of_the_vocabulary_or_of_the_manifest(small):
    with open_audit_database(small) as connection:
        water = concept_queries.concept(connection, "water")
        known = concept_queries.concept(connection, "scene-s0-3f")
        assert concept_queries.concept(connection, "nothing") is None
        assert concept_queries.n_led(connection, "water") == 2
    assert water == concept_queries.OneConcept("water", "water", "scene", ("lake", "sea"), None, None)
    assert known == concept_queries.OneConcept("scene-s0-3f", "scene = s0", None, (), 0.875, "scene")


def test_a_concept_across_the_classes(birds):
    with open_audit_database(birds) as connection:
        rows = concept_queries.across_classes(connection, "water", limit=10)
        (last,) = concept_queries.across_classes(connection, "water", limit=1, start=2)
    assert [row.class_name for row in rows] == ["bird 0", "bird 1", "bird 2"]
    assert last == rows[2]
    assert rows[0] == concept_queries.ConceptInClass(
        0,
        "bird 0",
        "flagged",
        "high",
        True,
        0.41,
        0.03,
        None,
        0.65,
        0.58,
        0.71,
        0.22,
        0.14,
        0.34,
        None,
        None,
        None,
        None,
        3,
    )


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


def test_the_list_of_concepts(small):
    page = open_page(small, view="concept")
    assert not page.exception
    assert "water (scene) ▲ 1 flagged ◆ 1 suspect 41 % waterbird" in words(page)
    assert "?audit=small&view=concept&concept=water" in links(page)
    page.text_input(key="find").set_value("nothing like it").run()
    assert page.query_params["find"] == "nothing like it"
    assert "No concept is left." in words(page)


def test_the_view_of_a_concept(birds):
    page = open_page(birds, view="concept", concept="water")
    assert not page.exception
    said = words(page)
    assert "It leads 3 classes. 9 of 15 pictures show it." in said
    assert "bird 0 ▲ flagged 41 % 65 pts [58, 71] 22 pts [14, 34] – – –" in said
    assert "?audit=birds&view=class&class=bird+0&concept=water" in links(page)
    assert "15 pictures" in said.partition("What counts as")[2]
    page.button_group(key="concept-among").set_value("least").run()
    assert page.query_params["among"] == "least"
    assert not page.exception


def test_a_value_of_the_manifest_is_a_concept_too(birds):
    page = open_page(birds, view="concept", concept="scene-water")
    assert not page.exception
    said = words(page)
    assert "a value of the manifest’s column scene" in said
    assert "The encoder agrees with the manifest: kappa 0.88." in said
    assert "No class has anything of it." in said
    assert "It is not known of any picture." in said


def test_a_concept_that_is_not_there_is_told(birds):
    page = open_page(birds, view="concept", concept="<i>gone</i>")
    assert not page.exception
    assert "No concept <i>gone</i> in this audit" in words(page)
    assert "<i>gone" not in markup(page)


def test_the_list_of_channel_groups(birds):
    page = open_page(birds, view="groups")
    assert not page.exception
    assert "water, lake 1 channel · 3 classes bird 0 46 %" in words(page)
    assert "?audit=birds&view=groups&group=0" in links(page)
    assert markup(page).count("data:image/webp") == 4


def test_one_channel_group(birds):
    page = open_page(birds, view="groups", group="1")
    assert not page.exception
    said = words(page)
    assert "beak channel group 1 · 1 channel" in said
    assert "bird 2 12 %" in said
    assert "6 pictures" in said.partition("Where it carries most")[2]


def test_a_group_that_is_not_there_is_told(birds):
    page = open_page(birds, view="groups", group="99")
    assert not page.exception
    assert "No channel group 99 in this audit" in words(page)


def test_an_audit_without_groups_says_so(tmp_path):
    page = open_page(write_hostile_audit(tmp_path / "a"), view="groups")
    assert not page.exception
    assert "No channel groups." in words(page)


def test_names_stay_text(tmp_path):
    audit = write_hostile_audit(tmp_path / "a")
    page = open_page(audit, view="concept", concept=NAMES[0])
    assert not page.exception
    page = open_page(audit, view="concept")
    assert not page.exception
    assert "<script" not in markup(page)
