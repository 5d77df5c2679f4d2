"""Two releases on the same pictures, by the real command: what was planted in the first is fixed in the second."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from auditor.config import AuditConfig
from auditor.models.bundled import bundled_path
from auditor.pipeline import run_audit
from reports.diff_json import DIFF_SCHEMA_PATH

PLANTED = {"waterbird": "water", "vehicle": "watermark", "landbird": "forest"}
MIRROR = {"fixed": "new", "new": "fixed", "worse": "better", "better": "worse"}


def diff(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auditor.cli", "diff", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "100"},
    )


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The planted and the balanced classifier on the planted pictures, all of them: fewer cannot show a fix."""
    folder = tmp_path_factory.mktemp("releases")
    for name in ("planted", "balanced"):
        run_audit(
            AuditConfig(
                data=bundled_path("planted", "manifest.csv"),
                model=f"sample:{name}",
                encoder="sample",
                out=folder / name,
                cache=folder / "cache",
                thumbnails=False,
            )
        )
    return folder / "planted", folder / "balanced"


def test_the_balanced_classifier_fixes_what_was_planted(releases):
    done = diff(*releases)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Compared on the same 2,750 pictures, one by one." in done.stdout
    for name, concept in PLANTED.items():
        assert f"{name} · {concept} (" in done.stdout
    # what the encoder sees and what the manifest says of scene and artifact are told once
    told = r"0 new, 0 worse, 3 fixed, 0 better, 0 unchanged(; \d more (is a|are) known attributes? of the same name)?"
    assert re.fullmatch(told, done.stdout.splitlines()[-1])


def test_back_again_all_is_new_and_numbers_turn_round(releases):
    schema = json.loads(DIFF_SCHEMA_PATH.read_text(encoding="utf-8"))
    forward, back = (
        {(one["class_name"], one["concept"]): one for one in document["changes"]}
        for document in (json.loads(diff(*order, "--format", "json").stdout) for order in (releases, releases[::-1]))
        if jsonschema.validate(document, schema) is None
    )
    assert set(forward) == set(back) >= set(PLANTED.items())
    for pair, change in forward.items():
        assert change["change"] == "fixed"
        assert change["difference_high"] < -0.05
        assert back[pair]["change"] == MIRROR[change["change"]]
        assert back[pair]["difference"] == pytest.approx(-change["difference"])


def test_a_release_and_itself(releases):
    done = diff(releases[0], releases[0])
    assert done.stdout.splitlines()[-1].startswith("0 new, 0 worse, 0 fixed, 0 better, 3 unchanged")


def test_the_gate_says_what_changed_since_the_release_before(releases, tmp_path):
    def gate(*arguments: object) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "auditor.cli", "gate", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            check=False,
            env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "200"},
        )
        return done.returncode, done.stdout.splitlines()[-1]

    old, new = releases
    more = r"(, \d more of known attributes of the same name)?"
    code, last = gate(new, "--against", old)
    assert code == 0
    assert re.fullmatch(rf"Gate passes: .* \(5 classes\); against 'planted': \d fixed{more} \(exit code 0\)", last)
    code, last = gate(old, "--against", new)
    assert code == 1
    assert re.fullmatch(rf"Gate fails: \d new.* \(5 classes\); against 'balanced': \d new{more} \(exit code 1\)", last)
