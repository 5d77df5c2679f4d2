"""Accepted findings: ``baseline.toml``, keyed by the finding's fingerprint, read and brought up to date.

Writing keeps comments and layout, replaces the file in one step, and merges with what somebody else wrote meanwhile.
"""

from __future__ import annotations

import datetime
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tomlkit
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

from auditor.errors import InputError
from auditor.gate.toml_model import parse_model, read_text
from auditor.records import VerdictName
from auditor.toml_lines import LineIndex
from auditor.wording import quote, quote_path

try:
    import fcntl
except ImportError:  # not on this system: two writers at the same instant are then told apart by comparing only
    fcntl = None  # type: ignore[assignment]

AcceptedVerdict = Literal["clean", "suspect", "flagged"]
_RANKS = {verdict: rank for rank, verdict in enumerate(get_args(AcceptedVerdict))}

#: Reason of an entry that is written without one; an entry that only expired keeps its own.
DEFAULT_REASON = "accepted"

_HEADER = """\
# Findings that were looked at and accepted, by `auditor gate --update-baseline` or by hand. The fingerprint is the key;
# class and concept stand beside it for the reader. After its date an entry no longer counts.
"""


def _date(value: object) -> object:
    """An ISO date in quotes counts as one; everything else is left to the check of the type."""
    if isinstance(value, str):
        with suppress(ValueError):
            return datetime.date.fromisoformat(value)
    return value


class Entry(BaseModel):
    """One accepted finding. It covers the verdict that it was accepted at and better ones, to the end of its day."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    class_name: str = Field(alias="class", description="the name of the class")
    concept: str = Field(description="the concept's term")
    verdict: AcceptedVerdict = Field(default="flagged", description='"flagged", "suspect" or "clean"')
    fingerprint: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="64 hexadecimal digits, as --update-baseline writes them"
    )
    reason: str = Field(pattern=r"\S", description="why the finding is accepted, in words")
    who: str = Field(pattern=r"\S", description="who accepted it")
    expires: Annotated[datetime.date, BeforeValidator(_date)] = Field(description="a date like 2030-01-31")

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
    if not path.exists():
        raise InputError(f"baseline {quote_path(path)} does not exist; `auditor gate --update-baseline` writes one")
    return _parse(read_text(path, what="baseline"), path)


def _parse(text: str, path: Path) -> Baseline:
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
    path = path.resolve()  # a link stays a link
    try:
        with _alone_in(path.parent):
            while True:
                before = _read_if_there(path)
                after = _with_entries(before or _HEADER, entries, path=path, today=today)
                if _replace(path, after, before):
                    return _parse(after, path)
    except OSError as error:
        raise InputError(
            f"baseline {quote_path(path)} cannot be written: {error.strerror or error}; it is as it was: choose "
            "another --baseline, or mend that"
        ) from error


def _read_if_there(path: Path) -> str | None:
    return read_text(path, what="baseline") if path.exists() else None


def _with_entries(text: str, entries: Sequence[Entry], *, path: Path, today: datetime.date) -> str:
    """The text with the entries in it; what is there already is touched as little as can be."""
    there = _parse(text, path).accepted
    positions = {entry.fingerprint: position for position, entry in enumerate(there)}
    document: Any = tomlkit.parse(text)
    for entry in entries:
        position = positions.get(entry.fingerprint)
        if position is not None and not there[position].accepts(entry, today):
            renewed = document["accepted"][position]
            # A reason was given for this finding at this verdict: it says nothing of another, or of a worse one.
            kept = {"reason"} if entry.reason == DEFAULT_REASON and there[position].fits(entry) else set()
            # Only keys that are there: one that is added would stand below the comment on the next entry.
            renewed.update({key: value for key, value in _values(entry).items() if key in renewed and key not in kept})
    line_end = "\r\n" if "\r\n" in text else "\n"
    new = [entry for entry in entries if entry.fingerprint not in positions]
    # Appended as text, so that nothing above it moves.
    appended = "".join("\n[[accepted]]\n" + str(tomlkit.dumps(_values(entry))) for entry in new)
    after = str(tomlkit.dumps(document)).rstrip() + line_end + appended.replace("\n", line_end)
    try:
        _parse(after, path)
    except InputError as error:
        raise InputError(
            f"baseline {quote_path(path)} cannot be extended: write its entries as tables [[accepted]]"
        ) from error
    return after


def _values(entry: Entry) -> dict[str, Any]:
    return entry.model_dump(by_alias=True)


def _replace(path: Path, text: str, expected: str | None) -> bool:
    """Write the file beside its place and rename it; False, and nothing done, where it is no longer as expected."""
    unfinished = path.with_name(f".{path.name}.tmp-{uuid.uuid4().hex[:12]}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if _read_if_there(path) != expected:
            return False
        if expected is not None:
            shutil.copymode(path, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return True


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that writers take turns; it goes with the process, and no file is left behind."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
