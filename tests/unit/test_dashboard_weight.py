"""What the dashboard does not load before somebody asks for it."""

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


#: Each takes tens of megabytes and a second, and draws nothing of what most views show.
HEAVY = ("torch", "sklearn", "pandas", "pyarrow", "altair", "vl_convert", "scipy.stats", "scipy.optimize")


@pytest.mark.slow
def test_views_load_nothing_that_they_do_not_need():
    code = f"""
import importlib, sys
for name in {VIEWS!r}:
    importlib.import_module("reports.dashboard.views." + name)
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=120, stdout=subprocess.PIPE, text=True
    ).stdout
    assert loaded.strip() == "[]"
