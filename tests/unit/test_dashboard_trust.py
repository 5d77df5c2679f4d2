"""What is taken for a concept is judged before the claim: the answers last, and their tally stands beside the claim."""

import csv

import pytest
from dashboard_page import open_page, words
from picture_audit import image_id, write_picture_audit

from auditor.errors import InputError
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.pictures import thumbnails_and_paths
from reports.dashboard.concept_answers import ConceptAnswers, Tally
from reports.dashboard.concept_names import ConceptNames, Naming

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


def test_a_name_and_a_drop_last_and_are_taken_back(tmp_path):
    names = ConceptNames(tmp_path / "concept-names.csv")
    assert names.read() == {}
    names.keep("water", "water", Naming(" lake  shore", True, "=ada", "2026-01-02"))
    assert names.read() == {"water": Naming("lake shore", True, "'=ada", "2026-01-02")}  # no spreadsheet runs it
    with pytest.raises(InputError, match="name '<b>': expected"):
        names.keep("water", "water", Naming("<b>", False, "ada", ""))
    names.keep("water", "water", Naming("water", False, "ada", ""))  # as it was
    assert names.read() == {}
    names.path.write_text("concept_id,concept,shown_as,dropped,by,on\nwater,water,,perhaps,ada,\n")
    with pytest.raises(InputError, match="dropped 'perhaps' of 'water'; expected yes or nothing"):
        names.keep("sand", "sand", Naming("dune", False, "ada", ""))


def test_what_was_made_of_a_concept_stands_beside_its_claims_and_the_gate_does_not_read_it(audit, tmp_path):
    baseline = tmp_path / "baseline.toml"
    before = words(open_page(audit, baseline=baseline))
    page = open_page(audit, baseline=baseline, **HERE)
    page.text_input(key="name-class-water").set_value("lake")
    page.checkbox(key="drop-class-water").set_value(True)
    next(one for one in page.button if one.label == "Keep").click().run()
    assert not page.exception
    told = "Shown as “lake”, dropped by "
    assert told in words(page)
    assert [(row.shown_as, row.dropped) for row in ConceptNames(tmp_path / "concept-names.csv").read().values()] == [
        ("lake", True)
    ]
    after = words(open_page(audit, baseline=baseline))
    assert told in after
    assert "The verdict is as the audit found it" in after
    decision = before[before.index("Do not ship") :][:60]
    assert decision in after
    for place in ({"view": "review", "class_": "bird 1"}, {"view": "concept", "concept": "water"}):
        assert told in words(open_page(audit, baseline=baseline, **place))
    listed = open_page(audit, baseline=baseline, view="pictures", class_="bird 1", concept="water")
    assert listed.button_group(key="kind").options[0] == "breaking: without lake"
    only_read = open_page(audit, baseline=baseline, read_only=True, **HERE)
    assert told in words(only_read)
    assert "Keep" not in [one.label for one in only_read.button]
