"""Adding to a finished audit: the whole of it or nothing."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from small_audit import unbound, write_small_audit

from auditor.errors import StoreError
from auditor.store import amend, migrations
from auditor.store.amend import amended, check_amendable
from auditor.store.manifest import DATABASE_NAME, check_whole, read_audit_json
from auditor.store.open_audit import open_audit_database

ROW = ["recall", 0.2, 10, 9, 1, 0.55, 1.0]


@pytest.fixture
def audit(tmp_path):
    return write_small_audit(tmp_path / "audit")


def calibrations(folder):
    with open_audit_database(folder) as connection:
        return connection.execute("SELECT * FROM calibrations").fetchall()


def add(connection):
    connection.execute("INSERT INTO calibrations VALUES (?, ?, ?, ?, ?, ?, ?)", ROW)


def test_rows_are_there_afterwards_and_everything_else_still_is(audit):
    with open_audit_database(audit) as connection:
        before = connection.execute("SELECT * FROM verdicts ORDER BY class_idx").fetchall()
    with open_audit_database(audit) as reader:  # who reads meanwhile reads on
        with amended(audit) as connection:
            add(connection)
        assert reader.execute("SELECT * FROM calibrations").fetchall() == []
    assert calibrations(audit) == [tuple(ROW)]
    with open_audit_database(audit) as connection:
        assert connection.execute("SELECT * FROM verdicts ORDER BY class_idx").fetchall() == before
    assert {path.name for path in audit.iterdir()} == {DATABASE_NAME, "audit.json"}


def test_an_error_leaves_the_audit_as_it_was(audit):
    content = (audit / DATABASE_NAME).read_bytes()

    def fail():
        with amended(audit) as connection:
            add(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (audit / DATABASE_NAME).read_bytes() == content
    assert {path.name for path in audit.iterdir()} == {DATABASE_NAME, "audit.json"}


def test_what_duckdb_cannot_add_is_one_line_and_changes_nothing(audit):
    content = (audit / DATABASE_NAME).read_bytes()
    with pytest.raises(StoreError, match=r"nothing can be added .*: Failed to commit; free some space"), amended(audit):
        raise duckdb.TransactionException("Failed to commit")
    assert (audit / DATABASE_NAME).read_bytes() == content


def test_a_full_disk_is_one_line_and_changes_nothing(audit, monkeypatch):
    content = (audit / DATABASE_NAME).read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(amend.shutil, "copyfile", full)
    with (
        pytest.raises(StoreError, match=r"nothing can be added .*: No space left on device; free some space"),
        amended(audit),
    ):
        pass
    assert (audit / DATABASE_NAME).read_bytes() == content


def test_a_folder_that_cannot_be_written_is_found_before_long_work(audit, monkeypatch):
    check_amendable(audit)
    assert {path.name for path in audit.iterdir()} == {DATABASE_NAME, "audit.json"}

    def denied(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(amend.tempfile, "TemporaryFile", denied)
    with pytest.raises(StoreError, match=r"nothing can be added .*: Permission denied; .* copy the audit to a place"):
        check_amendable(audit)


def test_no_audit(tmp_path):
    with pytest.raises(StoreError, match="no audit at"), amended(tmp_path / "none"):
        pass


@pytest.mark.slow
def test_an_older_audit_is_brought_to_todays_tables(audit, monkeypatch):
    older = [m for m in migrations.MIGRATIONS if m is not migrations.m0006_calibrations]
    path = audit / DATABASE_NAME
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP TABLE calibrations")
        connection.execute("DELETE FROM migrations WHERE name = 'm0006_calibrations'")
        assert migrations.schema_version(connection) == len(older)
    unbound(audit)
    with amended(audit) as connection:
        add(connection)
    assert calibrations(audit) == [tuple(ROW)]


def test_a_damaged_audit_is_not_bound_anew(audit):
    damaged = bytearray((audit / DATABASE_NAME).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (audit / DATABASE_NAME).write_bytes(damaged)
    with pytest.raises(StoreError, match=r"is damaged: audit\.duckdb: .*its sha256 is"), amended(audit) as connection:
        add(connection)
    assert (audit / DATABASE_NAME).read_bytes() == damaged


def test_audit_json_binds_the_file_that_is_there_at_every_moment(audit, monkeypatch):
    """Killed before the file is replaced, or before the old digest is forgotten: whole both times."""
    check_whole(audit)
    with monkeypatch.context() as killed:
        killed.setattr("pathlib.Path.replace", _dies_after(1))
        with pytest.raises(KeyboardInterrupt), amended(audit) as connection:
            add(connection)
    check_whole(audit)
    assert calibrations(audit) == []
    with monkeypatch.context() as killed:
        killed.setattr("pathlib.Path.replace", _dies_after(2))
        with pytest.raises(KeyboardInterrupt), amended(audit) as connection:
            add(connection)
    check_whole(audit)
    assert calibrations(audit) == [tuple(ROW)]
    with amended(audit) as connection:
        add(connection)
    assert "files_before" not in read_audit_json(audit)
    check_whole(audit)


def _dies_after(n):
    """Of pathlib's renames the first n happen."""
    left, replace = [n], Path.replace

    def rename(path, target):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return replace(path, target)

    return rename
