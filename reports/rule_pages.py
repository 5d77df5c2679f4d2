"""The pages of docs/rules as the reports need them: a title, one paragraph, and the whole text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
#: The wheel holds the first (pyproject.toml puts it there), a checkout the second.
_FOLDERS = (_PACKAGE / "rule_pages", _PACKAGE.parent / "docs" / "rules")


@dataclass(frozen=True, slots=True)
class RulePage:
    """One rule: "E1", "share of the words", its first paragraph as plain text, and the page as Markdown."""

    rule_id: str
    title: str
    summary: str
    markdown: str


def rule_pages() -> list[RulePage]:
    """The pages of all rules, by id; their links to other pages are left as words."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return [_page(path) for path in sorted(folder.glob("E*.md"))] if folder else []


def _page(path: Path) -> RulePage:
    text = path.read_text(encoding="utf-8").strip()
    heading, _, rest = text.partition("\n")
    title = heading.removeprefix("#").strip().removeprefix(f"{path.stem}:").strip()
    unlinked = re.sub(r"<a id=\"[^\"]*\"></a>", "", re.sub(r"\[([^\]]+)\]\([^)\s]+\)", r"\1", rest)).strip()
    first = " ".join(unlinked.partition("\n\n")[0].replace("**", "").split())
    return RulePage(path.stem, title, first.removeprefix("What it measures. "), f"# {path.stem}: {title}\n\n{unlinked}")
