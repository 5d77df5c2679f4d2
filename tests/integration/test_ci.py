"""What CI systems run: the action's steps as a runner would run them, the snippets of docs/ci.md, the hook."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from action_runner import ACTION, ROOT, Runner, program
from pre_commit.clientlib import load_manifest

from auditor.config import AuditConfig

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")

FAILING = 'fail_on = ["flagged", "suspect"]\nmay_skip = ["*"]\n'
PASSING = 'fail_on = []\nmay_skip = ["*"]\n'


def test_the_action_takes_and_gives_what_it_should():
    assert {"data", "model", "weights", "policy", "baseline"} <= set(ACTION["inputs"])
    assert {"verdict", "report"} <= set(ACTION["outputs"])
    steps = ACTION["runs"]["steps"]
    for step in steps:
        assert "${{" not in step.get("run", "")  # an input in a script would be code
        assert "run" not in step or step["shell"] == "bash"
    used = [step.get("uses", step.get("id")) for step in steps]
    assert [name.partition("@")[0] for name in used] == [
        "install", "actions/cache/restore", "audit", "actions/cache/save", "gate", "github/codeql-action/upload-sarif",
        "actions/upload-artifact", "verdict",
    ]  # fmt: skip
    named = set(re.findall(r"inputs\.([a-z-]+)", json.dumps(ACTION)))
    assert named == set(ACTION["inputs"])


INSTALL = ["-m", "pip", "install", "--quiet"]
PINNED = [*INSTALL, "-c", f"{ROOT}/constraints.txt"]
OWN = [*INSTALL, "--no-deps", "--no-build-isolation", str(ROOT)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [*INSTALL, "--require-hashes", "-r", f"{ROOT}/requirements.lock", *OWN]),
        ({"install": "auditor[run]==1.2; echo x"}, [*PINNED, "auditor[run]==1.2; echo x"]),
    ],
)
def test_the_action_installs_its_own_version_by_hashes_or_what_is_asked_for(tmp_path, given, expected):
    runner = Runner(tmp_path, **given)
    program(tmp_path / "bin", "python", 'printf "%s\\n" "$@"')
    assert runner.run("install") == 0
    assert runner.said.splitlines() == expected


def test_the_action_takes_pytorch_without_cuda_from_the_index_that_is_named(tmp_path):
    runner = Runner(tmp_path, **{"torch-index": "https://there/cpu; echo x"})
    program(
        tmp_path / "bin",
        "python",
        'printf "%s\\n" "$@"',
        'for last; do :; done; [ -f "$last" ] && cp "$last" the.lock',
        "true",
    )
    assert runner.run("install") == 0
    first = [*PINNED, "--no-deps", "--index-url", "https://there/cpu; echo x", "torch", "torchvision"]
    assert runner.said.splitlines()[: len(first)] == first
    whole, rest = (path.read_text().splitlines() for path in (ROOT / "requirements.lock", tmp_path / "the.lock"))
    left_out = {line.partition("==")[0] for line in whole if line not in rest and "==" in line}
    assert {"torch", "torchvision", "triton"} < left_out
    assert all(name.startswith(("cuda-", "nvidia-")) for name in left_out - {"torch", "torchvision", "triton"})
    assert "numpy==" in "".join(rest)


def test_flags_may_stand_in_several_lines_and_in_quotes(tmp_path):
    given = "--encoder sample\n  --class-map 'my map.toml'\n\n--split \"$(touch pwned)\" *\n"
    runner = Runner(tmp_path, data="val", model="model.py:build", args=given)
    program(tmp_path / "bin", "auditor", 'printf "%s\\n" "$@"')
    assert runner.run("audit") == 0
    flags = runner.said.splitlines()[runner.said.splitlines().index("--resume") + 1 :]
    assert flags == ["--encoder", "sample", "--class-map", "my map.toml", "--split", "$(touch pwned)", "*"]
    assert not (tmp_path / "pwned").exists()
    runner.context["inputs.args"] = "--split 'val"
    assert runner.run("audit") != 0
    assert "quote" in runner.said


def test_uses_in_one_workflow_are_told_apart_by_their_names(tmp_path):
    given = {"name": "birds", "data": "val", "model": "timm:resnet18"}
    runner = Runner(tmp_path, **given)
    assert runner.output("audit") == "birds-audit/audit"
    program(tmp_path / "bin", "auditor", 'printf "%s\\n" "$@"')
    assert runner.run("audit") == 0
    assert "birds-audit/audit" in runner.said.splitlines()
    steps = {step.get("uses", "").partition("@")[0]: step for step in ACTION["runs"]["steps"]}
    assert steps["github/codeql-action/upload-sarif"]["with"]["category"] == "${{ inputs.name }}"
    assert steps["actions/upload-artifact"]["with"]["name"] == "${{ inputs.name }}-report"
    assert "${{ inputs.name }}" in steps["actions/cache/save"]["with"]["key"]


def test_what_is_cached_can_be_found_again():
    """A key that never changes is written once, and what a tag saves only that tag can read."""
    steps = {step.get("uses", "").partition("@")[0]: step for step in ACTION["runs"]["steps"]}
    restored, saved = steps["actions/cache/restore"], steps["actions/cache/save"]
    assert {name: restored["with"][name] for name in ("path", "key")} == saved["with"]
    assert saved["with"]["key"].endswith("-${{ github.run_id }}-${{ github.run_attempt }}")
    first, second = restored["with"]["restore-keys"].splitlines()
    assert saved["with"]["key"].startswith(first)
    assert first.startswith(second)
    assert "default_branch" in saved["if"]
    assert AuditConfig.model_fields["cache"].default is None
    assert "~/.cache/auditor" in saved["with"]["path"].split()


@pytest.mark.parametrize(("given", "trusting"), [({}, False), ({"trust-code": "true"}, True)])
def test_the_action_trusts_code_only_where_its_caller_says_so(tmp_path, given, trusting):
    runner = Runner(tmp_path, data="val", model="model.py:build", **given)
    program(tmp_path / "bin", "auditor", 'printf "%s\\n" "$@"')
    assert runner.run("audit") == 0
    assert ("--trust-code" in runner.said.splitlines()) is trusting


@pytest.fixture
def runner(small_config: AuditConfig, small_audit: Path, tmp_path: Path) -> Runner:
    """On a finished audit of 300 pictures, under a name that a careless script would run."""
    out = "the out$(touch pwned)"
    shutil.copytree(small_audit, tmp_path / out / "audit")
    (tmp_path / "my policy;touch pwned.toml").write_text(FAILING, encoding="utf-8")
    return Runner(
        tmp_path,
        data=str(small_config.data),
        model=small_config.model,
        args=f"--encoder sample --n-extreme {small_config.n_extreme} --cache {small_config.cache}",
        out=out,
        policy="my policy;touch pwned.toml",
    )


def test_the_action_audits_and_stops_a_release(runner):
    database = runner.folder / runner.output("audit") / "audit.duckdb"
    before = database.stat().st_mtime_ns
    assert runner.run("audit") == 0, runner.said
    assert database.stat().st_mtime_ns == before  # it was up to date
    assert runner.run("gate") == 0, runner.said
    assert "::error " in runner.said
    assert runner.run("verdict") == 1
    assert runner.output("verdict") == "fails"
    assert (runner.folder / runner.output("report")).read_text(encoding="utf-8").startswith("<!doctype html>")
    sarif = json.loads((runner.folder / runner.output("sarif")).read_text(encoding="utf-8"))
    assert sarif["version"] == "2.1.0"
    assert sarif["runs"][0]["invocations"][0]["exitCode"] == 1
    assert runner.summary.read_text(encoding="utf-8").startswith("## ❌ auditor gate fails: ")
    assert not list(runner.folder.rglob("pwned"))


def test_the_action_lets_a_release_pass(runner):
    (runner.folder / "policy.toml").write_text(PASSING, encoding="utf-8")
    runner.context["inputs.policy"] = ""  # the policy of the working directory
    assert runner.run("gate") == 0, runner.said
    assert runner.run("verdict") == 0
    assert runner.output("verdict") == "passes"
    assert runner.summary.read_text(encoding="utf-8").startswith("## ✅ auditor gate passes: ")


def test_the_action_compares_and_is_strict_where_that_is_asked_for(runner):
    program(runner.folder / "bin", "auditor", 'printf "%s|" "$@"')
    runner.context |= {
        "inputs.against": "old audit;touch pwned", "inputs.strict": "true", "inputs.gate-args": "--who Ada",
    }  # fmt: skip
    assert runner.run("gate") == 0, runner.said
    assert "|--who|Ada|" in runner.said
    assert "|--against|old audit;touch pwned|--strict|--format|github|" in runner.said
    runner.context |= {"inputs.against": "", "inputs.strict": "false", "inputs.gate-args": ""}
    assert runner.run("gate") == 0, runner.said
    assert "--strict" not in runner.said.rpartition("gate|the out")[2]
    assert not list(runner.folder.rglob("pwned"))


def test_the_action_with_a_broken_policy_is_undecided(runner):
    (runner.folder / runner.context["inputs.policy"]).write_text("fail_on = 3", encoding="utf-8")
    (runner.folder / runner.context["inputs.out"] / "auditor.html").write_text("of the run before")
    assert runner.run("gate") == 0, runner.said
    assert "error: policy" in runner.said
    assert runner.run("verdict") == 2
    assert [runner.output(name) for name in ("verdict", "report", "sarif")] == ["undecided", "", ""]
    assert runner.summary.read_text(encoding="utf-8") == ""


def test_the_action_without_data_ends_at_the_audit(runner):
    runner.context["inputs.data"] = "nowhere"
    assert runner.run("audit") == 2
    assert "error: " in runner.said
    assert runner.output("verdict") == "undecided"


def snippet(heading: str) -> str:
    """The first block of code under a heading of the page."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(re.findall(r"^```\w+\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[0])


def run_script(script: str, folder: Path, audit: Path) -> subprocess.CompletedProcess[str]:
    """Run a script of a snippet; ``auditor run`` gives a finished audit, ``pip`` nothing."""
    (folder / "policy.toml").write_text(FAILING, encoding="utf-8")
    for name in ("pip", "git", "python"):
        program(folder / "bin", name, "exit 0")
    give = f'[ "$1" = run ] && exec cp -r {audit} audit'
    program(folder / "bin", "auditor", give, f'exec {sys.executable} -m auditor.cli "$@"')
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONUTF8": "1"}
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )


def _gitlab() -> str:
    (job,) = yaml.safe_load(snippet("GitLab")).values()
    lines: list[str] = job["before_script"] + job["script"]
    assert job["artifacts"]["when"] == "always"
    return "\n".join(lines)


def _jenkins() -> str:
    (script,) = re.findall(r"sh '''\n(.*?)'''", snippet("Jenkins"), re.DOTALL)
    return str(script)


@pytest.mark.parametrize("script", [_gitlab, _jenkins])
def test_the_snippets_stop_a_release_and_leave_their_reports(script, small_audit, tmp_path):
    done = run_script(script(), tmp_path, small_audit)
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(r"Gate fails: .* \(exit code 1\)", done.stdout.splitlines()[-1])
    assert "<failure" in (tmp_path / "auditor.xml").read_text(encoding="utf-8")
    assert (tmp_path / "auditor.html").is_file()


def test_the_workflow_gives_the_action_what_it_knows():
    workflow: dict[str, Any] = yaml.safe_load(snippet("GitHub Actions"))
    (job,) = workflow["jobs"].values()
    (step,) = (step for step in job["steps"] if "auditor@" in step.get("uses", ""))
    assert set(step["with"]) <= set(ACTION["inputs"])
    last = job["steps"][-1]["run"]
    assert set(re.findall(r"outputs\.([a-z]+)", last)) <= set(ACTION["outputs"])
    told = set(re.findall(r"`([a-z-]+)`", PAGE.partition("| input |")[2].partition("\n\n")[0]))
    assert set(ACTION["inputs"]) | set(ACTION["outputs"]) <= told


def test_the_hook_is_one_that_pre_commit_takes_and_gates(small_audit, tmp_path):
    (hook,) = load_manifest(ROOT / ".pre-commit-hooks.yaml")
    assert (hook["pass_filenames"], hook["always_run"]) == (False, True)
    used = yaml.safe_load(snippet("pre-commit"))["repos"][0]["hooks"][0]
    assert used["id"] == hook["id"]
    assert "stages" not in used
    shutil.copytree(small_audit, tmp_path / "audits" / "release-7")
    program(tmp_path / "bin", "auditor", f'exec {sys.executable} -m auditor.cli "$@"')
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    for policy, code in ((FAILING, 1), (PASSING, 0)):
        (tmp_path / "policy.toml").write_text(policy, encoding="utf-8")
        command = [*hook["entry"].split(), *used["args"]]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert done.returncode == code
