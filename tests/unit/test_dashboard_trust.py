"""What is taken for a concept is judged before the claim: the answers last, and their tally stands beside the claim."""

import csv

import pytest
from dashboard_page import open_page, words
from picture_audit import image_id, write_picture_audit

from auditor.errors import InputError
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.pictures import thumbnails_and_paths
from reports.dashboard.concept_answers import ConceptAnswers, Tally

HERE = {"view": "class", "class_": "bird 1"}


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("audit"), 2)


def path_of(audit, image):
    with open_audit_database(audit) as connection:
        return thumbnails_and_paths(connection, [image])[image][0]


def test_answers_are_kept_by_picture_and_taken_back(tmp_path):
    answers = ConceptAnswers(tmp_path / "concept-answers.csv")
    assert answers.read("water") == {}
    answers.answer("water", "water", "a.jpg", True)
    answers.answer("sand", "sand", "a.jpg", False)
    answers.answer("water", "water", "a.jpg", False)
    assert answers.read("water") == {"a.jpg": False}
    assert list(csv.reader(answers.path.read_text().splitlines())) == [
        ["concept_id", "concept", "path", "shows"],
        ["sand", "sand", "a.jpg", "no"],
        ["water", "water", "a.jpg", "no"],
    ]
    answers.answer("water", "water", "a.jpg", None)
    assert answers.read("water") == {}
    assert answers.read("sand") == {"a.jpg": False}


def test_a_file_with_a_mistake_is_told_and_left(tmp_path):
    path = tmp_path / "concept-answers.csv"
    path.write_text("concept_id,concept,path,shows\nwater,water,a,perhaps\n")
    with pytest.raises(InputError, match="shows 'perhaps' of 'a'; expected yes or no"):
        ConceptAnswers(path).answer("water", "water", "b", True)
    path.write_text("name\nx\n")
    with pytest.raises(InputError, match="expected concept_id, concept, path, shows"):
        ConceptAnswers(path).read("water")
    assert path.read_text() == "name\nx\n"


def test_the_tally_counts_where_the_audit_says_the_same(audit, tmp_path):
    answers = ConceptAnswers(tmp_path / "concept-answers.csv")
    with open_audit_database(audit) as connection:
        assert answers.tally(connection, "water") is None
        answers.answer("water", "water", path_of(audit, image_id(1, 0)), True)  # the audit says so as well
        answers.answer("water", "water", path_of(audit, image_id(1, 2)), True)  # the audit says that it is without
        answers.answer("water", "water", "of another data set.jpg", True)
        assert answers.tally(connection, "water") == Tally(1, 2)


def test_an_answer_is_written_and_stands_beside_the_claim(audit, tmp_path):
    baseline = tmp_path / "baseline.toml"
    page = open_page(audit, baseline=baseline, **HERE)
    assert not page.exception
    assert words(page).index("Is this water ?") < words(page).index("Evidence")
    assert "reviewed" not in words(page)
    asked = next(one for one in page.button_group if one.key and one.key.startswith("trust-class-"))
    asked.set_value(True).run()
    assert not page.exception
    rows = list(csv.DictReader((tmp_path / "concept-answers.csv").read_text().splitlines()))
    assert [(row["concept_id"], row["shows"]) for row in rows] == [("water", "yes")]
    assert "What counts as water was reviewed: 1 of 1 picture right." in words(page)
    assert "was reviewed: 1 of 1 right." in words(open_page(audit, baseline=baseline))


def test_nothing_is_asked_where_the_dashboard_only_reads(audit, tmp_path):
    page = open_page(audit, baseline=tmp_path / "b.toml", read_only=True, **HERE)
    assert "What is taken for water" in words(page)
    assert not [one for one in page.button_group if one.key and one.key.startswith("trust-")]
