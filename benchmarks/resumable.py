"""Long runs that were stopped and go on: tasks that are waiting are finished one by one, each result kept whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

Task = TypeVar("Task")


def finish_all(waiting: Sequence[Task], finish: Callable[[Task], str], *, jobs: int) -> None:
    """Finish every task, in so many processes, and print what each says."""
    if jobs == 1 or len(waiting) < 2:
        for task in waiting:
            print(finish(task), flush=True)
    else:
        with ProcessPoolExecutor(min(jobs, len(waiting)), mp_context=get_context("spawn")) as workers:
            for line in workers.map(finish, waiting):
                print(line, flush=True)


def keep(path: Path, outcome: dict[str, Any]) -> None:
    """Write an outcome, whole or not at all."""
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
