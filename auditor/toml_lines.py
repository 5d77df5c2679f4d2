"""On which line of a TOML text something stands; tomllib does not say, so the text is scanned for it.

The scan knows the usual layout (``[[concept]]`` headers and one key a line). It only serves messages: where it
finds nothing, they name the entry without a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence


class LineIndex:
    """Lines (from 1) of the ``[[name]]`` entries of a text, of their keys and of strings in them."""

    def __init__(self, text: str, array_name: str) -> None:
        self._lines = text.splitlines()
        header = re.compile(rf"\s*\[\[\s*[\"']?{re.escape(array_name)}[\"']?\s*\]\]")
        self._starts = [number for number, line in enumerate(self._lines) if header.match(line)]
        self._headers = [number for number, line in enumerate(self._lines) if re.match(r"\s*\[", line)]

    def entry(self, position: int, n_entries: int, key: str | None = None, value: str | None = None) -> int | None:
        """Return the line of an entry, or of a key in it, or of a string at or after that key.

        Args:
            position: Of the entry, from 0.
            n_entries: Number of entries that the parser found; unless as many headers were found, nothing is said.
            key: In the entry; without it, the entry's header is meant.
            value: A string that stands at or after that key.
        """
        if len(self._starts) != n_entries:
            return None
        return self._within(self._starts[position], key, value)

    def table(self, name: str, key: str | None = None, value: str | None = None) -> int | None:
        """Return the line of the table ``[name]``, or of a key in it, or of a string at or after that key."""
        header = re.compile(rf"\s*\[\s*[\"']?{re.escape(name)}[\"']?\s*\]")
        start = next((number for number in self._headers if header.match(self._lines[number])), None)
        return None if start is None else self._within(start, key, value)

    def top_level(self, key: str) -> int | None:
        """Return the first line of a key or table header, wherever it stands; asked for what no entry has."""
        pattern = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*(=|\.|\])")
        return next((number + 1 for number, line in enumerate(self._lines) if pattern.match(line)), None)

    def _within(self, start: int, key: str | None, value: str | None) -> int:
        end = next((number for number in self._headers if number > start), len(self._lines))
        found = start
        if key is not None:
            pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
            found = next((number for number in range(start, end) if pattern.match(self._lines[number])), start)
        if value is not None:
            found = next((number for number in range(found, end) if _holds(self._lines[number], value)), found)
        return found + 1


def _holds(line: str, value: str) -> bool:
    written: Sequence[str] = (f'"{value}"', f"'{value}'", json.dumps(value))
    return any(form in line for form in written)
