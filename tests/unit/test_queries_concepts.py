"""What is asked of concepts, on hand-made audits."""

import pytest
from picture_audit import write_picture_audit
from small_audit import write_small_audit

from auditor.store.open_audit import open_audit_database
from auditor.store.queries import concepts as concept_queries
from auditor.store.queries.concepts import Effect


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
        0, "bird 0", "flagged", "high", True, 0.41, 0.03, 3,
        {"E1": Effect(0.41, 0.38, 0.44), "E4-recall": Effect(0.65, 0.58, 0.71), "E4-pull": Effect(0.22, 0.14, 0.34)},
    )  # fmt: skip


def test_terms_are_of_the_vocabulary_and_of_the_manifest(small):
    with open_audit_database(small) as connection:
        terms = concept_queries.concept_terms(connection, ["water", "scene-s0-3f", "nothing"])
        assert concept_queries.words_to_try(connection, limit=1) == ["water"]  # it leads two classes
    assert terms == {"water": "water", "scene-s0-3f": "scene = s0"}
