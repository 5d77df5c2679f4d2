"""Which audits there are under the folders given, in what state, and opening them; no Streamlit.

One database is open once for all who look at it. What tells one audit from another in the same folder is the identity
of its ``audit.json``, which a run writes last.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import duckdb

from auditor.errors import StoreError
from auditor.records import VERDICTS
from auditor.store.connection import connect_to_read
from auditor.store.manifest import DATABASE_NAME, MANIFEST_NAME, read_audit_json
from auditor.store.migrations import MIGRATIONS
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.audit import Connection, VerdictCounts, run_facts
from reports.display import told_counts

AuditState = Literal["complete", "incomplete", "corrupt", "newer"]
#: mtime in ns, size and inode of ``audit.json``.
Identity = tuple[int, int, int]

#: Names of which a folder of an audit holds at least one.
_TRACES = (MANIFEST_NAME, DATABASE_NAME, "features")
#: Databases that stay open, and the memory of each, which DuckDB fills with what it read. On 100,000 pictures the
#: slowest query of a view takes 0.2 s with so little, 0.13 s with 1 GB; what was dropped is in the system's own cache.
_MOST_OPEN, _MEMORY = 4, "64MB"


@dataclass(frozen=True, slots=True)
class FoundAudit:
    """A folder with an audit, or with what a run left of one.

    Attributes:
        key: names it in the URL: the end of its path that no other audit has.
        folder: resolved.
        state: only a complete one can be opened.
        reason: why it is not complete, in one line.
        created_at: as the run wrote it; empty where unknown.
        model: spec of the model; empty where unknown.
        data: path of the data; empty where unknown.
        counts: of ``audit.json``: images, classes, classes by verdict and more.
        data_digest: of the pictures and labels; two audits of the same can be compared.
        identity: of ``audit.json``; None without one.
    """

    key: str
    folder: Path
    state: AuditState
    reason: str = ""
    created_at: str = ""
    model: str = ""
    data: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    data_digest: str = ""
    identity: Identity | None = None


def find_audits(folders: Sequence[Path]) -> tuple[FoundAudit, ...]:
    """The audits that ``folders`` are or hold directly, newest first; those without a date last."""
    paths: dict[Path, None] = {}
    for folder in folders:
        for path in _audit_folders(folder):
            paths[path.resolve()] = None
    keys = _keys(list(paths))
    found = [_look_at(path, keys[path], identity_of(path)) for path in paths]
    found.sort(key=lambda audit: audit.key)
    return tuple(sorted(found, key=lambda audit: audit.created_at, reverse=True))


def identity_of(folder: Path) -> Identity | None:
    """What changes when the audit in ``folder`` is made again."""
    try:
        status = (folder / MANIFEST_NAME).stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _audit_folders(folder: Path) -> list[Path]:
    if _is_audit_folder(folder):
        return [folder]
    try:
        return [path for path in sorted(folder.iterdir()) if path.is_dir() and _is_audit_folder(path)]
    except OSError:
        return []


def _is_audit_folder(folder: Path) -> bool:
    return any((folder / name).exists() for name in _TRACES)


def _keys(paths: Sequence[Path]) -> dict[Path, str]:
    """The shortest end of each path that is its own."""
    keys: dict[Path, str] = {}
    for length in range(1, max((len(path.parts) for path in paths), default=0) + 1):
        open_paths = [path for path in paths if path not in keys]
        ends = {path: "/".join(path.parts[-length:]) for path in open_paths}
        times = Counter(ends.values())
        keys.update({path: end for path, end in ends.items() if times[end] == 1 and end not in keys.values()})
    return keys


@lru_cache(maxsize=256)
def _look_at(folder: Path, key: str, identity: Identity | None) -> FoundAudit:
    """State and facts of one folder; ``identity`` is part of what the cache goes by."""
    if identity is None:
        return FoundAudit(key, folder, "incomplete", _why_not(folder))
    try:
        manifest = read_audit_json(folder)
        facts = _run_facts(folder)
    except StoreError as error:
        return FoundAudit(key, folder, _broken_state(folder), " ".join(str(error).split()), identity=identity)
    counts = {name: value for name, value in dict(manifest.get("counts") or {}).items() if isinstance(value, int)}
    created_at, model, data, digest = facts
    return FoundAudit(key, folder, "complete", "", created_at, model, data, counts, digest, identity)


def _why_not(folder: Path) -> str:
    try:
        read_audit_json(folder)
    except StoreError as error:
        return " ".join(str(error).split())
    return "it was finished a moment ago; reload"


def _broken_state(folder: Path) -> AuditState:
    """``read_audit_json`` has refused the manifest: because of its schema alone, or of anything else."""
    try:
        version = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8")).get("schema_version")
    except (OSError, ValueError, RecursionError, AttributeError):
        return "corrupt"
    return "newer" if isinstance(version, int) and version > len(MIGRATIONS) else "corrupt"


def _run_facts(folder: Path) -> tuple[str, str, str, str]:
    """Date, model, data and its digest, without migrating an older audit."""
    path = folder / DATABASE_NAME
    if not path.is_file():
        raise StoreError(f"the audit at {folder} has no {DATABASE_NAME}; make it again, or take it from a whole copy")
    try:
        with connect_to_read(path, memory_limit=_MEMORY) as connection:
            facts = run_facts(connection)
    except duckdb.Error as error:
        raise StoreError(
            f"{path} has other tables than an audit ({str(error).splitlines()[0]}); take it from a whole copy"
        ) from error
    if facts is None:
        raise StoreError(f"{path} holds no run; make the audit again, or take it from a whole copy")
    return facts


class OpenAudits:
    """Databases that are open, by folder and identity; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, tuple[Identity, Connection]] = OrderedDict()

    def cursor(self, folder: Path, identity: Identity) -> Connection:
        """A connection of the caller's own, to be closed after use, for the audit of this identity.

        Raises:
            StoreError: the audit cannot be read, or another one has taken its place.
        """
        with self._lock:
            # What is no longer kept is let go, not closed: cursors that others still read with hold it open.
            known = self._open.pop(folder, None)
            if known is not None and known[0] != identity:
                known = None
            if known is None:
                if identity_of(folder) != identity:
                    raise StoreError(f"the audit at {folder} was replaced while it was opened; reload the page")
                known = (identity, open_audit_database(folder, memory_limit=_MEMORY))
            self._open[folder] = known
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
            return known[1].cursor()


def totals(audit: FoundAudit) -> dict[str, int | None]:
    """Counts by verdict, in the order in which they are told; None where the audit does not say."""
    counts: Mapping[str, Any] = audit.counts
    told = told_counts(VerdictCounts(**{name: int(counts.get(name, 0)) for name in VERDICTS}))
    return {name: number if name in counts else None for name, number in told}
