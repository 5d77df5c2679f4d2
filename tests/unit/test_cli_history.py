"""``auditor history``: folders in, text, JSON or HTML out; what is left out is told, 2 where nothing is there."""

import json
import shutil

import pytest
from picture_audit import write_picture_audit
from small_audit import make_run, write_small_audit
from typer.testing import CliRunner

from auditor import cli


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(cli.app, ["history", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return result


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """Written in the other order than that of their days; beside them a copy, a damaged one and an unfinished one."""
    folder = tmp_path_factory.mktemp("releases")
    write_small_audit(folder / "b", make_run(run_id="run-2", created_at="2025-03-01T00:00:00Z"))
    write_small_audit(folder / "a", make_run(created_at="2025-01-01T00:00:00Z"))
    return folder


@pytest.fixture
def with_broken_ones(audits, tmp_path):
    shutil.copytree(audits, tmp_path, dirs_exist_ok=True)
    shutil.copytree(tmp_path / "b", tmp_path / "copy")
    shutil.copytree(tmp_path / "a", tmp_path / "damaged")
    with (tmp_path / "damaged" / "audit.duckdb").open("ab") as file:
        file.write(b"x")
    shutil.copytree(tmp_path / "a", tmp_path / "unfinished")
    (tmp_path / "unfinished" / "audit.json").unlink()
    return tmp_path


def test_releases_are_told_by_their_day(audits):
    document = json.loads(run(audits, "--format", "json").stdout)
    assert [step["release"]["name"] for step in document["steps"]] == ["a", "b"]
    assert [step["since"] for step in document["steps"]] == [None, 0]
    assert run(audits / "b", audits / "a", "--format", "json").stdout == run(audits, "--format", "json").stdout


def test_what_is_left_out_is_told(with_broken_ones):
    result = run(with_broken_ones, "--format", "json")
    assert [step["release"]["name"] for step in json.loads(result.stdout)["steps"]] == ["a", "b"]
    told = [line for line in result.stderr.splitlines() if " is left out: " in line]
    assert [line.partition("' is left out")[0].rpartition("/")[2] for line in told] == ["copy", "damaged", "unfinished"]
    assert run(with_broken_ones, "--format", "json", "--quiet").stderr == ""


def test_data_alone_is_no_release(audits, tmp_path):
    shutil.copytree(audits, tmp_path, dirs_exist_ok=True)
    write_picture_audit(tmp_path / "data", model=False)
    result = run(tmp_path, "--format", "json")
    assert [step["release"]["name"] for step in json.loads(result.stdout)["steps"]] == ["a", "b"]
    assert "data' is left out: no model was examined" in result.stderr
    assert "no audit to tell a history of" in run(tmp_path / "data", exit_code=2).stderr


def test_a_file_has_what_stdout_has(audits, tmp_path):
    printed = run(audits, "--format", "html").stdout
    assert run(audits, "--format", "html", "--output", tmp_path / "told").stdout == ""
    assert (tmp_path / "told").read_text(encoding="utf-8") == printed
    assert "2 releases" in run(audits).stdout.splitlines()[-1]


def test_a_rejudged_audit_stands_on_the_day_of_its_model(audits, tmp_path):
    from auditor.store.run_record import RejudgedFrom

    shutil.copytree(audits / "b", tmp_path / "b")
    source = RejudgedFrom("run-1", "2025-01-01T00:00:00Z", "0.1.0", None, "run-1", "0.1.0")
    again = make_run(run_id="run-3", created_at="2025-06-01T00:00:00Z", rejudged_from=source)
    write_small_audit(tmp_path / "z", again)
    document = json.loads(run(tmp_path, "--format", "json").stdout)
    assert [step["release"]["name"] for step in document["steps"]] == ["z", "b"]


def test_what_is_wrong_is_one_line(audits, tmp_path):
    for folder, said in (
        (tmp_path / "none", "is no folder; give folders of audits, or one that holds them"),
        (
            tmp_path,
            "no audit to tell a history of, in 0 folders that were looked at; give folders of audits, or one that "
            "holds them",
        ),
    ):
        result = run(folder, exit_code=2)
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: ")
        assert line.endswith(said)
