import shutil

import duckdb
import pytest
from small_audit import make_run, write_small_audit

from auditor.store.digest import contents_digest
from auditor.store.open_audit import open_audit_database


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("audit") / "release-7")


def digest_of(folder):
    with open_audit_database(folder) as connection:
        return contents_digest(connection)


def test_digest_is_of_the_contents_alone(audit, tmp_path):
    again = make_run(run_id="run-2", created_at="2026-01-01T00:00:00Z", data_path="elsewhere", config={"out": "x"})
    write_small_audit(tmp_path / "again", again, backwards=True)
    assert digest_of(tmp_path / "again") == digest_of(audit)


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"seed": 1}, {"config_digest": "x"}, {"notices": ()}, {"counts": {}}])
def test_digest_sees_every_change_of_the_run(audit, tmp_path, change):
    assert digest_of(write_small_audit(tmp_path, make_run(**change))) != digest_of(audit)


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE attributions SET share = share + 1e-6 WHERE concept_id = 'water'",
        "UPDATE images SET thumbnail = NULL WHERE thumbnail IS NOT NULL AND path LIKE 'cat%'",
        "INSERT INTO verdicts SELECT * FROM verdicts LIMIT 1",
        "UPDATE subgroups SET present = NOT present",
        "UPDATE image_attributes SET attribute = 'scen', value = 'e' || value",
        "DELETE FROM saliency",
        "CREATE TABLE calibration (x INTEGER)",
    ],
)  # fmt: skip
def test_digest_sees_every_change_of_a_row(audit, tmp_path, statement):
    with duckdb.connect(str(shutil.copyfile(audit / "audit.duckdb", tmp_path / "changed.duckdb"))) as connection:
        assert contents_digest(connection) == digest_of(audit)
        connection.execute(statement)
        assert contents_digest(connection) != digest_of(audit)
