"""One label a picture: of pictures that have several, those that have one alone of the labels to be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from auditor.errors import InputError
from auditor.inputs.one_spelling import tidy
from auditor.inputs.tables import SEVERAL
from auditor.wording import nearest, quote, quote_list


def labels_of(text: str) -> tuple[str, ...]:
    """The labels in a cell, each once: "dog|person" has two, "|" is one as good as any."""
    parts = tuple(dict.fromkeys(part for cell in text.split(SEVERAL) if (part := tidy(cell))))
    return parts if len(parts) > 1 else (text,) if text.strip() else ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """The label of every picture that is kept, and what was left out."""

    labels: dict[str, str]  # by path
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """The labels that are to be told apart."""

    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> OneOf:
        """Labels separated by commas.

        Raises:
            InputError: fewer than two.
        """
        names = tuple(dict.fromkeys(part for one in text.split(",") if (part := tidy(one))))
        if len(names) < 2:
            raise InputError(f"--one-of {quote(text)}: expected at least two labels, separated by commas")
        return cls(names)

    def choose(self, labels: Mapping[str, tuple[str, ...]], what: str) -> Chosen:
        """Keep the pictures that have exactly one of the labels, whatever else they have.

        Args:
            labels: By picture, all of its labels.
            what: How messages call the list.

        Raises:
            InputError: a name that no picture has; names the nearest.
        """
        seen = {label for of_picture in labels.values() for label in of_picture}
        for name in self.names:
            if name not in seen:
                close = nearest(name, seen)
                hint = f"; did you mean {quote(close)}?" if close else ""
                raise InputError(
                    f"{what}: no picture has the label {quote(name)} of --one-of; labels: "
                    f"{quote_list(sorted(seen))}{hint}"
                )
        kept: dict[str, str] = {}
        left_out: Counter[str] = Counter()
        for path, of_picture in labels.items():
            own = [name for name in self.names if name in of_picture]
            if len(own) == 1:
                kept[path] = own[0]
            else:
                left_out["several" if own else "none"] += 1
        of_them = f"of {len(labels):,} {'picture has' if len(labels) == 1 else 'pictures have'}"
        notices = tuple(
            f"{left_out[how]:,} {of_them} {how} of the labels {quote_list(self.names)}, and are left out"
            for how in ("several", "none")
            if left_out[how]
        )
        return Chosen(kept, notices)
