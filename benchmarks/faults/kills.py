"""``kill -9`` at a random moment of ``auditor run``, from its first line to its last; then ``--resume``."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

from auditor.config import AuditConfig
from auditor.store.manifest import MANIFEST_NAME
from benchmarks.faults.forked_run import arguments_of, contents_of, ended, forked, import_all, run_here
from benchmarks.faults.sample_audit import sample_settings
from benchmarks.faults.tally import WHOLE_AUDIT_SECONDS, Tally


def kills(work: Path, tally: Tally, *, trials: int, seed: int) -> None:
    """Kill and resume; an audit that says anything else than the undisturbed one counts as silent."""
    config = sample_settings(work / "killed", per_class=20)
    whole = config.model_copy(update={"out": work / "whole", "cache": work / "whole-cache"})
    import_all(config.model_copy(update={"out": work / "first"}), work)
    shutil.rmtree(config.cache_folder)
    started = time.perf_counter()
    code, expected = _audited(whole, work)
    duration = time.perf_counter() - started
    if code:
        raise RuntimeError(f"the undisturbed audit ended with {code}: {expected}")
    for trial in sorted(set(range(trials)) - tally.done):
        moment = random.Random(f"{seed} kill {trial}").uniform(0, duration)
        child = forked(lambda: run_here(arguments_of(config)), work / "said.txt")
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        was_over = ended(child) == 0
        finished = was_over or (config.out / MANIFEST_NAME).exists()
        tally.trial(
            "kill -9 after it was finished" if finished else f"kill -9 {_stage(config)}",
            trial,
            lambda: _resumed(config, work, expected),
            may_take=WHOLE_AUDIT_SECONDS,
        )
        shutil.rmtree(config.out, ignore_errors=True)
        shutil.rmtree(config.cache_folder, ignore_errors=True)


def _stage(config: AuditConfig) -> str:
    """How far a run had come, by what lies in its folder."""
    if not config.out.exists():
        return "before anything was written"
    names = {path.name.partition(".tmp")[0] for path in config.out.rglob("*")}
    if "audit.duckdb" in names:
        return "while the audit was written"
    if any(name.endswith(".parquet") for name in names):
        return "while the evidence was weighed"
    return "while features were extracted"


def _resumed(config: AuditConfig, work: Path, expected: str) -> str:
    code, found = _audited(config, work, "--resume")
    if "Traceback" in found:
        return f"traceback: {found}"
    return "found" if code == 0 and found == expected else f"silent: {code}, {found}"


def _audited(config: AuditConfig, work: Path, *flags: str) -> tuple[int, str]:
    """Exit code of ``auditor run``, and the contents of what it made, or what it said."""
    said, contents = work / "said.txt", work / "contents.json"
    contents.unlink(missing_ok=True)

    def act() -> int:
        code = run_here(arguments_of(config, *flags))
        if code == 0:
            contents.write_text(contents_of(config.out))
        return code

    code = ended(forked(act, said))
    return code, contents.read_text() if contents.exists() else said.read_text(errors="replace")
