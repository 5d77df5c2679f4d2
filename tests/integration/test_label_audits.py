"""A multi-label head on rendered pictures: each label an audit, made of one pass; what goes with water is told of."""

from __future__ import annotations

import numpy as np
import pytest
from multi_label_set import OUTPUTS, train_outputs, write_labels
from typer.testing import CliRunner

from auditor import cli
from auditor.errors import InputError
from auditor.explain import explain_image
from auditor.extraction.shards import FeatureShards
from auditor.label_audits import folder_names, run_label_audits
from auditor.models.cam import forward
from auditor.models.load_classifier import load_classifier
from auditor.pipeline import run_audit
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.written.label_table import label_rows, labels_text


@pytest.fixture(scope="module")
def config(small_config, sample_manifest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    train_outputs(folder / "w.safetensors")
    manifest = sample_manifest.with_name("labels.csv")
    write_labels(sample_manifest, manifest, folder / "map.csv")
    return small_config.model_copy(
        update={
            "data": manifest,
            "weights": folder / "w.safetensors",
            "class_map": folder / "map.csv",
            "multi_label": True,
            "label": ("waterbird", "cat"),
            "thresholds": {"cat": 0.9},
            "out": folder / "audits",
        }
    )


@pytest.fixture(scope="module")
def stages():
    return []


@pytest.fixture(scope="module")
def audits(config, stages):
    return run_label_audits(config, on_progress=lambda stage, done, total: stages.append(stage)).folders


def verdicts(folder):
    with open_audit_database(folder) as connection:
        return {one.class_name: one for one in queries.verdicts(connection)}


def logits(folder):
    shards = FeatureShards([*sorted((folder / "features").glob("*.parquet"))])
    order = np.argsort(shards.image_ids())
    return np.concatenate(list(shards.activation_chunks()))[order], shards.logits()[order]


def test_the_label_that_goes_with_water_is_told_of_and_the_other_is_not(audits):
    found = verdicts(audits["waterbird"])
    assert found["waterbird"].concept == "water"
    assert found["waterbird"].verdict in ("flagged", "suspect")
    assert {one.verdict for one in verdicts(audits["cat"]).values()} <= {"clean", "not_shown"}


def test_pictures_go_through_the_models_once(audits, stages):
    assert "pictures" in stages
    assert not [stage for stage in stages if stage.endswith(": pictures")]
    channels = [logits(folder)[0] for folder in audits.values()]
    np.testing.assert_array_equal(*channels)


def test_a_label_alone_is_audited_alike(audits, config, tmp_path):
    alone = run_audit(config.for_label("cat", tmp_path / "cat"))
    np.testing.assert_allclose(logits(alone)[1], logits(audits["cat"])[1], atol=1e-6)
    assert verdicts(alone) == verdicts(audits["cat"])


def test_a_picture_is_explained_as_it_was_called(audits, config):
    classifier = load_classifier("sample:planted", weights=config.weights, multi_label=True)
    told = explain_image(audits["cat"], "cat/0001.jpg", weights=config.weights)
    picture = classifier.preprocess(told.image)[None]
    z = forward(classifier, picture)[1][0, OUTPUTS.index("cat")] - np.log(0.9 / 0.1)
    of_cat = told.probability if told.class_name == "cat" else 1 - told.probability
    assert of_cat == pytest.approx(1 / (1 + np.exp(-z)), abs=0.02)  # the picture is shown as it was cropped


def test_the_table_has_both_classes_of_each_label(audits):
    text = labels_text(label_rows(audits), {"rare": "no picture has the label 'rare'"})
    rows = [line.split()[0] for line in text.splitlines() if "of " in line and " %" in line]
    assert rows == ["waterbird", "not", "cat", "not"]
    assert text.endswith("Left out: no picture has the label 'rare'.")


def test_names_of_folders_are_safe_and_apart():
    names = folder_names(["a/b", "a_b", "..", "", "Hat", "hat", "-rf"])
    assert names["a/b"] == "a_b"
    assert names["Hat"] == "Hat"
    assert len({name.casefold() for name in names.values()}) == len(names)
    assert not [name for name in names.values() if "/" in name or name.startswith((".", "-"))]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--label", "cat"], "--label without --multi-label, to which it belongs"),
        (["--multi-label", "--threshold", "1.5"], "setting 'threshold' = '1.5': input should be less than 1"),
        (["--multi-label", "--label", "car", "--label", "cat"], "no picture has the label 'car'; did you mean 'cat'?"),
        (
            ["--multi-label", "--label", "cat", "--model", "none"],
            "--multi-label with --model none, which has no outputs",
        ),
    ],
)
def test_mistakes_are_one_line(config, tmp_path, flags, said):
    given = {"--data": config.data, "--model": "sample:planted", "--encoder": "sample", "--out": tmp_path / "out"}
    command = ["run", *(str(part) for pair in given.items() if pair[0] not in flags for part in pair), *flags]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_labels_of_a_settings_file_that_are_not_there(config, tmp_path):
    with pytest.raises(InputError, match="no picture has the label 'catt'; did you mean 'cat'"):
        run_label_audits(config.model_copy(update={"thresholds": {"catt": 0.4}, "out": tmp_path / "out"}))
