"""The data set for FiftyOne: samples as its importer reads them, tags by finding, maps over the whole picture."""

from __future__ import annotations

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from picture_audit import image_id, write_picture_audit
from PIL import Image

from auditor.errors import InputError
from auditor.store.open_audit import open_audit_database
from reports import fiftyone
from reports.fiftyone import export_fiftyone


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("fiftyone")
    with open_audit_database(write_picture_audit(root / "audit", 2)) as connection:
        return export_fiftyone(connection, root / "set", Path("/data/val"))


@pytest.fixture(scope="module")
def samples(written):
    found = json.loads((written.folder / "samples.json").read_text())["samples"]
    return {sample["image_id"]: sample for sample in found}


def test_a_sample_has_its_labels_and_where_it_lies(written, samples):
    assert (written.n_pictures, len(samples)) == (10, 10)
    sample = samples[image_id(0, 3)]
    assert sample["filepath"] == "/data/val/bird 0/3.jpg"
    assert sample["ground_truth"] == {"_cls": "Classification", "label": "bird 0"}
    assert sample["called"] == {"_cls": "Classification", "label": "bird 1", "confidence": 0.75}


def test_tags_say_the_side_of_every_finding_and_mistakes(written, samples):
    assert samples[image_id(0, 3)]["tags"] == ["bird 0, water: breaking", "mistake"]
    assert samples[image_id(0, 4)]["tags"] == ["bird 0, water: carrying", "bird 1, water: pulled", "mistake"]
    assert samples[image_id(1, 0)]["tags"] == ["bird 1, water: carrying"]
    assert len(written.tags) == 6


def test_a_map_lies_where_the_model_looked_in_the_whole_picture(written, samples):
    sample = samples[image_id(0, 0)]
    assert sample["class_map"]["_cls"] == "Heatmap"
    assert sample["class_map"]["range"] == [0, 255]
    drawn = np.asarray(Image.open(sample["class_map"]["map_path"]))
    assert drawn.shape == (192, 256)  # of 640 x 480
    # the crop is from 1/8 to 7/8 of the width; rows 2 and 3, columns 2 to 4 of 7 are lit
    rows, columns = np.nonzero(drawn == 255)
    assert drawn[:, :32].max() == drawn[:, 224:].max() == 0
    assert 2 / 7 * 192 <= rows.min() < rows.max() <= 4 / 7 * 192
    assert 32 + 2 / 7 * 192 <= columns.min() < columns.max() <= 32 + 5 / 7 * 192
    assert {"class_map", "concept_map"} <= set(sample)
    assert written.n_maps == sum(name in one for one in samples.values() for name in ("class_map", "concept_map"))


def test_its_form_is_the_one_without_a_version(written):
    metadata = json.loads((written.folder / "metadata.json").read_text())
    assert "version" not in metadata
    assert metadata["media_type"] == "image"
    assert set(metadata["info"]["sentences"]) == {"bird 0", "bird 1"}


def test_a_folder_with_something_in_it_is_left_alone(written, tmp_path):
    (tmp_path / "mine").write_text("x")
    with (
        open_audit_database(write_picture_audit(tmp_path / "audit", 2)) as connection,
        pytest.raises(InputError, match="not an empty folder"),
    ):
        export_fiftyone(connection, tmp_path, Path("val"))
    assert not list(tmp_path.parent.glob(f"{tmp_path.name}.tmp-*"))


def test_pictures_of_a_shard_are_no_files_to_open(tmp_path, monkeypatch):
    audit = write_picture_audit(tmp_path / "audit", 2)
    pictures = [replace(one, path="val.parquet#7") for one in every_picture_of(audit)]
    monkeypatch.setattr(fiftyone, "every_picture", lambda _: pictures)
    (tmp_path / "val.parquet").write_bytes(b"")
    with open_audit_database(audit) as connection, pytest.raises(InputError, match=r"lie in shards .'val\.parquet#7'."):
        export_fiftyone(connection, tmp_path / "set", tmp_path)
    assert not (tmp_path / "set").exists()


def every_picture_of(audit):
    with open_audit_database(audit) as connection:
        return fiftyone.every_picture(connection)


@pytest.mark.parametrize("is_there", [False, True])
def test_its_script_opens_the_set_and_saves_a_view_of_each_tag_once(written, samples, is_there, monkeypatch):
    tags = sorted({tag for sample in samples.values() for tag in sample["tags"]})
    called = Mock(spec=["dataset_exists", "load_dataset", "Dataset", "types", "launch_app"])
    called.dataset_exists.return_value = is_there
    dataset = called.load_dataset.return_value if is_there else called.Dataset.from_dir.return_value
    dataset.distinct.side_effect = {"tags": tags}.get
    dataset.match_tags.side_effect = "pictures with {}".format
    monkeypatch.setitem(sys.modules, "fiftyone", called)
    runpy.run_path(str(written.folder / "launch.py"))
    views = [call.args for call in dataset.save_view.call_args_list]
    assert views == ([] if is_there else [(tag, f"pictures with {tag}") for tag in tags])
    called.launch_app.assert_called_once_with(dataset)
    if not is_there:
        called.Dataset.from_dir.assert_called_once_with(
            str(written.folder), dataset_type=called.types.FiftyOneDataset, name="set"
        )
