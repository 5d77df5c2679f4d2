"""What a reviewer changes in ``baseline.toml``: shown as a diff first, then merged, entry by entry, with what is there.

An entry is known by its fingerprint. What somebody else changed after the reviewer looked stays, unless it is the same
entry: then nothing is written and both sides are told.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.errors import InputError
from auditor.gate.baseline import HEADER, Baseline, Entry, checked, parse_baseline, rewrite, with_entries
from auditor.gate.shared_file import read_if_there
from auditor.toml_lines import LineIndex
from auditor.wording import quote, quote_path


@dataclass(frozen=True, slots=True)
class Proposal:
    """The file as the reviewer saw it (None: there was none), and what is to change in it."""

    path: Path
    seen: str | None
    entries: tuple[Entry, ...] = ()
    withdrawn: tuple[str, ...] = ()  # fingerprints

    def over(self, found: str | None) -> Proposal:
        """The same change of the file as somebody else has left it: what is in the reviewer's way is replaced."""
        return replace(self, seen=found)

    def wanted(self) -> dict[str, Entry | None]:
        """By fingerprint; None for what is to go."""
        return {**{entry.fingerprint: entry for entry in self.entries}, **dict.fromkeys(self.withdrawn)}


@dataclass(frozen=True, slots=True)
class Conflict:
    """An entry that somebody else changed after the reviewer had looked; None for one that is not there."""

    fingerprint: str
    seen: Entry | None
    theirs: Entry | None
    mine: Entry | None


class BaselineConflictError(InputError):
    """Somebody else changed an entry that the reviewer changes as well; nothing was written.

    Attributes:
        conflicts: these entries.
        found: the text that they left, for :meth:`Proposal.over`.
    """

    def __init__(self, path: Path, conflicts: Sequence[Conflict], found: str) -> None:
        self.conflicts, self.found = tuple(conflicts), found
        named = [one.theirs or one.mine or one.seen for one in conflicts]
        names = ", ".join(f"{quote(one.class_name)} and {quote(one.concept)}" for one in named if one is not None)
        super().__init__(
            f"baseline {quote_path(path)}: somebody else changed the entry on {names} meanwhile; nothing was written: "
            "keep theirs, or replace it by yours"
        )


@dataclass(frozen=True, slots=True)
class Written:
    """What the file holds now, what changed in it, and whether somebody else had changed it since it was seen."""

    baseline: Baseline
    diff: str
    merged: bool


def propose(path: Path, entries: Sequence[Entry] = (), withdrawn: Collection[str] = ()) -> Proposal:
    """Read the file for a proposal.

    Raises:
        InputError: the file has a mistake in it.
    """
    seen = read_if_there(path, what="baseline")
    parse_baseline(seen or "", path)
    return Proposal(path, seen, tuple(entries), tuple(withdrawn))


def preview(proposal: Proposal) -> str:
    """The unified diff that writing makes of the file as it was seen; "" where nothing changes.

    Raises:
        InputError: the file is written in a way that cannot be changed in place.
    """
    return _unified(proposal.path, proposal.seen, _changed(proposal.seen or HEADER, proposal))


def write_review(proposal: Proposal) -> Written:
    """Write it into the file as it is now, made if missing.

    Raises:
        BaselineConflictError: somebody else changed one of its entries since the reviewer saw them.
        InputError: the file cannot be read, understood or written. In both cases it is left as it was.
    """
    seen = _by_fingerprint(proposal.seen or "", proposal.path)

    def change(text: str) -> str:
        theirs = _by_fingerprint(text, proposal.path)
        conflicts = [
            Conflict(key, seen.get(key), theirs.get(key), mine)
            for key, mine in proposal.wanted().items()
            if theirs.get(key) not in (seen.get(key), mine)
        ]
        if conflicts:
            raise BaselineConflictError(proposal.path, conflicts, text)
        return _changed(text, proposal)

    before, after = rewrite(proposal.path, change)
    return Written(
        parse_baseline(after, proposal.path), _unified(proposal.path, before, after), merged=before != proposal.seen
    )


def _by_fingerprint(text: str, path: Path) -> dict[str, Entry]:
    return {entry.fingerprint: entry for entry in parse_baseline(text, path).accepted}


def _changed(text: str, proposal: Proposal) -> str:
    there = _by_fingerprint(text, proposal.path)
    for key in proposal.withdrawn:
        if key in there:
            text = _without(text, key, proposal.path)
    differing = [entry for entry in proposal.entries if there.get(entry.fingerprint) != entry]
    return with_entries(text, differing, proposal.path) if differing else text


def _without(text: str, fingerprint: str, path: Path) -> str:
    """The text without an entry: from its header to its last value, so that comments around it stay."""
    there = parse_baseline(text, path).accepted
    position = next(number for number, entry in enumerate(there) if entry.fingerprint == fingerprint)
    rest = [entry for entry in there if entry.fingerprint != fingerprint]
    lines, index = text.splitlines(keepends=True), LineIndex(text, "accepted")
    start = index.entry(position, len(there))
    if start is None:
        return checked(text, rest, path)  # which refuses it
    stop = index.entry(position + 1, len(there)) if position + 1 < len(there) else len(lines) + 1
    end = (stop or start) - 1
    while end > start and not _is_content(lines[end - 1]):
        end -= 1
    if start > 1 and not lines[start - 2].strip():  # the empty line above it goes with it
        start -= 1
    return checked("".join(lines[: start - 1] + lines[end:]), rest, path)


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _unified(path: Path, before: str | None, after: str) -> str:
    old, new = (before or "").splitlines(), after.splitlines()
    names = ("/dev/null" if before is None else path.name), path.name
    return "\n".join(difflib.unified_diff(old, new, *names, lineterm=""))
