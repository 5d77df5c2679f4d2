"""Changed files given to the command line, each in a process of its own: exit code 0, 1 or 2, and no traceback."""

from __future__ import annotations

import random
import re
import shutil
from functools import partial
from pathlib import Path

from auditor.store.manifest import DATABASE_NAME, MANIFEST_NAME
from benchmarks.faults.forked_run import ended, forked, import_all, run_here
from benchmarks.faults.fuzzing import mutated
from benchmarks.faults.sample_audit import sample_settings
from benchmarks.faults.settings_files import settings_files
from benchmarks.faults.tally import Tally

_ERROR = re.compile(r"^error: .", re.MULTILINE)


def commands(work: Path, tally: Tally, *, trials: int, seed: int) -> None:
    """As many invocations as there are trials, in turn of each kind."""
    config = sample_settings(work / "sample", per_class=20)
    import_all(config, work)
    audit, valid, copy = config.out, settings_files(), work / "copy"
    gate, out = ["gate", str(copy)], ["--out", str(work / "out"), "--model", "sample:planted", "--encoder", "sample"]
    kinds: list[tuple[str, Path, bytes, list[str]]] = []
    for what, flag, arguments in (
        ("settings", "--config", ["run"]),
        ("manifest, CSV", "--data", ["run", *out]),
        ("manifest, Parquet", "--data", ["run", *out]),
        ("vocabulary", "--vocabulary", ["run", *out, "--data", str(config.data)]),
        ("class map, TOML", "--class-map", ["run", *out, "--data", str(config.data)]),
        ("preprocessing", "--preprocess", ["run", *out, "--data", str(config.data)]),
        ("policy", "--policy", gate),
        ("baseline", "--baseline", gate),
    ):
        name, content, _ = valid[what]
        kinds.append((what, work / name, content, [*arguments, flag, str(work / name)]))
    for name in (MANIFEST_NAME, DATABASE_NAME):
        for command in ("gate", "report", "verify"):
            kinds.append((f"{command}, {name}", copy / name, (audit / name).read_bytes(), [command, str(copy)]))
    for trial in sorted(set(range(trials)) - tally.done):
        what, path, content, arguments = kinds[trial % len(kinds)]
        shutil.copytree(audit, copy)
        rng = random.Random(f"{seed} command {trial}")
        path.write_bytes(mutated(content, rng, is_text=content.isascii()))
        tally.trial(f"command line: {what}", trial, partial(_run, arguments, work), may_take=60)
        shutil.rmtree(copy)
        shutil.rmtree(work / "out", ignore_errors=True)


def _run(arguments: list[str], work: Path) -> str:
    said = work / "said.txt"
    code = ended(forked(lambda: run_here(arguments), said))
    text = said.read_text(errors="replace")
    if "Traceback" in text or code not in (0, 1, 2):
        return f"traceback: {arguments[0]} ended with {code}: {text[-1500:]}"
    if code == 2 and arguments[0] == "run" and len(_ERROR.findall(text)) != 1:
        return f"silent: {arguments[0]} ended with 2 and said {text[-500:]!r}"
    return "found" if code == 2 else "harmless"
