"""What the dashboard does not load before somebody searches with words."""

import subprocess
import sys

import pytest

VIEWS = (
    "overview",
    "class_view",
    "concept",
    "channel_groups",
    "picture",
    "pictures",
    "matrix",
    "confusion",
    "atlas",
    "basket",
    "search",
    "compare",
    "history",
    "review",
    "teach",
)


@pytest.mark.slow
def test_no_view_loads_torch():
    code = f"""
import importlib, sys
for name in {VIEWS!r}:
    importlib.import_module("reports.dashboard.views." + name)
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
