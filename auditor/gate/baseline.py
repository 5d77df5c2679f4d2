"""Findings that people looked at: ``baseline.toml``, keyed by the finding's fingerprint, read and brought up to date.

Writing keeps comments and layout, replaces the file in one step, and merges with what somebody else wrote meanwhile.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, Strict

from auditor.config import Day, Words
from auditor.errors import InputError
from auditor.gate.shared_file import alone_in, read_if_there, replace_if_same
from auditor.gate.toml_model import parse_model, read_text
from auditor.records import VerdictName
from auditor.toml_lines import LineIndex
from auditor.wording import quote, quote_path

AcceptedVerdict = Literal["clean", "not_shown", "suspect", "harmed", "flagged"]
#: ``accepted``: it is so, and may ship. ``false alarm``: a person looked, and it is not so. Both let it pass.
EntryState = Literal["accepted", "false alarm"]
_VERDICTS = '"flagged", "harmed", "suspect", "not_shown" or "clean"'
_RANKS = {verdict: rank for rank, verdict in enumerate(get_args(AcceptedVerdict))}

#: Reason of an entry that is written without one; an entry that only expired keeps its own.
DEFAULT_REASON = "accepted"

#: Of a file that is made.
HEADER = """\
# Findings that were looked at and accepted, in the dashboard, by `auditor gate --update-baseline` or by hand. The
# fingerprint is the key; class and concept stand beside it for the reader. After its date an entry no longer counts.
"""


class Entry(BaseModel):
    """One accepted finding. It covers the verdict that it was accepted at and better ones, to the end of its day."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    class_name: str = Field(alias="class", description="the name of the class")
    concept: str = Field(description="the concept's term")
    verdict: AcceptedVerdict = Field(default="flagged", description=_VERDICTS)
    fingerprint: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="64 hexadecimal digits, as --update-baseline writes them"
    )
    reason: Words = Field(description="why the finding is accepted, in words")
    who: Words = Field(description="who accepted it")
    expires: Day = Field(description="a date like 2030-01-31")
    state: EntryState = Field(default="accepted", description='"accepted" or "false alarm"')

    @property
    def judged(self) -> str:
        """What was done with the finding, as "was accepted" continues."""
        return "accepted" if self.state == "accepted" else "marked a false alarm"

    def expired(self, today: datetime.date) -> bool:
        """Whether its day is over."""
        return today > self.expires

    def covers(self, verdict: VerdictName) -> bool:
        """Whether a class of this verdict is no worse than what was accepted."""
        return _RANKS.get(verdict, len(_RANKS)) <= _RANKS[self.verdict]

    def names(self, class_name: str, concept: str) -> bool:
        """Whether what the reader of the file sees is what the fingerprint stands for."""
        return self.class_name == class_name and self.concept.casefold() == concept.casefold()

    def accepts(self, wanted: Entry, today: datetime.date) -> bool:
        """Whether it accepts already what another entry of its fingerprint is to accept."""
        return not self.expired(today) and self.fits(wanted)

    def fits(self, wanted: Entry) -> bool:
        """Whether it was written for the same finding, at its verdict or a worse one; it may have expired."""
        return self.covers(wanted.verdict) and self.names(wanted.class_name, wanted.concept)


class Baseline(BaseModel):
    """The keys of ``baseline.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    accepted: Annotated[tuple[Entry, ...], Strict(False)] = Field(default=(), description="tables [[accepted]]")


def load_baseline(path: Path | None) -> Baseline:
    """Read ``baseline.toml``; None gives an empty one.

    Raises:
        InputError: the file cannot be read, holds an unknown key or a wrong value, or accepts a finding twice.
    """
    if path is None:
        return Baseline()
    if not os.path.lexists(path):
        raise InputError(f"baseline {quote_path(path)} does not exist; `auditor gate --update-baseline` writes one")
    return parse_baseline(read_text(path, what="baseline"), path)


def parse_baseline(text: str, path: Path) -> Baseline:
    """What the text of a baseline says; ``path`` is for messages.

    Raises:
        InputError: as :func:`load_baseline`.
    """
    name = f"baseline {quote_path(path)}"
    baseline = parse_model(text, Baseline, name=name, entries="accepted")
    seen: dict[str, int] = {}
    for position, entry in enumerate(baseline.accepted):
        first = seen.setdefault(entry.fingerprint, position)
        if first != position:
            lines, number = LineIndex(text, "accepted"), len(baseline.accepted)
            where = [lines.entry(one, number) for one in (first, position)]
            of_lines = f" (lines {where[0]} and {where[1]})" if None not in where else ""
            raise InputError(
                f"{name} accepts the same finding twice{of_lines}: {quote(entry.class_name)}, {quote(entry.concept)}; "
                "keep one of the two"
            )
    return baseline


def update_baseline(path: Path, entries: Sequence[Entry], *, today: datetime.date) -> Baseline:
    """Add entries to the file, made if missing; those that expired or cover less are renewed where they stand.

    An entry that somebody else wrote since, and that covers the finding, stays as it is.

    Returns:
        What the file holds now.

    Raises:
        InputError: the file cannot be read, understood or written; it is left as it was.
    """
    return parse_baseline(rewrite(path, lambda text: _with_entries(text, entries, path=path, today=today))[1], path)


def rewrite(path: Path, change: Callable[[str], str]) -> tuple[str | None, str]:
    """Replace the file's text by what ``change`` makes of it, again where somebody else saved it meanwhile.

    Returns:
        The text before, None where there was no file, and the text after.

    Raises:
        InputError: the file cannot be read or written, or what ``change`` raised; it is left as it was.
    """
    path = path.resolve()  # a link stays a link
    try:
        with alone_in(path.parent):
            while True:
                before = read_if_there(path, what="baseline")
                after = change(before or HEADER)
                if after == before or replace_if_same(path, after, before, what="baseline"):
                    return before, after
    except OSError as error:
        raise InputError(
            f"baseline {quote_path(path)} cannot be written: {error.strerror or error}; it is as it was: choose "
            "another --baseline, or mend that"
        ) from error


def _with_entries(text: str, entries: Sequence[Entry], *, path: Path, today: datetime.date) -> str:
    """The text with the entries in it that it does not accept already."""
    there = {entry.fingerprint: entry for entry in parse_baseline(text, path).accepted}
    wanted = []
    for entry in entries:
        found = there.get(entry.fingerprint)
        if found is None:
            wanted.append(entry)
        elif not found.accepts(entry, today):
            # A reason was given for this finding at this verdict: it says nothing of another, or of a worse one.
            keeps = entry.reason == DEFAULT_REASON and found.fits(entry)
            kept = {"reason": found.reason, "state": found.state} if keeps else {}
            wanted.append(entry.model_copy(update=kept))
    return with_entries(text, wanted, path)


def with_entries(text: str, entries: Sequence[Entry], path: Path) -> str:
    """The text with these entries, where they stand or at the end; nothing else is touched.

    Raises:
        InputError: the text is no baseline, or written in a way that cannot be changed in place.
    """
    there = parse_baseline(text, path).accepted
    positions = {entry.fingerprint: position for position, entry in enumerate(there)}
    document: Any = tomlkit.parse(text)
    expected, missing = list(there), {}
    for entry in entries:
        position = positions.get(entry.fingerprint)
        if position is None:
            expected.append(entry)
            continue
        table, changed = document["accepted"][position], _changed(there[position], entry)
        expected[position] = entry
        table.update({key: value for key, value in changed.items() if key in table})
        missing[position] = {key: value for key, value in changed.items() if key not in table}
    line_end = "\r\n" if "\r\n" in text else "\n"
    after = _with_keys(str(tomlkit.dumps(document)), missing, len(there), line_end)
    # Appended as text, so that nothing above it moves.
    new = [entry for entry in entries if entry.fingerprint not in positions]
    appended = "".join("\n[[accepted]]\n" + str(tomlkit.dumps(_values(entry))) for entry in new)
    after = after.rstrip() + line_end + appended.replace("\n", line_end)
    return checked(after, expected, path)


def _changed(old: Entry, new: Entry) -> dict[str, Any]:
    before = old.model_dump(by_alias=True)
    return {key: value for key, value in new.model_dump(by_alias=True).items() if before[key] != value}


def _with_keys(text: str, missing: dict[int, dict[str, Any]], n_entries: int, line_end: str) -> str:
    """The text with keys that entries did not have, above their fingerprint; tomlkit would put them below comments."""
    index, lines = LineIndex(text, "accepted"), text.splitlines(keepends=True)
    for position in sorted(missing, reverse=True):
        line = index.entry(position, n_entries, "fingerprint")
        if missing[position] and line is not None:
            lines.insert(line - 1, str(tomlkit.dumps(missing[position])).replace("\n", line_end))
    return "".join(lines)


def checked(text: str, expected: Sequence[Entry], path: Path) -> str:
    """The text, if it holds just these entries.

    Raises:
        InputError: it does not, for the file is written in a way that cannot be changed in place.
    """
    with suppress(InputError):
        if parse_baseline(text, path).accepted == tuple(expected):
            return text
    raise InputError(f"baseline {quote_path(path)} cannot be extended: write its entries as tables [[accepted]]")


def _values(entry: Entry) -> dict[str, Any]:
    """As it is written: without a state that all entries had before there were two."""
    return entry.model_dump(by_alias=True, exclude={"state"} if entry.state == "accepted" else set())
