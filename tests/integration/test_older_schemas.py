"""An audit of every older schema, made by the frozen migrations and rows of its time, opens and reads the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from auditor.release.check import check_release
from auditor.store import migrations
from auditor.store.manifest import DATABASE_NAME, MANIFEST_NAME
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.page.html_report import html_parts
from reports.written.json import json_report
from reports.written.sarif import render_sarif
from reports.written.text import render_text

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from dashboard_page import open_page, words

SENTENCE = "Relies on water (scene): without it 31 % of 212 are recognised."
#: All but the one that lets a verdict say what decided it.
MIGRATIONS_0007 = (
    migrations.m0001_tables,
    migrations.m0002_context,
    migrations.m0003_saliency_crop,
    migrations.m0004_class_channel_groups,
    migrations.m0005_permuted,
    migrations.m0006_calibrations,
    migrations.m0007_kappa,
)
#: What auditor 0.1.0 wrote, by table.
ROWS_0001: dict[str, list[Any]] = {
    "runs": ["run-1", "2025-01-02T03:04:05Z", 1, "val", "d", "sample:planted", "m", "sample", "e", "v", "{}", "c",
             '{"auditor": "0.1.0"}', '{"images": 1}', 0, ["bird"], []],
    "images": [0, "0" * 16, "bird/0.png", "bird", None, None, None, 8, 8, "c" * 64, None],
    "image_attributes": ["0" * 16, "scene", "water"],
    "predictions": ["0" * 16, 1, "cat", 0, "bird", 0.75, False],
    "concepts": [0, "water", "water", "scene", True, ["lake"], [1.0, 0.0]],
    "concept_presence": ["0" * 16, "water", 0.25],
    "subgroups": [0, "bird", "water", "water", False, 1, 0],
    "findings": [0, "bird", "water", "water", "scene", "E2", 0.75, 0.5, 1.0, None, None, 1, ["0" * 16], "measured",
                 "f" * 64],
    "verdicts": [0, "bird", "suspect", "low", "water", "water", "scene", "Could not be excluded.", 1, 0.25, None, None,
                 None, None],
}  # fmt: skip


@pytest.fixture
def schema_1(tmp_path: Path) -> Path:
    folder = tmp_path / "release-1"
    folder.mkdir()
    with duckdb.connect(str(folder / DATABASE_NAME)) as connection:
        migrations.migrate(connection, auditor_version="0.1.0", migrations=(migrations.m0001_tables,))
        for table, row in ROWS_0001.items():
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    manifest = {"format": "auditor-audit", "schema_version": 1, "run_id": "run-1", "versions": {"auditor": "0.1.0"}}
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
    return folder


#: What was added until schema 7, by table: a verdict with two effects of one size, and pictures that decide.
ROWS_0007: dict[str, list[Any]] = {
    **ROWS_0001,
    "concepts": [*ROWS_0001["concepts"], 0.9],
    "findings": [*ROWS_0001["findings"], None],
    "verdicts": [0, "bird", "flagged", "high", "water", "water", "scene", SENTENCE, 1, 0.25, 0.25, 0.15, 0.35, None],
    "counterexamples": [0, "bird", "water", "water", "scene", "proven", False, 212, 66, 0.31, 0.25, 0.38, 180, 9, 1, 0,
                        ["0" * 16]],
}  # fmt: skip


@pytest.fixture
def schema_7(tmp_path: Path) -> Path:
    folder = tmp_path / "release-7"
    folder.mkdir()
    with duckdb.connect(str(folder / DATABASE_NAME)) as connection:
        migrations.migrate(connection, auditor_version="0.1.0", migrations=MIGRATIONS_0007)
        for table, row in ROWS_0007.items():
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        for rule_id, q in (("E4-recall", 0.002), ("E4-pull", 0.9)):
            row = [*ROWS_0007["findings"][:5], rule_id, 0.25, 0.15, 0.35, 0.001, q, 9, ["0" * 16], "measured",
                   "f" * 64, None]  # fmt: skip
            connection.execute(f"INSERT INTO findings VALUES ({', '.join('?' * len(row))})", row)
    manifest = {"format": "auditor-audit", "schema_version": 7, "run_id": "run-1", "versions": {"auditor": "0.1.0"}}
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
    return folder


def test_schema_7_says_that_the_reason_was_not_recorded(schema_7):
    before = (schema_7 / DATABASE_NAME).read_bytes()
    with open_audit_database(schema_7) as connection:
        assert migrations.schema_version(connection) == len(migrations.MIGRATIONS)
        (verdict,) = queries.verdicts(connection)
        assert (verdict.claim, verdict.numbers, verdict.advice) == (SENTENCE, "", "")
        assert (verdict.rule_id, verdict.effect, verdict.agreeing_rule_id, verdict.gap_bound) == (None,) * 4
        (counterexample,) = queries.counterexamples(connection)
        assert counterexample.rule_id is None
        text, page = render_text(connection), "".join(html_parts(connection)).replace("\u00a0", " ")
        (result,) = json.loads(render_sarif(connection))["runs"][0]["results"]
    told = "reason not recorded (the audit is older than that)"
    assert SENTENCE in text
    assert told in text
    assert SENTENCE in page
    assert told.capitalize() in page
    assert result["ruleId"] == "reason-not-recorded"
    view = open_page(schema_7, view="class", class_="bird")
    assert not view.exception
    assert SENTENCE in words(view)
    assert told.capitalize() in words(view)
    for said in (text, page, words(view)):
        assert "decided by" not in said
    assert (schema_7 / DATABASE_NAME).read_bytes() == before
    assert sorted(path.name for path in schema_7.iterdir()) == [DATABASE_NAME, MANIFEST_NAME]


def test_schema_1_is_read_by_a_migrated_copy_and_stays_as_it_is(schema_1):
    before = (schema_1 / DATABASE_NAME).read_bytes()
    with open_audit_database(schema_1) as connection:
        assert migrations.schema_version(connection) == len(migrations.MIGRATIONS)
        (verdict,) = queries.verdicts(connection)
        assert (verdict.verdict, verdict.concept, verdict.gap) == ("suspect", "water", None)
        (picture,) = queries.pictures(connection, 0, "water", present=False, limit=9)
        assert (picture.predicted_name, picture.confidence, picture.correct) == ("cat", 0.75, False)
        assert [(row.n, row.n_correct) for row in queries.subgroups(connection)] == [(1, 0)]
        assert queries.attributes(connection) == queries.core_concepts(connection) == []
        assert queries.counterexamples(connection) == []
        assert json_report(connection)["classes"][0]["counterexamples"] == []
        assert (verdict.rule_id, verdict.claim, verdict.numbers) == (None, "Could not be excluded.", "")
        assert "◆ bird" in render_text(connection)
        assert "reason not recorded" in render_text(connection)
        assert "Reason not recorded" in "".join(html_parts(connection))
    (item,) = check_release(schema_1).items
    assert (item.class_name, item.concept, item.state) == ("bird", "water", "tolerated")
    assert (schema_1 / DATABASE_NAME).read_bytes() == before
    assert sorted(path.name for path in schema_1.iterdir()) == [DATABASE_NAME, MANIFEST_NAME]


def test_schema_1_after_migration_holds_what_it_could_not_before(schema_1):
    path = schema_1 / DATABASE_NAME
    with duckdb.connect(str(path)) as connection:
        row = ["1" * 16, None, None, 0, "bird", None, None]
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        assert migrations.migrate(connection, auditor_version="9") == [
            migration.__name__ for migration in migrations.MIGRATIONS[1:]
        ]
        connection.execute("INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        assert connection.execute("SELECT count(*) FROM predictions").fetchone() == (2,)
