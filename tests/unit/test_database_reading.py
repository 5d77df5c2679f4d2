"""Opening an audit: whole, of this program, of one run; and a reader that can touch nothing else."""

import json
import shutil

import duckdb
import pytest
from small_audit import make_run, write_small_audit

from auditor.errors import StoreError
from auditor.store import migrations
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("audit") / "release-7")


def copy_of(audit, tmp_path):
    return shutil.copytree(audit, tmp_path / "copy")


def test_manifest_without_database(audit, tmp_path):
    folder = copy_of(audit, tmp_path)
    (folder / "audit.duckdb").unlink()
    with pytest.raises(StoreError, match=r"has no audit\.duckdb"):
        open_audit_database(folder)


@pytest.mark.parametrize("keep", [0, 100, 5000, 0.5])
def test_truncated_file(audit, tmp_path, keep):
    folder = copy_of(audit, tmp_path)
    whole = (folder / "audit.duckdb").read_bytes()
    (folder / "audit.duckdb").write_bytes(whole[: keep if keep != 0.5 else len(whole) // 2])
    with pytest.raises(StoreError, match=r"truncated, damaged or no DuckDB file|cannot be read as an audit") as caught:
        open_audit_database(folder)
    assert "\n" not in str(caught.value)


def test_foreign_files(audit, tmp_path):
    folder = copy_of(audit, tmp_path)
    (folder / "audit.duckdb").write_bytes(b"PK\x03\x04" * 5000)
    with pytest.raises(StoreError, match="no DuckDB file"):
        open_audit_database(folder)
    (folder / "audit.duckdb").unlink()
    with duckdb.connect(str(folder / "audit.duckdb")) as other:
        other.execute("CREATE TABLE orders (x INTEGER)")
    with pytest.raises(StoreError, match="not of an audit: it has no table 'migrations'"):
        open_audit_database(folder)


def test_files_of_two_audits(audit, tmp_path):
    folder = copy_of(audit, tmp_path)
    write_manifest(folder, make_run(run_id="run-2"))
    with pytest.raises(StoreError, match=r"of run run-1, its audit\.json of run run-2"):
        open_audit_database(folder)


def test_newer_schema_names_the_version_that_reads_it(audit, tmp_path, monkeypatch):
    folder = copy_of(audit, tmp_path)
    manifest = json.loads((folder / "audit.json").read_text())
    today = len(migrations.MIGRATIONS)
    later = {**manifest, "schema_version": today + 2, "versions": {"auditor": "9.1.0"}}
    (folder / "audit.json").write_text(json.dumps(later))
    told = rf"has schema {today + 2}; this auditor reads schemas up to {today}: install auditor 9\.1\.0 or later"
    with pytest.raises(StoreError, match=told):
        open_audit_database(folder)
    # The file itself is asked as well: a manifest can be of another copy.
    (folder / "audit.json").write_text(json.dumps(manifest))
    with duckdb.connect(str(folder / "audit.duckdb")) as newer:
        newer.execute("INSERT INTO migrations VALUES (?, 'm9999_later', '9.2.0')", [today + 1])
    with pytest.raises(StoreError, match=rf"has schema {today + 1}.*install auditor 9\.2\.0"):
        open_audit_database(folder)


def test_older_schema_is_migrated_on_a_copy(audit, tmp_path, monkeypatch):
    folder = copy_of(audit, tmp_path)
    before = (folder / "audit.duckdb").read_bytes()

    def m9999_note(connection):
        connection.execute("ALTER TABLE runs ADD COLUMN note VARCHAR DEFAULT 'migrated'")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, m9999_note))
    with open_audit_database(folder) as connection:
        assert connection.execute("SELECT note FROM runs").fetchall() == [("migrated",)]
        assert connection.execute("SELECT count(*) FROM images").fetchall() == [(6,)]
        with pytest.raises(duckdb.Error):
            connection.execute("DELETE FROM runs")
    assert (folder / "audit.duckdb").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["audit.duckdb", "audit.json"]


def test_older_schema_that_cannot_be_migrated(audit, tmp_path, monkeypatch):
    def m9999_broken(connection):
        connection.execute("SELECT * FROM no_such_table")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, m9999_broken))
    with pytest.raises(StoreError, match=r"has the older schema \d+ and could not be migrated"):
        open_audit_database(audit)


def test_a_reader_can_touch_nothing_else(audit, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with open_audit_database(audit) as connection:
        for statement in (
            f"SELECT * FROM read_csv('{secret}')",
            f"ATTACH '{tmp_path / 'other.duckdb'}'",
            f"COPY runs TO '{tmp_path / 'out.csv'}'",
            "SET enable_external_access = true",
            "INSTALL httpfs",
            "DELETE FROM runs",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv"]


def test_two_readers_at_once(audit):
    with open_audit_database(audit) as first, open_audit_database(audit) as second:
        assert (
            first.execute("SELECT count(*) FROM runs").fetchone()
            == second.execute("SELECT count(*) FROM runs").fetchone()
        )
