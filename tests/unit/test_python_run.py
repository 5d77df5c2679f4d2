"""``auditor.run_audit``: plain arguments become settings, and mistakes one line."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from picture_audit import write_picture_audit
from toy_models import GapCnn

from auditor import python_run
from auditor.config import AuditConfig, CoreEntry
from auditor.errors import InputError
from auditor.python_run import run_audit


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("made") / "audit")


@pytest.fixture
def runs(monkeypatch, made):
    """What the pipeline was called with; its audit is one by hand."""
    calls = []

    def run(config, **options):
        calls.append((config, options))
        return made

    monkeypatch.setattr(python_run, "run_pipeline", run)
    return calls


def test_every_setting_is_an_argument_of_the_same_name():
    arguments = inspect.signature(run_audit).parameters
    ours = {"config", "transform", "class_names", "resume", "resume_features", "quiet", "on_progress"}
    assert set(arguments) == set(AuditConfig.model_fields) | ours
    assert all(one.default in (None, False) for one in arguments.values())
    assert [name for name in arguments if f"        {name}: " not in (run_audit.__doc__ or "")] == []


def test_plain_arguments_are_settings_and_the_rest_is_default(runs):
    audit = run_audit(data="val", model="timm:resnet50", out=Path("audits/7"), seed=3, core={"cat": {"rug": "indoors"}})
    (config, options) = runs[0]
    assert repr(audit).endswith("2 flagged")
    assert config == AuditConfig(
        data=Path("val"), model="timm:resnet50", out=Path("audits/7"), seed=3,
        core={"cat": {"rug": CoreEntry(reason="indoors")}},
    )  # fmt: skip
    assert (options["live"], options["resume"]) == (None, False)


def test_a_module_is_told_by_its_spec(runs):
    module = GapCnn()
    run_audit(
        data="~/val", model=module, transform=len, class_names=["a", "b"], out="o", resume=True,
        resume_features="~/old", thumbnails=False,
    )  # fmt: skip
    (config, options) = runs[0]
    assert (config.model, config.thumbnails) == ("live:GapCnn", False)
    assert config.data == Path.home() / "val"
    assert options["live"].module is module
    assert options["live"].class_names == ("a", "b")
    assert options["resume"]
    assert options["features_of"] == Path.home() / "old"


def test_settings_come_first_and_arguments_overrule_them(runs, tmp_path):
    settings = AuditConfig(
        data="val", model="timm:vit", out="o", seed=1, core={"cat": {"rug": CoreEntry(reason="indoors")}}
    )
    run_audit(settings, seed=2)
    (tmp_path / "auditor.toml").write_text('data = "val"\nmodel = "timm:vit"\nout = "o"\nseed = 1\n')
    run_audit(str(tmp_path / "auditor.toml"), seed=2)
    assert runs[0][0] == settings.model_copy(update={"seed": 2})
    assert (runs[1][0].seed, runs[1][0].data) == (2, tmp_path / "val")


def test_progress_goes_to_the_callback(runs):
    told = []
    run_audit(data="val", model="timm:vit", out="o", on_progress=lambda *step: told.append(step))
    runs[0][1]["on_progress"]("images", 1, 2)
    assert told == [("images", 1, 2)]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"data": "val"},
            "run_audit without model and out; expected run_audit(data='val/', model=module or 'timm:resnet50', "
            "out='audits/7'), or the settings that say them first",
        ),
        (
            {"data": "val", "model": 5, "out": "o"},
            "model is a int; expected a torch module, or a spec such as 'timm:resnet50'",
        ),
        (
            {"data": "val", "model": "timm:vit", "out": "o", "seed": -1},
            "setting 'seed' = '-1': input should be greater than or equal to 0 (set by --seed)",
        ),
        (
            {
                "config": AuditConfig(data="val", model="timm:vit", out="o", weights="w.pt"),
                "model": GapCnn(),
                "transform": len,
            },
            "the settings name weights 'w.pt', and live:GapCnn has its own: take them out",
        ),
    ],
)
def test_a_mistake_is_one_line(runs, given, line):
    with pytest.raises(InputError) as raised:
        run_audit(**given)
    assert str(raised.value) == line
    assert runs == []
