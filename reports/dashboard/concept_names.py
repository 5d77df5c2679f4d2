"""What people call concepts, and which they drop: ``concept-names.csv`` beside the baseline; no Streamlit.

It changes how a concept is shown beside its claims and no verdict: neither the gate nor another audit reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.wording import quote, quote_path
from reports.dashboard.shared_rows import SharedRows, beside
from reports.display import without_formula

#: Plain text that no spreadsheet takes for a formula.
_NAME = re.compile(r"[^\W_][\w .,()'-]{0,59}")
_COLUMNS = ("concept_id", "concept", "shown_as", "dropped", "by", "on")
_WORDS = {"yes": True, "": False}


def names_path(baseline: Path) -> Path:
    """Where the names of a baseline's folder lie."""
    return beside(baseline, "concept-names.csv")


@dataclass(frozen=True, slots=True)
class Naming:
    """What somebody made of a concept: ``shown_as`` "" is its own name; dropped: nobody shall build on it."""

    shown_as: str
    dropped: bool
    by: str
    on: str


@dataclass(frozen=True, slots=True)
class ConceptNames:
    """The file."""

    path: Path

    def read(self) -> dict[str, Naming]:
        """What was made of each concept, by its id.

        Raises:
            InputError: the file cannot be read, has not its columns, or says neither yes nor nothing of a drop.
        """
        found = {}
        for row in self._file.read():
            if row["dropped"] not in _WORDS:
                raise InputError(
                    f"names {quote_path(self.path)}: dropped {quote(row['dropped'])} of {quote(row['concept_id'])}; "
                    "expected yes or nothing"
                )
            found[row["concept_id"]] = Naming(row["shown_as"], _WORDS[row["dropped"]], row["by"], row["on"])
        return found

    def keep(self, concept_id: str, concept: str, naming: Naming) -> None:
        """Write what was made of a concept; with no other name and not dropped it is as it was.

        Raises:
            InputError: the name is no plain text, or the file cannot be read or written.
        """
        shown_as = " ".join(naming.shown_as.split())
        if shown_as and not _NAME.fullmatch(shown_as):
            raise InputError(
                f"name {quote(shown_as)}: expected 1 to 60 letters, digits, spaces and . , ( ) ' - _, a letter or "
                "digit first"
            )
        if shown_as == concept:
            shown_as = ""
        self.read()  # a file with a mistake is left as it is

        def changed(rows: list[dict[str, str]]) -> list[dict[str, str]]:
            kept = [row for row in rows if row["concept_id"] != concept_id]
            if shown_as or naming.dropped:
                row = {"concept_id": concept_id, "concept": concept, "shown_as": shown_as, "by": naming.by}
                row |= {"dropped": "yes" if naming.dropped else "", "on": naming.on}
                kept.append({name: without_formula(text) for name, text in row.items()})
            return kept

        self._file.change(changed, "do it again")

    @property
    def _file(self) -> SharedRows:
        return SharedRows(self.path, "names", _COLUMNS)
