"""Bars where a person looks on, nothing elsewhere."""

from __future__ import annotations

import io
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


def test_without_a_terminal_nothing_is_drawn(capsys):
    with progress_bars(quiet=False) as on_progress:
        assert on_progress is None
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


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
