"""``auditor calibrate`` around the counting: what it reads, what it refuses, what it writes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import duckdb
import pytest
from small_audit import make_run, unbound, write_small_audit
from typer.testing import CliRunner

from auditor import calibrate, cli, finished_audit
from auditor.calibrate import calibrate_audit
from auditor.calibration_records import CalibrationRow
from auditor.config import AuditConfig
from auditor.errors import InputError, StoreError
from auditor.store import amend
from auditor.store.manifest import DATABASE_NAME, MANIFEST_NAME, read_audit_json
from auditor.store.open_audit import open_audit_database

SETTINGS = {
    "data": "val", "model": "evil.py:factory", "out": "elsewhere", "trust_code": True, "cache": "/etc/cache",
    "encoder": "sample",
}  # fmt: skip


@pytest.fixture
def audit(tmp_path):
    folder = write_small_audit(tmp_path / "audit")
    set_config(folder, json.dumps(SETTINGS))
    return folder


def set_config(folder, text):
    unbound(folder)
    with duckdb.connect(str(folder / DATABASE_NAME)) as connection:
        connection.execute("UPDATE runs SET config = ?", [text])


@pytest.fixture
def loaded(monkeypatch, audit):
    """The settings that inputs would have been loaded with; digests as audited."""
    seen = []
    digests = dict(read_audit_json(audit)["digests"])

    def load_inputs(config, **_):
        seen.append(config)
        return SimpleNamespace(dataset=SimpleNamespace(items=items, contents=contents))

    with open_audit_database(audit) as connection:
        contents = dict(connection.execute("SELECT path, content_digest FROM images").fetchall())
    items = [SimpleNamespace(path=path) for path in contents]
    monkeypatch.setattr(finished_audit, "load_inputs", load_inputs)
    monkeypatch.setattr(finished_audit, "audit_digests", lambda *_: digests)
    return seen, digests


def test_nothing_that_the_audit_says_runs_code_or_writes_elsewhere(audit, loaded):
    loaded[1]["model"] = "0" * 64
    with pytest.raises(InputError):
        calibrate_audit(audit, n_heads=1)
    (config,) = loaded[0]
    assert isinstance(config, AuditConfig)
    assert (config.trust_code, config.cache, config.out) == (False, None, audit)


def test_flags_take_the_place_of_what_has_moved(audit, loaded, tmp_path):
    loaded[1]["model"] = "0" * 64
    with pytest.raises(InputError):
        calibrate_audit(
            audit, n_heads=1, model="m.py:f", weights=tmp_path / "w.pt", data=tmp_path / "d", trust_code=True
        )
    (config,) = loaded[0]
    assert (config.model, config.weights, config.data) == ("m.py:f", tmp_path / "w.pt", tmp_path / "d")
    assert config.trust_code is True


FILES = {
    "weights": "w.pt", "preprocess": "p.toml", "class_map": "c.csv", "encoder": "open_clip:mine@e.pt",
    "vocabulary": "v.toml",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_the_audit_names_is_read_only_when_asked_for(audit, loaded, name):
    set_config(audit, json.dumps({**SETTINGS, name: FILES[name]}))
    with pytest.raises(InputError, match=f"give --{name.replace('_', '-')} '{FILES[name]}' again, or --trust-code"):
        calibrate_audit(audit, n_heads=1)
    assert loaded[0] == []
    loaded[1]["model"] = "0" * 64
    for given in ({"trust_code": True}, {name: FILES[name]}):
        with pytest.raises(InputError, match="is not what was audited"):
            calibrate_audit(audit, n_heads=1, **given)
    assert [str(getattr(config, name)) for config in loaded[0]] == [FILES[name]] * 2


@pytest.mark.parametrize(
    ("name", "hint"),
    [(name, f"with --{name}") for name in ("model", "data", "encoder", "vocabulary")],
)
def test_something_else_than_what_was_audited_is_refused(audit, loaded, name, hint):
    loaded[1][name] = "0" * 64
    with pytest.raises(InputError, match=f"the {name} is not what was audited .*000000000000.*{hint}"):
        calibrate_audit(audit, n_heads=1)
    with open_audit_database(audit) as connection:
        assert connection.execute("SELECT count(*) FROM calibrations").fetchone() == (0,)


def test_another_class_map_is_refused(audit, loaded):
    loaded[1]["config"] = "0" * 64
    with pytest.raises(InputError, match="the class map or settings are not what was audited"):
        calibrate_audit(audit, n_heads=1)


def test_data_alone_have_no_head(audit, loaded):
    set_config(audit, json.dumps({**SETTINGS, "model": "none"}))
    with pytest.raises(InputError, match="no model was examined"):
        calibrate_audit(audit, n_heads=1)
    assert loaded[0] == []


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"data": "d", "model": 1, "out": "o"}', "[" * 100_000])
def test_settings_that_cannot_be_read(audit, loaded, text):
    set_config(audit, text)
    with pytest.raises(StoreError, match="the settings of the audit at") as caught:
        calibrate_audit(audit, n_heads=1)
    assert "\n" not in str(caught.value)


def test_no_audit(tmp_path):
    with pytest.raises(StoreError, match="no audit at"):
        calibrate_audit(tmp_path / "none", n_heads=1)


def test_an_audit_that_is_not_finished(audit):
    (audit / MANIFEST_NAME).unlink()
    with pytest.raises(StoreError, match="is incomplete: it has no audit"):
        calibrate_audit(audit, n_heads=1)


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(audit, loaded, monkeypatch):
    def denied(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(amend.tempfile, "TemporaryFile", denied)
    with pytest.raises(StoreError, match=r"nothing can be added to the audit .*: Permission denied"):
        calibrate_audit(audit, n_heads=1)
    assert loaded[0] == []


def test_the_command_prints_the_table(audit, monkeypatch):
    asked = []

    def fake(folder, **options):
        asked.append((folder, options))
        return [CalibrationRow("false_alarms", None, 60, 0, 0, 0.0, 0.06)]

    monkeypatch.setattr(calibrate, "calibrate_audit", fake)
    run = CliRunner().invoke(cli.app, ["calibrate", str(audit), "--heads", "3", "--quiet"])
    assert run.exit_code == 0, run.output
    assert run.stdout.splitlines() == ["false alarms: heads without reliances                0 of 60 [0, 6 %]"]
    assert asked[0][0] == audit
    assert asked[0][1]["n_heads"] == 3
    assert CliRunner().invoke(cli.app, ["calibrate", str(audit), "--heads", "0"]).exit_code == 2


def test_ctrl_c_is_one_line(audit, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(calibrate, "calibrate_audit", interrupted)
    run = CliRunner().invoke(cli.app, ["calibrate", str(audit)])
    assert (run.exit_code, run.stdout, run.stderr) == (2, "", "interrupted; no audit was changed\n")


@pytest.mark.parametrize("missing", ["none", "audit.json"])
def test_what_is_wrong_is_one_line_and_exit_2(audit, missing):
    (audit / MANIFEST_NAME).unlink()
    run = CliRunner().invoke(cli.app, ["calibrate", str(audit / missing if missing == "none" else audit)])
    assert (run.exit_code, run.stdout) == (2, "")
    assert len(run.stderr.splitlines()) == 1
    assert run.stderr.startswith("error: ")


def test_make_run_has_the_digests_that_are_compared():
    assert make_run().model_digest == "m" * 64
