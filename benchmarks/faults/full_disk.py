"""A disk that is full at each file that an audit writes: at its first write, and further on; then more room.

A memory disk in a mount namespace of the child is made as large as what lies on it, and a few pages more, when the file
is opened. So it is the system that refuses the write, whoever makes it: Python, DuckDB, Arrow, SQLite or FAISS.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from auditor.config import AuditConfig
from benchmarks.faults.forked_run import arguments_of, contents_of, ended, forked, import_all, run_here
from benchmarks.faults.opened_files import watched
from benchmarks.faults.sample_audit import sample_settings
from benchmarks.faults.tally import WHOLE_AUDIT_SECONDS, Tally

_NEW_NAMESPACE, _PRIVATE, _AGAIN = 0x00020000, 1 << 18 | 1 << 14, 32
_ROOM = 64 * 2**20
_PAGE = 4096
#: Random parts of names of files.
_RANDOM = re.compile(r"[0-9a-f]{12,}")


def may_mount(work: Path) -> bool:
    """Whether this system lets us mount a disk that nobody else sees, and watch it."""

    def act() -> int:
        _mount(str(work), 2**20)
        return watched(work, lambda: 0, Path(os.devnull), on_opening=lambda _: None, on_change=lambda *_: None)

    return ended(forked(act, work / "said.txt")) == 0


def full_disks(work: Path, tally: Tally, *, trials: int, seed: int) -> None:
    """Fill the disk at every file that is written, with room for no page and for 1, 4, 16 … of its pages.

    These are some 50 moments; with fewer trials that many random ones.
    """
    if not may_mount(work):
        raise OSError("no namespace of its own: run this as root, or in a container that may mount")
    disk = work / "disk"
    disk.mkdir()
    settings = sample_settings(work / "data", per_class=20)
    config = settings.model_copy(update={"out": disk / "audit", "cache": disk / "cache"})
    import_all(settings.model_copy(update={"out": work / "first"}), work)
    whole, pages = _undisturbed(config, work, disk)
    moments = [(name, room) for name, most in pages.items() for room in _rooms(most)]
    chosen = sorted(random.Random(f"{seed} full disk").sample(range(len(moments)), min(trials, len(moments))))
    for number in chosen:
        name, room = moments[number]
        at_it = partial(_at_it, config, work, disk, name, room, whole)
        tally.trial(f"full disk: {name}", number, at_it, may_take=WHOLE_AUDIT_SECONDS)


def _rooms(n_pages: int) -> list[int]:
    """Pages that are left when a file is opened: fewer than it takes in the end."""
    rooms = [0, 1]
    while rooms[-1] < n_pages:
        rooms.append(4 * rooms[-1])
    return rooms[:-1]


def _commands(config: AuditConfig, *flags: str) -> list[list[str]]:
    audit, beside = str(config.out), config.out.parent
    return [
        arguments_of(config, *flags),
        ["report", audit, "--format", "html", "--output", str(beside / "report.html")],
        ["gate", audit, "--format", "junit", "--output", str(beside / "gate.xml")],
    ]


def _run_all(commands: list[list[str]]) -> int:
    """Run commands up to the first that fails; its exit code. A gate that does not pass has not failed."""
    for arguments in commands:
        if (code := run_here(arguments)) not in (0, 1):
            return code
    return 0


def _undisturbed(config: AuditConfig, work: Path, disk: Path) -> tuple[str, dict[str, int]]:
    """The contents of an audit, and by name the most pages of each file that is written for it, in their order."""
    pages: dict[str, int] = {}

    def act() -> dict[str, object]:
        code = _run_all(_commands(config))
        return {"code": code, "contents": contents_of(config.out)}

    def note(path: str, size: int) -> None:
        name = _name(path, disk)
        pages[name] = max(pages.get(name, 1), -(-size // _PAGE))

    names = work / "pages.json"
    outcome = _on_disk(work, disk, act, note=note, after=lambda: names.write_text(json.dumps(pages)))
    if outcome["code"]:
        raise RuntimeError(f"the undisturbed audit ended with {outcome['code']}: {outcome['said']}")
    return str(outcome["contents"]), json.loads(names.read_text())


def _at_it(config: AuditConfig, work: Path, disk: Path, name: str, room: int, expected: str) -> str:
    """One trial: the disk is full when the file is opened; then there is room, and all commands are given again."""

    def act() -> dict[str, object]:
        code = _run_all(_commands(config))
        _mount(str(disk), _ROOM, again=True)
        resumed = _run_all(_commands(config, "--resume"))
        return {"code": code, "resumed": resumed, "contents": contents_of(config.out) if resumed == 0 else None}

    is_full = False

    def fill(path: str) -> None:
        nonlocal is_full
        while not is_full and _name(path, disk) == name:
            found = os.statvfs(disk)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            is_full = _mounted(str(disk), max(used + room * _PAGE, _PAGE), again=True)  # not where it grew meanwhile

    outcome = _on_disk(work, disk, act, fill=fill)
    judged = _judged(outcome, expected)
    what = f"{room} pages left, {outcome['code']}, then {outcome.get('resumed')}: {str(outcome['said'])[-1000:]}"
    return judged if judged in ("found", "harmless") else f"{judged}: {what}"


def _judged(outcome: dict[str, object], expected: str) -> str:
    """Where there was room enough, or what could not be written is only a help, it is "harmless"."""
    said = str(outcome["said"])
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    if "Traceback" in said:
        return "traceback"
    if outcome.get("resumed") != 0 or outcome["contents"] != expected:
        return "silent"
    if outcome["code"] == 0:
        return "harmless"
    return "found" if outcome["code"] == 2 and len(lines) == 1 else "silent"


def _name(path: str, disk: Path) -> str:
    """A file of the disk without what is random in its name: "audit/audit.duckdb.tmp-*"."""
    return _RANDOM.sub("*", os.path.relpath(path, disk))


def _on_disk(
    work: Path,
    disk: Path,
    act: Callable[[], dict[str, object]],
    *,
    fill: Callable[[str], None] = lambda _: None,
    note: Callable[[str, int], None] = lambda *_: None,
    after: Callable[[], object] = lambda: None,
) -> dict[str, object]:
    """What ``act`` finds, in a child of a child that has an empty disk and watches it."""
    said, result = work / "said.txt", work / "result.json"
    result.unlink(missing_ok=True)

    def write_down() -> int:
        result.write_text(json.dumps(act()))
        return 0

    def watching() -> int:
        _mount(str(disk), _ROOM)
        code = watched(disk, write_down, said, on_opening=fill, on_change=note)
        after()
        return code

    code = ended(forked(watching, work / "watch.txt"))
    found = json.loads(result.read_text()) if result.exists() else {"code": code, "contents": None}
    return {**found, "said": "".join(path.read_text(errors="replace") for path in (said, work / "watch.txt"))}


def _mount(folder: str, size: int, *, again: bool = False) -> None:
    """Mount a memory disk for this process and its children alone, or give the one that is there another size."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not again and (libc.unshare(_NEW_NAMESPACE) or libc.mount(b"none", b"/", None, _PRIVATE, None)):
        raise OSError(ctypes.get_errno(), "no namespace of its own")
    if not _mounted(folder, size, again=again):
        raise OSError(ctypes.get_errno(), "no memory disk")


def _mounted(folder: str, size: int, *, again: bool) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.mount(b"tmpfs", folder.encode(), b"tmpfs", _AGAIN if again else 0, f"size={size}".encode())
    return not failed
