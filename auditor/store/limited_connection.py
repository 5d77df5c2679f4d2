"""A connection whose statements are stopped after a while: the file that they read may come from anybody."""

from __future__ import annotations

import atexit
import threading
import time
from pathlib import Path
from typing import Any, cast

import duckdb

from auditor.errors import StoreError

#: Seconds that any one statement may take, and how many more for each byte of the file.
STATEMENT_SECONDS = 10.0
_SECONDS_A_BYTE = 5e-7
_WATCH_SECONDS = 0.25


class _Watch:
    """One thread for all connections, which stops statements that take too long; a timer for each costs too much."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, tuple[float, duckdb.DuckDBPyConnection]] = {}
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        atexit.register(self._end)

    def begin(self, connection: duckdb.DuckDBPyConnection, seconds: float) -> None:
        with self._lock:
            self._running[id(connection)] = (time.monotonic() + seconds, connection)
            if self._thread is None or not self._thread.is_alive():  # not there in a forked process
                self._thread = threading.Thread(target=self._look, name="statements", daemon=True)
                self._thread.start()

    def end(self, connection: duckdb.DuckDBPyConnection) -> None:
        with self._lock:
            self._running.pop(id(connection), None)

    def _end(self) -> None:
        """A thread that outlives the program would keep DuckDB's objects from being let go."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_WATCH_SECONDS):
            self._stop_late()

    def _stop_late(self) -> None:
        """A function of its own: a name that stayed while the thread waits would keep a file open that all let go."""
        with self._lock:  # so that it is this statement that is stopped, and not the next one
            for deadline, connection in self._running.values():
                if time.monotonic() > deadline:
                    connection.interrupt()


_WATCH = _Watch()


class LimitedConnection:
    """A connection none of whose calls takes longer than ``seconds``; what it returns is what DuckDB returns.

    ``audit_file`` is the file as it was asked for: of an older audit a migrated copy is open.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, seconds: float, audit_file: Path) -> None:
        self._connection, self._seconds, self.audit_file = connection, seconds, audit_file

    def __enter__(self) -> LimitedConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def cursor(self) -> LimitedConnection:
        """Another connection to the same file, limited alike."""
        return LimitedConnection(self._connection.cursor(), self._seconds, self.audit_file)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._connection, name)
        if not callable(attribute) or name in ("close", "interrupt"):
            return attribute

        def limited(*args: Any, **kwargs: Any) -> Any:
            _WATCH.begin(self._connection, self._seconds)
            try:
                result = attribute(*args, **kwargs)
            except duckdb.InterruptException as error:
                raise StoreError(
                    f"a statement on the audit's file took more than {self._seconds:.0f} seconds and was stopped: it "
                    "holds more than an audit does, or this machine is busy; try again, or make the audit again"
                ) from error
            finally:
                _WATCH.end(self._connection)
            return self if result is self._connection else result

        return limited


def limited(connection: duckdb.DuckDBPyConnection, path: Path, audit_file: Path) -> duckdb.DuckDBPyConnection:
    """The connection to the file at ``path``, with a limit on the time of each statement.

    ``audit_file`` is the file that the caller wants to read, where ``path`` is a copy of it.
    """
    seconds = STATEMENT_SECONDS + _SECONDS_A_BYTE * path.stat().st_size
    return cast(duckdb.DuckDBPyConnection, LimitedConnection(connection, seconds, audit_file))
