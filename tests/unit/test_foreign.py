"""An audit that somebody sent: plain tables of bounded size, or it is not opened."""

import time

import duckdb
import pytest
from small_audit import write_small_audit

from auditor.errors import StoreError
from auditor.store import limited_connection
from auditor.store.connection import connect_to_read
from auditor.store.open_audit import open_audit_database

_ENDLESS = "SELECT count(*) AS x FROM range(1000000000) a, range(1000000000) b"


@pytest.fixture
def audit(tmp_path):
    return write_small_audit(tmp_path / "audit")


def change(audit, *statements):
    with duckdb.connect(str(audit / "audit.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def refusal(audit):
    started = time.perf_counter()
    with pytest.raises(StoreError) as caught:
        open_audit_database(audit)
    assert time.perf_counter() - started < 10
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["ALTER TABLE saliency RENAME TO s", f"CREATE VIEW saliency AS {_ENDLESS}"], "holds a view 'saliency'"),
        (
            ["CREATE VIEW v AS WITH RECURSIVE t AS (SELECT 1 x UNION ALL SELECT x + 1 FROM t) SELECT * FROM t"],
            "holds a view 'v'",
        ),
        (["CREATE MACRO list_position(a, b) AS 1"], "holds a macro 'list_position'"),
        (["CREATE MACRO t() AS TABLE SELECT 1 x"], "holds a macro 't'"),
        (["CREATE TYPE mood AS ENUM ('a')"], "holds a type 'mood'"),
        (["CREATE SCHEMA other"], "holds a schema 'other'"),
        (["CREATE SEQUENCE s"], "holds a sequence 's'"),
        (["CREATE INDEX i ON verdicts (class_idx)"], "holds a index 'i'"),
        (["CREATE TABLE g (a INTEGER, b VARCHAR GENERATED ALWAYS AS (repeat('x', a)))"], "table 'g'"),
        (["CREATE TABLE g (a INTEGER CHECK (a > 1))"], "table 'g'"),
        (["CREATE TABLE odd (a STRUCT(b INTEGER))"], "a column 'odd.a' of type 'STRUCT(b INTEGER)'"),
        (["CREATE TABLE odd (a VARCHAR[][])"], "a column 'odd.a' of type 'VARCHAR[][]'"),
        (["UPDATE verdicts SET sentence = repeat('x', 100001)"], "a text of 100,001 bytes in 'verdicts.sentence'"),
        (["UPDATE runs SET notices = [repeat('x', 20000001)]"], "a text of 20,000,001 bytes in 'runs.notices'"),
        (
            ["INSERT INTO subgroups SELECT s.* FROM (SELECT * FROM subgroups LIMIT 1) s, range(50001)"],
            "rows of one class in subgroups; an audit has at most 50,000",
        ),
        (["INSERT INTO images SELECT * FROM images"], "6 pictures more than once in images"),
        (["INSERT INTO predictions SELECT * FROM predictions"], "6 pictures more than once in predictions"),
    ],
)
def test_what_no_audit_holds(audit, statements, expected):
    change(audit, *statements)
    assert expected in refusal(audit)


def test_a_log_beside_the_file_would_change_it(audit):
    """DuckDB reads it into the tables even where the file is opened for reading."""
    (audit / "audit.duckdb.wal").write_bytes(b"")
    assert "audit.duckdb.wal lies beside the audit's file and would change it" in refusal(audit)


@pytest.mark.slow
def test_a_statement_that_takes_too_long_is_stopped_and_the_next_one_is_not(audit, monkeypatch):
    monkeypatch.setattr(limited_connection, "STATEMENT_SECONDS", 0.3)
    monkeypatch.setattr(limited_connection, "_WATCH_SECONDS", 0.05)
    with connect_to_read(audit / "audit.duckdb") as connection:
        for asked in (connection, connection.cursor()):
            started = time.perf_counter()
            with pytest.raises(StoreError, match=r"took more than \d seconds and was stopped"):
                asked.execute(_ENDLESS)
            assert time.perf_counter() - started < 5
            assert asked.execute("SELECT 1").fetchall() == [(1,)]


def test_damage_in_a_table_is_one_line_of_the_command(audit, monkeypatch):
    """Whatever DuckDB says of a file while a report reads it."""
    from typer.testing import CliRunner

    from auditor.cli.app import app
    from auditor.store.queries import audit as queries

    def broken(*_, **__):
        raise duckdb.IOException("Corrupt database file: computed checksum 1 does not match stored checksum 2\nmore")

    monkeypatch.setattr(queries, "verdicts", broken)
    result = CliRunner().invoke(app, ["report", str(audit)])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: the audit's file cannot be read (Corrupt database file: computed checksum 1")
    assert line.endswith(f"; auditor verify {audit} says what is damaged")
