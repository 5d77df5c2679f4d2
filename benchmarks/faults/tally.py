"""What became of each trial, counted by what was damaged; kept in a file, so that a stopped run goes on."""

from __future__ import annotations

import json
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import AuditorError

#: Seconds beyond which a trial counts as hanging.
HANG_SECONDS = 10.0
#: The same for a whole audit, on a machine that does other things as well.
WHOLE_AUDIT_SECONDS = 600.0
OUTCOMES = ("found", "harmless", "silent", "traceback", "hang")


@dataclass
class Tally:
    """Outcomes of one series by what was damaged; a line for each one that must not be."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    journal: Path | None = None  # a line for each trial; those that stand there are not made again
    noted: set[tuple[str, int]] = field(default_factory=set)  # these, by what was damaged and number

    def __post_init__(self) -> None:
        """Read what an earlier run counted."""
        if self.journal is None or not self.journal.exists():
            return
        text = self.journal.read_text()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # killed in the middle of a line: that trial is made again
            self.journal.write_text(whole)
        for line in whole.splitlines():
            what, number, outcome, bad = json.loads(line)
            self.counts.setdefault(what, Counter())[outcome] += 1
            self.noted.add((what, number))
            self.bad += bad

    @property
    def done(self) -> set[int]:
        """Numbers of the trials that an earlier run counted, for series that know only afterwards what was damaged."""
        return {number for _, number in self.noted}

    def trial(self, what: str, number: int, run: Callable[[], str], *, may_take: float = HANG_SECONDS) -> None:
        """Count what ``run`` gives, "found" where it raises one of the program's own errors in one line.

        Where that must not be, what stands behind a colon says more. What an earlier run counted is not run again.
        """
        if (what, number) in self.noted:
            return
        started = time.perf_counter()
        try:
            said = run()
        except AuditorError as error:
            said = "found" if "\n" not in str(error) else f"traceback: {error}"
        except Exception:
            said = f"traceback: {traceback.format_exc(limit=-3)}"
        if time.perf_counter() - started > may_take:
            said = f"hang: {said}"
        outcome = said.partition(":")[0]
        bad = [f"{what}, trial {number}: {said}"] if outcome not in ("found", "harmless") else []
        self.bad += bad
        self.counts.setdefault(what, Counter())[outcome] += 1
        if self.journal is not None:
            with self.journal.open("a") as file:
                file.write(json.dumps([what, number, outcome, bad]) + "\n")

    def table(self) -> str:
        """Markdown."""
        lines = [f"| damaged | trials | {' | '.join(OUTCOMES)} |", "|---|---|" + "---|" * len(OUTCOMES)]
        for what, counts in self.counts.items():
            cells = " | ".join(f"{counts[outcome]:,}" for outcome in OUTCOMES)
            lines.append(f"| {what} | {counts.total():,} | {cells} |")
        return "\n".join(lines)
