"""One spelling for what is one thing: values of a table, whatever program wrote it, and names of classes.

Blanks at the ends and letters in several parts (Unicode's NFD, as macOS writes file names) make no difference. Names
that differ in characters nobody can see are refused: which of them is meant cannot be known.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from auditor.errors import InputError
from auditor.figures import counted
from auditor.wording import first_of

_BOOLEANS = frozenset(["true", "false"])
# A zero before other digits is part of a code ("007"), and so all values of its column are text.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
#: Characters without ink beside those of Unicode's categories Cf and Cc: fillers and selectors of a glyph's variant.
_INKLESS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_SHOWN_CHARS = 40
#: Spellings that a message shows.
_NAMED = 3


def tidy(text: str) -> str:
    """The text in composed letters (NFC), without blanks at its ends."""
    return unicodedata.normalize("NFC", text).strip()


def one_form(values: Sequence[str]) -> list[str]:
    """Values of one column as they are in every file of the same table, CSV of any program or Parquet.

    All are tidied. Where all that are there say yes or no, they are "true" and "false"; where all are numbers, whole
    ones have no ".0" (a gap in a column makes pandas write 3 as 3.0); where all are dates or times, these are written
    "2024-01-02", or "2024-01-02 10:00:00" if any of them has a time of the day.
    """
    distinct = {value: tidy(value) for value in set(values)}
    present = {value for value in distinct.values() if value}
    if not present:
        return [""] * len(values)
    form: Mapping[str, str] = {}
    if {value.casefold() for value in present} <= _BOOLEANS:
        form = {value: value.casefold() for value in present}
    elif all(map(_NUMBER.fullmatch, present)):
        whole = {value: found[1] for value in present if (found := _WHOLE.fullmatch(value))}
        form = {value: "0" if number == "-0" else number for value, number in whole.items()}
    elif all(map(_TIME.fullmatch, present)):
        form = _times(present)
    final = {raw: form.get(value, value) for raw, value in distinct.items()}
    return [final[value] for value in values]


def _times(values: Iterable[str]) -> dict[str, str]:
    written: dict[str, str] = {}
    dates: dict[str, str] = {}
    for value in values:
        date, minutes, seconds, fraction, zone = _TIME.sub(r"\1,\2,\3,\4,\5", value).split(",")
        fraction = fraction.rstrip("0").rstrip(".")
        zone = "+00:00" if zone == "Z" else f"{zone[:3]}:{zone[-2:]}" if zone else ""
        clock = f"{minutes or '00:00'}{seconds or ':00'}{fraction}{zone}"
        written[value] = f"{date} {clock}"
        if clock == "00:00:00":
            dates[value] = date
    return dates if len(dates) == len(written) else written


def visible(text: str) -> str:
    """What can be seen of a text: without format characters, and every blank a space."""
    inked = _INKLESS.sub("", text)
    shown = (" " if c.isspace() else c for c in inked if c.isspace() or unicodedata.category(c) not in ("Cf", "Cc"))
    return tidy("".join(shown))


def code_points(text: str) -> str:
    """A text in quotes, every character that is not ASCII as its number, cut."""
    cut = text[:_SHOWN_CHARS]
    return ascii(cut) + ("…" if len(text) > len(cut) else "")


def refuse_look_alikes(names: Iterable[str], what: str) -> None:
    """Refuse names that look the same, or like nothing.

    Args:
        names: Tidied names of classes.
        what: Where they stand, such as "manifest 'val.csv'".

    Raises:
        InputError: two of them differ in characters only that nobody sees; shows both with their code points.
    """
    seen: dict[str, str] = {}
    for name in sorted(names):
        shown = visible(name)
        if not shown:
            raise InputError(f"{what}: label {code_points(name)} has no visible character; give it a name")
        twin = seen.setdefault(shown, name)
        if twin != name:
            raise InputError(
                f"{what}: labels {code_points(twin)} and {code_points(name)} look the same and differ in characters "
                f"that nobody sees ({_unseen(twin, name)}); give both one spelling, or names that can be told apart"
            )


def _unseen(first: str, second: str) -> str:
    """The characters that make the difference between two look-alikes: "U+200B zero width space"."""
    differing = (Counter(first) - Counter(second)) + (Counter(second) - Counter(first))
    odd = sorted(c for c in differing if visible(c) != c and c != " ")
    named = [f"U+{ord(c):04X} {unicodedata.name(c, 'without a name').lower()}" for c in odd]
    return ", ".join(named[:_NAMED]) or "order of accents"


def spelling_notice(what: str, raw: Iterable[str]) -> str | None:
    """What the reader must know of values that were written in another spelling than they are read in; None for none.

    Args:
        what: What they are: "labels", "values of column 'site'".
        raw: As they were written, one a picture.
    """
    changed: dict[str, int] = defaultdict(int)
    for value in raw:
        if value and value != tidy(value):
            changed[value] += 1
    changed = {value: n for value, n in changed.items() if tidy(value)}  # a blank is no value
    if not changed:
        return None
    shown = [f"{code_points(value)} as {code_points(tidy(value))}" for value in sorted(changed)]
    n = sum(changed.values())
    return (
        f"{what} were written with blanks at their ends or letters in parts (NFD), and are read without: "
        f"{first_of(shown, _NAMED)} ({counted(n, 'picture')})"
    )
