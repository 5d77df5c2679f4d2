"""From finding to fix: the commands of docs/repair.md on a small audit, and every bad input."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from auditor.cli import app
from auditor.config import AuditConfig
from auditor.errors import InputError
from auditor.inputs.images import read_image
from auditor.models import cam
from auditor.models.bundled import bundled_path
from auditor.models.load_classifier import load_classifier
from auditor.models.repaired_weights import head_keys
from auditor.regular_files import file_sha256
from auditor.rejudge import held_audit
from auditor.repair.repair_input import repair_input
from auditor.repaired_maps import pictures_root
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.pictures import maps_of_repair
from auditor.store.queries.repairs import changed_pictures, repair_figures, repairs

_PAGE = Path(__file__).parents[2] / "docs" / "repair.md"
_FORCED = ["--class", "waterbird", "--concept", "water", "--force"]


def _run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def audit(small_audit, tmp_path_factory):
    """A copy, as a repair is kept in the audit."""
    return Path(shutil.copytree(small_audit, tmp_path_factory.mktemp("audits") / "audit"))


@pytest.fixture(scope="module")
def repaired(audit, tmp_path_factory):
    """What `repair --force` writes."""
    output = tmp_path_factory.mktemp("repaired") / "w.safetensors"
    found = _run("repair", audit, *_FORCED, "--output", output, "--format", "json", "--quiet")
    assert found.exit_code == 0, found.output
    return output, found


def test_what_is_written_is_a_model_like_the_one_that_came_in(repaired):
    output, _ = repaired
    old, new = load_file(bundled_path("classifiers", "planted.safetensors")), load_file(output)
    assert {key: (value.shape, value.dtype) for key, value in new.items()} == {
        key: (value.shape, value.dtype) for key, value in old.items()
    }
    changed = {key for key in old if not torch.equal(old[key], new[key])}
    assert changed == {"head.weight", "head.bias"}
    with safe_open(output, framework="pt") as file:
        assert json.loads(file.metadata()["class_names"])[-1] == "waterbird"
        assert json.loads(file.metadata()["auditor_repair"])["taken_out"] == [["waterbird", "water"]]
    head = load_classifier("sample:planted", weights=output).head
    assert head.weight == pytest.approx(new["head.weight"].numpy())


def test_the_card_lies_beside_and_says_what_was_printed(repaired):
    output, found = repaired
    card = json.loads(output.with_suffix(".repair.json").read_text())
    assert card["targets"][0]["concept"] == "water"
    assert {one["name"] for one in card["figures"]} >= {"accuracy", "worst", "ece", "class"}
    assert json.loads(found.stdout) == card


def test_the_audit_keeps_the_repair_and_its_reports_show_it(audit, repaired):
    output, found = repaired
    card = json.loads(found.stdout)
    with open_audit_database(audit) as connection:
        (kept,) = [one for one in repairs(connection) if one.weights and one.weights.endswith("w.safetensors")]
        figures = repair_figures(connection, kept.repair_id)
        arms = [
            changed_pictures(connection, kept.repair_id, "waterbird", "water", present=present)
            for present in (True, False)
        ]
    assert (kept.class_names, kept.concepts, kept.forced) == (("waterbird",), ("water",), True)
    assert kept.weights_sha256 == file_sha256(output)
    assert (audit / kept.weights).resolve() == output.resolve()
    assert kept.repaired_digest == load_classifier("sample:planted", weights=output).digest
    assert [(one.name, one.before, one.after) for one in figures] == [
        (one["name"], pytest.approx(one["before"]), pytest.approx(one["after"])) for one in card["figures"]
    ]
    told = {(one.name, one.present): one for one in figures if one.class_name == "waterbird"}
    for arm, present in zip(arms, (True, False), strict=True):  # those that changed make the difference, no others
        assert all(one.called_before != one.called_after for one in arm)
        gained = sum(one.called_after == "waterbird" for one in arm)
        lost = sum(one.called_before == "waterbird" for one in arm)
        subgroup = told.get(("subgroup", present))
        if subgroup is not None:
            assert gained - lost == pytest.approx((subgroup.after - subgroup.before) * subgroup.n)
    assert _run("report", audit, "--format", "html").exit_code == 0
    page, model_card = (audit / "report.html").read_text(), _run("report", audit, "--format", "model-card")
    assert 'id="repairs"' in page
    assert "waterbird without water" in page
    assert "### Repair" in model_card.output
    assert "is the one before the repair" in model_card.output


def test_maps_before_and_after_are_those_of_the_two_models(audit, repaired):
    output, _ = repaired
    with open_audit_database(audit) as connection:
        (kept,) = [one for one in repairs(connection) if one.weights and one.weights.endswith("w.safetensors")]
        first = changed_pictures(connection, kept.repair_id, "waterbird", "water", present=False)[0]
        (data, class_names) = connection.execute("SELECT data_path, class_names FROM runs").fetchone()
        (path,) = connection.execute("SELECT path FROM images WHERE image_id = ?", [first.image_id]).fetchone()
        drawn = maps_of_repair(connection, kept.repair_id, [first.image_id])[first.image_id]
    root = Path(data) if Path(data).is_dir() else Path(data).parent
    c = class_names.index("waterbird")
    for weights, found in zip((None, output), drawn, strict=True):
        classifier = load_classifier("sample:planted", weights=weights)
        batch = classifier.preprocess(read_image(root / path, min_side=classifier.input_size).image)[None]
        expected = np.maximum(cam.response_maps(classifier, batch, classifier.head.weight[None, [c]])[0, 0], 0)
        assert found.data == pytest.approx(expected / expected.max() * 255, abs=1)


def test_pictures_lie_at_the_root_that_was_given_and_nothing_is_fetched_for_maps(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    config = AuditConfig(data=tmp_path / "manifest.csv", model="sample:planted", out=tmp_path / "out")
    assert pictures_root(config) == tmp_path
    assert pictures_root(config.model_copy(update={"data_root": pictures})) == pictures
    assert pictures_root(config.model_copy(update={"data": "memory://a/b.tar"})) is None


def test_pictures_that_are_gone_have_no_maps_and_it_is_said(audit, tmp_path, monkeypatch):
    def gone(*_):
        raise InputError("not there any more")

    monkeypatch.setattr("auditor.repaired_maps.picture_again", gone)
    found = _run("repair", audit, *_FORCED, "--output", tmp_path / "w.safetensors", "--quiet")
    assert found.exit_code == 0, found.output
    assert "could not be read again, so that no maps before and after are shown of them" in found.output


def test_what_is_erased_without_a_fold_has_seen_nothing_of_it(audit):
    inputs = held_audit(audit).evidence_input
    x = np.zeros((len(inputs.image_ids), 1), np.float32)
    v = next(v for v, one in enumerate(inputs.concepts) if one.term == "water")
    pairs, groups = ((inputs.class_names.index("waterbird"), v),), np.zeros(1, np.int64)
    given = repair_input(inputs, x, pairs, groups)
    presence = inputs.presence.copy()
    held = np.flatnonzero(inputs.label_idx >= 0)[given.folds == 1]
    presence[held] = presence[held[::-1]]
    again = repair_input(replace(inputs, presence=presence), x, pairs, groups)
    others = given.folds != 1
    assert given.residual_without[1][others] == pytest.approx(again.residual_without[1][others])
    assert given.residual[others] != pytest.approx(again.residual[others])


def test_a_repair_made_again_takes_the_place_of_the_first(audit, repaired, tmp_path):
    with open_audit_database(audit) as connection:
        before = len(repairs(connection))
    copy = shutil.copytree(audit, tmp_path / "copy")
    found = _run("repair", copy, *_FORCED, "--output", tmp_path / "again.safetensors", "--quiet")
    assert found.exit_code == 0, found.output
    with open_audit_database(copy) as connection:
        assert len(repairs(connection)) == before


def test_the_walk_through_runs(audit, tmp_path):
    text = _PAGE.read_text(encoding="utf-8")
    walk = text.partition("## From finding to fix")[2].partition("\n## ")[0]
    commands = [line.strip() for line in re.findall(r"^    (auditor repair .*)$", walk, re.MULTILINE)]
    assert len(commands) >= 3
    for line in commands:
        words = [tmp_path / word if "." in word else word for word in shlex.split(line)[1:]]
        words = [audit if word == "audits/release-7" else word for word in words]
        words = [tmp_path / "after" if word == "audits/repaired" else word for word in words]
        found = _run(*words, "--force", "--quiet")
        assert found.exit_code == 0, (line, found.output)
        if "--audit" in line:  # the diff says what it rests on
            said = " ".join(found.output.split())
            assert "was fitted to pictures of this audit (auditor repair)" in said
            assert "On pictures that the repaired layer did not see" in said
    card = _run("report", tmp_path / "after", "--format", "model-card").output
    assert "The model of this audit is the repaired one." in card


def test_a_csv_of_what_to_draw(small_audit, tmp_path):
    output = tmp_path / "draw.csv"
    found = _run("repair", small_audit, *_FORCED, "--data-only", "--output", output, "--quiet")
    assert found.exit_code == 0, found.output
    rows = list(csv.DictReader(output.open()))
    assert len(rows) == 300
    own = [row for row in rows if row["class"] == "waterbird"]
    arms = [sum(float(row["weight"]) for row in own if row["water"] == value) for value in "10"]
    n_without = sum(row["water"] == "0" for row in own)
    assert arms[0] + arms[1] == pytest.approx(60, abs=1e-3)
    # as much without as with, or its part of it where it has fewer than ten pictures
    assert arms[1] / arms[0] == pytest.approx(min(n_without / 10, 1), abs=1e-4)
    printed = _run("repair", small_audit, *_FORCED, "--data-only", "--output", "-", "--quiet")
    assert printed.exit_code == 0, printed.output
    assert printed.stdout_bytes == output.read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--class", "waterbrd", "--concept", "water"], "did you mean 'waterbird'?"),
        (["--class", "waterbird", "--concept", "watr"], "did you mean 'water'?"),
        (["--all-flagged", "--data-only", "--audit", "x"], "--audit needs a repaired model"),
        (["--class", "waterbird"], "--class and --concept belong together"),
        ([], "say what to repair"),
        (["--class", "cat", "--all-flagged"], "say what to repair"),
        (["--class", "cat", "--class", "balloon", "--class", "vehicle", "--concept", "water", "--concept", "snow"],
         "expected a --concept for each --class"),
    ],
)  # fmt: skip
def test_names_that_are_not_there_are_one_line(small_audit, tmp_path, words, says):
    found = _run("repair", small_audit, *words, "--output", tmp_path / "w.safetensors", "--quiet")
    assert found.exit_code == 2
    assert says in found.output
    assert "Traceback" not in found.output


@pytest.mark.parametrize(
    ("name", "says"), [("w.pt", "ends with .safetensors"), ("no/w.safetensors", "there is no folder")]
)
def test_an_output_that_cannot_be(small_audit, tmp_path, name, says):
    found = _run("repair", small_audit, *_FORCED, "--output", tmp_path / name, "--quiet")
    assert found.exit_code == 2
    assert says in found.output


def test_an_output_that_is_there_stays(small_audit, tmp_path):
    output = tmp_path / "w.safetensors"
    output.write_text("mine")
    found = _run("repair", small_audit, *_FORCED, "--output", output, "--quiet")
    assert found.exit_code == 2
    assert "exists already" in found.output
    assert output.read_text() == "mine"


def test_a_class_of_which_nothing_was_found_is_left_alone(small_audit, tmp_path):
    output = tmp_path / "w.safetensors"
    found = _run("repair", small_audit, "--class", "balloon", "--concept", "snow", "--output", output, "--quiet")
    assert found.exit_code == 0
    assert "there is nothing to repair" in found.output
    assert not output.exists()


def test_features_that_are_gone_are_made_again(small_audit, tmp_path):
    copy, output = tmp_path / "audit", tmp_path / "draw.csv"
    shutil.copytree(small_audit, copy)
    shutil.rmtree(copy / "features")
    found = _run("repair", copy, *_FORCED, "--data-only", "--output", output, "--quiet")
    assert found.exit_code == 0, found.output
    assert len(output.read_text().splitlines()) == 301


def test_half_precision_stays_and_integers_and_missing_biases_are_refused(tmp_path):
    state = load_file(bundled_path("classifiers", "planted.safetensors"))
    half = tmp_path / "half.safetensors"
    tensors = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    save_file({f"module.{key}": value for key, value in tensors.items()}, half)
    classifier = load_classifier("sample:planted", weights=half)
    keys = head_keys(classifier, half, trust_code=False)
    assert (keys.weight, keys.bias) == ("module.head.weight", "module.head.bias")
    assert keys.state[keys.weight].dtype is torch.float16
    quantised = tmp_path / "int8.safetensors"
    save_file({**state, "head.weight": state["head.weight"].to(torch.int8)}, quantised)
    with pytest.raises(Exception, match="before they were quantised"):
        head_keys(classifier, quantised, trust_code=False)
    without = tmp_path / "without.safetensors"
    save_file({key: value for key, value in state.items() if key != "head.bias"}, without)
    with pytest.raises(Exception, match="has no bias"):
        head_keys(classifier, without, trust_code=False)


def test_a_head_that_shares_its_weights_is_refused():
    classifier = load_classifier("sample:planted", weights=None)
    twin = torch.nn.Linear(128, 5)
    twin.weight = torch.nn.Parameter(classifier.module.get_parameter("head.weight"))
    classifier.module.register_module("twin", twin)
    with pytest.raises(Exception, match=r"shares its weights with 'twin\.weight'"):
        head_keys(classifier, bundled_path("classifiers", "planted.safetensors"), trust_code=False)
