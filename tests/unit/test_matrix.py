"""The matrix of classes and concepts, from an audit whose counts are set here."""

from dataclasses import replace

import pytest
from small_audit import CONCEPT_ROWS, CONCEPTS, make_run

from auditor.concept_records import ConceptFamily
from auditor.records import Concept, Finding, Subgroup, Verdict
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.matrix import has_families, matrix_cells, matrix_columns
from reports.page.matrix import drawn_matrix, told

NAMES = ("cat", "dog", "owl")
WORDS = (*CONCEPTS, Concept("lake", "lake", "scene"))
VERDICTS = [
    Verdict(0, "cat", "flagged", "high", "water", "water", "scene", "Relies.", 60, 0.4, 0.5, 0.2, 0.7, None,
            "E4-recall", 0.5, 0.2, 0.7),
    Verdict(1, "dog", "clean", "none", None, None, None, "Clean.", 200),
    Verdict(2, "owl", "not_analysed", "none", None, None, None, "Too few.", 4),
]  # fmt: skip


def arms(c, concept_id, n_with, right_with, n_without, right_without):
    yield Subgroup(c, NAMES[c], concept_id, concept_id, True, n_with, right_with)
    yield Subgroup(c, NAMES[c], concept_id, concept_id, False, n_without, right_without)


def gap(c, concept_id, effect, low, high, status="measured"):
    return Finding(c, NAMES[c], concept_id, concept_id, "scene", "E4-recall", effect, low, high, None, None, 60, (),
                   status)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("matrix") / "audit"
    run = make_run(class_names=NAMES)
    nan = float("nan")
    with AuditDatabase(made) as database:
        database.add_run(run)
        database.add_concepts(WORDS, CONCEPT_ROWS[[0, 1, 2, 0]])
        database.add_concept_families([ConceptFamily("family-wet", "wet", "scene", ("water", "lake"))])
        database.add_subgroups(
            [
                *arms(0, "water", 30, 29, 30, 10),
                *arms(1, "water", 100, 80, 100, 90),
                *arms(2, "water", 2, 2, 2, 0),
                *arms(0, "watermark", 12, 6, 48, 36),
                *arms(1, "watermark", 40, 30, 160, 144),
                *arms(1, "beak", 100, 90, 100, 90),  # no finding tells of it: presence was not kept
                *arms(1, "lake", 40, 38, 160, 150),
                *arms(1, "family-wet", 120, 100, 80, 70),
            ]
        )
        database.add_findings(
            [
                gap(0, "water", 0.6, 0.4, 0.75),  # the verdict's is corrected for having been picked
                gap(0, "watermark", nan, nan, nan, "not_measurable"),
                gap(1, "lake", 0.1, 0.05, 0.15),
                gap(1, "family-wet", -0.02, -0.1, 0.06),
            ]
        )
        database.add_verdicts(VERDICTS)
    write_manifest(made, run)
    return made


@pytest.fixture
def connection(folder):
    with open_audit_database(folder) as connection:
        yield connection


def test_what_leads_comes_first_then_the_largest_gap_and_words_stand_behind_their_family(connection):
    assert has_families(connection)
    columns = matrix_columns(connection, words=True, limit=9)
    assert [column.concept_id for column in columns] == ["water", "watermark", "lake", "family-wet"]
    assert [column.is_family for column in columns] == [False, False, False, True]
    together = matrix_columns(connection, words=False, limit=9)
    assert [column.concept_id for column in together] == ["water", "watermark", "family-wet"]
    (second,) = matrix_columns(connection, words=True, limit=1, start=1)
    assert (second.concept_id, second.total) == ("watermark", 4)


def test_a_gap_is_the_verdict_s_or_the_finding_s_or_that_of_the_counts(connection):
    cells = matrix_cells(connection, [0, 1, 2], ["water", "watermark", "lake"])
    led = cells[0, "water"]
    assert (led.gap, led.low, led.high, led.leads) == (0.5, 0.2, 0.7, True)
    measured = cells[1, "lake"]
    assert (measured.gap, measured.low, measured.high, measured.leads) == (0.1, 0.05, 0.15, False)
    counted = cells[1, "watermark"]
    assert counted.gap == pytest.approx(30 / 40 - 144 / 160)
    assert counted.low < counted.gap < counted.high < 0
    assert counted.is_sure
    assert cells[1, "water"].gap == pytest.approx(-0.1)
    assert (0, "lake") not in cells


def test_no_gap_is_told_of_too_few_pictures_or_a_concept_that_cannot_be_measured(connection):
    cells = matrix_cells(connection, [0, 2], ["water", "watermark"])
    assert (cells[2, "water"].gap, cells[2, "water"].status) == (None, "too_few")
    assert (cells[0, "watermark"].gap, cells[0, "watermark"].status) == (None, "not_measurable")
    assert told(cells[2, "water"], "owl", "water") == (
        "owl, water: fewer than 10 pictures with it or without it (2 pictures with it, 2 without it)"
    )
    assert "cannot be measured" in told(cells[0, "watermark"], "cat", "watermark")
    assert told(cells[0, "water"], "cat", "water") == "cat, water: 50 pts [20, 70] (30 pictures with it, 30 without it)"


def test_colour_is_the_gap_size_the_pictures_and_a_frame_what_the_verdict_names(connection):
    matrix = drawn_matrix(
        connection, VERDICTS, most_rows=2, words=True, url=lambda verdict, concept: f"?{verdict.class_name}-{concept}"
    )
    assert (matrix.n_rows, matrix.n_columns) == (3, 4)
    cat, dog = matrix.rows
    water, watermark, lake, wet = cat.cells
    assert (water.text, water.style, water.shape, water.url) == ("50", "g5 s2 sure", "▲", "?cat-water")
    assert (watermark.text, watermark.style) == ("", "few")
    assert lake is None
    assert wet is None
    assert [cell.text for cell in dog.cells] == ["−10", "−15", "10", "−2"]
    assert [cell.style for cell in dog.cells] == ["l1 s4 sure", "l2 s2 sure", "g1 s2 sure", "l0 s3"]


def test_rows_are_sorted_by_the_gap_of_a_column(connection):
    matrix = drawn_matrix(connection, VERDICTS, most_rows=9, words=True, by="watermark")
    assert [row.verdict.class_name for row in matrix.rows] == ["dog", "cat", "owl"]
    unknown = drawn_matrix(connection, VERDICTS, most_rows=9, by="no such concept")
    assert [row.verdict.class_name for row in unknown.rows] == list(NAMES)


def test_an_audit_without_gaps_has_no_columns(tmp_path):
    run = make_run(class_names=NAMES)
    with AuditDatabase(tmp_path / "a") as database:
        database.add_run(run)
        database.add_subgroups([replace(one, n_correct=None) for one in arms(0, "water", 20, 0, 20, 0)])
        database.add_findings([gap(0, "water", 0.5, 0.4, 0.6)])
        database.add_verdicts(VERDICTS)
    write_manifest(tmp_path / "a", run)
    with open_audit_database(tmp_path / "a") as connection:
        assert matrix_columns(connection, words=False, limit=9) == []
        assert drawn_matrix(connection, VERDICTS, most_rows=9).rows[0].cells == ()
