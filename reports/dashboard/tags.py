"""Tags of pictures that last: ``tags.csv`` beside the baseline, a row a picture and tag; no Streamlit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.wording import quote
from reports.dashboard.shared_rows import SharedRows, beside

#: Plain text that no spreadsheet takes for a formula.
TAG = re.compile(r"[^\W_][\w .-]{0,39}")
_COLUMNS = ("path", "tag")


def tags_path(baseline: Path) -> Path:
    """Where the tags of a baseline's folder lie."""
    return beside(baseline, "tags.csv")


@dataclass(frozen=True, slots=True)
class Tags:
    """The file; paths are those of the audit, from the folder of its data."""

    path: Path

    def read(self) -> dict[str, list[str]]:
        """Tags by path, as they stand.

        Raises:
            InputError: the file cannot be read, or has not both columns.
        """
        found: dict[str, list[str]] = {}
        for row in _whole(self._file.read()):
            found.setdefault(row["path"], []).append(row["tag"])
        return found

    def counts(self) -> dict[str, int]:
        """Number of pictures by tag, the most frequent first."""
        counts = Counter(tag for tags in self.read().values() for tag in set(tags))
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

    def add(self, paths: Sequence[str], tag: str) -> int:
        """Give pictures a tag; returns how many did not have it.

        Raises:
            InputError: the tag is no plain text, or the file cannot be read or written.
        """
        tag = " ".join(tag.split())
        if not TAG.fullmatch(tag):
            raise InputError(
                f"tag {quote(tag)}: expected 1 to 40 letters, digits, spaces, '.', '_' or '-', a letter or digit first"
            )
        return self._change([(path, tag) for path in paths], keep=True)

    def remove(self, paths: Sequence[str], tag: str) -> int:
        """Take a tag from pictures; returns how many had it.

        Raises:
            InputError: the file cannot be read or written.
        """
        return self._change([(path, tag) for path in paths], keep=False)

    def _change(self, pairs: Sequence[tuple[str, str]], *, keep: bool) -> int:
        wanted = dict.fromkeys(pairs)
        done: list[tuple[str, str]] = []

        def changed(rows: list[dict[str, str]]) -> list[dict[str, str]] | None:
            rows = _whole(rows)
            there = {(row["path"], row["tag"]) for row in rows}
            done.extend(pair for pair in wanted if (pair in there) is not keep)
            gone = set() if keep else set(done)
            kept = [row for row in rows if (row["path"], row["tag"]) not in gone]
            kept += [{"path": path, "tag": tag} for path, tag in done] if keep else []
            return kept if done else None

        self._file.change(changed, "do it again")
        return len(done)

    @property
    def _file(self) -> SharedRows:
        return SharedRows(self.path, "tags", _COLUMNS)


def _whole(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if row["path"] and row["tag"]]
