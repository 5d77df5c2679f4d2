"""A damaged audit is made whole by ``--resume``, and says what it said; a short form of ``benchmarks/faults``."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys

import pytest

from auditor.pipeline import run_audit
from auditor.store.digest import contents_digest
from auditor.store.open_audit import open_audit_database
from auditor.store.verify import verify_audit
from benchmarks.faults.series import measured


def _said(folder):
    with open_audit_database(folder) as connection:
        return contents_digest(connection)


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def test_whatever_is_damaged_is_made_again(small_audit, small_config, tmp_path, caplog):
    """Features cut short, a checksum gone, no index, half an audit.json; then no database; then a flipped bit of it."""
    folder = shutil.copytree(small_audit, tmp_path / "audit")
    config = small_config.model_copy(update={"out": folder})
    shards = sorted((folder / "features").glob("*.parquet"))
    assert len(shards) == 2
    _truncate(shards[0])
    shards[1].with_suffix(".sha256").unlink()
    (folder / "embeddings.faiss").unlink()
    _truncate(folder / "audit.json")
    assert not verify_audit(folder).is_whole
    with caplog.at_level(logging.WARNING):
        run_audit(config, resume=True)
    assert "2 of 2 files of features are damaged" in caplog.text
    assert verify_audit(folder).is_whole
    assert _said(folder) == _said(small_audit)

    (folder / "audit.duckdb").unlink()
    assert verify_audit(folder).damage == ("audit.duckdb: missing",)
    run_audit(config, resume=True)
    assert verify_audit(folder).is_whole
    assert _said(folder) == _said(small_audit)

    written = (folder / "audit.json").stat().st_mtime_ns
    run_audit(config, resume=True)
    assert (folder / "audit.json").stat().st_mtime_ns == written  # nothing is damaged, nothing is done


def test_two_runs_into_one_folder(small_config, tmp_path):
    """The second ends at once, and the first goes on."""
    config = small_config.model_copy(update={"out": tmp_path / "audit"})
    script = (
        "import sys\nfrom auditor.config import AuditConfig\nfrom auditor.pipeline import run_audit\n"
        "run_audit(AuditConfig.model_validate_json(sys.argv[1]), on_progress=lambda *_: print('.', flush=True))\n"
    )
    command = [sys.executable, "-c", script, config.model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == ".\n"
        second = subprocess.run(command, check=False, capture_output=True, text=True)
        assert f"is being written by process {first.pid} on" in second.stderr
        assert (second.returncode, first.poll()) == (1, None)
        first.kill()


@pytest.mark.slow
def test_a_full_disk():
    """One line and exit code 2; with more room ``--resume`` makes the audit that an empty disk would have.

    At one of the files that are written; ``python -m benchmarks.faults --series disk`` does so at all.
    """
    command = [sys.executable, "-m", "benchmarks.faults", "--series", "disk", "--trials", "1", "--seed", "0"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if "no namespace of its own" in ended.stderr:
        pytest.skip("this system does not let us mount a disk")
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"^\| full disk: \S+ \| 1 \| 1 \| 0 \| 0 \| 0 \| 0 \|$", ended.stdout, re.MULTILINE)


@pytest.mark.parametrize("series", ["files", "inputs"])
def test_a_few_faults(series):
    tally = measured(series, trials=8, seed=7)
    assert tally.bad == []
    assert len(tally.counts) >= 6
    assert {outcome for counts in tally.counts.values() for outcome in counts} <= {"found", "harmless"}
