"""Lists of pictures that ``auditor export --pictures`` writes, and their mistakes in one line."""

from __future__ import annotations

import pytest
from picture_audit import write_picture_audit
from typer.testing import CliRunner

from auditor.cli import app
from auditor.errors import InputError
from auditor.store.queries import chosen_pictures
from auditor.store.queries.picture_lists import GridPicture
from reports.formats import ExportFormat
from reports.picture_list import picture_list


def picture(path, **told):
    values = {"label_name": "rose", "predicted_name": "leaf", "confidence": 0.75, "presence": 0.25, "share": None}
    return GridPicture("0" * 16, path, correct=False, predicted_idx=1, **{**values, **told})


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("audit") / "ours", 2)


def export(audit, *words):
    return CliRunner().invoke(app, ["export", str(audit), *words])


def test_csv_has_empty_cells_and_no_formulas():
    text = picture_list([picture("=1+1.jpg", confidence=None), picture('a "b", c.jpg', share=0.5)], ExportFormat.csv)
    assert text == (
        "path,label,called,confidence,presence,share\n"
        "'=1+1.jpg,rose,leaf,,0.25,\n"
        '"a ""b"", c.jpg",rose,leaf,0.75,0.25,0.5'
    )


def test_paths_are_as_they_are_and_a_line_each():
    assert picture_list([picture("=a.jpg"), picture("b c.jpg")], ExportFormat.paths) == "=a.jpg\nb c.jpg"
    with pytest.raises(InputError, match=r"path 'a\\nb.jpg' holds a line break"):
        picture_list([picture("a\nb.jpg")], ExportFormat.paths)


@pytest.mark.parametrize(
    ("choice", "paths"),
    [
        ("breaking", "bird 0/3.jpg\nbird 0/2.jpg\n"),
        ("carrying", "bird 0/0.jpg\nbird 0/1.jpg\nbird 0/4.jpg\n"),
        ("pulled", "bird 1/9.jpg\n"),
    ],
)
def test_the_command_writes_every_choice(audit, choice, paths):
    found = export(audit, "--pictures", choice, "--class", "bird 0", "--concept", "water", "--format", "paths")
    assert (found.exit_code, found.stdout) == (0, paths)


def test_mistakes_need_no_concept_and_a_file_takes_the_list(audit, tmp_path):
    output = tmp_path / "list.csv"
    found = export(audit, "--pictures", "mistakes", "--class", "bird 1", "--output", str(output))
    assert found.exit_code == 0
    lines = output.read_text().splitlines()
    assert lines[0] == "path,label,called,confidence,presence,share"
    assert sorted(lines[1:]) == ["bird 1/8.jpg,bird 1,bird 0,0.75,,", "bird 1/9.jpg,bird 1,bird 0,0.75,,"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--pictures", "breaking", "--class", "bird 0"], "pictures 'breaking' of which concept? Only mistakes are"),
        (["--pictures", "mistakes"], "--pictures goes with --class NAME"),
        (["--class", "bird 0"], "--class and --concept say which pictures; add --pictures"),
        (["--pictures", "mistakes", "--class", "bird 0", "--format", "parquet"], "expected csv or paths"),
        (["--format", "paths", "--output", "x"], "--format paths is for --pictures"),
        ([], "--output is missing: give the folder"),
    ],
)
def test_a_mistake_is_one_line(audit, words, line):
    found = export(audit, *words)
    assert found.exit_code == 2
    assert line in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_concept_by_example_is_found_by_its_name_in_the_settings():
    assert chosen_pictures._near("pink_strip", ["pink", "pink strip by example"]) == (
        "did you mean 'pink strip by example'?"
    )
