"""A web server of a test, on this machine alone: a folder's files, and whatever a server may do wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Wrong = Callable[[BaseHTTPRequestHandler, bytes], bool]


class Site:
    """The files below a folder; ``wrong`` maps a path to what is done in place of an answer (False: answer too)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wrong: dict[str, Wrong] = {}
        self.asked: list[tuple[str, str]] = []  # method and path
        self.versioned = True
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, *, body: bool) -> None:
                path = self.path.partition("?")[0]
                site.asked.append((self.command, self.path))
                file = site.folder / path.lstrip("/")
                data = file.read_bytes() if file.is_file() else b""
                if path in site.wrong and site.wrong[path](self, data):
                    return
                if file.is_dir():
                    links = "".join(f'<a href="{one.name}">{one.name}</a>' for one in sorted(file.iterdir()))
                    self.give(200, f"{links}<a href='http://elsewhere.invalid/x.tar'>x</a>".encode(), body, "text/html")
                elif file.is_file():
                    self.give(200, data, body, "application/octet-stream", mtime=file.stat().st_mtime_ns)
                else:
                    self.give(404, b"no", body, "text/plain")

            def give(self, status: int, data: bytes, body: bool, kind: str, mtime: int | None = None) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                if mtime is not None and site.versioned:
                    self.send_header("ETag", f'"{mtime:x}"')
                self.end_headers()
                if body:
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"

    @contextmanager
    def served(self) -> Iterator[Site]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def fetched(self) -> list[str]:
        """Paths that were asked for with their bytes, in order."""
        return [path for method, path in self.asked if method == "GET"]


def status(number: int) -> Wrong:
    """An answer without a file."""

    def wrong(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        del data
        handler.send_response(number)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return wrong


def leading_to(address: str) -> Wrong:
    """An answer that leads on to another address."""

    def wrong(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        del data
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return wrong


def cut_short(*, times: int) -> Wrong:
    """A connection that breaks in the middle of the bytes, so many times."""
    left = [times]

    def wrong(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        if handler.command != "GET" or left[0] == 0:
            return False
        left[0] -= 1
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2])
        handler.close_connection = True
        return True

    return wrong


def slow(seconds: float) -> Wrong:
    """Bytes that come late."""

    def wrong(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        del data
        if handler.command == "GET":
            time.sleep(seconds)
        return False

    return wrong


def changing(file: Path, new: bytes) -> Wrong:
    """A file that is another one as soon as it was fetched."""

    def wrong(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        del data
        if handler.command == "GET":
            threading.Timer(0, file.write_bytes, [new]).start()
        return False

    return wrong
