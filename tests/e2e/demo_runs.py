"""The real command, and the demo that several files of these tests read."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

#: What the classifier sample:planted was trained to rely on.
PLANTED = {"waterbird": "water", "vehicle": "watermark", "landbird": "forest"}
#: And sample:stamped, which no word of the vocabulary names.
UNNAMED = {"waterbird": "JPEG quality = 6", "vehicle": "bottom right corner"}


@dataclass(frozen=True)
class Demo:
    """A finished ``auditor demo``: the folders planted, balanced, stamped and cache, and what it printed."""

    folder: Path
    stdout: str

    def part(self, name: str) -> str:
        """What the demo printed of one of its audits."""
        return self.stdout.partition(f"\n{name}: ")[2].partition("\nreport with pictures: ")[0]


def auditor(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "auditor.cli", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "100"},
    )
