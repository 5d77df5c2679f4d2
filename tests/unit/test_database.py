import json
import subprocess
import sys
import time

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from small_audit import CLASSES, CONCEPTS, fill, write_small_audit

from auditor.errors import StoreError
from auditor.records import Phrases, Subgroup
from auditor.store import database as database_module
from auditor.store.database import AuditDatabase
from auditor.store.manifest import is_complete
from auditor.store.open_audit import open_audit_database


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("audit") / "release-7")


def test_rows_arrive_exactly(audit):
    with open_audit_database(audit) as connection:
        rows = connection.execute("SELECT * FROM predictions ORDER BY image_id").fetchall()
        assert [row[1:5] for row in rows] == [
            (0, "waterbird", 0, "waterbird"), (0, "waterbird", 0, "waterbird"), (1, "landbird", 1, "landbird"),
            (2, "vehicle", 2, "vehicle"), (3, "cat", 3, "cat"), (0, "waterbird", 1, "landbird"),
        ]  # fmt: skip
        assert [row[6] for row in rows] == [True] * 5 + [False]
        assert connection.execute("SELECT concept_id, weight, share FROM attributions ORDER BY ALL").fetchall() == [
            ("beak", 0.25, 0.125), ("beak", 0.75, 0.375), ("water", 0.5, 0.25),
        ]  # fmt: skip
        assert connection.execute(
            "SELECT count(*), min(residual), max(residual) FROM attribution_residuals"
        ).fetchone() == (6, 0.5, 1.0)
        assert connection.execute("SELECT height, width, data, scale, crop FROM saliency").fetchall() == [
            (2, 3, bytes(range(6)), 1.5, [0.125, 0.0, 0.875, 1.0])
        ]
        assert connection.execute("SELECT * FROM class_channel_groups").fetchall() == [
            (0, "waterbird", 1, 0.75, 3, ["0" * 16])
        ]
        assert connection.execute("SELECT thumbnail FROM images ORDER BY image_id").fetchall()[4:] == [
            (b"jpeg\x04",),
            (None,),
        ]
        assert connection.execute('SELECT name, "use", n_channels, direction FROM channel_groups').fetchall() == [
            ("water", 4.0, 2, [1.0, 0.0, 0.0]), ("beak", 2.0, 1, [0.0, 1.0, 0.0]),
        ]  # fmt: skip
        assert connection.execute("SELECT group_idx, channel_idx FROM channel_group_members").fetchall() == [
            (0, 0),
            (1, 1),
            (0, 2),
        ]
        assert connection.execute("SELECT attribute, value FROM image_attributes LIMIT 1").fetchone() == ("scene", "s0")
        assert connection.execute("SELECT synonyms FROM concepts WHERE concept = 'water'").fetchone() == (
            ["lake", "sea"],
        )
        assert connection.execute("SELECT effect, p FROM findings WHERE status = 'not_identified'").fetchone() == (
            None,
            None,
        )
        config, class_names = connection.execute("SELECT config, class_names FROM runs").fetchone()
        assert (json.loads(config), tuple(class_names)) == ({"n_extreme": 60, "seed": 0}, CLASSES)


def test_a_picture_without_label_is_neither_right_nor_wrong(tmp_path):
    with AuditDatabase(tmp_path) as database:
        database.add_predictions(["a"], np.array([1]), np.array([-1]), np.array([0.5], np.float32), CLASSES)
        assert database.connection.execute(
            "SELECT predicted_name, label_idx, label_name, correct FROM predictions"
        ).fetchall() == [("landbird", None, None, None)]


def test_without_a_model_nothing_was_called_anything(tmp_path):
    with AuditDatabase(tmp_path) as database:
        database.add_predictions(["a"], np.array([-1]), np.array([1]), np.array([np.nan], np.float32), CLASSES)
        assert database.connection.execute("SELECT * FROM predictions").fetchall() == [
            ("a", None, None, 1, "landbird", None, None)
        ]
        database.add_subgroups([Subgroup(1, "landbird", "water", "water", True, 5, None)])
        assert database.connection.execute("SELECT n, n_correct FROM subgroups").fetchall() == [(5, None)]


def test_presence_that_is_not_known_has_no_row(tmp_path):
    with AuditDatabase(tmp_path) as database:
        presence = np.array([[1, np.nan], [np.nan, np.nan], [0, 1]], np.float32)
        database.add_concept_presence(["a", "b", "c"], ["x", "y"], presence)
        rows = database.connection.execute("SELECT * FROM concept_presence ORDER BY ALL").fetchall()
    assert rows == [("a", "x", 1.0), ("c", "x", 0.0), ("c", "y", 1.0)]


def test_nothing_is_seen_until_the_block_ends(tmp_path):
    with AuditDatabase(tmp_path) as database:
        fill(database)
        assert not (tmp_path / "audit.duckdb").exists()
        with pytest.raises(StoreError, match=r"incomplete|holds no audit"):
            open_audit_database(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["audit.duckdb"]
    assert not is_complete(tmp_path)
    with pytest.raises(StoreError, match=r"incomplete: it has no audit\.json.*--resume"):
        open_audit_database(tmp_path)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_nothing(tmp_path, error):
    def interrupted_run():
        with AuditDatabase(tmp_path / "out") as database:
            fill(database)
            raise error

    with pytest.raises(error):
        interrupted_run()
    assert list((tmp_path / "out").iterdir()) == []


def test_leftovers_of_a_killed_writer_go(tmp_path):
    for name in ("audit.duckdb.tmp-0a1b", "audit.duckdb.tmp-0a1b.wal"):
        (tmp_path / name).write_bytes(b"left")
    (tmp_path / "audit.duckdb.tmp-0a1b.tmp").mkdir()
    (tmp_path / "audit.jpg").write_bytes(b"not ours")
    write_small_audit(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.duckdb", "audit.jpg", "audit.json"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    # A file-size limit makes the system refuse the bytes as a full disk does.
    script = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from auditor.errors import StoreError
from auditor.store.database import AuditDatabase
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
rows = np.random.default_rng(0).random((200_000, 5), dtype=np.float32)
try:
    with AuditDatabase(Path(sys.argv[1])) as database:
        for batch in range(5):
            database.add_concept_presence([f"{i:016x}" for i in range(len(rows))], list("abcde"), rows)
except StoreError as error:
    print(error)
    sys.exit(2)
"""
    result = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2, result.stderr
    assert result.stdout.startswith(f"the audit cannot be written to {tmp_path}: ")
    assert result.stdout.endswith("free some space or choose another --out, then run again with --resume\n")
    assert result.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (duckdb.TransactionException("Failed to commit: no room\nmore"), "Failed to commit: no room"),
        (duckdb.OutOfMemoryException("out of memory"), "out of memory"),
        (duckdb.InternalException("wrong block"), "wrong block"),
        (duckdb.SerializationException(""), "SerializationException"),
    ],
)
def test_whatever_duckdb_cannot_write_is_one_line(tmp_path, error, said):
    with pytest.raises(StoreError) as caught, AuditDatabase(tmp_path) as database, database._writing():
        raise error
    assert str(caught.value) == (
        f"the audit cannot be written to {tmp_path}: {said}; free some space or choose another --out, then run again "
        "with --resume"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(StoreError, match="cannot be written to"), AuditDatabase(tmp_path / "out"):
        pass
    with pytest.raises(StoreError, match="is a file; expected the folder"):
        open_audit_database(tmp_path / "out")


def test_wrong_columns_are_refused(tmp_path):
    with pytest.raises(ValueError, match="table verdicts has columns"), AuditDatabase(tmp_path) as database:
        database._insert("verdicts", pa.table({"class_idx": [1]}))


def test_odd_names_are_kept(tmp_path):
    odd = ["=cmd()", "a,b\n'c'", "\x00nul", "<script>", "\u202eright", "", "x" * 10_000, "\udcff.jpg"]
    with AuditDatabase(tmp_path) as database:
        database.add_concept_presence([f"{n}" for n in range(len(odd))], odd[:1], np.zeros((len(odd), 1), np.float32))
        database.add_predictions(odd, np.arange(8) % 5, np.arange(8) % 5, np.ones(8, np.float32), CLASSES)
        read = [name for (name,) in database.connection.execute("SELECT image_id FROM predictions").fetchall()]
    assert read == [*odd[:-1], "\\udcff.jpg"]


def test_presence_lies_by_some_pictures_and_there_by_concept(tmp_path, monkeypatch):
    """In the order of their ids, whatever is written at once: 4 cells, so two concepts, and the third by itself."""
    monkeypatch.setattr(database_module, "_PICTURES_TOGETHER", 2)
    monkeypatch.setattr(database_module, "_CELLS_AT_ONCE", 4)
    presence = np.arange(9, dtype=np.float32).reshape(3, 3) / 16
    presence[1, 1] = np.nan
    with AuditDatabase(tmp_path) as database:
        database.add_concept_presence(list("abc"), ["z", "x", "y"], presence[:, [2, 0, 1]])
        rows = database.connection.execute("SELECT image_id, concept_id, presence * 16 FROM concept_presence")
        assert rows.fetchall() == [
            ("a", "x", 0.0), ("b", "x", 3.0), ("a", "y", 1.0), ("a", "z", 2.0), ("b", "z", 5.0),
            ("c", "x", 6.0), ("c", "y", 7.0), ("c", "z", 8.0),
        ]  # fmt: skip


def test_a_million_rows_are_quick(tmp_path):
    n, wide = 100_000, len(CONCEPTS)
    ids = [f"{number:016x}" for number in range(n)]
    weights = np.random.default_rng(0).random((n, wide), dtype=np.float32) + 0.1
    phrases = Phrases(weights, weights / 4, weights[:, 0])
    started = time.perf_counter()
    with AuditDatabase(tmp_path) as database:
        for _ in range(3):  # 900,000 phrases and 300,000 residuals
            database.add_attributions(ids, np.zeros(n, np.int64), phrases, class_names=CLASSES, concepts=CONCEPTS)
    # Row by row this takes minutes; measured 1.3 s on two cores.
    assert time.perf_counter() - started < 15
    with duckdb.connect(str(tmp_path / "audit.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM attributions").fetchone() == (900_000,)
    assert (tmp_path / "audit.duckdb").stat().st_size < 60_000_000
