import json
import shutil
from pathlib import Path

import pytest
from small_audit import make_run, write_small_audit

from auditor.errors import StoreError
from reports.dashboard.audits import OpenAudits, find_audits, totals


@pytest.fixture
def folder(tmp_path):
    write_small_audit(tmp_path / "old", make_run(created_at="2025-01-01T00:00:00+00:00"))
    write_small_audit(tmp_path / "new", make_run(created_at="2025-06-01T00:00:00+00:00", counts={"flagged": 2}))
    return tmp_path


def test_finds_audits_newest_first_with_their_facts(folder):
    (folder / "pictures").mkdir()
    (folder / "notes.txt").write_text("no audit")
    new, old = find_audits([folder])
    assert (new.key, old.key) == ("new", "old")
    assert (new.state, new.model, new.data) == ("complete", "sample:planted", "val")
    assert totals(new) == {"flagged": 2, "suspect": None, "clean": None, "not_analysed": None}  # as far as it says


def test_a_folder_may_be_an_audit_itself_and_is_listed_once(folder):
    assert [audit.key for audit in find_audits([folder / "old", folder / "old", folder])] == ["new", "old"]


def test_equal_names_get_the_shortest_path_that_tells_them_apart(tmp_path):
    for place in ("a/release", "b/release", "b/other"):
        write_small_audit(tmp_path / place)
    assert sorted(audit.key for audit in find_audits([tmp_path / "a", tmp_path / "b"])) == [
        "a/release",
        "b/release",
        "other",
    ]


def test_no_audit_is_an_empty_list(tmp_path):
    assert find_audits([tmp_path, tmp_path / "missing"]) == ()


def _set_schema(folder, version):
    manifest = json.loads((folder / "audit.json").read_text())
    (folder / "audit.json").write_text(json.dumps({**manifest, "schema_version": version}))


def _no_json(folder):
    (folder / "audit.json").write_text("{")


def _no_database(folder):
    (folder / "audit.duckdb").unlink()


def _cut_database(folder):
    (folder / "audit.duckdb").write_bytes(b"no database" * 1000)


def _a_list(folder):
    (folder / "audit.json").write_text("[1]")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "state", "reason"),
    [
        (lambda folder: (folder / "audit.json").unlink(), "incomplete", "--resume"),
        (_no_json, "corrupt", "cannot be read"),
        (_a_list, "corrupt", "is not the manifest"),
        (_no_database, "corrupt", "has no audit.duckdb"),
        (_cut_database, "corrupt", "no DuckDB file"),
        (lambda folder: _set_schema(folder, 10_000), "newer", "schema 10000"),
        (lambda folder: _set_schema(folder, "x"), "corrupt", "expected a whole number"),
    ],
)
def test_what_cannot_be_opened_is_listed_with_its_reason(folder, spoil, state, reason):
    spoil(folder / "old")
    found = {audit.key: audit for audit in find_audits([folder])}
    assert found["old"].state == state
    assert reason in found["old"].reason
    assert "\n" not in found["old"].reason
    assert found["new"].state == "complete"


def test_an_audit_made_again_is_another_one(folder):
    audits = OpenAudits()
    (before,) = find_audits([folder / "old"])
    with audits.cursor(before.folder, before.identity) as connection:
        assert connection.execute("SELECT run_id FROM runs").fetchall() == [("run-1",)]
    shutil.rmtree(folder / "old")
    write_small_audit(folder / "old", make_run(run_id="run-2"))
    (after,) = find_audits([folder / "old"])
    assert after.identity != before.identity
    with audits.cursor(after.folder, after.identity) as connection:
        assert connection.execute("SELECT run_id FROM runs").fetchall() == [("run-2",)]
    with pytest.raises(StoreError, match="was replaced"):
        audits.cursor(before.folder, before.identity)


def _open_files():
    return {path.resolve() for path in Path("/proc/self/fd").iterdir()}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
def test_only_a_few_databases_stay_open(tmp_path):
    audits = OpenAudits()
    for number in range(6):
        write_small_audit(tmp_path / f"audit-{number}", make_run(run_id=f"run-{number}"))
    found = find_audits([tmp_path])
    cursors = [audits.cursor(audit.folder, audit.identity) for audit in found]
    held = _open_files()
    assert len(cursors) == 6
    for cursor in cursors:
        assert cursor.execute("SELECT count(*) FROM images").fetchone() == (6,)
        cursor.close()
    still = _open_files()
    assert sum(str(tmp_path) in str(path) for path in held) == 6
    assert sum(str(tmp_path) in str(path) for path in still) == 4


def test_it_can_write_nothing(folder):
    (audit,) = find_audits([folder / "old"])
    with OpenAudits().cursor(audit.folder, audit.identity) as connection, pytest.raises(Exception, match="read-only"):
        connection.execute("DELETE FROM verdicts")
