"""Pictures that have several labels, and one label by itself: which pictures have it, and which do not.

Two forms are read: a column in which the labels of a picture stand side by side ("dog|person", "dog; person", a list),
and a column for each label that says whether a picture has it (1 and 0, yes and no, 1 and -1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.one_spelling import tidy
from auditor.inputs.tables import SEVERAL
from auditor.wording import nearest, quote, quote_list

#: What stands between the labels of a cell, the likeliest first; one column has one of them.
_SEPARATORS = (SEVERAL, ";", ",")
#: A list as Python, JSON and pandas print it into a cell.
_LIST = re.compile(r"\[(.*)\]", re.DOTALL)
_YES = frozenset(["1", "true", "yes", "y", "t", "present"])
_NO = frozenset(["0", "false", "no", "n", "f", "absent"])
#: "-1" says no beside 1 alone (CelebA), and "not sure" beside 1 and 0 (CheXpert).
_MINUS = "-1"


def absent(label: str) -> str:
    """The class of the pictures without a label."""
    return f"not {label}"


@dataclass(frozen=True, slots=True)
class PictureLabels:
    """The labels of a picture: those that it has, and those of which nothing is said."""

    has: frozenset[str]
    unknown: frozenset[str] = frozenset()

    def __or__(self, other: PictureLabels) -> PictureLabels:
        """Of two rows of a picture."""
        return PictureLabels(self.has | other.has, (self.unknown | other.unknown) - self.has - other.has)

    def class_of(self, label: str) -> str | None:
        """The label, or that it is not there; None where nothing says which."""
        if label in self.has:
            return label
        return None if label in self.unknown else absent(label)


class OneSidedLabelError(InputError):
    """A label that all pictures have, or none: there is nothing to tell apart."""


@dataclass(frozen=True, slots=True)
class LabelNames:
    """The labels of the data, and whether they stand in one column or are folders: else any flag may be among them."""

    names: tuple[str, ...]
    one_column: bool


@dataclass(frozen=True, slots=True, eq=False)
class LabelTable:
    """The labels of every row of a table.

    Attributes:
        names: In the order of their columns, or sorted where they stand in one column.
        of_row: Labels of a row, by its position.
        notices: How they were read.
        one_column: Whether they stand in one column.
    """

    names: tuple[str, ...]
    of_row: Callable[[int], PictureLabels]
    notices: tuple[str, ...]
    one_column: bool


def label_table(
    columns: Mapping[str, Sequence[str]], label_column: str | None, what: str, *, named: bool, label: str | None
) -> LabelTable | None:
    """Find the labels in the columns of a table; None where there are none.

    Args:
        columns: All that may hold labels, values in one form.
        label_column: The column of classes, where there is one.
        what: How messages call the table.
        named: Whether the user named that column, so that no other is meant.
        label: The label that is audited; a column of its name that says yes and no goes before a column of labels that
            was found by its name.
    """
    flags = {name: values for name, values in columns.items() if name != label_column and is_flag(values)}
    if label_column is not None and (named or label not in flags):
        return _in_one_column(columns[label_column], label_column, what)
    return _in_columns(flags, what) if flags else None


def check_label(label: str, names: Sequence[str], what: str) -> None:
    """Refuse a label that the data do not have.

    Raises:
        InputError: names the nearest, and all.
    """
    if label not in names:
        close = nearest(label, names)
        hint = f"; did you mean {quote(close)}?" if close else ""
        raise InputError(f"{what}: no picture has the label {quote(label)}{hint}; labels: {quote_list(names)}")


def check_both(label: str, classes: Collection[str], n: int, what: str) -> None:
    """Refuse a label that all or none of n pictures have.

    Raises:
        OneSidedLabelError: says which.
    """
    if {label, absent(label)} <= set(classes):
        return
    who = (
        "every picture has" if label in classes else "no picture has" if classes else "nothing says which pictures have"
    )
    raise OneSidedLabelError(
        f"{what}: {who} the label {quote(label)} ({counted(n, 'picture')}); expected some with it and some without: "
        "add such pictures, or leave the label out"
    )


def _in_one_column(cells: Sequence[str], column: str, what: str) -> LabelTable:
    distinct = set(cells)
    inner = {cell: found[1] for cell in distinct if (found := _LIST.fullmatch(cell.strip()))}
    separators = [sign for sign in _SEPARATORS if any(sign in inner.get(cell, cell) for cell in distinct)]
    sign = "," if inner and not any(SEVERAL in cell for cell in distinct) else separators[0] if separators else SEVERAL
    labels = {
        cell: frozenset(name for part in inner.get(cell, cell).split(sign) if (name := tidy(_unquoted(part))))
        for cell in distinct
    }
    notices = []
    if sign != SEVERAL and any(len(found) > 1 for found in labels.values()):
        notices.append(f"{what}: labels of column {quote(column)} are separated by {quote(sign)}")
    n_empty = sum(not labels[cell] for cell in cells)
    if n_empty:
        notices.append(f"{what}: {counted(n_empty, 'row')} without any label, which counts as having none of them")
    names = tuple(sorted(set().union(*labels.values())))
    return LabelTable(names, lambda row: PictureLabels(labels[cells[row]]), tuple(notices), one_column=True)


def _unquoted(part: str) -> str:
    part = part.strip()
    return part[1:-1] if len(part) > 1 and part[0] == part[-1] and part[0] in "'\"" else part


def _in_columns(flags: Mapping[str, Sequence[str]], what: str) -> LabelTable:
    unsure = {
        name for name, values in flags.items() if _MINUS in (distinct := set(values)) and distinct - {_MINUS, "1", ""}
    }

    def of_row(row: int) -> PictureLabels:
        said = {name: values[row].casefold() for name, values in flags.items()}
        unknown = {name for name, value in said.items() if not value or (value == _MINUS and name in unsure)}
        return PictureLabels(frozenset(name for name, value in said.items() if value in _YES), frozenset(unknown))

    notices = [
        f"{what}: -1 in column {quote(name)} is read as not known, for it has 0 as well" for name in sorted(unsure)
    ]
    return LabelTable(tuple(flags), of_row, tuple(notices), one_column=False)


def is_flag(values: Sequence[str]) -> bool:
    """Whether a column says yes and no; one that says nothing is none."""
    said = {value.casefold() for value in set(values)} - {""}
    return bool(said) and said <= _YES | _NO | {_MINUS}
