"""Files changed at random and loaded under hard limits."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from auditor.errors import AuditorError, ModelError
from benchmarks.faults.limits import code_that_ran, hard_limits, in_time
from benchmarks.faults.sample_audit import sample_audit
from benchmarks.faults.settings_files import settings_files
from benchmarks.faults.tally import Tally
from benchmarks.faults.untrusted_files import Untrusted, audit_files, pictures, small_stores, weights

#: Of a whole audit, which takes a tenth of a second, one for so many others.
_TRIALS_AN_AUDIT = 20


#: What is put in the place of values and names.
_ODD = (
    '"\\u0000"', "1e999", "-1", "nan", "9999-12-31", "0001-01-01", '"\\u200b"', "[]", "{}", "true", '""', '"~nobody/x"',
    "9" * 30, '"' + "x" * 5000 + '"', "[" * 200, '"\\ud800"', "2030-02-30", "1979-05-27T07:32:00Z", '"*"', '"[a"',
)  # fmt: skip


def mutated(content: bytes, rng: random.Random, *, is_text: bool) -> bytes:
    """A few changes: bits, bytes and parts, of text values as well."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(12 if is_text else 4)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at:at] = rng.randbytes(rng.randint(1, 4))
        elif kind == 2:
            del changed[at : at + rng.randint(1, 40)]
        elif kind == 3:
            changed[at:at] = changed[rng.randrange(len(changed) + 1) :][:40]
        elif kind == 4:
            changed[at:at] = rng.choice(_ODD).encode()
        else:  # another value in a line
            lines = bytes(changed).split(b"\n")
            line = rng.randrange(len(lines))
            name, sign, _ = lines[line].partition(b"=")
            if sign:
                lines[line] = name + b"= " + rng.choice(_ODD).encode()
            else:
                cells = lines[line].split(b",")
                cells[rng.randrange(len(cells))] = rng.choice(_ODD).strip('"').encode("utf-8", "surrogatepass")
                lines[line] = b",".join(cells)
            changed = bytearray(b"\n".join(lines))
    return bytes(changed)


def fuzzed_inputs(work: Path, *, trials: int, seed: int, tally: Tally) -> None:
    """Load changed files of every kind."""
    audit, _ = sample_audit(work / "sample")
    cheap = {**settings_files(), **pictures(), **weights(), **small_stores(work)}
    with hard_limits():
        for what, kind in cheap.items():
            _fuzz(what, kind, work, trials, seed, tally)
        for what, kind in audit_files(audit, work).items():
            _fuzz(what, kind, work, max(1, trials // _TRIALS_AN_AUDIT), seed, tally)


def _fuzz(what: str, kind: Untrusted, work: Path, trials: int, seed: int, tally: Tally) -> None:
    name, content, load = kind
    path = work / name
    path.write_bytes(content)
    with contextlib.suppress(ModelError):  # of a pickle with code
        load(path)  # the valid one
    is_text = content.isascii()
    for trial in range(trials):
        path.write_bytes(mutated(content, random.Random(f"{seed} {what} {trial}"), is_text=is_text))
        tally.trial(what, trial, partial(_loaded, load, path))
    path.unlink(missing_ok=True)


def _loaded(load: Callable[[Path], object], path: Path) -> str:
    outcome = "harmless"
    try:
        with in_time():
            load(path)
    except AuditorError as error:
        outcome = "found" if "\n" not in str(error) else f"traceback: {error}"
    ran = code_that_ran()
    return f"silent: code ran, {ran}" if ran else outcome
