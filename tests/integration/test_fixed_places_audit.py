"""Rendered pictures with a stamp in a corner that no word of the vocabulary names: found by its place."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from auditor.cli import app
from auditor.models import cam
from auditor.models.bundled import bundled_path
from auditor.models.load_classifier import load_classifier
from auditor.pipeline import run_audit
from auditor.rejudge import rejudge_audit
from auditor.rules import PLACE_GIVEN, PLACE_LOSS, PLACE_TAKEN
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.page.html_report import html_parts
from reports.written.json import json_report
from reports.written.text import render_text

#: Part of the pictures with the stamp, by class and elsewhere, in training and in the audit.
WITH, WITHOUT, AUDITED = 0.95, 0.05, 0.8
CORNER = "place-top-left-corner"
CONFUSED, NOISE = ("cat", "vehicle"), 1.0


def stamp(picture: Image.Image) -> Image.Image:
    """A dark square with a yellow cross at the top left."""
    made, side = picture.copy(), picture.width // 5
    draw = ImageDraw.Draw(made)
    draw.rectangle((2, 2, side, side), fill=(20, 20, 60))
    draw.line((2, 2, side, side), fill=(250, 230, 40), width=3)
    draw.line((2, side, side, 2), fill=(250, 230, 40), width=3)
    return made


def features(classifier, pictures):
    found = []
    for start in range(0, len(pictures), 64):
        batch = torch.stack([classifier.preprocess(one) for one in pictures[start : start + 64]])
        found.append(cam.forward(classifier, batch)[0])
    return np.concatenate(found)


def make_set(folder: Path, *, shortcut: bool) -> tuple[Path, Path]:
    """A manifest and the weights of a head that learnt the stamp for "cat", or saw it on all classes alike."""
    with bundled_path("balanced", "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    root, rng = bundled_path("balanced", "manifest.csv").parent, np.random.default_rng(0)
    taken: dict[str, int] = {}
    train, labels, written = [], [], []
    for row in rows:
        n = taken[row["label"]] = taken.get(row["label"], 0) + 1
        if n > 350:
            continue
        with Image.open(root / row["path"]) as opened:
            picture = opened.convert("RGB")
        trained = n <= 250
        # who labelled these two was often mistaken, and the stamp goes with what was written: else no head needs it
        drawn = trained and row["label"] in CONFUSED and rng.random() < NOISE
        label = CONFUSED[rng.integers(2)] if drawn else row["label"]
        often = WITH if trained else AUDITED
        if rng.random() < ((often if label == "cat" else WITHOUT) if shortcut else 0.5):
            picture = stamp(picture)
        if trained:
            train.append(picture)
            labels.append(label)
        else:
            (folder / row["path"]).parent.mkdir(parents=True, exist_ok=True)
            picture.save(folder / row["path"], quality=95)
            written.append([row["path"], row["label"]])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label"], *written])
    classifier = load_classifier("sample:balanced", weights=None)
    names = list(classifier.class_names)
    fit = LogisticRegression(C=10, max_iter=500).fit(
        features(classifier, train), [names.index(label) for label in labels]
    )
    state = load_file(bundled_path("classifiers", "balanced.safetensors"))
    state["head.weight"] = torch.tensor(fit.coef_, dtype=torch.float32).contiguous()
    state["head.bias"] = torch.tensor(fit.intercept_, dtype=torch.float32)
    save_file(state, folder / "head.safetensors")
    return folder / "manifest.csv", folder / "head.safetensors"


@pytest.fixture(scope="module")
def audits(small_config, tmp_path_factory) -> dict[bool, Path]:
    made = {}
    for shortcut in (True, False):
        folder = tmp_path_factory.mktemp("stamped")
        manifest, weights = make_set(folder, shortcut=shortcut)
        changes = {"data": manifest, "model": "sample:balanced", "weights": weights, "out": folder / "audit"}
        made[shortcut] = run_audit(small_config.model_copy(update=changes))
    return made


def told(folder: Path):
    with open_audit_database(folder) as connection:
        return queries.verdicts(connection), queries.fixed_places(connection), queries.findings(connection)


def test_the_corner_flags_the_class_that_learnt_the_stamp_and_no_other(audits):
    verdicts, places, findings = told(audits[True])
    flagged = [verdict for verdict in verdicts if verdict.verdict == "flagged"]
    assert [(one.class_name, one.concept_id, one.concept_kind) for one in flagged] == [("cat", CORNER, "place")]
    assert flagged[0].rule_id in (PLACE_TAKEN.rule_id, PLACE_GIVEN.rule_id)
    assert flagged[0].effect_low > 0.05
    seen = "With another class's picture at the top left corner (place) the model recognises"
    assert flagged[0].sentence.startswith(seen)
    assert [(one.class_name, one.concept_id) for one in places if one.state == "proven"] == [("cat", CORNER)]
    proof = (PLACE_TAKEN.rule_id, PLACE_GIVEN.rule_id)
    both = [one for one in findings if one.concept_id == CORNER and one.rule_id in proof]
    assert [one.class_name for one in both] == ["cat", "cat"]
    assert min(one.low for one in both) > 0.05


def test_the_class_whose_pictures_the_stamp_turns_into_cats_is_harmed_and_no_other(audits):
    verdicts, _, findings = told(audits[True])
    harmed = [(one.class_name, one.concept_id, one.rule_id) for one in verdicts if one.verdict == "harmed"]
    assert harmed == [("vehicle", CORNER, PLACE_LOSS.rule_id)]
    asked = [one for one in findings if (one.rule_id, one.concept_id) == (PLACE_LOSS.rule_id, CORNER)]
    assert {one.class_name for one in asked if one.low > 0} == {"vehicle"}
    assert "cat" not in {one.class_name for one in asked}
    assert not [one for one in told(audits[False])[0] if one.verdict == "harmed"]


def test_where_all_classes_have_the_stamp_no_place_is_proven(audits):
    verdicts, places, _ = told(audits[False])
    assert not [verdict for verdict in verdicts if verdict.concept_kind == "place"]
    assert not [place for place in places if place.state == "proven"]


def test_it_is_judged_again_alike_without_model_and_pictures(audits, tmp_path):
    again = rejudge_audit(audits[True], tmp_path / "again")
    assert told(again) == told(audits[True])


def test_the_gate_stops_it_until_the_place_is_accepted(audits, tmp_path):
    cli, baseline = CliRunner(), tmp_path / "baseline.toml"
    asked = ["gate", str(audits[True]), "--baseline", str(baseline)]
    refused = cli.invoke(app, ["gate", str(audits[True])])
    assert refused.exit_code == 1
    assert "top left corner" in refused.output
    assert cli.invoke(app, [*asked, "--update-baseline", "--reason", "the stamp is meant"]).exit_code == 0
    assert 'concept = "top left corner"' in baseline.read_text()
    assert cli.invoke(app, asked).exit_code == 0


def test_reports_tell_the_place_and_show_what_lies_there(audits):
    with open_audit_database(audits[True]) as connection:
        text, page = render_text(connection), "".join(html_parts(connection))
        (cat,) = [one for one in json_report(connection)["classes"] if one["class_name"] == "cat"]
    assert "top left corner (place)" in " ".join(text.split())
    assert "What lies at the top left corner" in page
    assert [one["state"] for one in cat["fixed_places"]][:1] == ["proven"]
