from typer.testing import CliRunner

from auditor import cli
from reports.rule_pages import rule_pages


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(cli.app, ["rules", *arguments])
    assert result.exit_code == exit_code, result.output
    return result


def test_all_rules_by_name_and_first_paragraph():
    stdout = run().stdout
    pages = rule_pages()
    assert len(pages) >= 4
    for page in pages:
        assert f"{page.rule_id}  {page.title}\n    {page.summary}\n" in stdout


def test_one_rule_by_its_page_or_by_a_finding():
    whole = run("E4").stdout
    assert whole.startswith("# E4: observed gaps\n")
    assert "How to allow it." in whole
    assert run("e4-recall").stdout == whole == run("E4-pull").stdout


def test_a_rule_that_there_is_not_is_one_line():
    stderr = run("E9", exit_code=2).stderr
    assert stderr.startswith("error: no rule 'E9'; ")
    assert "E1" in stderr
    assert stderr.count("\n") == 1
