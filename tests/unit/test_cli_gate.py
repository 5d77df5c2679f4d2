"""``auditor gate`` from the outside: exit codes, the files of the working directory, one line for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_audit import unbound, write_small_audit
from typer.testing import CliRunner

from auditor import cli
from auditor.cli.app import app
from auditor.release.check import today_utc


def run(*arguments, exit_code):
    result = CliRunner().invoke(app, ["gate", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return result


def mistake(*arguments):
    result = run(*arguments, exit_code=2)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("small"))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty working directory with a policy that lets the class pass that was not analysed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("policy.toml").write_text('may_skip = ["boat"]\n')
    return tmp_path


def test_new_then_accepted_then_expired(audit):
    assert "policy policy.toml" in run(audit, exit_code=1).stdout
    result = run(audit, "--update-baseline", exit_code=0)
    assert result.stderr == "2 accepted in baseline.toml\n"
    assert (
        "Gate passes: 1 allowed as core, 2 accepted, 1 tolerated by the policy, 1 skipped (5 classes) (exit code 0)"
        in result.stdout
    )
    run(audit, exit_code=0)
    text = Path("baseline.toml").read_text()
    Path("baseline.toml").write_text(text.replace("expires = 2", "expires = 1"))
    assert "acceptance expired" in run(audit, exit_code=1).stdout
    run(audit, "--update-baseline", "--quiet", exit_code=0)
    assert Path("baseline.toml").read_text() == text


def test_files_that_are_named_win_over_those_here(audit):
    Path("other.toml").write_text("")
    assert "policy other.toml" in run(audit, "--policy", "other.toml", exit_code=2).stdout
    run(audit, "--update-baseline", "--baseline", "accepted.toml", "--quiet", exit_code=0)
    assert not Path("baseline.toml").exists()
    run(audit, exit_code=1)
    run(audit, "--baseline", "accepted.toml", exit_code=0)


def test_what_is_written_with_an_entry(audit):
    day = today_utc().isoformat()
    run(audit, "--update-baseline", "--reason", "ticket 3", "--who", "Ada", "--expires", day, exit_code=0)
    text = Path("baseline.toml").read_text()
    assert text.count('reason = "ticket 3"\nwho = "Ada"\n') == text.count(f"expires = {day}\n") == 2


def test_stale_entries_are_warnings_and_fail_with_strict(audit):
    run(audit, "--update-baseline", exit_code=0)
    with Path("baseline.toml").open("a") as file:
        file.write(
            '[[accepted]]\nclass = "gone"\nconcept = "fog"\nreason = "r"\nwho = "w"\nexpires = 2999-01-01\n'
            f'fingerprint = "{"0" * 64}"\n'
        )
    assert "! gone · fog · stale entry of the baseline" in run(audit, exit_code=0).stdout
    assert "✕ gone · fog · stale entry of the baseline" in run(audit, "--strict", exit_code=1).stdout


def test_output_gets_the_report_and_the_exit_code_stays(audit):
    assert run(audit, "--output", "gate.txt", exit_code=1).stdout == ""
    assert Path("gate.txt").read_text(encoding="utf-8").endswith("1 skipped (5 classes) (exit code 1)\n")
    result = run(audit, "--format", "json", exit_code=1)
    assert json.loads(result.stdout)["decision"]["exit_code"] == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--policy", "none.toml"), "policy 'none.toml' cannot be read: No such file or directory"),
        (
            ("--baseline", "none.toml"),
            "baseline 'none.toml' does not exist; `auditor gate --update-baseline` writes one",
        ),
        (("--reason", "x"), "--reason, --who and --expires say how findings are accepted; add --update-baseline"),
        (("--update-baseline", "--expires", "soon"), "--expires 'soon'; expected a date like 2030-01-31"),
        (("--update-baseline", "--expires", "2020-01-01"), "expiry 2020-01-01 is past; expected today,"),
        (("--update-baseline", "--reason", ""), "the reason is blank; say in words why"),
        (("--update-baseline", "--baseline", "none/b.toml"), "b.toml' cannot be written: No such file or directory"),
        (
            ("--output", "none/gate.txt"),
            "--output none/gate.txt cannot be written: No such file or directory; give a file",
        ),
        (("--output", "."), "--output . cannot be written: Is a directory"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(audit, arguments, expected):
    assert expected in mistake(audit, *arguments)
    assert not Path("baseline.toml").exists()


def test_a_report_never_replaces_what_the_gate_reads(audit):
    run(audit, "--update-baseline", exit_code=0)
    Path("link.toml").symlink_to("baseline.toml")
    Path("hard.toml").hardlink_to("policy.toml")
    before = {name: Path(name).read_bytes() for name in ("policy.toml", "baseline.toml")}
    for output, which in (
        ("./baseline.toml", "baseline"), ("link.toml", "baseline"), ("policy.toml", "policy"), ("hard.toml", "policy"),
    ):  # fmt: skip
        line = mistake(audit, "--format", "json", "--output", output)
        assert (
            line == f"error: --output {Path(output)} is the {which}, which a report would destroy; choose another name"
        )
    assert before == {name: Path(name).read_bytes() for name in before}
    Path("baseline.toml").unlink()
    assert "is the baseline" in mistake(audit, "--update-baseline", "--output", "baseline.toml")
    assert not Path("baseline.toml").exists()


def test_mistakes_in_the_files_are_one_line_and_lose_nothing(audit):
    Path("baseline.toml").write_text("[[accepted]]\nclas = 'cat'\n")
    line = mistake(audit, "--update-baseline")
    assert "baseline 'baseline.toml', line 2: unknown key 'clas'; did you mean 'class'?" in line
    assert Path("baseline.toml").read_text() == "[[accepted]]\nclas = 'cat'\n"
    Path("policy.toml").write_text("max_gap = 20")
    assert "policy 'policy.toml', line 1: max_gap = 20; expected a fraction from 0 to 1" in mistake(audit)


def test_no_audit_or_half_of_one(audit, tmp_path):
    assert "does not exist" in mistake(tmp_path / "none")
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "audit.duckdb").write_bytes((audit / "audit.duckdb").read_bytes())
    assert "is incomplete" in mistake(tmp_path / "killed")
    (tmp_path / "killed" / "audit.json").write_bytes((audit / "audit.json").read_bytes())
    (tmp_path / "killed" / "audit.duckdb").write_bytes(b"SQLite format 3\0" * 9)
    assert "is damaged: audit.duckdb: damaged, or changed since" in mistake(tmp_path / "killed")
    assert "is truncated, damaged or no DuckDB file" in mistake(unbound(tmp_path / "killed"))


def test_a_failure_of_the_program_itself_is_2_and_shows_where(monkeypatch, capsys):
    def broken():
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    assert "ZeroDivisionError: ours" in capsys.readouterr().err


def test_the_real_command_gates_without_torch(audit):
    script = (
        "import sys; sys.argv = ['auditor', 'gate', sys.argv[1]]\n"
        "from auditor.cli import main\n"
        "try:\n    main()\nfinally:\n    print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, audit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "False"), done.stderr
