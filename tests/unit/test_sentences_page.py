"""docs/sentences.md is what the program says now, and nothing that a verdict may say is missing from it."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "sentences.md"
MODULES = sorted((ROOT / "auditor" / "evidence" / "verdicts").glob("*sentences.py"))
#: Shorter pieces ("with", "are") stand on the page by chance.
_LEAST = 12


def pieces(source: str) -> list[str]:
    """Every constant piece of text in functions and tables, docstrings left out."""
    tree = ast.parse(source)
    docs = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]
    return [text.strip() for text in texts if len(text.strip()) >= _LEAST and " " in text.strip()]


def test_the_page_is_current():
    path = ROOT / "docs" / "generate_sentences.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = "docs/sentences.md is stale: run `python docs/generate_sentences.py`"
    assert PAGE.read_text(encoding="utf-8") == module.render_page(), stale


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_piece_of_a_sentence_stands_on_the_page(path):
    page = PAGE.read_text(encoding="utf-8").casefold()
    assert [piece for piece in pieces(path.read_text(encoding="utf-8")) if piece.casefold() not in page] == []


def test_every_line_of_evidence_begins_with_a_word_of_the_glossary():
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").casefold()
    names = set(re.findall(r"^  - ([A-Z][a-z]+(?: [a-z]+)?): ", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(names) > 10
    assert [name for name in sorted(names) if name != "Missing" and f"\n| {name.casefold()} |" not in glossary] == []
