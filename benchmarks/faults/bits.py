"""A bit flipped, a file cut short or deleted: read as the program reads it, decided on by the gate, healed by a run."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from auditor.config import AuditConfig
from auditor.extraction.embedding_cache import EmbeddingCache
from auditor.extraction.shards import FeatureShards, is_whole
from auditor.pipeline import run_audit
from auditor.release.check import check_release
from auditor.store.checksums import damage_of
from auditor.store.digest import contents_digest
from auditor.store.embedding_index import read_embedding_index
from auditor.store.manifest import read_audit_json
from auditor.store.open_audit import open_audit_database
from benchmarks.faults.tally import WHOLE_AUDIT_SECONDS, Tally


def flipped(path: Path, rng: random.Random) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def damaged_files(audit: Path, cache: Path, work: Path, *, trials: int, seed: int, tally: Tally) -> None:
    """Flip bits in each kind of file and read it as the program does."""
    shards = sorted((audit / "features").glob("*.parquet"))
    manifest = read_audit_json(audit)
    n_images = FeatureShards(shards).n
    index = read_embedding_index(audit, n_images)
    rows = np.stack([index.reconstruct(row) for row in range(n_images)])
    (cached,) = cache.glob("*.sqlite3")
    known = _known(cached, rows.shape[1])

    def shard(copy: Path) -> str:
        return "found" if not is_whole(copy / "features" / shards[0].name) else "silent"

    def kept(copy: Path) -> str:
        return "found" if damage_of(copy, manifest) else "silent"

    def searched(copy: Path) -> str:
        read = read_embedding_index(copy, n_images)
        same = np.array_equal(np.stack([read.reconstruct(row) for row in range(n_images)]), rows)
        return "harmless" if same else "silent"

    def database(copy: Path) -> str:
        """Without a look at the digest: what DuckDB's own checksums find when a report reads everything."""
        with open_audit_database(copy) as connection:
            return "harmless" if contents_digest(connection) == said else "silent"

    def described(copy: Path) -> str:
        return "harmless" if read_audit_json(copy) == manifest else "silent"

    def embeddings(copy: Path) -> str:
        read = _known(copy / cached.name, rows.shape[1], list(known))
        if any(not np.array_equal(row, known[key]) for key, row in read.items()):
            return "silent"
        return "harmless" if read.keys() == known.keys() else "found"

    with open_audit_database(audit) as connection:
        said = contents_digest(connection)
    kinds: dict[str, tuple[Path, str, Callable[[Path], str]]] = {
        "features": (audit, f"features/{shards[0].name}", shard),
        "inputs kept to judge again": (audit, "features/kept_inputs.npz", kept),
        "search index": (audit, "embeddings.faiss", searched),
        "database, read without its digest": (audit, "audit.duckdb", database),
        "audit.json": (audit, "audit.json", described),
        "embedding cache": (cache, cached.name, embeddings),
    }
    for what, (source, name, read) in kinds.items():
        for trial in range(trials):
            rng = random.Random(f"{seed} {what} {trial}")
            with _copied(source, work) as copy:
                flipped(copy / name, rng)
                tally.trial(what, trial, partial(_of_duckdb, partial(read, copy)))


def _of_duckdb(read: Callable[[], str]) -> str:
    """The command line tells DuckDB's own errors in one line, and so they count as found."""
    import duckdb

    try:
        return read()
    except duckdb.Error:
        return "found"


def _known(path: Path, dim: int, keys: list[str] | None = None) -> dict[str, np.ndarray]:
    """What a cache gives for the keys, by default for all of its own."""
    import sqlite3

    if keys is None:
        with sqlite3.connect(path) as connection:
            keys = [key for (key,) in connection.execute("SELECT content_digest FROM embeddings")]
    cache = EmbeddingCache(path, dim)
    try:
        return {key: row for key in keys if (row := cache.get(key)) is not None}
    finally:
        cache.close()


@contextlib.contextmanager
def _copied(source: Path, work: Path) -> Iterator[Path]:
    """A copy of a folder, gone at the end."""
    copy = Path(shutil.copytree(source, work / "copy"))
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


def damaged_decisions(audit: Path, work: Path, *, trials: int, seed: int, tally: Tally) -> None:
    """Flip bits in what the gate reads."""
    whole = check_release(audit)

    def decided(copy: Path) -> str:
        return "harmless" if check_release(copy) == whole else "silent"

    for name in ("audit.duckdb", "audit.json"):
        what = f"decision on a damaged {name}"
        for trial in range(trials):
            with _copied(audit, work) as copy:
                flipped(copy / name, random.Random(f"{seed} {what} {trial}"))
                tally.trial(what, trial, partial(decided, copy))


def healed(audit: Path, config: AuditConfig, work: Path, *, trials: int, seed: int, tally: Tally) -> None:
    """Damage an audit, resume it, and compare what it says."""
    with open_audit_database(audit) as connection:
        said = contents_digest(connection)
    names = [str(path.relative_to(audit)) for path in sorted(audit.rglob("*")) if path.is_file()]

    def truncated(path: Path, rng: random.Random) -> None:
        path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])

    def deleted(path: Path, rng: random.Random) -> None:
        path.unlink()

    def resume(copy: Path) -> str:
        run_audit(config.model_copy(update={"out": copy}), resume=True)
        with open_audit_database(copy) as connection:
            same = contents_digest(connection) == said
        return "found" if same and not damage_of(copy, read_audit_json(copy)) else "silent"

    for trial in range(trials):
        rng = random.Random(f"{seed} healed {trial}")
        damage, name = rng.choice((truncated, deleted, flipped)), rng.choice(names)
        with _copied(audit, work) as copy:
            damage(copy / name, rng)
            tally.trial("healed", trial, partial(resume, copy), may_take=WHOLE_AUDIT_SECONDS)
