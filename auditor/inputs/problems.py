"""What is wrong in a list of pictures, by kind: counted, with examples, and told in one go."""

from __future__ import annotations

from dataclasses import dataclass, field

from auditor.errors import InputError
from auditor.figures import counted

#: Examples of a kind that a message shows.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: what one and several of it are called, and what to do."""

    one: str
    many: str
    step: str = ""


@dataclass(slots=True)
class Problems:
    """Problems in the order in which their kinds were met; of each kind how many there are, and the first three."""

    _counts: dict[Kind, int] = field(default_factory=dict)
    _examples: dict[Kind, list[str]] = field(default_factory=dict)
    _whole: list[str] = field(default_factory=list)

    def add(self, kind: Kind, example: str) -> None:
        """Count one of a kind; ``example`` says which, with foreign text quoted."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        examples = self._examples.setdefault(kind, [])
        if len(examples) < _NAMED:
            examples.append(example)

    def say(self, line: str) -> None:
        """Add what concerns the list as a whole."""
        self._whole.append(line)

    @property
    def n(self) -> int:
        """How many were counted, of all kinds."""
        return sum(self._counts.values())

    def take(self, other: Problems, where: str = "") -> None:
        """Add those of a part of the list; ``where`` says which part, and stands before their examples."""
        where = where and f"{where}: "
        for kind, n in other._counts.items():
            self._counts[kind] = self._counts.get(kind, 0) + n
            examples = self._examples.setdefault(kind, [])
            examples += [f"{where}{one}" for one in other._examples[kind]][: _NAMED - len(examples)]
        self._whole += [f"{where}{line}" for line in other._whole]

    def lines(self) -> list[str]:
        """A line each: how many of a kind, which, and what to do."""
        return [*map(self._line, self._counts), *self._whole]

    def refuse(self, what: str) -> None:
        """Raise InputError with all of them, if there are any; ``what`` has them."""
        if self.lines():
            raise self.error(what)

    def error(self, what: str) -> InputError:
        """The error that tells all of them."""
        lines = self.lines()
        more = f"{len(lines)} sorts of problems: " if len(lines) > 1 else ""
        return InputError(f"{what}: {more}{'; '.join(lines)}")

    def _line(self, kind: Kind) -> str:
        n, examples = self._counts[kind], self._examples[kind]
        shown = ", ".join(examples) + (", …" if n > len(examples) else "")
        return f"{counted(n, kind.one, kind.many)} ({shown})" + (f": {kind.step}" if kind.step else "")
