"""Seconds and peak memory of what reads a large audit, each in a process of its own, against the bars.

``python -m benchmarks.report_speed [--images N] [--classes C] [--repeat K] [--audits DIR] [--only NAME ...]
[--output FILE.json]``; writes two audits (:mod:`benchmarks.big_audit`) unless they are there. The figures are those of
the fastest of K runs: the others had to wait for something else. Seconds mean little where the load average is above
the number of cores; seconds of processor then say what a command would take.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from auditor.store.manifest import is_complete
from benchmarks.big_audit import write_big_audit
from benchmarks.machine import write_result
from reports.formats import ReportFormat

#: Of docs: seconds for all but HTML, for HTML, and mebibytes.
BAR_SECONDS, BAR_SECONDS_HTML, BAR_MEBIBYTES = 5.0, 20.0, 1024.0
_CONCEPTS = 477
#: A process that starts nothing else: what is forked begins with the memory of whoever forks it.
_ASK = """
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
taken = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
print(taken, used.ru_utime + used.ru_stime, peak, code)
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a command took, and whether that is within the bars; ``exit_code`` 1 is a gate that found something."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_mebibytes: float
    output_mebibytes: float
    exit_code: int
    within_bars: bool
    message: str


def commands(old: Path, new: Path, work: Path) -> dict[str, list[str]]:
    """What is timed, by name; every output goes to a file."""
    listed = {f"report {one}": ["report", str(new), "--format", one] for one in ReportFormat}
    policy = work / "policy.toml"
    policy.write_text('may_skip = ["class *"]\n', encoding="utf-8")
    gate = ["gate", str(new), "--policy", str(policy)]
    listed |= {"gate": gate, "gate sarif": [*gate, "--format", "sarif"], "gate against": [*gate, "--against", str(old)]}
    listed |= {f"diff {one}": ["diff", str(old), str(new), "--format", one] for one in ("text", "json", "markdown")}
    listed |= {"export": ["export", str(new)]}
    return {name: [*words, "--output", str(_output(work, name))] for name, words in listed.items()}


def _output(work: Path, name: str) -> Path:
    return work / f"output-{name.replace(' ', '-')}"


def measure(name: str, words: list[str], work: Path, repeat: int) -> Figure:
    """The fastest of ``repeat`` runs, and the largest peak."""
    seconds, cpu, peak, code, message = float("inf"), float("inf"), 0.0, 0.0, ""
    written = _output(work, name)
    for _ in range(repeat):
        if written.is_dir():  # an export is written into an empty folder
            shutil.rmtree(written)
        command = [sys.executable, "-c", _ASK, sys.executable, "-m", "auditor.cli", *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=work)
        wall, busy, memory, code = (float(part) for part in done.stdout.split())
        seconds, cpu, peak = min(seconds, wall), min(cpu, busy), max(peak, memory)
        message = " ".join(done.stderr.splitlines()[-1:])
    bar = BAR_SECONDS_HTML if name.endswith("html") else BAR_SECONDS
    within = code in (0, 1) and seconds <= bar and peak <= BAR_MEBIBYTES
    said = message if code not in (0, 1) else ""
    size = round(_size(written), 2)
    return Figure(name, round(seconds, 2), round(cpu, 2), round(peak), size, int(code), within, said)


def _size(path: Path) -> float:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else []
    return sum(one.stat().st_size for one in files) / 2**20


def n_kept(folder: Path, n_images: int, n_classes: int) -> int:
    """How many of the two releases' audits are there already."""
    return sum(is_complete(_audit_folder(folder, release, n_images, n_classes)) for release in (0, 1))


def _audit_folder(folder: Path, release: int, n_images: int, n_classes: int) -> Path:
    return folder / f"{n_images}x{n_classes}-{release}"


def audit_of(folder: Path, release: int, n_images: int, n_classes: int) -> Path:
    """The audit of a release, written unless it is there."""
    audit = _audit_folder(folder, release, n_images, n_classes)
    if not is_complete(audit):
        write_big_audit(audit, n_images=n_images, n_classes=n_classes, n_concepts=_CONCEPTS, release=release)
    return audit


def main() -> None:
    """Measure, print a table, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--audits", type=Path, help="where the two audits are, or are to be kept")
    parser.add_argument("--only", nargs="*", help="names that begin so")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        kept = n_kept(given.audits or work, given.images, given.classes)
        old, new = (audit_of(given.audits or work, release, given.images, given.classes) for release in (0, 1))
        old, new = old.resolve(), new.resolve()
        figures = []
        for name, words in commands(old, new, work).items():
            if given.only and not name.startswith(tuple(given.only)):
                continue
            figures.append(measure(name, words, work, given.repeat))
            one = figures[-1]
            mark = "" if one.within_bars else "  over the bar" if one.exit_code in (0, 1) else f"  {one.message}"
            took = f"{one.seconds:7.2f} s ({one.cpu_seconds:.2f} s of processor)"
            print(f"{one.name:18} {took} {one.peak_mebibytes:7,.0f} MiB{mark}", flush=True)
        size = (new / "audit.duckdb").stat().st_size / 2**20
    if given.output:
        result = {
            "images": given.images,
            "classes": given.classes,
            "audit_mebibytes": round(size),
            "load_average": [round(one, 1) for one in os.getloadavg()],
            "bars": {"seconds": BAR_SECONDS, "seconds_html": BAR_SECONDS_HTML, "mebibytes": BAR_MEBIBYTES},
            "figures": [asdict(one) for one in figures],
        }
        write_result(given.output, result, reused={"audits": kept})


if __name__ == "__main__":
    main()
