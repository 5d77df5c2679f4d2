"""The commands that the documentation shows, as the words that a shell would hand over."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + [*(ROOT / "docs").rglob("*.md")]
)
#: What a command line may begin with: a prompt, a list of CI's, variables, a path of the program.
_BEFORE = re.compile(r"^\s*(?:[$-] |run: |time )*(?:[A-Z_]+=\S+ )*")
_PROGRAM = re.compile(r"(?:\S*/)?(?:auditor|python -m (?:auditor|benchmarks[\w.]*))(?= \S)")
_NEXT_COMMAND = re.compile(r"\s(?:&&|\|\|?|do|then)(?:\s|$)")
#: Where a shell's own words begin.
_OF_SHELL = re.compile(r"[0-9]?(?:>>?|<|&)")


@dataclass(frozen=True, slots=True)
class Written:
    """A command as a page has it.

    ``whole``: in a block, as somebody would type it; else it stands in a sentence, or leaves something to the reader.
    """

    page: Path
    text: str
    program: str  # "auditor", or a module of the benchmarks
    words: tuple[str, ...]
    whole: bool

    @property
    def name(self) -> str:
        """For the name of a test."""
        return f"{self.page.relative_to(ROOT).as_posix()}: {self.text}"


def written_commands(page: Path) -> list[Written]:
    """All commands of auditor and its benchmarks on a page, in blocks and in sentences."""
    text = page.read_text(encoding="utf-8")
    found = [one for line in _block_lines(text) for one in _in_line(page, line, in_block=True)]
    for code in re.findall(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)", _without_blocks(text)):
        found += _in_line(page, " ".join(code.split()), in_block=False)
    return list(dict.fromkeys(found))


def _block_lines(text: str) -> Iterator[str]:
    """Lines of fenced and indented blocks; those that a backslash ends, or that YAML goes on with, in one."""
    lines = text.splitlines()
    inside, line = False, ""
    for position, raw in enumerate(lines):
        if re.match(r"\s*```", raw):
            inside = not inside
            continue
        if not inside and not raw.startswith("    "):
            continue
        line += raw
        following = lines[position + 1] if position + 1 < len(lines) else ""
        if line.endswith("\\"):
            line = line[:-1]
        elif inside and _PROGRAM.match(_BEFORE.sub("", line)) and re.match(r"\s+--", following):
            line += " "
        else:
            yield line
            line = ""


def _without_blocks(text: str) -> str:
    return re.sub(r"^\s*```.*?^\s*```\s*$", "", text, flags=re.MULTILINE | re.DOTALL)


def _in_line(page: Path, line: str, *, in_block: bool) -> Iterator[Written]:
    for part in _NEXT_COMMAND.split(line):
        command = _BEFORE.sub("", part)
        program = _PROGRAM.match(command)
        if program is None:
            continue
        words = _words(command[program.end() :])
        whole = in_block and not any(re.search(r"[\[\]…|]|\.\.\.", word) for word in words)
        module = program[0].rpartition(" ")[2]
        name = module if module.startswith("benchmarks") else "auditor"
        yield Written(page, " ".join(command.split()), name, tuple(words), whole)


def _words(arguments: str) -> list[str]:
    found = []
    for word in shlex.split(arguments, comments=True):
        if _OF_SHELL.match(word):
            break
        found.append(word.removesuffix(";"))
        if word.endswith(";"):
            break
    return found
