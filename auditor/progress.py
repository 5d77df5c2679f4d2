"""How far the work is, on stderr: bars with the time left in a terminal, elsewhere (a log, CI) a line now and then."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from auditor.figures import duration, percent
from auditor.records import Progress as OnProgress

#: Between two lines where nobody draws bars.
_LINE_SECONDS = 30.0


class _RateColumn(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f}/s" if speed else "", style="dim")


class _Lines:
    """What a log is told: the stage, how much of it is done, and how long the rest takes at its speed so far."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._stage: tuple[str, int, int] | None = None
        self._first, self._latest = (self._begun, 0), (self._begun, 0)  # (second, steps done) of the stage

    def on_progress(self, stage: str, done: int, total: int) -> None:
        now = (time.monotonic(), done)
        if self._stage is None or self._stage[0] != stage:
            self._first = now  # what was done before is no speed of this run
        self._latest, self._stage = now, (stage, done, total)

    def line(self) -> str:
        since = f"{duration(time.monotonic() - self._begun)} so far"
        if self._stage is None:
            return f"loading; {since}"
        stage, done, total = self._stage
        if 0 < total <= done:  # what follows counts nothing, such as loading a model
            return f"{stage}: all {total:,} done; {since}"
        (start, before), (end, _) = self._first, self._latest
        left = f", {duration((total - done) * (end - start) / (done - before))} left" if done > before else ""
        return f"{stage}: {done:,} of {total:,} ({percent(done / max(total, 1))}){left}; {since}"


@contextlib.contextmanager
def progress_bars(quiet: bool) -> Iterator[OnProgress | None]:
    """Give the callback that draws one bar per stage, or tells a log every half minute; None where nothing is told."""
    if quiet:
        yield None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        with _told_regularly(console) as on_progress:
            yield on_progress
        return
    columns = (
        TextColumn("{task.description:>12}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as bars:
        tasks = {}

        def on_progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield on_progress


@contextlib.contextmanager
def _told_regularly(console: Console) -> Iterator[OnProgress]:
    """A thread tells it, so that a stage that takes long and counts nothing is no silence that CI ends."""
    lines, ended = _Lines(), threading.Event()

    def tell() -> None:
        while not ended.wait(_LINE_SECONDS):
            console.out(lines.line(), highlight=False)

    teller = threading.Thread(target=tell, name="progress", daemon=True)
    teller.start()
    try:
        yield lines.on_progress
    finally:
        ended.set()
        teller.join()
