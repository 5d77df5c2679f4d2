"""When two spellings are the same word: case, separators, and simple English plurals."""

from __future__ import annotations

import re
from collections.abc import Iterator

_IRREGULAR = {
    "men": "man",
    "women": "woman",
    "people": "person",
    "children": "child",
    "feet": "foot",
    "teeth": "tooth",
    "mice": "mouse",
    "geese": "goose",
    "oxen": "ox",
}
_IRREGULAR_PLURAL = {singular: plural for plural, singular in _IRREGULAR.items()}


def word_key(word: str) -> str:
    """Return the form under which spellings count as one: "Polar_Bear", "polar-bear" and "polar bear" are the same.

    Only hyphens between letters or digits separate, so that the labels "-1" and "1" stay two.
    """
    spaced = re.sub(r"(?<=[^\W_])-(?=[^\W_])", " ", word.replace("_", " "))
    return " ".join(spaced.split()).casefold()


def number_forms(key: str) -> Iterator[str]:
    """Yield the key, then what its last word may be in the singular or plural; some forms are no words at all."""
    yield key
    first, _, last = key.rpartition(" ")
    first = f"{first} " if first else ""
    if last in _IRREGULAR:
        yield first + _IRREGULAR[last]
    if last in _IRREGULAR_PLURAL:
        yield first + _IRREGULAR_PLURAL[last]
    if last.endswith("s") and not last.endswith("ss") and len(last) > 3:
        yield first + last[:-1]
        if last.endswith("ies"):
            yield first + last[:-3] + "y"
        if last.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            yield first + last[:-2]
        if last.endswith("ves"):
            yield first + last[:-3] + "f"
            yield first + last[:-3] + "fe"
        return
    if last.endswith("y"):
        yield first + last[:-1] + "ies"
    if last.endswith(("s", "x", "z", "ch", "sh", "o")):
        yield first + last + "es"
    if last.endswith("f"):
        yield first + last[:-1] + "ves"
    if last.endswith("fe"):
        yield first + last[:-2] + "ves"
    yield first + last + "s"
