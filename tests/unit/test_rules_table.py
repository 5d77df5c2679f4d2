"""One table of rules and thresholds: nothing else in the program writes a rule's id or types a threshold again."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from auditor import rules
from auditor.rules import RULES, rule_of, shown_by_others, written
from reports.rule_pages import rule_pages

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "auditor" / "rules.py"
PYTHON = [path for package in ("auditor", "reports") for path in (ROOT / package).rglob("*.py") if path != TABLE]
TEMPLATES = list((ROOT / "reports" / "templates").rglob("*.j2"))
RULE_ID = re.compile(r"\bE[1-9](-\w+)?\b")
#: Of the table: assigned nowhere else.
THRESHOLDS = [name for name, value in vars(rules).items() if name.isupper() and isinstance(value, int | float)]


def strings(tree: ast.AST) -> list[tuple[int, str]]:
    """Lines and texts of the string literals that are no docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


def test_no_rule_id_is_written_twice():
    found = []
    for path in PYTHON:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(ROOT)}:{line}: {text}" for line, text in strings(tree) if RULE_ID.search(text)]
    for path in TEMPLATES:
        text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in RULE_ID.finditer(text)]
    assert not found, "\n".join(found)


def test_no_threshold_is_typed_twice():
    found = []
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id.lstrip("_") in THRESHOLDS:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.id}")
    assert {"PRESENT", "DELTA", "ALPHA", "CONFIDENCE", "MIN_ARM", "TOLERATED"} <= set(THRESHOLDS)
    assert not found, "\n".join(found)


def test_no_threshold_of_presence_is_typed_into_a_statement():
    typed = re.compile(r"presence\s*(<|>|=)=?\s*[\d.]")
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in PYTHON
        for line, text in strings(ast.parse(path.read_text(encoding="utf-8")))
        if typed.search(text)
    ]
    assert not found, "\n".join(found)


def test_every_rule_has_a_page_and_every_page_a_rule():
    assert {rule.page for rule in RULES} == {page.rule_id for page in rule_pages()}
    assert len({rule.rule_id for rule in RULES}) == len({rule.label for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id)
def test_a_rule_is_found_by_its_id(rule):
    assert rule_of(rule.rule_id) is rule
    assert shown_by_others(rule.rule_id) is (rule.whose == "others")


def test_what_no_table_has_is_told_in_points():
    assert rule_of("E0") is None
    assert rule_of(None) is None
    assert not shown_by_others("E0")
    assert written("E0", 0.65, 0.58, 0.71) == written(None, 0.65, 0.58, 0.71) == "65 pts [58, 71]"
    assert written("E1", 0.41, 0.38, 0.44) == "41 % [38, 44]"
