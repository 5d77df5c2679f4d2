"""Every message that docs/faq.md quotes is one that the product still gives."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUOTED = re.findall(r"^### `(.*)`$", (ROOT / "docs" / "faq.md").read_text(encoding="utf-8"), re.MULTILINE)


def texts(node: ast.AST) -> Iterator[str]:
    """The texts in some code, with … where values are put in."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


@pytest.fixture(scope="module")
def given() -> list[str]:
    files = [file for package in ("auditor", "reports") for file in sorted((ROOT / package).rglob("*.py"))]
    return [text for file in files for text in texts(ast.parse(file.read_text(encoding="utf-8"))) if len(text) > 12]


def is_given(quoted: str, given: list[str]) -> bool:
    """Whether one text has all parts of a message in their order; values stand only where the page has …."""
    pattern = re.compile(".*".join(re.escape(part) for part in quoted.strip("… ").split("…")))
    return any(pattern.search(text) for text in given)


def test_the_page_quotes_messages():
    assert len(QUOTED) > 30
    assert len(set(QUOTED)) == len(QUOTED)


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_quoted_message_is_still_given(quoted, given):
    assert is_given(quoted, given)


def test_another_wording_is_found_out():
    given = ["data … not found; expected a folder", "weights …: no such file"]
    assert is_given("data … not found", given)
    assert not is_given("data … is not there; expected a folder", given)
    assert not is_given("data … no such file", given)
