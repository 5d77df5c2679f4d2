"""Small text files and tables that a user or a pull request gives: valid ones, changed at random, loaded."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from auditor.config import make_config
from auditor.gate.baseline import load_baseline
from auditor.gate.policy import load_policy
from auditor.inputs.class_map import match_classes
from auditor.inputs.manifest import read_manifest
from auditor.inputs.vocabulary import load_vocabulary
from auditor.models.preprocess import read_preprocess
from benchmarks.faults.tally import Tally

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
