"""What people say pictures show: ``concept-answers.csv`` beside the baseline; no Streamlit.

An answer is of the picture ("this is water"), not of an encoder, so that it holds for any audit of the same data. How
often an audit's encoder says the same is told beside its claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.store.queries.audit import Connection
from auditor.store.queries.concepts import said_of
from auditor.wording import quote, quote_path
from reports.dashboard.shared_rows import SharedRows, beside

_COLUMNS = ("concept_id", "concept", "path", "shows")
_WORDS = {"yes": True, "no": False}


def answers_path(baseline: Path) -> Path:
    """Where the answers of a baseline's folder lie."""
    return beside(baseline, "concept-answers.csv")


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
        rows = self._file.read()
        _check(rows, self.path)
        return {row["path"]: _WORDS[row["shows"]] for row in rows if row["concept_id"] == concept_id}

    def answer(self, concept_id: str, concept: str, path: str, shows: bool | None) -> None:
        """Write one answer; None takes it back.

        Raises:
            InputError: the file cannot be read or written.
        """
        key = (concept_id, path)

        def changed(rows: list[dict[str, str]]) -> list[dict[str, str]]:
            _check(rows, self.path)
            kept = [row for row in rows if (row["concept_id"], row["path"]) != key]
            if shows is not None:
                told = {"concept_id": concept_id, "concept": concept, "path": path}
                kept.append({**told, "shows": "yes" if shows else "no"})
            return kept

        self._file.change(changed, "answer again")

    def tally(self, connection: Connection, concept_id: str) -> Tally | None:
        """How often the audit says the same; None where nobody has looked.

        Raises:
            InputError: as :meth:`read`.
        """
        answers = self.read(concept_id)
        said = said_of(connection, concept_id, list(answers)) if answers else {}
        return Tally(sum(answers[path] is shown for path, shown in said.items()), len(said)) if said else None

    @property
    def _file(self) -> SharedRows:
        return SharedRows(self.path, "answers", _COLUMNS)


def _check(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    """Refuse an answer that is neither yes nor no."""
    for row in rows:
        if row["shows"] not in _WORDS:
            raise InputError(
                f"answers {quote_path(path)}: shows {quote(row['shows'])} of {quote(row['path'])}; expected yes or no"
            )
