"""A disk that is full at some write of ``auditor run``: a memory disk of each size, then more room and ``--resume``."""

from __future__ import annotations

import ctypes
import json
import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from auditor.config import AuditConfig
from benchmarks.faults.forked_run import arguments_of, contents_of, ended, forked, import_all, run_here
from benchmarks.faults.sample_audit import sample_settings
from benchmarks.faults.tally import WHOLE_AUDIT_SECONDS, Tally

_NEW_NAMESPACE, _PRIVATE, _AGAIN = 0x00020000, 1 << 18 | 1 << 14, 32
_ROOM = 64 * 2**20
_PAGE = 4096


def may_mount(work: Path) -> bool:
    """Whether this system lets us mount a disk that nobody else sees."""
    return ended(forked(lambda: _mount(str(work), 2**20), work / "said.txt")) == 0


def full_disks(work: Path, tally: Tally, *, trials: int, seed: int) -> None:
    """Fill the disk at every page that an audit writes, or at as many random ones as there are trials."""
    if not may_mount(work):
        raise OSError("no namespace of its own: run this as root, or in a container that may mount")
    disk = work / "disk"
    disk.mkdir()
    settings = sample_settings(work / "data", per_class=20)
    config = settings.model_copy(update={"out": disk / "audit", "cache": disk / "cache"})
    import_all(settings.model_copy(update={"out": work / "first"}), work)
    whole = _in_child(work, disk, _ROOM, lambda: _whole(config, disk))
    pages = range(1, int(str(whole["used"])) // _PAGE + 2)
    chosen = sorted(random.Random(f"{seed} full disk").sample(pages, min(trials, len(pages))))
    for n_pages in sorted(set(chosen) - tally.done):
        on_disk = partial(_on_disk, config, work, disk, n_pages, whole["contents"])
        tally.trial("full disk", n_pages, on_disk, may_take=WHOLE_AUDIT_SECONDS)


def _on_disk(config: AuditConfig, work: Path, disk: Path, n_pages: int, expected: object) -> str:
    outcome = _in_child(work, disk, n_pages * _PAGE, lambda: _filled(config, disk))
    judged = _judged(outcome, expected)
    what = f"{outcome['code']}, then {outcome['resumed']}: {str(outcome['said'])[-1000:]}"
    return judged if judged in ("found", "harmless") else f"{judged}: {what}"


def _judged(outcome: dict[str, object], expected: object) -> str:
    """Where there was room enough it is "harmless"."""
    said = str(outcome["said"])
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    if "Traceback" in said:
        return "traceback"
    if outcome["resumed"] != 0 or outcome["contents"] != expected:
        return "silent"
    if outcome["code"] == 0:
        return "harmless"
    return "found" if outcome["code"] == 2 and len(lines) == 1 else "silent"


def _whole(config: AuditConfig, disk: Path) -> dict[str, object]:
    code = run_here(arguments_of(config))
    used = os.statvfs(disk)
    return {"code": code, "contents": contents_of(config.out), "used": (used.f_blocks - used.f_bfree) * used.f_frsize}


def _filled(config: AuditConfig, disk: Path) -> dict[str, object]:
    """Run until the disk is full, make room, and run again."""
    code = run_here(arguments_of(config))
    _mount(str(disk), _ROOM, again=True)
    resumed = run_here(arguments_of(config, "--resume"))
    return {"code": code, "resumed": resumed, "contents": contents_of(config.out) if resumed == 0 else None}


def _in_child(work: Path, disk: Path, size: int, act: Callable[[], dict[str, object]]) -> dict[str, object]:
    said, result = work / "said.txt", work / "result.json"
    result.unlink(missing_ok=True)

    def on_small_disk() -> int:
        _mount(str(disk), size)
        result.write_text(json.dumps(act()))
        return 0

    code = ended(forked(on_small_disk, said))
    found = json.loads(result.read_text()) if result.exists() else {"code": code, "resumed": None, "contents": None}
    return {**found, "said": said.read_text(errors="replace")}


def _mount(folder: str, size: int, *, again: bool = False) -> int:
    """Mount a memory disk for this process alone, or give the one that is there another size."""
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={size}".encode()
    if not again and (libc.unshare(_NEW_NAMESPACE) or libc.mount(b"none", b"/", None, _PRIVATE, None)):
        raise OSError(ctypes.get_errno(), "no namespace of its own")
    if libc.mount(b"tmpfs", folder.encode(), b"tmpfs", _AGAIN if again else 0, options):
        raise OSError(ctypes.get_errno(), "no memory disk")
    return 0
