"""Killed with -9 in every stage, then resumed: the database holds the same as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from auditor.pipeline import run_audit
from auditor.store.digest import contents_digest
from auditor.store.open_audit import open_audit_database

#: Runs an audit whose process is killed at a point: the name of a progress stage, or of a function of the store.
_SCRIPT = """
import os, signal, sys
from auditor.config import AuditConfig
from auditor import audit_folder, pipeline
from auditor.store.database import AuditDatabase

config = AuditConfig.model_validate_json(sys.argv[1])
point = sys.argv[2]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def on_progress(stage, done, total):
    if stage == point and (stage != "pictures" or done > 256):  # of pictures when their first shard is on disk
        die()

if hasattr(AuditDatabase, point):
    setattr(AuditDatabase, point, die)
elif hasattr(audit_folder, point):
    setattr(audit_folder, point, die)
elif hasattr(pipeline, point):
    setattr(pipeline, point, die)
pipeline.run_audit(config, resume=True, on_progress=on_progress)
"""

#: In their order: each run comes further than the one before.
_POINTS = (
    "pictures", "fit_channel_directions", "words", "judge", "maps", "add_verdicts", "write_kept_inputs",
    "write_embedding_index", "write_manifest",
)  # fmt: skip


def _digest(folder: Path) -> str:
    with open_audit_database(folder) as connection:
        return contents_digest(connection)


def test_killed_at_every_point_and_resumed(small_audit, small_config, tmp_path):
    """It begins with an empty cache, which the killed runs write as well."""
    config = small_config.model_copy(update={"out": tmp_path / "audit", "cache": tmp_path / "cache"})
    for point in _POINTS:
        killed = subprocess.run([sys.executable, "-c", _SCRIPT, config.model_dump_json(), point], check=False)
        assert killed.returncode == -signal.SIGKILL, point
        assert not (config.out / "audit.json").exists(), point
    run_audit(config, resume=True)
    assert _digest(config.out) == _digest(small_audit)
    assert not [path for path in config.out.rglob("*") if "tmp" in path.name or "unfinished" in path.name]
