"""Whether an audit is, byte for byte, what was written: its files against the digests in its ``audit.json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import StoreError
from auditor.store.checksums import DIGEST, FILES, damage_of, features_deleted, is_bound, is_feature
from auditor.store.manifest import DATABASE_NAME, MANIFEST_NAME, NewerSchemaError, is_complete, read_audit_json
from auditor.store.open_audit import open_audit_database


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found; ``damage`` has a line for each thing that is wrong, and is empty where all is well."""

    digest: str | None  # of the audit, that `auditor run` printed; None where audit.json cannot be read or has none
    n_files: int  # that were compared, audit.json included
    damage: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damage


def verify_audit(folder: Path, *, expected_digest: str | None = None) -> Verification:
    """Compare every file that ``audit.json`` binds, and open the database as every command does.

    Args:
        folder: Of the audit.
        expected_digest: What the job that made the audit printed; None where nobody kept it.

    Raises:
        StoreError: no audit there, or one of a newer schema.
    """
    try:
        manifest = read_audit_json(folder)
    except StoreError as error:
        if isinstance(error, NewerSchemaError) or not is_complete(folder):
            raise
        return Verification(None, 1, (str(error),))
    if not is_bound(manifest):
        older = f"{MANIFEST_NAME} holds no digests, for an older auditor made it: nothing can be verified"
        return Verification(None, 0, (older,))
    digest = str(manifest.get(DIGEST))
    damage = damage_of(folder, manifest)
    files = manifest[FILES] if isinstance(manifest.get(FILES), dict) else {}
    if DATABASE_NAME not in files:
        damage.append(f"{DATABASE_NAME}: {MANIFEST_NAME} does not bind it")
    if expected_digest is not None and digest != expected_digest:
        damage.insert(0, f"{MANIFEST_NAME}: the digest of the audit is {digest}, expected {expected_digest}")
    if not damage:
        try:
            open_audit_database(folder).close()
        except StoreError as error:
            damage.append(str(error))
    gone = features_deleted(folder, manifest)
    notes = ("its features were deleted: it cannot be judged again without its model",) if gone else ()
    compared = [name for name in files if not (gone and is_feature(name))]
    return Verification(digest, len(compared) + 1, tuple(damage), notes)
