"""``auditor diff``: two folders in, text, JSON or Markdown out; exit code 0 whatever it says, 2 where it cannot."""

import json

import pytest
from small_audit import make_run, write_small_audit
from typer.testing import CliRunner

from auditor import cli


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(cli.app, ["diff", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return result


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("releases")
    other = make_run(run_id="run-2", data_digest="x" * 64, data_path="test")
    return write_small_audit(folder / "old"), write_small_audit(folder / "new", other)


def test_an_audit_and_itself(audits):
    old, _ = audits
    printed = run(old, old).stdout
    assert "Both audits are of the same model." in printed
    assert printed.splitlines()[-1] == "0 new, 0 worse, 0 fixed, 0 better, 3 unchanged"


def test_other_data_are_refused_in_one_line(audits):
    result = run(*audits, exit_code=2)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: the two audits cannot be compared: the data differ (val, digest dddddddd, then test")
    assert "--allow-different-data" in line


def test_other_data_are_compared_where_allowed_and_said(audits):
    printed = run(*audits, "--allow-different-data").stdout
    assert "Note: The data differ (val" in printed
    assert "Compared on the same 6 pictures" in printed  # the pictures are the same all the same


@pytest.mark.parametrize("output_format", ["text", "json", "markdown"])
def test_a_file_has_what_stdout_has(audits, tmp_path, output_format):
    arguments = (audits[0], audits[0], "--format", output_format)
    printed = run(*arguments).stdout
    assert run(*arguments, "--output", tmp_path / "diff").stdout == ""
    written = (tmp_path / "diff").read_text(encoding="utf-8")
    if output_format == "text":
        assert written.splitlines()[-1] == printed.splitlines()[-1]
    else:
        assert written == printed
    if output_format == "json":
        assert json.loads(written)["counts"]["unchanged"] == 3


@pytest.mark.parametrize("arguments", [("old",), ("old", "none"), ("old", "old", "--format", "html")])
def test_what_is_wrong_is_said(audits, arguments):
    folder = audits[0].parent
    result = run(
        *(folder / one if not one.startswith("-") and one != "html" else one for one in arguments), exit_code=2
    )
    assert result.stdout == ""
    assert result.stderr


def test_an_output_that_is_an_audit_is_left(audits):
    old, _ = audits
    before = (old / "audit.duckdb").read_bytes()
    run(old, old, "--output", old / "audit.duckdb", exit_code=2)
    assert (old / "audit.duckdb").read_bytes() == before
