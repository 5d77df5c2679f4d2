"""The frozen protocol: every threshold that a verdict depends on, written down before seeds that decide are run.

    python -m benchmarks.planted.protocol --write        fixes the thresholds as they are in protocol.toml

A run says whether the thresholds of the code are those of the file.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import pkgutil
import tomllib
from pathlib import Path
from types import ModuleType

import auditor.evidence
import auditor.textcam
from auditor import rules
from benchmarks.planted.worlds import FIRST_HELD_BACK_SEED

FILE = Path(__file__).with_name("protocol.toml")


def thresholds() -> dict[str, list[float]]:
    """The table's thresholds, and all other numbers that `auditor.textcam` and `auditor.evidence` hold, by name."""
    found = _numbers(rules)
    for package in (auditor.textcam, auditor.evidence):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            constants = _numbers(importlib.import_module(info.name))
            # what a module takes from the table stands there already
            found |= {name: value for name, value in constants.items() if not hasattr(rules, name.rpartition(".")[2])}
    return dict(sorted(found.items()))


def _numbers(module: ModuleType) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for name, value in vars(module).items():
        numbers = value if isinstance(value, tuple) else (value,)
        if name.isupper() and numbers and all(type(one) in (int, float) for one in numbers):
            found[f"{module.__name__.removeprefix('auditor.')}.{name}"] = [float(one) for one in numbers]
    return found


def digest(values: dict[str, list[float]]) -> str:
    """sha256 over names and values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def state() -> dict[str, object]:
    """Digest of the thresholds in use, and whether they are those that were fixed."""
    found = thresholds()
    fixed = tomllib.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return {
        "thresholds": digest(found),
        "fixed": fixed.get("digest"),
        "as_fixed": fixed.get("digest") == digest(found),
        "first_held_back_seed": FIRST_HELD_BACK_SEED,
    }


def write(path: Path) -> None:
    """Fix the thresholds."""
    found = thresholds()
    lines = [
        "# Thresholds of the verdicts as they were before any seed from `first_held_back_seed` on was run.",
        "# Made by `python -m benchmarks.planted.protocol --write`; written again as names moved, numbers the same.",
        f'digest = "{digest(found)}"',
        f"first_held_back_seed = {FIRST_HELD_BACK_SEED}",
        "",
        "[thresholds]",
        *(f'"{name}" = {json.dumps(values)}' for name, values in found.items()),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Say what differs, or write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        write(FILE)
    fixed = tomllib.loads(FILE.read_text(encoding="utf-8"))["thresholds"] if FILE.exists() else {}
    now = thresholds()
    for name in sorted({*fixed, *now}):
        if fixed.get(name) != now.get(name):
            print(f"{name}: fixed {fixed.get(name)}, now {now.get(name)}")
    print(f"{len(now)} thresholds, {'as fixed' if fixed == now else 'not as fixed'}")


if __name__ == "__main__":
    main()
