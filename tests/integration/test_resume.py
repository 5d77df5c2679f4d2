"""Killed with -9 in every stage, then resumed: the database holds the same as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

from auditor import audit_folder, pipeline
from auditor.config import AuditConfig
from auditor.pipeline import run_audit
from auditor.store.database import AuditDatabase
from auditor.store.digest import contents_digest
from auditor.store.open_audit import open_audit_database

#: In their order: each run comes further than the one before.
_POINTS = (
    "pictures", "fit_channel_directions", "words", "judge", "maps", "add_verdicts", "write_kept_inputs",
    "write_embedding_index", "write_manifest",
)  # fmt: skip


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _run_until(config: AuditConfig, point: str) -> None:
    """An audit whose process is killed at a point: the name of a progress stage, or of a function."""

    def on_progress(stage: str, done: int, total: int) -> None:
        if stage == point and (stage != "pictures" or done > 256):  # of pictures when their first shard is on disk
            _die()

    for place in (AuditDatabase, audit_folder, pipeline):
        if hasattr(place, point):
            setattr(place, point, _die)
            break
    run_audit(config, resume=True, on_progress=on_progress)


def _digest(folder: Path) -> str:
    with open_audit_database(folder) as connection:
        return contents_digest(connection)


def test_killed_at_every_point_and_resumed(small_audit, small_config, tmp_path):
    """It begins with an empty cache, which the killed runs write as well."""
    config = small_config.model_copy(update={"out": tmp_path / "audit", "cache": tmp_path / "cache"})
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["auditor.pipeline"])  # torch is loaded once, not for every process
    for point in _POINTS:
        killed = processes.Process(target=_run_until, args=(config, point))
        killed.start()
        killed.join()
        assert killed.exitcode == -signal.SIGKILL, point
        assert not (config.out / "audit.json").exists(), point
    run_audit(config, resume=True)
    assert _digest(config.out) == _digest(small_audit)
    assert not [path for path in config.out.rglob("*") if "tmp" in path.name or "unfinished" in path.name]
