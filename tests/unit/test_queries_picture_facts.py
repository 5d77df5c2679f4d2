"""What the audit holds of one picture; the audits are small_audit.py and picture_audit.py."""

import duckdb
import pytest
from picture_audit import image_id, write_picture_audit
from small_audit import IMAGE_IDS, write_small_audit

from auditor.store.open_audit import open_audit_database
from auditor.store.queries.picture_facts import GroupOfPicture, NamedBy, Shown, Word, picture_facts


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("audit"))) as connection:
        yield connection


def test_one_picture(small):
    facts = picture_facts(small, IMAGE_IDS[0])
    assert (facts.path, facts.label, facts.split) == (f"waterbird/{IMAGE_IDS[0]}.png", "waterbird", None)
    assert (facts.predicted_name, facts.label_name, facts.correct) == ("waterbird", "waterbird", True)
    assert facts.confidence == pytest.approx(0.99)
    (words,) = facts.words
    assert (words.class_idx, words.class_name, words.residual) == (0, "waterbird", 0.5)
    assert words.words == (
        Word("water", "water", "scene", True, 0.25, None), Word("beak", "beak", "part", False, 0.125, None),
    )  # fmt: skip
    assert [(one.concept, round(one.presence, 2)) for one in facts.shown] == [
        ("water", 0.9), ("beak", 0.2), ("watermark", 0),
    ]  # fmt: skip
    assert facts.attributes == (("scene", "s0"),)
    assert facts.named_by == (NamedBy("waterbird", "water", "water", "E4-recall"),)
    assert facts.groups == (GroupOfPicture(1, "beak", "waterbird", 0.75),)
    (saliency,) = facts.maps
    assert (saliency.class_idx, saliency.concept_id, saliency.data.shape) == (0, None, (2, 3))


def test_words_that_the_picture_shows_come_first_and_what_cannot_be_told_is_not_known(tmp_path):
    write_small_audit(tmp_path)
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as writer:
        beak = writer.execute("SELECT concept_idx FROM concepts WHERE concept_id = 'beak'").fetchone()
        writer.execute("INSERT INTO concepts_seen VALUES (?, ?)", [IMAGE_IDS[0], [*beak]])
    with open_audit_database(tmp_path) as connection:
        (words,) = picture_facts(connection, IMAGE_IDS[0]).words
    assert [(word.concept, word.seen) for word in words.words] == [("beak", True), ("water", False)]
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as writer:
        writer.execute("UPDATE concepts SET kappa = 0.5")
    with open_audit_database(tmp_path) as connection:
        (words,) = picture_facts(connection, IMAGE_IDS[0]).words
    assert [(word.concept, word.seen) for word in words.words] == [("water", None), ("beak", None)]


def test_arms_of_the_counterexamples_are_told(small):
    rules = {one.rule_id for one in picture_facts(small, IMAGE_IDS[1]).named_by}
    assert rules == {"E4-recall", "without"}
    assert [one.rule_id for one in picture_facts(small, IMAGE_IDS[5]).named_by] == ["with"]


def test_what_a_verdict_names_comes_before_other_findings(tmp_path):
    write_small_audit(tmp_path)
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as writer:
        copied = "SELECT f.* REPLACE ('a' || i AS concept_id) FROM findings f, range(3) s(i) WHERE concept_id = 'water'"
        writer.execute(f"INSERT INTO findings {copied}")
    with open_audit_database(tmp_path) as connection:
        named = picture_facts(connection, IMAGE_IDS[0]).named_by
    assert [one.concept_id for one in named] == ["water", "a0", "a1", "a2"]


def test_a_picture_without_words_or_thumbnail(small):
    facts = picture_facts(small, IMAGE_IDS[5])
    assert facts.thumbnail is None
    assert facts.correct is False
    assert [words.words for words in facts.words] == [()]


def test_unknown_ids(small):
    assert picture_facts(small, "'; DROP TABLE images; --") is None
    assert picture_facts(small, "") is None


def test_words_for_the_prediction_come_first(tmp_path):
    with open_audit_database(write_picture_audit(tmp_path, 2)) as connection:
        facts = picture_facts(connection, image_id(0, 3))
        assert [words.class_name for words in facts.words] == ["bird 1"]
        assert facts.shown == (Shown("water", "water", "scene", pytest.approx(0.2)),)
