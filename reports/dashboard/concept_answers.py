"""What people say pictures show: ``concept-answers.csv`` beside the baseline; no Streamlit.

An answer is of the picture ("this is water"), not of an encoder, so that it holds for any audit of the same data. How
often an audit's encoder says the same is told beside its claims. Written as the baseline is, and other columns stay.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.gate.shared_file import alone_in, read_if_there, replace_if_same
from auditor.store.queries.audit import Connection
from auditor.store.queries.concepts import said_of
from auditor.wording import quote, quote_path

_COLUMNS = ("concept_id", "concept", "path", "shows")
_WORDS = {"yes": True, "no": False}


def answers_path(baseline: Path) -> Path:
    """Where the answers of a baseline's folder lie."""
    return baseline.absolute().parent.resolve() / "concept-answers.csv"


@dataclass(frozen=True, slots=True)
class Tally:
    """Of ``n`` pictures that people looked at, those of which the audit says the same."""

    n_right: int
    n: int


@dataclass(frozen=True, slots=True)
class ConceptAnswers:
    """The file; paths are those of the audit, from the folder of its data."""

    path: Path

    def read(self, concept_id: str) -> dict[str, bool]:
        """Whether each picture that was looked at shows the concept, by path.

        Raises:
            InputError: the file cannot be read, has not its columns, or an answer is neither yes nor no.
        """
        rows = self._rows()[1]
        return {row["path"]: _WORDS[row["shows"]] for row in rows if row["concept_id"] == concept_id}

    def answer(self, concept_id: str, concept: str, path: str, shows: bool | None) -> None:
        """Write one answer; None takes it back.

        Raises:
            InputError: the file cannot be read or written.
        """
        try:
            with alone_in(self.path.parent):
                before = read_if_there(self.path, what="answers")
                columns, rows = self._rows()
                key = (concept_id, path)
                kept: list[Mapping[str, str]] = [row for row in rows if (row["concept_id"], row["path"]) != key]
                if shows is not None:
                    told = {"concept_id": concept_id, "concept": concept, "path": path}
                    kept.append({**told, "shows": "yes" if shows else "no"})
                if not replace_if_same(self.path, _text(columns, kept), before, what="answers"):
                    raise InputError(f"{quote_path(self.path)} was changed by somebody else meanwhile; answer again")
        except OSError as error:
            raise InputError(
                f"answers {quote_path(self.path)} cannot be written: {error.strerror or error}; start the dashboard "
                "with a --baseline in a folder that can be"
            ) from error

    def tally(self, connection: Connection, concept_id: str) -> Tally | None:
        """How often the audit says the same; None where nobody has looked.

        Raises:
            InputError: as :meth:`read`.
        """
        answers = self.read(concept_id)
        said = said_of(connection, concept_id, list(answers)) if answers else {}
        return Tally(sum(answers[path] is shown for path, shown in said.items()), len(said)) if said else None

    def _rows(self) -> tuple[list[str], list[dict[str, str]]]:
        """Columns and rows; none of a file that is not there."""
        text = read_if_there(self.path, what="answers")
        if text is None:
            return list(_COLUMNS), []
        reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restkey="", restval="")
        columns = list(reader.fieldnames or ())
        if not set(_COLUMNS) <= set(columns):
            raise InputError(
                f"answers {quote_path(self.path)} has the columns {quote(', '.join(columns))}; expected "
                f"{', '.join(_COLUMNS)}: mend it, or move it away"
            )
        rows = list(reader)
        for row in rows:
            if row["shows"] not in _WORDS:
                raise InputError(
                    f"answers {quote_path(self.path)}: shows {quote(row['shows'])} of {quote(row['path'])}; expected "
                    "yes or no"
                )
        return columns, rows


def _text(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
