"""Damage and hostile input, counted: is a wrong byte ever read as right, does anything hang or end in a traceback?

    python -m benchmarks.faults --trials 300 --seed 0

Four series, each repeatable by its seed:

- ``files``: one bit flipped in a file of features, in what is kept to judge again, in the search index, the database,
  ``audit.json`` or the embedding cache; then it is read as the program reads it.
- ``decisions``: one bit flipped in the database or in ``audit.json``; then the gate decides.
- ``healed``: a file truncated, deleted or flipped; then ``auditor run --resume``, whose audit must say the same.
- ``inputs``: settings, manifests, vocabularies, policies, baselines, class maps and preprocessing with bytes and values
  changed; then they are loaded.

*found* is damage that was told in one line (or made good), *harmless* a change that changes nothing that is said.
*silent* (a wrong byte read as right), *traceback* and *hang* (over ten seconds) must be 0.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from auditor.config import AuditConfig, make_config
from auditor.errors import AuditorError
from auditor.extraction.embedding_cache import EmbeddingCache
from auditor.extraction.shards import FeatureShards, is_whole
from auditor.gate.baseline import load_baseline
from auditor.gate.policy import load_policy
from auditor.inputs.class_map import match_classes
from auditor.inputs.manifest import read_manifest
from auditor.inputs.vocabulary import load_vocabulary
from auditor.models.bundled import bundled_path
from auditor.models.preprocess import read_preprocess
from auditor.pipeline import run_audit
from auditor.release.check import check_release
from auditor.store.checksums import damage_of
from auditor.store.database import open_audit_database
from auditor.store.digest import contents_digest
from auditor.store.embedding_index import read_embedding_index
from auditor.store.manifest import read_audit_json

#: Seconds beyond which a trial counts as hanging.
HANG_SECONDS = 10.0
_SERIES = ("files", "decisions", "healed", "inputs")
#: Healing audits the pictures again, which takes seconds.
_TRIALS_A_HEALING = 50


@dataclass
class Tally:
    """Outcomes by what was damaged; a line for each one that must not be."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)

    def trial(self, what: str, seed: int, run: Callable[[], str]) -> None:
        """Count what ``run`` gives, "found" where it raises one of the program's own errors."""
        started = time.perf_counter()
        try:
            outcome = run()
        except AuditorError as error:
            outcome = "found" if "\n" not in str(error) else "traceback"
        except Exception:
            outcome = "traceback"
            self.bad.append(f"{what}, trial {seed}: {traceback.format_exc(limit=-3)}")
        if time.perf_counter() - started > HANG_SECONDS and what != "healed":
            outcome = "hang"
        if outcome in ("silent", "hang"):
            self.bad.append(f"{what}, trial {seed}: {outcome}")
        self.counts.setdefault(what, Counter())[outcome] += 1

    def table(self) -> str:
        """Markdown."""
        outcomes = ("found", "harmless", "silent", "traceback", "hang")
        lines = [f"| damaged | trials | {' | '.join(outcomes)} |", "|---|---|" + "---|" * len(outcomes)]
        for what, counts in self.counts.items():
            cells = " | ".join(f"{counts[outcome]:,}" for outcome in outcomes)
            lines.append(f"| {what} | {counts.total():,} | {cells} |")
        return "\n".join(lines)


def sample_audit(folder: Path) -> tuple[Path, AuditConfig]:
    """A small audit of the bundled pictures, with a cache of its own."""
    config = AuditConfig(
        data=bundled_path("planted", "manifest.csv"),
        model="sample:planted",
        encoder="sample",
        out=folder / "audit",
        cache=folder / "cache",
        n_extreme=30,
        max_images_per_class=30,
    )
    return run_audit(config, resume=True), config


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
            tally.trial("healed", trial, partial(resume, copy))


_SETTINGS = """
data = "val.csv"
model = "sample:planted"
out = "audit"
n_extreme = 30
tolerance = 0.2
thumbnails = true
device = "cpu"

[core.cat]
water = {reason = "cats swim here", who = "Ann", expires = 2030-01-31}

[attributes]
exclude = ["serial"]
"""
_POLICY = """
fail_on = ["flagged", "suspect"]
min_severity = "medium"
max_share = 0.5
may_skip = ["boat*"]

[[rule]]
classes = ["water*"]
kinds = ["scene"]
max_gap = 0.1
"""
_BASELINE = f"""
[[accepted]]
class = "waterbird"
concept = "water"
verdict = "flagged"
fingerprint = "{"a" * 64}"
reason = "known"
who = "Ann"
expires = 2030-01-31
"""
_VOCABULARY = """
[templates]
scene = ["a photo of {}", "{}"]

[[concept]]
term = "water"
kind = "scene"
synonyms = ["lake", "sea"]

[[concept]]
term = "snow"
kind = "scene"

[[family]]
term = "wet"
kind = "scene"
members = ["water", "snow"]
"""
_MANIFEST = "path,label,split,group_id,scanner\n" + "".join(
    f"a/{i}.png,{label},val,{i % 3},s{i % 2}\n" for i, label in enumerate(["cat", "dog"] * 6)
)
_MAP = {"cat": 0, "dog": "1"}
_PREPROCESS = 'size = 32\ncrop = [32, 32]\nmean = [0.5, 0.5, 0.5]\nstd = [0.2, 0.2, 0.2]\ninterpolation = "bilinear"\n'
#: What is put in the place of values and names.
_ODD = (
    '"\\u0000"', "1e999", "-1", "nan", "9999-12-31", "0001-01-01", '"\\u200b"', "[]", "{}", "true", '""', '"~nobody/x"',
    "9" * 30, '"' + "x" * 5000 + '"', "[" * 200, '"\\ud800"', "2030-02-30", "1979-05-27T07:32:00Z", '"*"', '"[a"',
)  # fmt: skip


def inputs(work: Path) -> dict[str, tuple[str, bytes, Callable[[Path], object]]]:
    """By kind: name of the file, a valid one, and what loads it."""
    table = {name: ["1", "2", "é"] for name in ("label", "scanner")} | {"path": ["a.png", "b.png", "c.png"]}
    content = pa.BufferOutputStream()
    pq.write_table(pa.table(table), content)
    return {
        "settings": ("auditor.toml", _SETTINGS.encode(), lambda path: make_config({}, path)),
        "settings in pyproject.toml": (
            "pyproject.toml",
            ("[tool.auditor]" + _SETTINGS.replace("[core", "[tool.auditor.core").replace("[attr", "[tool.auditor.attr"))
            .encode(),
            lambda path: make_config({}, path),
        ),
        "policy": ("policy.toml", _POLICY.encode(), load_policy),
        "baseline": ("baseline.toml", _BASELINE.encode(), load_baseline),
        "vocabulary": ("vocabulary.toml", _VOCABULARY.encode(), load_vocabulary),
        "manifest, CSV": ("val.csv", _MANIFEST.encode(), read_manifest),
        "manifest, Parquet": ("val.parquet", content.getvalue().to_pybytes(), read_manifest),
        "class map, CSV": ("map.csv", b"label,output\ncat,0\ndog,1\n", _matched),
        "class map, TOML": ("map.toml", b"cat = 0\ndog = '1'\n", _matched),
        "class map, JSON": ("map.json", json.dumps(_MAP).encode(), _matched),
        "preprocessing": ("preprocess.toml", _PREPROCESS.encode(), read_preprocess),
    }  # fmt: skip


def _matched(path: Path) -> object:
    return match_classes(["cat", "dog"], 2, None, path)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A few changes: bits, bytes, parts, values."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(12)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at:at] = rng.randbytes(rng.randint(1, 4))
        elif kind == 2:
            del changed[at : at + rng.randint(1, 40)]
        elif kind == 3:
            changed[at:at] = changed[rng.randrange(len(changed) + 1) :][:40]
        elif kind == 4:
            changed[at:at] = rng.choice(_ODD).encode()
        else:  # another value in a line
            lines = bytes(changed).split(b"\n")
            line = rng.randrange(len(lines))
            name, sign, _ = lines[line].partition(b"=")
            if sign:
                lines[line] = name + b"= " + rng.choice(_ODD).encode()
            else:
                cells = lines[line].split(b",")
                cells[rng.randrange(len(cells))] = rng.choice(_ODD).strip('"').encode("utf-8", "surrogatepass")
                lines[line] = b",".join(cells)
            changed = bytearray(b"\n".join(lines))
    return bytes(changed)


def fuzzed_inputs(work: Path, *, trials: int, seed: int, tally: Tally) -> None:
    """Load changed inputs."""
    for what, (name, content, load) in inputs(work).items():
        path = work / name
        path.write_bytes(content)
        load(path)  # the valid one
        for trial in range(trials):
            path.write_bytes(mutated(content, random.Random(f"{seed} {what} {trial}")))

            def read(path: Path = path, load: Callable[[Path], object] = load) -> str:
                load(path)
                return "harmless"

            tally.trial(what, trial, read)
        path.unlink()


def measured(series: Sequence[str], *, trials: int, seed: int) -> Tally:
    """All series that are asked for."""
    tally, logger = Tally(), logging.getLogger("auditor")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory(prefix="auditor-faults-") as temporary:
            work, asked = Path(temporary), set(series)
            if asked & {"files", "decisions", "healed"}:
                audit, config = sample_audit(work)
                if "files" in asked:
                    damaged_files(audit, work / "cache", work, trials=trials, seed=seed, tally=tally)
                if "decisions" in asked:
                    damaged_decisions(audit, work, trials=trials, seed=seed, tally=tally)
                if "healed" in asked:
                    healed(audit, config, work, trials=max(1, trials // _TRIALS_A_HEALING), seed=seed, tally=tally)
            if "inputs" in asked:
                fuzzed_inputs(work, trials=trials, seed=seed, tally=tally)
    finally:
        logger.setLevel(level)
    return tally


def main() -> None:
    """Count, print, and end with 1 where something must not be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", choices=_SERIES, nargs="+", default=list(_SERIES))
    parser.add_argument("--trials", type=int, default=300, help="a kind of file; for healed a fiftieth")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    bad: list[str] = []
    for series in given.series:
        tally = measured([series], trials=given.trials, seed=given.seed)
        print(f"{tally.table()}\n", flush=True)
        bad += tally.bad
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")
    for line in bad:
        print(line, file=sys.stderr)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
