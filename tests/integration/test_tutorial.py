"""docs/tutorial.md, block by block, on the photographs that it names; skipped where they are absent."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

from photo_sets import NEEDED, PHOTOS
from typer.testing import CliRunner

from auditor.cli import app
from auditor.models.torchvision_cure import import_torchvision_safely

pytestmark = NEEDED
PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")


def as_printed(line: str, printed: str) -> bool:
    """Whether a line of the page was printed, wherever the terminal broke it; … stands for anything."""
    pattern = r".*?".join(re.escape(" ".join(part.split())) for part in line.split("…"))
    return re.search(pattern, " ".join(printed.split())) is not None


def test_the_tutorial_runs_and_prints_what_it_shows(tmp_path, monkeypatch):
    import_torchvision_safely()  # where it does not fit its torch, the page's own code could not
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    printed, n_commands = "", 0
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        if language == "text":
            assert [line for line in text.splitlines() if not as_printed(line, printed)] == [], printed
            continue
        if language != "bash":
            name = re.match(r"# (\S+)\n", text)
            assert name is not None, text
            Path(name[1]).write_text(text, encoding="utf-8")
            continue
        printed = ""
        for line in text.replace("\\\n", " ").splitlines():
            expected = re.search(r"# exit code (\d)$", line)
            program, *words = shlex.split(line.replace("SOURCE", shlex.quote(str(PHOTOS / "cats_dogs"))), comments=True)
            n_commands += 1
            if program == "python":
                monkeypatch.setattr("sys.argv", words)
                runpy.run_path(words[0], run_name="__main__")
                continue
            done = CliRunner().invoke(app, words)
            assert done.exit_code == int(expected[1] if expected else 0), (line, done.output)
            printed += done.output
    assert n_commands == 9
