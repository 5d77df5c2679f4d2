"""Rows that people keep in a CSV file beside the baseline: tags, answers; no Streamlit.

Written as the baseline is: one writer at a time, replaced in one step. Columns that somebody added stay.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.gate.shared_file import alone_in, read_if_there, replace_if_same
from auditor.wording import quote, quote_path


def beside(baseline: Path, name: str) -> Path:
    """Where a file of that name lies beside a baseline."""
    return baseline.absolute().parent.resolve() / name


@dataclass(frozen=True, slots=True)
class SharedRows:
    """The rows of a file.

    Attributes:
        path: Of the file, which need not be there.
        what: That it holds, for messages: "tags".
        columns: That it must have.
    """

    path: Path
    what: str
    columns: tuple[str, ...]

    def read(self) -> list[dict[str, str]]:
        """All rows; none of a file that is not there.

        Raises:
            InputError: the file cannot be read, or lacks a column.
        """
        return self._parsed(read_if_there(self.path, what=self.what))[1]

    def change(self, changed: Callable[[list[dict[str, str]]], Sequence[Mapping[str, str]] | None], again: str) -> None:
        """Write what ``changed`` makes of the rows; None: nothing is written.

        Args:
            changed: From the rows to those that take their place.
            again: What to do where somebody else has written meanwhile: "do it again".

        Raises:
            InputError: as :meth:`read`, or the file cannot be written.
        """
        try:
            with alone_in(self.path.parent):
                before = read_if_there(self.path, what=self.what)
                columns, rows = self._parsed(before)
                kept = changed(rows)
                if kept is None:
                    return
                if not replace_if_same(self.path, _text(columns, kept), before, what=self.what):
                    raise InputError(f"{quote_path(self.path)} was changed by somebody else meanwhile; {again}")
        except OSError as error:
            raise InputError(
                f"{self.what} {quote_path(self.path)} cannot be written: {error.strerror or error}; start the "
                "dashboard with a --baseline in a folder that can be"
            ) from error

    def _parsed(self, text: str | None) -> tuple[list[str], list[dict[str, str]]]:
        if text is None:
            return list(self.columns), []
        reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restkey="", restval="")
        columns = list(reader.fieldnames or ())
        if not set(self.columns) <= set(columns):
            raise InputError(
                f"{self.what} {quote_path(self.path)} has the columns {quote(', '.join(columns))}; expected "
                f"{self._expected}: mend it, or move it away"
            )
        return columns, list(reader)

    @property
    def _expected(self) -> str:
        return " and ".join(self.columns) if len(self.columns) == 2 else ", ".join(self.columns)


def _text(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
