"""``audit.json``: written last, so that its presence means that the audit is complete."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from auditor.errors import StoreError
from auditor.regular_files import file_sha256
from auditor.store.checksums import (
    DIGEST,
    FILES,
    FILES_BEFORE,
    audit_digest,
    damage_of,
    digests_of_files,
    is_bound,
)
from auditor.store.migrations import MIGRATIONS
from auditor.store.run_record import Run

DATABASE_NAME = "audit.duckdb"
MANIFEST_NAME = "audit.json"
_FORMAT = "auditor-audit"
_AGAIN = "make it again with the same `auditor run` and --resume, or take it from a whole copy"


class NewerSchemaError(StoreError):
    """An audit that only a later auditor reads; it is whole."""


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_manifest(folder: Path, run: Run, files: Iterable[str] = ()) -> str:
    """Write ``audit.json``, which binds the files of the audit: the last act of a run.

    Args:
        folder: Of the audit.
        run: How it was made.
        files: Names of the files besides the database, relative to the folder; those that are there are bound.

    Returns:
        The digest of the audit, 64 hexadecimal digits.

    Raises:
        StoreError: the folder cannot be written.
    """
    manifest: dict[str, Any] = {
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
    try:
        bound = digests_of_files(folder, (DATABASE_NAME, *files))
        return _write(folder, {**manifest, FILES: bound})
    except OSError as error:
        raise StoreError(
            f"{folder / MANIFEST_NAME} cannot be written: {error.strerror or error}; mend that, then run again with "
            "--resume"
        ) from error


def replace_database(folder: Path, copy: Path) -> None:
    """Put ``copy`` in the place of the database; at every moment ``audit.json`` binds the file that is there.

    Raises:
        OSError: the folder cannot be written.
        StoreError: as :func:`read_audit_json`.
    """
    manifest, path = read_audit_json(folder), folder / DATABASE_NAME
    if not is_bound(manifest):  # by an older auditor
        copy.replace(path)
        sync_folder(folder)
        return
    before = {DATABASE_NAME: manifest[FILES].get(DATABASE_NAME)}
    manifest = {**manifest, FILES: {**manifest[FILES], DATABASE_NAME: file_sha256(copy)}}
    _write(folder, {**manifest, FILES_BEFORE: before})
    copy.replace(path)
    sync_folder(folder)
    manifest.pop(FILES_BEFORE, None)  # of one that was killed
    _write(folder, manifest)


def _write(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Write it with its digest beside its place and rename it."""
    digest = audit_digest(manifest)
    unfinished = folder / f"{MANIFEST_NAME}.tmp"
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump({**manifest, DIGEST: digest}, file, indent=2, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / MANIFEST_NAME)
        sync_folder(folder)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise
    return digest


def check_whole(folder: Path, *, expected_digest: str | None = None) -> None:
    """Refuse an audit whose database is not what its ``audit.json`` binds; one of an older auditor binds nothing.

    Args:
        folder: Of the audit.
        expected_digest: What ``auditor run`` printed; None where nobody kept it.

    Raises:
        StoreError: as :func:`read_audit_json`; a damaged database; another digest, or none where one is expected.
    """
    manifest = read_audit_json(folder)
    if expected_digest is not None and manifest.get(DIGEST) != expected_digest:
        found = manifest.get(DIGEST) or "none, for an older auditor made it"
        raise StoreError(
            f"the audit at {folder} is not the one that is expected: its digest is {found}, expected "
            f"{expected_digest}; take the audit from the job that printed this digest"
        )
    damage = damage_of(folder, manifest, [DATABASE_NAME]) if is_bound(manifest) else []
    if damage:
        raise StoreError(f"the audit at {folder} is damaged: {damage[0]}; {_AGAIN}")


def _incomplete(folder: Path) -> StoreError:
    if not folder.exists():
        return StoreError(
            f"no audit at {folder}: the folder does not exist; make one with `auditor run --out "
            f"{shlex.quote(str(folder))}`"
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
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path} cannot be read ({error}); {_AGAIN}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise StoreError(f'{path} is not the manifest of an audit: expected "format": "{_FORMAT}"; {_AGAIN}')
    version = manifest.get("schema_version")
    if not isinstance(version, int):
        raise StoreError(f"{path} has schema_version {version!r}; expected a whole number; {_AGAIN}")
    if version > len(MIGRATIONS):
        versions = manifest.get("versions")
        raise newer_schema(folder, version, versions.get("auditor") if isinstance(versions, dict) else None)
    if is_bound(manifest) and manifest.get(DIGEST) != audit_digest(manifest):
        raise StoreError(f"{path} is damaged, or was changed: what it says has not the digest that it names; {_AGAIN}")
    return manifest


def newer_schema(folder: Path, version: int, written_by: object) -> NewerSchemaError:
    """The error for an audit that only a later auditor reads."""
    reader = f"auditor {written_by} or later" if written_by else "a later auditor"
    return NewerSchemaError(
        f"the audit at {folder} has schema {version}; this auditor reads schemas up to {len(MIGRATIONS)}: "
        f"install {reader} to read it"
    )
