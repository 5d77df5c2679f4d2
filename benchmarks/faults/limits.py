"""Hard limits on what one process may take while it reads hostile files, and a look at whether it runs code."""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

#: More than what the process has when it begins.
MOST_BYTES = 2 * 2**30
_SECONDS = 10
#: What a file that runs code would do first, as Python's audit events call it.
_RUNS_CODE = ("os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn", "socket.connect", "subprocess.Popen")


class _Watch:
    """An audit hook can never be taken away, so there is one that is asked to look or not."""

    looks = False
    is_added = False
    seen: ClassVar[list[str]] = []


def _look(event: str, _: object) -> None:
    if _Watch.looks and event in _RUNS_CODE:
        _Watch.seen.append(event)
        raise RuntimeError(f"a file ran code: {event}")


def _late(*_: object) -> None:
    raise TimeoutError(f"over {_SECONDS} seconds")


@contextlib.contextmanager
def hard_limits() -> Iterator[None]:
    """No more than 2 GB on top of what there is, and no process or connection is started."""
    if not _Watch.is_added:
        sys.addaudithook(_look)
        _Watch.is_added = True
    before = resource.getrlimit(resource.RLIMIT_AS)
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + MOST_BYTES, before[1]))
    handler = signal.signal(signal.SIGALRM, _late)
    _Watch.looks = True
    try:
        yield
    finally:
        _Watch.looks = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def code_that_ran() -> list[str]:
    """What was seen since it was last asked; a reader may have swallowed the error."""
    seen, _Watch.seen[:] = list(_Watch.seen), []
    return seen


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """Raise where the block takes over ten seconds."""
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
