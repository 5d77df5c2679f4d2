"""The gate on whole audits, by the real command."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from demo_runs import PLANTED, Demo, auditor


def test_the_planted_release_is_stopped_until_it_is_accepted(demo: Demo, tmp_path: Path):
    def gate(name: str, *arguments: object) -> tuple[int, str]:
        done = auditor("gate", demo.folder / name, *arguments, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    assert gate("planted")[0] == 1
    assert gate("balanced")[0] == 0
    code, said = gate("planted", "--update-baseline", "--reason", "a demo")
    assert code == 0, said
    assert "Gate passes: 3 accepted (5 classes) (exit code 0)" in said
    text = (tmp_path / "baseline.toml").read_text(encoding="utf-8")
    assert dict(re.findall(r'class = "(.*)"\nconcept = "(.*)"', text)) == PLANTED
    assert gate("planted")[0] == 0
    code, said = gate("balanced")
    assert (code, said.count("stale entry of the baseline")) == (0, 3)
    assert gate("balanced", "--strict")[0] == 1
    expired = re.sub(r"expires = .*", "expires = 2020-01-01", text, count=1)
    (tmp_path / "baseline.toml").write_text(expired, encoding="utf-8")
    code, said = gate("planted")
    assert (code, said.count("acceptance expired")) == (1, 1)


def test_an_audit_that_was_killed_is_undecided(demo: Demo, tmp_path: Path):
    shutil.copytree(demo.folder / "balanced", tmp_path / "killed")
    (tmp_path / "killed" / "audit.json").unlink()
    done = auditor("gate", tmp_path / "killed")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is incomplete: it has no audit.json" in done.stderr


def test_it_says_what_changed_since_the_release_before(releases: tuple[Path, Path], tmp_path: Path):
    def gate(*arguments: object) -> tuple[int, str]:
        done = auditor("gate", *arguments, cwd=tmp_path)
        return done.returncode, " ".join(done.stdout.split())

    old, new = releases
    code, said = gate(new, "--against", old)
    assert code == 0
    assert "Gate passes: nothing found (5 classes); against 'planted': 3 fixed" in said
    code, said = gate(old, "--against", new)
    assert code == 1
    assert "Gate fails: 3 new (5 classes); against 'balanced': 3 new" in said
