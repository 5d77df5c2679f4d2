"""Every command that the reports of an audit print runs as it stands, with a model of the user's own code and files."""

from __future__ import annotations

import html
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from auditor.cli import app
from auditor.models.bundled import bundled_path
from auditor.store.open_audit import open_audit_database
from reports.formats import ReportFormat, render_report

#: What a user has: code that builds the network, and files beside it, with names that a shell would take apart.
_NET = """
from auditor.models.sample_models import build_sample_classifier


def build():
    return build_sample_classifier(5)
"""
_PREPROCESS = "size = {size}\nmean = {mean}\nstd = {std}\n"


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("printed") / "my place"
    here.mkdir()
    described = json.loads(bundled_path("classifiers", "classifier.json").read_text(encoding="utf-8"))
    (here / "net.py").write_text(_NET, encoding="utf-8")
    shutil.copyfile(bundled_path("classifiers", described["models"]["planted"]["weights"]), here / "best 7.safetensors")
    given = described["preprocess"]
    size = given["size"]
    whole = {**given, "size": [size, size] if isinstance(size, int) else size}
    (here / "pre.toml").write_text(_PREPROCESS.format(**whole), encoding="utf-8")
    rows = "".join(f"{name},{c}\n" for c, name in enumerate(described["class_names"]))
    (here / "outputs.csv").write_text(f"label,output\n{rows}", encoding="utf-8")
    return here


@pytest.fixture(scope="module")
def printed(place: Path, sample_manifest: Path, encoder_cache: Path) -> dict[str, list[str]]:
    """By where it stood, each command of the audit's reports; made and read in the folder ``place``."""
    files = ("--weights", "best 7.safetensors", "--preprocess", "pre.toml", "--class-map", "outputs.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr("auditor.cli.run.own_name", lambda: "auditor")  # here it is Python's
        done = call(
            *("run", "--data", str(sample_manifest), "--model", "net.py:build", "--trust-code", *files),
            *("--encoder", "sample", "--n-extreme", "30", "--cache", str(encoder_cache), "--out", "audits/a b"),
        )
        assert done.exit_code == 0, done.output
        found = {"run": commands(done.output)}
        with open_audit_database(Path("audits/a b")) as connection:
            found["text"] = commands(str(render_report(ReportFormat.text, connection)))
            found["markdown"] = re.findall(r"`(auditor [^`]*)`", str(render_report(ReportFormat.markdown, connection)))
            page = str(render_report(ReportFormat.html, connection))
    blocks = re.findall(r"<(code|pre)\b[^>]*>(.*?)</\1>", page, re.DOTALL)
    texts = [html.unescape(re.sub(r"<[^>]*>", "", text)) for _, text in blocks]
    return {**found, "html": [text for text in texts if text.startswith("auditor ")]}


def commands(text: str) -> list[str]:
    """Each command once: after an arrow, or in the last lines, without what is said of it."""
    return re.findall(r"^(?:next:)? *(?:→ )?(auditor \w+ .*?)(?:  +\(.*\))?$", text, re.MULTILINE)


def test_they_are_found(printed):
    names = {where: {line.split()[1] for line in lines} for where, lines in printed.items()}
    assert names["run"] >= {"explain", "report"}
    assert names["text"] == {"explain"}
    assert names["markdown"] == {"explain"}
    assert names["html"] >= {"explain", "repair", "calibrate", "faithfulness", "gate", "export"}


def test_each_runs_as_it_stands(printed, place, monkeypatch):
    """With the files that the audit names: without them and ``--trust-code`` they would be refused."""
    monkeypatch.chdir(place)
    monkeypatch.setattr("auditor.calibrate.gather", _reached)  # after all was loaded and compared; minutes
    monkeypatch.setattr("auditor.faithfulness_audit.gather", _reached)
    monkeypatch.setattr("reports.dashboard.launch.serve", _reached)
    named = set()
    for line in dict.fromkeys(line for lines in printed.values() for line in lines):
        for made in ("tables", "repaired.safetensors", "repaired.safetensors.json"):
            shutil.rmtree(made, ignore_errors=True)
            Path(made).unlink(missing_ok=True)
        done = call(*shlex.split(line)[1:])
        assert done.exit_code in (0, 1), (line, done.output)
        assert isinstance(done.exception, SystemExit | _ReachedError | None), (line, done.exception)
        named.add(line.split()[1])
    assert named == {"explain", "report", "dashboard", "repair", "calibrate", "faithfulness", "gate", "export"}


class _ReachedError(Exception):
    """What the command was given was read, compared with what was audited, and taken."""


def _reached(*_: object, **__: object) -> None:
    raise _ReachedError


def test_without_the_files_they_are_refused(printed, place, monkeypatch):
    monkeypatch.chdir(place)
    line = next(line for line in printed["text"] if " explain " in line)
    bare = shlex.split(line)[1 : shlex.split(line).index("--model")]
    done = call(*bare)
    assert done.exit_code == 2
    assert "names files" in done.output
