"""Bars where a person looks on, and elsewhere a line now and then."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from auditor import progress
from auditor.progress import progress_bars


@pytest.fixture
def terminal(monkeypatch):
    """What a terminal of 100 columns on stderr gets."""
    stream = io.StringIO()

    def console(*, stderr):
        assert stderr
        return Console(file=stream, force_terminal=True, width=100, color_system=None, force_interactive=True)

    monkeypatch.setattr(progress, "Console", console)
    return stream


def last_line(stream, stage):
    """The line of a stage as it stood last."""
    return [line for line in stream.getvalue().splitlines() if stage in line][-1]


def test_quiet_draws_nothing(terminal):
    with progress_bars(quiet=True) as on_progress:
        assert on_progress is None
    assert terminal.getvalue() == ""


def test_without_a_terminal_what_is_done_soon_is_silent(capsys):
    with progress_bars(quiet=False) as on_progress:
        on_progress("pictures", 1, 2)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_without_a_terminal_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.005)
    with progress_bars(quiet=False) as on_progress:
        on_progress("pictures", 256, 1024)
        time.sleep(0.05)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "pictures: 256 of 1,024 (25 %); 0 s so far" in captured.err.splitlines()


def test_a_line_says_what_is_left_at_the_speed_of_this_run(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    lines = progress._Lines()
    clock[0] = 131.0
    assert lines.line() == "loading; 31 s so far"
    lines.on_progress("pictures", 500, 2000)  # extracted before
    assert lines.line() == "pictures: 500 of 2,000 (25 %); 31 s so far"
    clock[0] = 141.0
    lines.on_progress("pictures", 600, 2000)  # 10 a second
    clock[0] = 151.0
    assert lines.line() == "pictures: 600 of 2,000 (30 %), 2 min 20 s left; 51 s so far"
    lines.on_progress("pictures", 2000, 2000)  # and loading what comes next may take minutes
    assert lines.line() == "pictures: all 2,000 done; 51 s so far"
    lines.on_progress("words", 100, 300)  # a stage has its own speed
    assert lines.line() == "words: 100 of 300 (33 %); 51 s so far"
    lines.on_progress("maps", 0, 0)
    assert lines.line() == "maps: 0 of 0 (0 %); 51 s so far"


def test_one_bar_per_stage_with_counts(terminal, capsys):
    with progress_bars(quiet=False) as on_progress:
        on_progress("pictures", 256, 300)
        on_progress("pictures", 300, 300)
        on_progress("words", 100, 300)
    assert "300/300" in last_line(terminal, "pictures")
    assert "100/300" in last_line(terminal, "words")
    assert capsys.readouterr().out == ""


def test_a_total_that_grows_is_followed(terminal):
    with progress_bars(quiet=False) as on_progress:
        on_progress("maps", 1, 2)
        on_progress("maps", 3, 4)
    assert "3/4" in last_line(terminal, "maps")


def test_the_bars_end_when_the_work_fails(terminal):
    def work():
        with progress_bars(quiet=False) as on_progress:
            on_progress("pictures", 1, 2)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        work()
    assert terminal.getvalue().endswith("\x1b[?25h")  # the cursor is shown again


@pytest.mark.parametrize(("speed", "text"), [(None, ""), (12.4, "12/s"), (0.0, "")])
def test_rate(speed, text):
    task = SimpleNamespace(finished_speed=None, speed=speed)
    assert progress._RateColumn().render(task).plain == text


def test_the_rate_of_a_finished_stage_is_kept():
    task = SimpleNamespace(finished_speed=8.0, speed=None)
    assert progress._RateColumn().render(task).plain == "8/s"
