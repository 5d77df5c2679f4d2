"""``audit.json``: written last, so that its presence means that the audit is complete."""

from __future__ import annotations

import importlib.metadata
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from auditor.errors import StoreError
from auditor.store.migrations import MIGRATIONS
from auditor.store.tables import Run

DATABASE_NAME = "audit.duckdb"
MANIFEST_NAME = "audit.json"
_FORMAT = "auditor-audit"


def auditor_version() -> str:
    """Version of the installed package."""
    try:
        return importlib.metadata.version("auditor")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_manifest(folder: Path, run: Run) -> None:
    """Write ``audit.json`` beside its place and rename it: the last act of a run.

    Raises:
        StoreError: the folder cannot be written.
    """
    manifest = {
        "format": _FORMAT,
        "schema_version": len(MIGRATIONS),
        "run_id": run.run_id,
        "created_at": run.created_at,
        "digests": {
            "data": run.data_digest,
            "model": run.model_digest,
            "encoder": run.encoder_digest,
            "vocabulary": run.vocabulary_digest,
            "config": run.config_digest,
        },
        "rules_digest": run.rules_digest,
        "rejudged_from": run.rejudged_from.run_id if run.rejudged_from else None,
        "versions": dict(run.versions),
        "seed": run.seed,
        "counts": dict(run.counts),
    }
    unfinished = folder / f"{MANIFEST_NAME}.tmp"
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=2, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / MANIFEST_NAME)
        sync_folder(folder)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise StoreError(
            f"{folder / MANIFEST_NAME} cannot be written: {error.strerror or error}; mend that, then run again with "
            "--resume"
        ) from error


def _incomplete(folder: Path) -> StoreError:
    if not folder.exists():
        return StoreError(
            f"no audit at {folder}: the folder does not exist; make one with `auditor run --out {folder}`"
        )
    if not folder.is_dir():
        return StoreError(f"{folder} is a file; expected the folder of an audit, the one given to `auditor run --out`")
    if any((folder / name).exists() for name in (DATABASE_NAME, "features")):
        return StoreError(
            f"the audit at {folder} is incomplete: it has no {MANIFEST_NAME}; finish it with the same `auditor run` "
            "and --resume"
        )
    return StoreError(f"{folder} holds no audit: it has no {MANIFEST_NAME}; give the folder of `auditor run --out`")


def is_complete(folder: Path) -> bool:
    """Whether ``folder`` holds a finished audit."""
    return (folder / MANIFEST_NAME).is_file()


def read_audit_json(folder: Path) -> dict[str, Any]:
    """Read ``audit.json`` of the audit at ``folder``.

    Raises:
        StoreError: no folder, no or an unreadable manifest, or one of a newer schema.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise _incomplete(folder)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise StoreError(
            f"{path} cannot be read ({error}); make the audit again, or take it from a whole copy"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise StoreError(f'{path} is not the manifest of an audit: expected "format": "{_FORMAT}"')
    version = manifest.get("schema_version")
    if not isinstance(version, int):
        raise StoreError(f"{path} has schema_version {version!r}; expected a whole number")
    if version > len(MIGRATIONS):
        versions = manifest.get("versions")
        raise newer_schema(folder, version, versions.get("auditor") if isinstance(versions, dict) else None)
    return manifest


def newer_schema(folder: Path, version: int, written_by: object) -> StoreError:
    """The error for an audit that only a later auditor reads."""
    reader = f"auditor {written_by} or later" if written_by else "a later auditor"
    return StoreError(
        f"the audit at {folder} has schema {version}; this auditor reads schemas up to {len(MIGRATIONS)}: "
        f"install {reader} to read it"
    )
