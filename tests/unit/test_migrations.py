import re
from pathlib import Path

import duckdb
import pytest

from auditor.store import migrations

TABLES = [
    "atlas", "attribute_concepts", "attributes", "attribution_residuals", "attributions", "calibrations",
    "channel_group_members", "channel_groups", "channels", "class_channel_groups", "class_concepts", "concept_families",
    "concept_presence", "concepts", "concepts_seen", "copies", "core_concepts", "counterexamples", "dose_responses",
    "encoder_fit", "example_concepts", "failures", "faithfulness", "findings", "fixed_places", "image_attributes",
    "images", "migrations", "predictions", "repair_figures", "repair_maps", "repair_pictures", "repairs", "runs",
    "saliency", "subgroups", "unbounded_gaps", "unnamed_leads", "verdicts",
]  # fmt: skip
NAMES = [migration.__name__ for migration in migrations.MIGRATIONS]


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


def tables_of(connection):
    return [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]


def test_a_fresh_file_gets_every_table_of_the_design(connection):
    assert migrations.migrate(connection, auditor_version="1.2.3") == NAMES
    assert tables_of(connection) == TABLES
    assert connection.execute("SELECT * FROM migrations").fetchall() == [
        (position, name, "1.2.3") for position, name in enumerate(NAMES, start=1)
    ]
    assert migrations.schema_version(connection) == len(migrations.MIGRATIONS)


def test_columns_that_other_programs_read(connection):
    migrations.migrate(connection, auditor_version="1.2.3")
    assert connection.table("findings").columns == [
        "class_idx", "class_name", "concept_id", "concept", "concept_kind", "rule_id", "effect", "low", "high", "p",
        "q", "n_images", "evidence_image_ids", "status", "fingerprint", "permuted",
        "n_with", "called_with", "n_without", "called_without",
    ]  # fmt: skip
    assert connection.table("attributions").columns == [
        "image_id", "class_idx", "class_name", "concept_id", "concept", "weight", "share",
    ]  # fmt: skip
    assert connection.table("failures").columns == ["image_id", "path", "stage", "reason"]
    for name in tables_of(connection):
        columns = connection.table(name).columns
        assert ("class_idx" in columns) == ("class_name" in columns), name


def test_a_second_run_does_nothing(connection):
    migrations.migrate(connection, auditor_version="1")
    assert migrations.migrate(connection, auditor_version="2") == []
    assert connection.execute("SELECT DISTINCT auditor_version FROM migrations").fetchall() == [("1",)]


def test_a_migration_that_fails_leaves_no_trace(connection):
    def m0002_broken(connection):
        connection.execute("CREATE TABLE half (x INTEGER)")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        migrations.migrate(connection, auditor_version="1", migrations=(migrations.m0001_tables, m0002_broken))
    assert "half" not in tables_of(connection)
    assert migrations.schema_version(connection) == 1


def test_maps_of_the_first_schema_have_no_crop(connection):
    migrations.migrate(connection, auditor_version="1", migrations=migrations.MIGRATIONS[:1])
    connection.execute("INSERT INTO saliency VALUES ('i', 0, 'c', NULL, 1, 1, '\\x00'::BLOB, 1.0)")
    assert migrations.migrate(connection, auditor_version="2") == NAMES[1:]
    assert connection.execute("SELECT image_id, crop FROM saliency").fetchall() == [("i", None)]
    assert connection.execute("SELECT count(*) FROM class_channel_groups").fetchall() == [(0,)]


def test_a_file_without_migrations_is_foreign(connection):
    connection.execute("CREATE TABLE something (x INTEGER)")
    assert migrations.schema_version(connection) is None


def test_every_table_and_column_is_documented(connection):
    migrations.migrate(connection, auditor_version="1")
    text = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"\*\*`(\w+)`\*\*:(.*?)(?=\*\*`|\n## )", text, re.DOTALL))
    assert sorted(sections) == TABLES
    for table, section in sections.items():
        missing = [column for column in connection.table(table).columns if f"`{column}`" not in section]
        assert not missing, table
