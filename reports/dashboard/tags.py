"""Tags of pictures that last: ``tags.csv`` beside the baseline, a row a picture and tag; no Streamlit.

Written as the baseline is: one writer at a time, replaced in one step. Other columns that somebody added stay.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.gate.shared_file import alone_in, read_if_there, replace_if_same
from auditor.wording import quote, quote_path

#: Plain text that no spreadsheet takes for a formula.
TAG = re.compile(r"[^\W_][\w .-]{0,39}")
_COLUMNS = ("path", "tag")


def tags_path(baseline: Path) -> Path:
    """Where the tags of a baseline's folder lie."""
    return baseline.absolute().parent.resolve() / "tags.csv"


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
        for row in self._rows()[1]:
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
        try:
            with alone_in(self.path.parent):
                before = read_if_there(self.path, what="tags")
                columns, rows = self._rows()
                there = {(row["path"], row["tag"]) for row in rows}
                changed = [pair for pair in wanted if (pair in there) is not keep]
                if not changed:
                    return 0
                gone = set() if keep else set(changed)
                kept: list[Mapping[str, str]] = [row for row in rows if (row["path"], row["tag"]) not in gone]
                kept += [{"path": path, "tag": tag} for path, tag in changed] if keep else []
                if not replace_if_same(self.path, _text(columns, kept), before, what="tags"):
                    raise InputError(f"{quote_path(self.path)} was changed by somebody else meanwhile; do it again")
        except OSError as error:
            raise InputError(
                f"tags {quote_path(self.path)} cannot be written: {error.strerror or error}; start the dashboard with "
                "a --baseline in a folder that can be"
            ) from error
        return len(changed)

    def _rows(self) -> tuple[list[str], list[dict[str, str]]]:
        """Columns and rows; none of a file that is not there."""
        text = read_if_there(self.path, what="tags")
        if text is None:
            return list(_COLUMNS), []
        reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restkey="", restval="")
        columns = list(reader.fieldnames or ())
        if not set(_COLUMNS) <= set(columns):
            raise InputError(
                f"tags {quote_path(self.path)} has the columns {quote(', '.join(columns))}; expected path and tag: "
                "mend it, or move it away"
            )
        return columns, [row for row in reader if row["path"] and row["tag"]]


def _text(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
