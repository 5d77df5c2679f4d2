"""Runs the scripts of action.yml as GitHub's runner does; what the action takes from others (``uses``) is left out."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"] if "id" in step}


def evaluate(text: str, context: dict[str, str]) -> str:
    """``${{ a || b }}`` with names of the context, 'literals' and ``format('{0}…', name)``."""

    def value(name: str) -> str:
        if made := re.fullmatch(r"format\('(.*)', (.*)\)", name):
            return made[1].format(value(made[2]))
        return name.strip("'") if name.startswith("'") else context.get(name, "")

    def expression(found: re.Match[str]) -> str:
        return next((said for name in found[1].split("||") if (said := value(name.strip()))), "")

    return re.sub(r"\$\{\{(.*?)\}\}", expression, text)


def program(folder: Path, name: str, *lines: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(["#!/bin/bash", *lines, ""]), encoding="utf-8")
    (folder / name).chmod(0o755 | stat.S_IXUSR)


class Runner:
    """Runs steps one after the other, as GitHub's runner does with ``shell: bash``."""

    def __init__(self, folder: Path, **inputs: str) -> None:
        self.folder, self.said = folder, ""
        given = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()} | inputs
        self.context = {f"inputs.{name}": value for name, value in given.items()}
        self.context["github.action_path"] = str(ROOT)
        self.summary = folder / "summary.md"
        self.summary.touch()
        program(folder / "bin", "auditor", f'exec {sys.executable} -m auditor.cli "$@"')

    def run(self, name: str) -> int:
        step, outputs = STEPS[name], self.folder / f"{name}.outputs"
        outputs.touch()
        environment = {
            **os.environ,
            **{key: evaluate(value, self.context) for key, value in step.get("env", {}).items()},
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUTF8": "1",
        }
        (self.folder / "step.sh").write_text(step["run"], encoding="utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "step.sh"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        self.said = done.stdout + done.stderr
        for line in outputs.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            self.context[f"steps.{name}.outputs.{key}"] = value
        return done.returncode

    def output(self, name: str) -> str:
        return evaluate(ACTION["outputs"][name]["value"], self.context)
