"""The command line: flags become settings, mistakes one line, results go to stdout."""

from __future__ import annotations

import importlib.resources
import json
import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from PIL import Image
from small_audit import write_small_audit
from typer.testing import CliRunner

from auditor import cli, config, doctor, dry_run, explain, pipeline
from auditor.cli import run as run_commands
from auditor.cli.app import Debug, Quiet, one_line_errors
from auditor.doctor import Check
from auditor.errors import InputError
from auditor.extraction.embedding_cache import open_embedding_cache
from reports import explain_figure

#: ``auditor.cli.app`` names the application.
app_module = sys.modules["auditor.cli.app"]


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, result.output
    return result


@pytest.fixture
def audits(monkeypatch, tmp_path):
    """(settings, options) of every audit that would have run; the working directory is empty."""
    calls = []

    def run_audit(settings, **options):
        calls.append((settings, options))
        return settings.out

    monkeypatch.setattr(pipeline, "run_audit", run_audit)
    monkeypatch.setattr(run_commands, "print_report", lambda folder: typer.echo(f"report of {folder}"))
    monkeypatch.setattr(run_commands, "tell_digest", lambda folder: typer.echo(f"digest of {folder}", err=True))
    monkeypatch.setattr(run_commands, "write_page", lambda folder: folder / "page.html")
    monkeypatch.chdir(tmp_path)
    return calls


REQUIRED = ("run", "--data", "d", "--model", "sample:planted", "--out", "o")


def test_settings_without_flags_keep_their_defaults(audits):
    result = run(*REQUIRED)
    assert result.stdout == "report of o\n"
    first, *rest = result.stderr.splitlines()
    assert first == "digest of o"
    assert [line.split("auditor ")[-1] for line in rest] == [
        "report o --format html   (a page with its pictures)", "dashboard o   (in the browser)",
    ]  # fmt: skip
    ((settings, options),) = audits
    assert settings == config.AuditConfig(data=Path("d"), model="sample:planted", out=Path("o"))
    assert options["resume"] is False


def test_every_flag_becomes_its_setting(audits):
    values = {
        "weights": "w.pt", "encoder": "sample", "vocabulary": "v.toml", "class_map": "c.csv", "preprocess": "p.toml",
        "split": "val", "max_images_per_class": 7, "target_layer": "layer4", "n_extreme": 9, "seed": 3, "cache": "k",
        "jobs": 2, "batch_size": 4, "max_failure_share": 0.5, "device": "cpu", "tolerance": 0.15,
        "model_output": "logits", "map_method": "grad_cam",
    }  # fmt: skip
    flags = [part for name, value in values.items() for part in (f"--{name.replace('_', '-')}", value)]
    run(*REQUIRED, *flags, "--no-thumbnails", "--trust-code", "--resume", "--resume-features", "old")
    ((settings, options),) = audits
    assert options["features_of"] == Path("old")
    for name, value in values.items():
        assert str(getattr(settings, name)) == str(value), name
    assert (settings.thumbnails, settings.trust_code, options["resume"]) == (False, True, True)


def test_a_flag_wins_over_the_file_of_the_working_directory(audits):
    Path("auditor.toml").write_text('data = "from/file"\nmodel = "timm:x"\nout = "o"\nseed = 3\nthumbnails = false\n')
    run("run", "--seed", 5)
    ((settings, _),) = audits
    assert (settings.data, settings.model, settings.seed) == (Path.cwd() / "from/file", "timm:x", 5)
    assert settings.thumbnails is False  # a switch that was not given does not overrule


def test_a_file_that_was_named(audits):
    Path("auditor.toml").write_text("seed = 3\n")
    Path("other.toml").write_text("seed = 4\n")
    run(*REQUIRED, "--config", "other.toml")
    assert audits[0][0].seed == 4


def test_a_missing_setting_names_its_flag(audits):
    assert run("run", "--model", "timm:x", exit_code=2).stderr == (
        "error: 2 settings are missing: --data (folder class/picture, a manifest (.csv, .tsv, .jsonl, "
        ".parquet), or shards (.parquet, .tar), also elsewhere (https://, s3://, gs://, hf:ID)), --out (folder of the "
        "audit); give them as flags, or as data, out in auditor.toml, which `auditor init` writes\n"
    )
    assert audits == []


def test_the_demo_audits_all_sample_sets_offline(audits):
    result = run("demo", "--out", "demo-out")
    assert [(s.model, s.encoder, s.out, s.cache) for s, _ in audits] == [
        ("sample:planted", "sample", Path("demo-out/planted"), Path("demo-out/cache")),
        ("sample:balanced", "sample", Path("demo-out/balanced"), Path("demo-out/cache")),
        ("sample:stamped", "sample", Path("demo-out/stamped"), Path("demo-out/cache")),
    ]
    assert [s.data.parent.name for s, _ in audits] == ["planted", "balanced", "stamped"]
    assert all(s.data.is_file() and options["resume"] for s, options in audits)
    told = [
        "report of demo-out/planted",
        "report with pictures: demo-out/planted/page.html",
        "report of demo-out/balanced",
        "report of demo-out/stamped",
    ]
    assert sorted(told, key=result.stdout.index) == told


class TestMistakes:
    """Of a command that raises."""

    @pytest.fixture
    def failing(self):
        def invoke(error, *arguments):
            app = typer.Typer()

            @app.command()
            @one_line_errors
            def work(quiet: Quiet = False, debug: Debug = False, resume: bool = False) -> None:
                logging.getLogger("auditor").warning("a warning")
                if error:
                    raise error

            return CliRunner().invoke(app, arguments)

        return invoke

    @pytest.mark.parametrize("error", [InputError("two\n  lines"), OSError(28, "two lines")])
    def test_are_one_line_on_stderr_and_exit_2(self, failing, error):
        result = failing(error)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert [line for line in result.stderr.splitlines() if line.startswith("error: ")] == [
            f"error: {' '.join(str(error).split())}"
        ]
        assert "Traceback" not in result.stderr

    def test_show_their_traceback_under_debug(self, failing):
        error = InputError("wrong")
        assert failing(error, "--debug").exception is error

    def test_of_the_program_itself_are_not_hidden(self, failing):
        error = ZeroDivisionError()
        assert failing(error).exception is error

    def test_ctrl_c_says_how_to_go_on(self, failing):
        result = failing(KeyboardInterrupt())
        assert result.exit_code == 2
        assert "--resume goes on" in result.stderr

    def test_quiet_silences_warnings_for_this_call_only(self, failing):
        assert "a warning" not in failing(None, "--quiet").stderr
        assert "WARNING: a warning" in failing(None).stderr

    @pytest.mark.parametrize("arguments", [("audit",), ("report",), ("run", "--formt", "x"), ("run", "--seed", "x")])
    def test_of_usage_exit_with_2(self, arguments):
        assert run(*arguments, exit_code=2).stdout == ""


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("small"))


def test_report_as_text(audit, tmp_path):
    printed = run("report", audit).stdout
    assert "waterbird" in printed
    assert "flagged" in printed
    assert run("report", audit, "--output", tmp_path / "r.txt").stdout == ""
    assert "Relies on water (scene)." in (tmp_path / "r.txt").read_text(encoding="utf-8")


def test_report_as_json(audit, tmp_path):
    printed = run("report", audit, "--format", "json").stdout
    assert [entry["class_name"] for entry in json.loads(printed)["classes"]][:1] == ["waterbird"]
    run("report", audit, "--format", "json", "--output", tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text(encoding="utf-8") == printed


def test_report_as_html_goes_into_the_audit_unless_told_otherwise(tmp_path):
    folder = write_small_audit(tmp_path / "audit")
    assert run("report", folder, "--format", "html").stdout == f"report: {folder / 'report.html'}\n"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert run("report", folder, "--format", "html", "--output", tmp_path / "r.html").stdout == ""
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == page


def test_report_into_a_folder_that_is_not_there(audit, tmp_path):
    result = run("report", audit, "--output", tmp_path / "none" / "r.txt", exit_code=2)
    assert str(tmp_path / "none" / "r.txt") in result.stderr


def test_report_does_not_overwrite_the_audit(tmp_path):
    folder = write_small_audit(tmp_path / "audit")
    before = (folder / "audit.json").read_bytes()
    result = run("report", folder, "--format", "json", "--output", folder / "audit.json", exit_code=2)
    assert "choose another name" in result.stderr
    assert (folder / "audit.json").read_bytes() == before


def test_init_writes_the_template(tmp_path):
    assert "then `auditor run`" in run("init", "--output", tmp_path / "a.toml").stdout
    template = importlib.resources.files("auditor").joinpath("settings_template.toml").read_text(encoding="utf-8")
    assert (tmp_path / "a.toml").read_text(encoding="utf-8") == template


@pytest.mark.parametrize(("state", "exit_code"), [("ok", 0), ("missing", 0), ("failed", 2)])
def test_doctor_prints_checks_with_advice(monkeypatch, state, exit_code):
    asked = []

    def examine(*arguments, **options):
        asked.append((*arguments, options))
        return [Check("python", "ok", "3.11"), Check("timm", state, "found this", "do that")]

    monkeypatch.setattr(doctor, "examine_machine", examine)
    flags = ("--weights", "w", "--trust-code", "--preprocess", "p", "--model-output", "1")
    result = run("doctor", "--model", "m", *flags, exit_code=exit_code)
    assert asked == [("m", Path("w"), True, {"preprocess": Path("p"), "model_output": "1", "on_model": None})]
    assert result.stdout.splitlines() == [
        "ok       python: 3.11", f"{state:8} timm: found this", "         → do that",
    ]  # fmt: skip


@pytest.mark.parametrize("flag", ["--weights", "--preprocess", "--model-output", "--class-map", "--picture"])
@pytest.mark.parametrize("data", [(), ("--data", ".")])
def test_doctor_refuses_what_belongs_to_a_model_without_one(flag, data):
    stderr = run("doctor", flag, "x", *data, exit_code=2).stderr
    assert f"{flag} is given without --model; name the model that it belongs to" in stderr


def test_cache_is_listed_and_pruned(tmp_path):
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        cache.put({"a": np.ones(2, np.float32), "b": np.ones(2, np.float32)})
    lines = run("cache", "info", "--cache", tmp_path).stdout.splitlines()
    assert lines[0].startswith(f"{'e' * 32}  2 embeddings  ")
    assert lines[-1] == f"in {tmp_path}"
    assert run("cache", "prune", "--cache", tmp_path).stdout.endswith(" MiB freed\n")
    assert run("cache", "info", "--cache", tmp_path).stdout == f"no embeddings\nin {tmp_path}\n"


@pytest.mark.parametrize("command", ["info", "prune"])
def test_a_cache_is_a_folder(tmp_path, command):
    assert run("cache", "info", "--cache", tmp_path / "new").stdout.startswith("no embeddings: the folder does not")
    (tmp_path / "file").write_text("")
    said = run("cache", command, "--cache", tmp_path / "file", exit_code=2).stderr
    assert "/file' is a file; expected a folder, one that need not exist yet" in said


def test_the_version():
    assert re.fullmatch(r"auditor \S+ \(Python 3\.\d+\.\S+\)\n", run("--version").stdout)


def test_a_message_of_run_says_where_its_settings_are_set(audits, monkeypatch):
    def fail(message):
        def run_audit(*_, **__):
            raise InputError(message)

        monkeypatch.setattr(pipeline, "run_audit", run_audit)
        return run(*REQUIRED, exit_code=2).stderr

    assert fail("give another --target-layer") == (
        "error: give another --target-layer (target_layer in auditor.toml)\n"
    )
    assert fail("weights w.pt: no such file") == (
        "error: weights w.pt: no such file (--weights, or weights in auditor.toml)\n"
    )
    assert fail("the audit is damaged") == "error: the audit is damaged\n"
    Path("auditor.toml").write_text("seed = 3\n")
    told = fail("add pictures, or lower --n-extreme")
    assert told == f"error: add pictures, or lower --n-extreme (n_extreme in {Path.cwd() / 'auditor.toml'})\n"


def test_a_dry_run_prints_its_plan_and_audits_nothing(audits, monkeypatch):
    asked = []

    class Plan:
        def lines(self):
            return ["so many pictures", "so long"]

    def plan_audit(settings, **options):
        asked.append((settings.out, options["resume"]))
        return Plan()

    monkeypatch.setattr(dry_run, "plan_audit", plan_audit)
    assert run(*REQUIRED, "--dry-run", "--resume").stdout == "so many pictures\nso long\n"
    assert (asked, audits) == ([(Path("o"), True)], [])


def test_without_a_command_there_is_help_and_exit_2():
    for words in ((), ("cache",)):
        assert run(*words, exit_code=2).stdout.strip() == run(*words, "-h").stdout.strip()


@pytest.mark.parametrize("words", [(), ("run",), ("cache",), ("cache", "info"), ("gate",), ("demo",)])
def test_h_is_help(words):
    assert run(*words, "-h").stdout == run(*words, "--help").stdout


def test_every_output_has_its_short_form():
    found = {}

    def walk(group):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command)
            else:
                found[name] = next((param.opts for param in command.params if param.name == "output"), ["-o"])

    walk(typer.main.get_command(cli.app))
    assert {"report", "gate", "diff", "export", "explain", "init", "doctor", "manifest"} <= set(found)
    assert all("-o" in opts for opts in found.values()), found


def test_a_dash_is_standard_output(audit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("report", audit, "-o", "-").stdout == run("report", audit).stdout
    run("report", audit, "--format", "json", "-o", "written")
    assert run("report", audit, "--format", "json", "-o", "-").stdout == Path("written").read_text(encoding="utf-8")
    assert run("report", audit, "--format", "html", "-o", "-").stdout.startswith("<!doctype html>")
    assert run("diff", audit, audit, "--allow-different-data", "-o", "-").stdout
    template = importlib.resources.files("auditor").joinpath("settings_template.toml").read_text(encoding="utf-8")
    assert run("init", "-o", "-").stdout == template
    assert "an export is many files; give --output a folder" in run("export", audit, "-o", "-", exit_code=2).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["written"]


def test_a_picture_goes_through_a_pipe_and_not_onto_a_terminal(audit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explained = SimpleNamespace(summary=lambda: "why it is a duck")
    monkeypatch.setattr(explain, "explain_image", lambda *_, **__: explained)
    monkeypatch.setattr(explain_figure, "draw_explanation", lambda _: Image.new("RGB", (2, 2)))
    result = run("explain", audit, "a.jpg", "-o", "-")
    assert result.stdout_bytes.startswith(b"\x89PNG")
    assert result.stderr == "why it is a duck\n"
    assert run("explain", audit, "a.jpg").stdout == "why it is a duck\nfigure: explanation.png\n"
    monkeypatch.setattr(app_module, "on_terminal", lambda: True)
    assert run("explain", audit, "a.jpg", "-o", "-", exit_code=2).stderr == (
        "error: --output - would write a PNG, a binary format, to this terminal; send it on (… -o - > FILE), or give "
        "--output FILE\n"
    )


def test_help_names_every_command():
    printed = run("--help").stdout
    for name in ("run", "demo", "report", "export", "explain", "init", "doctor", "cache"):
        assert f" {name} " in printed


def test_export_says_what_it_wrote_and_what_it_left_out(audit, tmp_path):
    lines = run("export", audit, "--output", tmp_path / "out").stdout.splitlines()
    assert f"{tmp_path / 'out' / 'runs.csv'}  1 row" in lines
    assert f"{tmp_path / 'out' / 'images.csv'}  6 rows  (without thumbnail: bytes, which Parquet keeps)" in lines
    assert "exists already" in run("export", audit, "--output", tmp_path / "out", exit_code=2).stderr
    assert run("export", audit, "--format", "parquet", "--output", tmp_path / "p").stdout.count(".parquet  ") == len(
        lines
    )


@pytest.mark.parametrize(
    ("argv0", "on_path", "name"),
    [
        (".venv/bin/auditor", None, ".venv/bin/auditor"),
        (".venv/bin/auditor", "/usr/bin/auditor", "auditor"),
        ("/x y/bin/auditor", None, "'/x y/bin/auditor'"),
        ("/x/auditor/__main__.py", "/usr/bin/auditor", "auditor"),
        ("/x/auditor/__main__.py", None, "/py/python -m auditor"),
    ],
)
def test_the_demo_names_a_command_that_can_be_pasted(monkeypatch, argv0, on_path, name):
    monkeypatch.setattr("sys.argv", [argv0, "demo"])
    monkeypatch.setattr("sys.executable", "/py/python")
    monkeypatch.setattr("shutil.which", lambda command: on_path)
    assert run_commands.own_name() == name


def test_the_cache_is_pruned_to_a_size(tmp_path):
    with open_embedding_cache(tmp_path, "e" * 64, 64) as cache:
        cache.put({f"{i:064}": np.ones(64, np.float32) for i in range(500)})
    folder = ["--cache", str(tmp_path)]
    assert "500 embeddings" in run("cache", "info", *folder).output
    assert run("cache", "prune", "--max-size", "1GB", *folder).output == "0.0 MiB freed\n"
    run("cache", "prune", "--max-size", "100 KB", *folder)
    (count,) = re.findall(r"(\d+) embeddings", run("cache", "info", *folder).output)
    assert 50 < int(count) < 300
    for wrong in ("much", "-3GB"):
        assert (
            f"--max-size is '{wrong}'; expected a size"
            in run("cache", "prune", "--max-size", wrong, *folder, exit_code=2).output
        )
