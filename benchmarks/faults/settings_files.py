"""Small text files and tables that a user or a pull request gives: valid ones to be changed, and what loads them."""

from __future__ import annotations

import json
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
from benchmarks.faults.untrusted_files import Untrusted

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


def settings_files() -> dict[str, Untrusted]:
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
