"""The action's own steps, one after the other, in a new environment: it installs itself, audits, gates, and answers.

The packages that auditor needs are not fetched: the new environment finds those of this one, so that pip has nothing
to do for them, and everything else happens as on a runner. The steps that belong to others are left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from action_runner import ACTION, ROOT, STEPS, Runner, evaluate

#: Nobody listens there: PyTorch is installed already, so nobody is asked.
NOWHERE = "http://127.0.0.1:9/simple"


def new_environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    parents = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    # Folders that a .pth file names come last, and .pth files within them (the checkout's) are not read.
    (packages / "dependencies.pth").write_text("\n".join(parents) + "\n", encoding="utf-8")
    return packages


def test_the_steps_in_their_order(tmp_path, sample_manifest, encoder_cache, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("PYTHON", "VIRTUAL_ENV"))]:
        monkeypatch.delenv(name)
    packages = new_environment(tmp_path / "venv")
    (tmp_path / "policy.toml").write_text('fail_on = ["flagged", "suspect"]\nmay_skip = ["*"]\n', encoding="utf-8")
    runner = Runner(
        tmp_path,
        data=str(sample_manifest),
        model="sample:planted",
        args=f"--encoder sample\n--n-extreme 30\n--cache '{encoder_cache}'",
        name="birds",
        **{"torch-index": NOWHERE},
    )
    (tmp_path / "bin" / "auditor").unlink()
    monkeypatch.setenv("PATH", f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    codes = {}
    for step in ACTION["runs"]["steps"]:
        if "run" in step:
            codes[step["id"]] = runner.run(step["id"])
        if step.get("id") == "install":  # what the wheel of the sample data would bring
            (packages / "auditor" / "sample_data").symlink_to(ROOT / "sample_data" / "data")
    assert codes == {"install": 0, "audit": 0, "gate": 0, "verdict": 1}, runner.said
    assert list(codes) == list(STEPS)
    assert (packages / "auditor" / "__init__.py").is_file()  # it is the action's own, and not the checkout's
    assert runner.output("verdict") == "fails"
    assert runner.output("audit") == "birds-audit/audit"
    assert (tmp_path / runner.output("audit") / "audit.json").is_file()
    sarif = json.loads((tmp_path / runner.output("sarif")).read_text(encoding="utf-8"))
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in sarif["runs"][0]["results"]]
    assert places
    assert all(place == {"uri": "policy.toml", "uriBaseId": "%SRCROOT%"} for place in places)
    assert (tmp_path / runner.output("report")).read_text(encoding="utf-8").startswith("<!doctype html>")
    (artifact,) = (step for step in ACTION["runs"]["steps"] if "upload-artifact" in step.get("uses", ""))
    assert evaluate(artifact["with"]["name"], runner.context) == "birds-report"
