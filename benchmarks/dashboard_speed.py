"""Seconds of the dashboard on a large audit, measured in a browser, and the server's memory, against the bars.

``python -m benchmarks.dashboard_speed [--images N] [--classes C] [--audits DIR] [--repeat K] [--output FILE.json]``
writes two audits (:mod:`benchmarks.big_audit`) with an index of pictures unless they are there, starts ``auditor
dashboard`` on them, and walks through all views by links in Chromium. The first view is timed from the address to the
end of the page's first run at a server that was just started; a click from the browser's message to the server's word
that it is done. Each click is made K times, its median counts. The same is asked of a page of Streamlit's that says one
word: what no page can be faster than. The audits' encoder does not exist, so nothing of an encoder is in the memory:
resident pages of the server's process, the highest after any step.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import faiss
import numpy as np
from playwright.sync_api import Page, sync_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from auditor.store.embedding_index import INDEX_NAME
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.audit import Connection
from benchmarks.big_audit import DIM
from benchmarks.machine import write_result
from benchmarks.report_speed import audit_of, n_kept

#: Of the issue: seconds of the first view, of the median click, and mebibytes of the server.
BAR_FIRST, BAR_CLICK, BAR_MEBIBYTES = 2.0, 0.5, 500.0
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
#: A link of the page's own kind to any place, followed as a person's click follows it.
_FOLLOW = """(url) => {
    const link = document.createElement("a");
    link.href = url;
    document.querySelector(".au").append(link);
    link.click();
    link.remove();
}"""
#: A page that does nothing, with the links' script that the dashboard has.
_EMPTY = """import streamlit as st
from reports.dashboard.guard import own_script
st.html(f"<script>{own_script()}</script>", unsafe_allow_javascript=True)
st.html('<div class="au"><h1>nothing</h1></div>')
"""
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Click:
    """One way of the walk: the seconds that the server took, each time, and the server's memory after it."""

    view: str
    url: str
    seconds: tuple[float, ...]
    median: float
    mebibytes: float
    within_bar: bool


@dataclass  # without slots: Playwright notes on a handler's object that it handles
class Wire:
    """What goes between browser and server: when the last run was asked for, and when it was done."""

    asked: float = 0.0
    done: float = 0.0
    failed: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Take the browser's own times."""
        session = page.context.new_cdp_session(page)
        session.on("Network.webSocketFrameSent", self._sent)
        session.on("Network.webSocketFrameReceived", self._received)
        session.send("Network.enable")

    def _sent(self, event: dict[str, Any]) -> None:
        self.asked = event["timestamp"]

    def _received(self, event: dict[str, Any]) -> None:
        message = ForwardMsg.FromString(base64.b64decode(event["response"]["payloadData"]))
        kind = message.WhichOneof("type")
        # A run that asks for another one is not the end of it.
        if kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self.done = event["timestamp"]
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
            self.failed.append(message.delta.new_element.exception.message)

    def wait(self, page: Page, since: float) -> None:
        """Until a run that began after ``since`` is done."""
        end = time.monotonic() + _PATIENCE
        while not (self.asked > since and self.done > self.asked):
            if time.monotonic() > end:
                raise TimeoutError(f"{page.url} was not drawn in {_PATIENCE:.0f} s")
            page.wait_for_timeout(10)


def walk(connection: Connection, audit: str, other: str) -> list[tuple[str, dict[str, object]]]:
    """Places of all views with the worst class, one after the other as a reviewer goes."""
    (name, concept), *_ = connection.execute(
        "SELECT class_name, concept_id FROM verdicts WHERE verdict = 'flagged' ORDER BY class_idx"
    ).fetchall()
    ids = [row[0] for row in connection.execute("SELECT image_id FROM images ORDER BY image_idx LIMIT 2").fetchall()]
    on = {"class": name}
    places: list[tuple[str, dict[str, object]]] = [
        ("overview", {}),
        ("overview", {"sort": "gap"}),
        ("overview", {"verdict": "flagged", "find": "class 00"}),
        ("class", on),
        ("class", {**on, "page": 2}),
        ("class", {**on, "opacity": 80}),
        ("concept", {"concept": concept}),
        ("concept", {"concept": concept, "page": 3}),
        ("groups", {}),
        ("groups", {"group": 3}),
        ("picture", {**on, "concept": concept, "picture": ids[0]}),
        ("picture", {**on, "concept": concept, "picture": ids[1]}),
        ("search", {}),
        ("search", {"like": ids[0]}),
        ("search", {"like": ids[0], "page": 2}),
        ("compare", {"other": other}),
        ("compare", {"other": other, **on}),
        ("review", {}),
        ("review", {**on, "concept": concept}),
        ("audits", {}),
    ]
    return [(view, {"audit": audit, "view": view, **rest}) for view, rest in places]


@contextmanager
def server(audits: Sequence[Path], folder: Path) -> Iterator[tuple[str, int]]:
    """``auditor dashboard`` at a free port, or without audits the empty page; its address and the process's id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "auditor.cli", "dashboard", *map(str, audits), "--port", str(port)]
    if not audits:
        (folder / "empty.py").write_text(_EMPTY, encoding="utf-8")
        words = [sys.executable, "-m", "streamlit", "run", "empty.py", "--server.headless", "true"]
        words += ["--server.port", str(port), "--browser.gatherUsageStats", "false"]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
        try:
            _until_healthy(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}/", process.pid
        finally:
            process.terminate()
            process.wait(30)


def _until_healthy(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the dashboard ended with {process.returncode}")
        try:
            with urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the dashboard did not start")


def resident_mebibytes(pid: int) -> float:
    """Of the process, now."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(shown.stdout) / 2**10


def searchable_audits(folder: Path, n_images: int, n_classes: int) -> tuple[Path, Path]:
    """Two releases, each with an index of pictures; what lies in the folder is kept."""
    old, new = (audit_of(folder, release, n_images, n_classes).resolve() for release in (0, 1))
    for audit in (old, new):
        _add_index(audit, n_images)
    return old, new


def _add_index(audit: Path, n_images: int) -> None:
    """An index of pictures, drawn at random, unless it is there."""
    if (audit / INDEX_NAME).exists():
        return
    rng, index = np.random.default_rng(0), faiss.IndexFlatIP(DIM)
    for start in range(0, n_images, 10_000):
        rows = rng.standard_normal((min(10_000, n_images - start), DIM), dtype=np.float32)
        index.add(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    faiss.write_index(index, str(audit / INDEX_NAME))


def measure(old: Path, new: Path, work: Path, repeat: int) -> tuple[float, list[Click]]:
    """Seconds of the first view, and all clicks of the walk."""
    with open_audit_database(old) as connection:
        places = walk(connection, old.name, new.name)
    return _walked((old, new), places, work, repeat)


def _walked(
    audits: Sequence[Path], places: Sequence[tuple[str, dict[str, object]]], work: Path, repeat: int
) -> tuple[float, list[Click]]:
    with server(audits, work) as (address, pid), sync_playwright() as driver:
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=found, args=list(_ARGUMENTS))
        page, wire = browser.new_page(viewport={"width": 1400, "height": 900}), Wire()
        page.goto("about:blank")
        wire.watch(page)
        begun = time.monotonic()
        page.goto(f"{address}?{urlencode(places[0][1])}")
        wire.wait(page, 0.0)
        page.wait_for_selector(".au h1, .au h2")
        first = time.monotonic() - begun
        taken: dict[int, list[float]] = {}
        mebibytes: dict[int, float] = {}
        for _ in range(repeat):
            for number, (_, params) in enumerate(places):
                since = wire.asked
                page.evaluate(_FOLLOW, f"?{urlencode(params)}")
                wire.wait(page, since)
                taken.setdefault(number, []).append(wire.done - wire.asked)
                page.wait_for_timeout(150)  # the browser draws, and asks for pictures
                mebibytes[number] = max(mebibytes.get(number, 0.0), resident_mebibytes(pid))
        browser.close()
        if wire.failed:
            raise RuntimeError(f"a view failed: {wire.failed[0]}")
    clicks = []
    for number, (view, params) in enumerate(places):
        seconds, rest = taken[number], {key: value for key, value in params.items() if key not in ("audit", "view")}
        median = statistics.median(seconds)
        rounded = tuple(round(one, 3) for one in seconds)
        clicks.append(
            Click(view, urlencode(rest), rounded, round(median, 3), round(mebibytes[number]), median <= BAR_CLICK)
        )
    return first, clicks


def _median(clicks: Sequence[Click]) -> float:
    return statistics.median(second for one in clicks for second in one.seconds)


def main() -> None:
    """Measure, print a table, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--audits", type=Path, help="where the two audits are, or are to be kept")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        kept = n_kept(given.audits or work, given.images, given.classes)
        old, new = searchable_audits(given.audits or work, given.images, given.classes)
        empty = _walked((), [("empty", {"click": number}) for number in range(4)], work, given.repeat)
        first, clicks = measure(old, new, work, given.repeat)
    print(f"first view {first:.2f} s{'' if first <= BAR_FIRST else '  over the bar'}")
    for one in clicks:
        mark = "" if one.within_bar else "  over the bar"
        print(f"{one.view:10} {one.url:60.60} {one.median:6.3f} s {one.mebibytes:6,.0f} MiB{mark}")
    median, median_empty = (_median(of) for of in (clicks, empty[1]))
    highest = max(one.mebibytes for one in clicks)
    print(f"median click {median:.3f} s, server {highest:,.0f} MiB")
    print(f"an empty page of Streamlit's: first view {empty[0]:.2f} s, median click {median_empty:.3f} s")
    if given.output:
        result = {
            "images": given.images,
            "classes": given.classes,
            "load_average": [round(one, 1) for one in os.getloadavg()],
            "bars": {"first_view": BAR_FIRST, "click": BAR_CLICK, "mebibytes": BAR_MEBIBYTES},
            "first_view": round(first, 2),
            "median_click": round(median, 3),
            "empty_page": {"first_view": round(empty[0], 2), "median_click": round(median_empty, 3)},
            "mebibytes": highest,
            "clicks": [asdict(one) for one in clicks],
        }
        write_result(given.output, result, reused={"audits": kept})


if __name__ == "__main__":
    main()
