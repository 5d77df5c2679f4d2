"""The frozen protocol: thresholds, and a digest of all code that judges, written down before seeds that decide are run.

    python -m benchmarks.planted.protocol --write        fixes them as they are in protocol.toml

A run says whether thresholds and code are those of the file.
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
from auditor import rules, rules_in_force
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


def code_digest() -> str:
    """sha256 over the source of what judges and of `auditor.textcam`: a rule may change without any number changing."""
    found = hashlib.sha256(rules_in_force.rules_digest().encode())
    folder = Path(auditor.textcam.__path__[0])
    for path in sorted(folder.rglob("*.py"), key=lambda one: one.as_posix()):
        found.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        found.update("\n".join(path.read_text(encoding="utf-8").splitlines()).encode() + b"\0")
    return found.hexdigest()


def state() -> dict[str, object]:
    """Digests of the thresholds and of the code in use, and whether they are those that were fixed."""
    found, code = thresholds(), code_digest()
    fixed = tomllib.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return {
        "thresholds": digest(found),
        "fixed": fixed.get("digest"),
        "as_fixed": fixed.get("digest") == digest(found),
        "code": code,
        "fixed_code": fixed.get("code"),
        "code_as_fixed": fixed.get("code") == code,
        "first_held_back_seed": FIRST_HELD_BACK_SEED,
    }


def write(path: Path) -> None:
    """Fix thresholds and code."""
    found = thresholds()
    lines = [
        "# Thresholds of the verdicts as they were before any seed from `first_held_back_seed` on was run.",
        "# Made by `python -m benchmarks.planted.protocol --write`; later rules are added to it.",
        f'digest = "{digest(found)}"',
        f'code = "{code_digest()}"',
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
    known = state()
    print(f"code of the verdicts {'as fixed' if known['code_as_fixed'] else 'not as fixed'} ({known['code']})")
    fixed = tomllib.loads(FILE.read_text(encoding="utf-8"))["thresholds"] if FILE.exists() else {}
    now = thresholds()
    for name in sorted({*fixed, *now}):
        if fixed.get(name) != now.get(name):
            print(f"{name}: fixed {fixed.get(name)}, now {now.get(name)}")
    print(f"{len(now)} thresholds, {'as fixed' if fixed == now else 'not as fixed'}")


if __name__ == "__main__":
    main()
