"""The series by their names, each from a seed, in a folder of its own."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from benchmarks.faults.tally import Tally

SERIES = ("gate", "kills", "disk", "commands", "files", "decisions", "healed", "inputs")
#: Healing audits the pictures again, which takes seconds.
_TRIALS_A_HEALING = 50


def measured(series: str, *, trials: int, seed: int, work: Path | None = None) -> Tally:
    """Make the trials of one series.

    Args:
        series: one of ``SERIES``.
        trials: of each kind.
        seed: of every random choice.
        work: where trials are noted, so that a stopped run goes on.
    """
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    tally = Tally(journal=None if work is None else work / f"{series}-{seed}.jsonl")
    logger = logging.getLogger("auditor")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory(prefix="auditor-faults-") as temporary:
            _measure(series, Path(temporary), tally, trials, seed)
    finally:
        logger.setLevel(level)
    return tally


def _measure(series: str, work: Path, tally: Tally, trials: int, seed: int) -> None:
    if series in ("kills", "disk", "commands"):  # before anything has started threads, which a forked process loses
        from benchmarks.faults.commands import commands
        from benchmarks.faults.full_disk import full_disks
        from benchmarks.faults.kills import kills

        forking = {"kills": kills, "disk": full_disks, "commands": commands}
        forking[series](work, tally, trials=trials, seed=seed)
        return
    from benchmarks.faults import bits
    from benchmarks.faults.fuzzing import fuzzed_inputs
    from benchmarks.faults.gate_attempts import gate_attempts
    from benchmarks.faults.sample_audit import sample_audit

    if series == "gate":
        gate_attempts(work, tally)
    elif series == "inputs":
        fuzzed_inputs(work, trials=trials, seed=seed, tally=tally)
    else:
        audit, config = sample_audit(work)
        if series == "files":
            bits.damaged_files(audit, config.cache_folder, work, trials=trials, seed=seed, tally=tally)
        elif series == "decisions":
            bits.damaged_decisions(audit, work, trials=trials, seed=seed, tally=tally)
        else:
            bits.healed(audit, config, work, trials=max(1, trials // _TRIALS_A_HEALING), seed=seed, tally=tally)
