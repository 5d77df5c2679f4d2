"""docs/adding-a-rule.md, carried out: a toy rule in a copy of the program shows up in everything that it puts out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adding-a-rule.md"
#: Files of the product that a new rule may touch.
MOST_FILES = 6

TOY_PAGE = "# E0: recognised with it\n\n**What it measures.** How often a class is recognised with a concept.\n"

READ_DASHBOARD = """
import sys
from dashboard_page import open_page, words
for place in ({"view": "class", "class_": "landbird"}, {"view": "concept", "concept": "forest"}):
    page = open_page(sys.argv[1], **place)
    assert not page.exception
    print(words(page))
"""


def changes() -> list[tuple[str, str, str]]:
    """(file, text before, text after) of every change on the page."""
    found = []
    for block in re.findall(r"```diff\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL):
        head, *lines = block.splitlines(keepends=True)
        assert head.startswith("--- ")
        # an editor may have cut the blank before an empty line
        before = "".join(line[1:] or "\n" for line in lines if line[:1] != "+")
        after = "".join(line[1:] or "\n" for line in lines if line[:1] != "-")
        found.append((head.removeprefix("--- ").strip(), before, after))
    return found


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the program with the toy rule in it."""
    root = tmp_path_factory.mktemp("toy-rule")
    for package in ("auditor", "reports"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs" / "rules", root / "docs" / "rules")
    (root / "sample_data").symlink_to(ROOT / "sample_data")
    for name, before, after in changes():
        path = root / name
        text = path.read_text(encoding="utf-8") if before else ""
        assert not before or text.count(before) == 1, f"{name} no longer holds, once:\n{before}"
        path.write_text(text.replace(before, after) if before else after, encoding="utf-8")
    (root / "docs" / "rules" / "E0.md").write_text(TOY_PAGE, encoding="utf-8")
    return root


def python(copy: Path, *arguments: object) -> str:
    """What a command of the copy prints."""
    path = os.pathsep.join([str(copy), str(ROOT / "tests" / "unit")])
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def audit(copy, planted_features) -> Path:
    """The bundled pictures with a planted shortcut, audited by the copy."""
    data = ROOT / "sample_data" / "data" / "planted" / "manifest.csv"
    settings = ("--model", "sample:planted", "--encoder", "sample", "--cache", copy / "cache", "--quiet")
    shutil.copytree(planted_features, copy / "audit" / "features")
    python(copy, "-m", "auditor.cli", "run", "--data", data, *settings, "--out", copy / "audit", "--resume")
    return copy / "audit"


def report(copy: Path, audit: Path, output_format: str, command: str = "report") -> str:
    return python(copy, "-m", "auditor.cli", command, audit, "--format", output_format)


def test_a_rule_touches_few_files_of_the_product():
    assert len({name for name, _, _ in changes()}) <= MOST_FILES


def test_it_decides_a_verdict_in_the_store_and_in_json(copy, audit):
    told = json.loads(report(copy, audit, "json"))
    (landbird,) = [row for row in told["classes"] if row["class_name"] == "landbird"]
    assert (landbird["verdict"], landbird["concept"], landbird["rule_id"]) == ("flagged", "forest", "E0")
    (finding,) = [one for one in landbird["findings"] if (one["rule_id"], one["concept_id"]) == ("E0", "forest")]
    assert finding["effect"] == landbird["effect"] > 0.9
    assert (finding["low"], finding["high"]) == (landbird["effect_low"], landbird["effect_high"])
    assert len(finding["evidence_image_ids"]) == 12
    assert "says the toy" in landbird["numbers"]


def test_it_shows_in_text_html_and_the_gate(copy, audit):
    text = report(copy, audit, "text")
    assert "decided by E0, recognised with it" in text
    assert "are recognised, says the toy" in " ".join(text.split())
    report(copy, audit, "html")
    page = (audit / "report.html").read_text(encoding="utf-8")
    assert "Decided by E0, recognised with it" in page
    assert "Recognised with it" in page  # the row of its chart
    gate = json.loads(report(copy, audit, "json", "gate"))
    assert {"E0"} <= {item["rule_id"] for item in gate["decision"]["items"] if item["class_name"] == "landbird"}
    assert "says the toy" in " ".join(report(copy, audit, "text", "gate").split())
    sarif = json.loads(report(copy, audit, "sarif", "gate"))
    assert "E0" in {result["ruleId"] for result in sarif["runs"][0]["results"]}
    assert "E0  recognised with it" in python(copy, "-m", "auditor.cli", "rules")


def test_it_shows_in_the_dashboard(copy, audit):
    shown = python(copy, "-c", READ_DASHBOARD, audit)
    assert "Decided by E0, recognised with it" in shown
    assert "Recognised with it" in shown.partition("Across the classes")[2]
