"""The lists of a concept by example that are ticked in the dashboard: ``examples-NAME-yes.csv`` and ``-no.csv``.

They lie beside the baseline, and the next ``auditor run`` reads them. Rows of other pictures, and other columns that
somebody wrote by hand, stay as they are; no Streamlit.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.data_address import is_address, pictures_in
from auditor.errors import InputError
from auditor.gate.shared_file import alone_in, read_if_there, replace_if_same
from auditor.inputs.manifest import Confinement
from auditor.wording import quote, quote_path

#: A key of TOML without quotes, and part of a file's name.
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_COLUMNS = ("path", "label")


@dataclass(frozen=True, slots=True)
class Ticked:
    """A picture by its path from the folder of the lists, its label, and whether it shows the concept.

    ``shows`` is None for a picture that is to be in neither list.
    """

    path: str
    label: str | None
    shows: bool | None


@dataclass(frozen=True, slots=True)
class ExampleLists:
    """Both lists of one concept.

    Raises:
        InputError: the name is no key of TOML without quotes.
    """

    folder: Path
    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InputError(
                f"name {quote(self.name)}: expected 1 to 40 letters without accents, digits, '_' or '-'; "
                "a term of the settings may be anything"
            )

    def path(self, shows: bool) -> Path:
        """Of the list of pictures that show it, or that do not."""
        return self.folder / f"examples-{self.name}-{'yes' if shows else 'no'}.csv"

    def read(self) -> dict[str, bool]:
        """Whether each listed picture shows the concept, by its path.

        Raises:
            InputError: a list cannot be read, or has no column ``path``.
        """
        return {row["path"]: shows for shows in (True, False) for row in _rows(self.path(shows))[1]}

    def write(self, ticked: Sequence[Ticked]) -> tuple[int, int]:
        """Change both lists, as they are now, by what was ticked; returns how many pictures each holds.

        Raises:
            InputError: a list cannot be read or written.
        """
        changed = {one.path for one in ticked}
        counts = []
        try:
            with alone_in(self.folder):
                for shows in (True, False):
                    path = self.path(shows)
                    columns, rows = _rows(path)
                    new = [{"path": one.path, "label": one.label or ""} for one in ticked if one.shows is shows]
                    known = {row["path"]: row for row in rows}
                    kept = [row for row in rows if row["path"] not in changed]
                    rows = kept + [{**known.get(row["path"], {}), **row} for row in new]
                    before = read_if_there(path, what="list")
                    if not replace_if_same(path, _text(columns, rows), before, what="list"):
                        raise InputError(f"{quote_path(path)} was changed by somebody else meanwhile; write it again")
                    counts.append(len(rows))
        except OSError as error:
            raise InputError(
                f"the lists in {quote_path(self.folder)} cannot be written: {error.strerror or error}; start the "
                "dashboard with a --baseline in a folder that can be"
            ) from error
        return counts[0], counts[1]

    def settings(self) -> str:
        """The table to paste into ``auditor.toml`` of the same folder."""
        yes, no = self.path(True).name, self.path(False).name
        return f'[concepts.{self.name}]\nyes = "{yes}"\nno = "{no}"\n'


def below(folder: Path, data: str, paths: Sequence[str]) -> dict[str, str]:
    """Paths of an audit's pictures, as a list in ``folder`` names them.

    Args:
        folder: of the lists.
        data: the audited folder or manifest, as the audit names it.
        paths: from its folder, as an audit that anybody may have written names them.

    Raises:
        InputError: one does not lie below the folder of the lists, where ``auditor run`` would refuse it.
    """
    if is_address(data):
        raise InputError(
            "the pictures of this audit lie in shards elsewhere, and lists name those of a folder: give examples "
            "in a folder of their own"
        )
    root = pictures_in(Path(data))
    confinement, found = Confinement(folder), {}
    for path in paths:
        try:
            inside = (root / path).relative_to(folder).as_posix()
        except ValueError:
            inside = ".."
        if ".." in Path(inside).parts or not confinement.holds(inside):
            raise InputError(
                f"picture {quote(path)} of {quote_path(root)} does not lie below {quote_path(folder)}, where the "
                "lists would be; start the dashboard with --baseline in a folder above the pictures"
            )
        found[path] = inside
    return found


def _rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a list; none of a list that is not there."""
    text = read_if_there(path, what="list")
    if text is None:
        return list(_COLUMNS), []
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restkey="", restval="")
    columns = list(reader.fieldnames or ())
    if "path" not in columns:
        raise InputError(f"{quote_path(path)} has no column 'path'; mend it, or choose another name")
    return columns, [row for row in reader if row["path"]]


def _text(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    stream = io.StringIO()
    names = [*columns, *(name for name in _COLUMNS if name not in columns)]
    writer = csv.DictWriter(stream, names, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
