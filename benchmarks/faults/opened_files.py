"""What a process opens and changes on a disk, each opening held until it was looked at (Linux's fanotify).

It sees what is written by DuckDB, Arrow, SQLite and FAISS themselves as well as what Python writes.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.forked_run import ended, forked

#: Flags of fanotify_init and fanotify_mark, and what is told of a file: see the kernel's uapi/linux/fanotify.h.
_MAY_DECIDE, _NO_LIMIT = 0x4, 0x10
_ADD, _WHOLE_MOUNT = 0x1, 0x10
_CHANGED, _CLOSED, _OPENING = 0x2, 0x8, 0x10000
_EVENT = struct.Struct("=IBBHQii")
_ANSWER = struct.Struct("=iI")
_ALLOWED = 1
_HERE = -100
_BUFFER = 1 << 16


def watched(
    disk: Path,
    act: Callable[[], int],
    said: Path,
    *,
    on_opening: Callable[[str], None],
    on_change: Callable[[str, int], None],
) -> int:
    """Run ``act`` in a child whose files on a disk are watched; its exit code.

    Args:
        disk: Where a file system is mounted.
        act: What the child does; see :func:`benchmarks.faults.forked_run.forked`.
        said: File of the child's output.
        on_opening: Called with the path before a file is opened, or made; the child waits for its end.
        on_change: Called with path and size in bytes, soon after a file was changed.

    Raises:
        OSError: this system does not let us watch.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]
    watch = libc.fanotify_init(_MAY_DECIDE | _NO_LIMIT, os.O_RDONLY | os.O_CLOEXEC)
    what = _CHANGED | _CLOSED | _OPENING
    if watch < 0 or libc.fanotify_mark(watch, _ADD | _WHOLE_MOUNT, what, _HERE, str(disk).encode()):
        raise OSError(ctypes.get_errno(), "no watch over the files of a disk")

    def alone() -> int:
        os.close(watch)  # else nobody would let the child go on if this process ended
        return act()

    child = forked(alone, said)
    over = os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([watch, over], [], [])
        if watch not in ready:
            break
        events = os.read(watch, _BUFFER)
        while events:
            length, _, _, _, mask, file, _ = _EVENT.unpack_from(events)
            events = events[length:]
            path = str(Path(f"/proc/self/fd/{file}").readlink()).removesuffix(" (deleted)")
            if mask & (_CHANGED | _CLOSED):
                on_change(path, os.fstat(file).st_size)
            if mask & _OPENING:
                on_opening(path)
                os.write(watch, _ANSWER.pack(file, _ALLOWED))
            os.close(file)
    os.close(over)
    os.close(watch)
    return ended(child)
