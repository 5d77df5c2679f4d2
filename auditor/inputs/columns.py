"""Which column of a table names the picture and which its class: by their common names, or as the user says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.inputs.problems import Problems
from auditor.wording import nearest, quote, quote_list


@dataclass(frozen=True, slots=True)
class Role:
    """What a column is for: the name that it has in a manifest of ours, and the other names that it is known by."""

    name: str
    meaning: str
    known: frozenset[str]  # in small letters, without _, - and spaces

    @property
    def setting(self) -> str:
        """The setting that names the column."""
        return f"{self.name}_column"

    def is_known_as(self, column: str) -> bool:
        """Whether a column's name is one of the known ones; case, ``_``, ``-`` and spaces make no difference."""
        return re.sub(r"[\s_-]", "", column).casefold() in self.known

    @property
    def flag(self) -> str:
        """The flag that names the column."""
        return f"--{self.name}-column"


PATH = Role(
    "path",
    "names the picture's file",
    frozenset(
        [
            *("path", "filepath", "file", "filename", "fname"),
            *("image", "imagepath", "imagefile", "imagefilename", "imagename"),
            *("img", "imgpath", "imgfile", "imgfilename", "imgname", "picture", "photo"),
        ]
    ),
)
LABEL = Role(
    "label",
    "names the picture's class",
    frozenset(
        [
            *("label", "labels", "labelname", "class", "classname", "classlabel"),
            *("category", "categoryname", "target", "y", "groundtruth"),
        ]
    ),
)


def find_column(
    columns: Sequence[str],
    role: Role,
    problems: Problems,
    *,
    named: str | None = None,
    needed: bool = True,
    instead: str = "",
) -> str | None:
    """The column that has a role; None where there is none, or not one alone.

    The name of a manifest of ours ("path", "label") goes before all others; case, ``_``, ``-`` and spaces make no
    difference to the others.

    Args:
        columns: Names of the table's columns.
        role: PATH or LABEL.
        problems: Takes that there is no such column, or that several could be meant, with their names.
        named: The column that the user names.
        needed: Whether it is a problem that no column is known to have the role.
        instead: What may be done then, beside naming it.
    """
    if named is not None:
        if named in columns:
            return named
        close = nearest(named, columns)
        hint = f"; did you mean {quote(close)}?" if close else ""
        problems.say(
            f"no column {quote(named)}, which {role.flag} ({role.setting} in auditor.toml) names; columns found: "
            f"{quote_list(columns)}{hint}"
        )
        return None
    if role.name in columns:
        return role.name
    found = [name for name in columns if role.is_known_as(name)]
    if len(found) > 1:
        problems.say(
            f"{len(found)} columns could be the one that {role.meaning}: {quote_list(found)}; say which with "
            f"{role.flag} ({role.setting} in auditor.toml), or call it {role.name!r}"
        )
    elif not found and needed:
        problems.say(no_column(columns, role) + (instead and f"; or {instead}"))
    return found[0] if len(found) == 1 else None


def no_column(columns: Sequence[str], role: Role) -> str:
    """The problem of a table in which no column is known to have the role."""
    close = nearest(role.name, columns)
    hint = f"; is it {quote(close)}?" if close else ""
    separate = "; separate the columns by commas" if len(columns) == 1 and "|" in columns[0] else ""
    return (
        f"no column {role.meaning} ({role.name!r} and the like); columns found: {quote_list(columns)}{hint}"
        f"{separate or f'; name it with {role.flag} ({role.setting} in auditor.toml)'}"
    )
