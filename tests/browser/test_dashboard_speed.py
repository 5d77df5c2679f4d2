"""The benchmark of the dashboard walks through all views of two small audits."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path


def test_it_walks_through_all_views(browser, tmp_path):
    del browser  # it starts one of its own; where there is none, this is skipped
    output = tmp_path / "dashboard.json"
    words = ["--images", "300", "--classes", "10", "--repeat", "1", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.dashboard_speed", *words],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text(encoding="utf-8"))
    assert found["command"].startswith("python -m benchmarks.dashboard_speed --images 300")
    assert (found["reused"], found["images"], found["classes"]) == ({"audits": 0}, 300, 10)
    assert found["machine"]["versions"]["streamlit"]
    views = {"overview", "class", "concept", "groups", "picture", "search", "compare", "review", "audits"}
    assert {one["view"] for one in found["clicks"]} == views
    assert len(found["clicks"]) == 20
    figures = [found["first_view"], found["median_click"], found["mebibytes"], *found["empty_page"].values()]
    figures += [second for one in found["clicks"] for second in one["seconds"]]
    assert all(math.isfinite(one) and one > 0 for one in figures)
    assert done.stdout.splitlines()[0].startswith("first view ")
