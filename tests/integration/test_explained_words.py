"""The benchmark of what `auditor explain` says first, on a few pictures of a small audit; and its truth by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.explained_words import terms


def test_words_that_are_true_of_a_picture_are_those_of_what_was_drawn():
    drawn = {"scene": "night", "object": "duck", "artifact": "watermark", "light": "dim", "cast": "none"}
    found = terms({**drawn, "quality": "sharp"})
    assert {"night", "stars", "duck", "waterbird", "watermark", "dim light"} <= found
    assert not {"water", "landbird", "swan", "red", "border", "blurred"} & found


def test_mistakes_and_as_many_right_calls_are_explained(small_audit, tmp_path):
    output = tmp_path / "words.json"
    words = ["--audit", str(small_audit), "--pictures", "2", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.explained_words", *words],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text(encoding="utf-8"))
    assert [len(found[name]) for name in ("mistakes", "right calls")] == [2, 2]
    for one in found["right calls"]:
        assert one["word"]
        assert one["true"] or not one["said_shown"]
    assert len(done.stdout.splitlines()) == 4
