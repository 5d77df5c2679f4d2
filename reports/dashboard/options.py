"""What ``auditor dashboard`` hands to the page: the folders and how they may be used."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_BASELINE = Path("baseline.toml")


@dataclass(frozen=True, slots=True)
class Options:
    """How the dashboard was started; the baseline is that of ``auditor gate``."""

    folders: tuple[Path, ...]
    read_only: bool = False
    baseline: Path = DEFAULT_BASELINE
    trust_code: bool = False  # whether files that an audit names may be read, and its code run

    def arguments(self) -> list[str]:
        """The command line that ``read_options`` reads."""
        flags = ["--read-only"] * self.read_only + ["--trust-code"] * self.trust_code
        return [*flags, f"--baseline={self.baseline}", "--", *map(str, self.folders)]


def read_options(arguments: Sequence[str]) -> Options:
    """Options from the script's arguments; without a folder it is ``audits`` here."""
    parser = argparse.ArgumentParser(prog="streamlit run streamlit_app.py --")
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--trust-code", action="store_true")
    parser.add_argument("--baseline", type=Path, default=DEFAULT_BASELINE)
    found = parser.parse_args(list(arguments))
    return Options(tuple(found.folders) or (Path("audits"),), found.read_only, found.baseline, found.trust_code)
