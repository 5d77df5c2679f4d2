"""Public sets that are not laid out as they should be: one line that names what was expected, and nothing written."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import public_trees
import pytest
from typer.testing import CliRunner

from auditor import cli
from auditor.errors import InputError
from auditor.inputs.dataset import load_dataset
from auditor.inputs.public_sets.writing import READERS, write_public_manifest


def refused(name: str, root: Path, **options: object) -> str:
    before = sorted(root.rglob("*")) if root.is_dir() else []
    with pytest.raises(InputError) as caught:
        write_public_manifest(name, root, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith((f"{name}: ", "'/"))
    assert (sorted(root.rglob("*")) if root.is_dir() else []) == before
    return message


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("waterbirds", "metadata.csv not found"),
        ("celeba", "list_attr_celeba.txt not found"),
        ("cub", "images.txt not found"),
        ("imagenet", "no train/ or val/ with synset folders"),
        ("metashift", "CLASS/CLASS(CONTEXT)/"),
        ("clevr", "train/CLEVR_HANS_scenes_train.json"),
        ("isic", "ISIC_2019_Training_GroundTruth.csv"),
    ],
)
def test_a_folder_of_something_else(tmp_path, name, expected):
    assert expected in refused(name, tmp_path)
    assert "is no folder" in refused(name, tmp_path / "absent")
    assert set(READERS) >= {name}


@pytest.mark.parametrize(
    ("name", "make", "remove", "expected"),
    [
        ("celeba", public_trees.celeba, "list_eval_partition.txt", "list_eval_partition.txt not found"),
        ("cub", public_trees.cub, "CUB_200_2011/classes.txt", "classes.txt not found"),
        ("cub", public_trees.cub, "CUB_200_2011/train_test_split.txt", "train_test_split.txt not found"),
        ("cub", public_trees.cub, "attributes.txt", "attributes.txt not found"),
        ("imagenet", public_trees.imagenet, "LOC_synset_mapping.txt", "LOC_synset_mapping.txt not found"),
        ("metashift", public_trees.mixed_metashift, "imageID_to_group.pkl", "imageID_to_group.pkl not found"),
    ],
)
def test_a_file_is_missing(tmp_path, name, make, remove, expected):
    (make(tmp_path) / remove).unlink()
    assert expected in refused(name, tmp_path)


@pytest.mark.parametrize(
    ("make", "file", "old", "new", "expected"),
    [
        ("waterbirds", "metadata.csv", ",1,0,1,", ",2,0,1,", "y is '2'; expected one of 0, 1"),
        ("waterbirds", "metadata.csv", "place,", "where,", "no column 'place'"),
        ("celeba", "list_attr_celeba.txt", "1  -1  1", "1  1", "a picture and 3 values"),
        ("celeba", "list_attr_celeba.txt", "1  -1  1", "1  7  1", "value '7'; expected -1 or 1"),
        ("celeba", "list_eval_partition.txt", "003.jpg 1", "003.jpg 5", "'5'; expected 0, 1"),
        ("celeba", "list_eval_partition.txt", "000003.jpg 1", "", "'000003.jpg' is not given"),
        ("celeba", "identity_CelebA.txt", " 2937", "", "a picture and its identity"),
        ("cub", "CUB_200_2011/images.txt", "2 002", "2002", "line 2"),
        ("cub", "CUB_200_2011/image_class_labels.txt", "2 2", "2 9", "'9' is not in classes.txt"),
        ("cub", "CUB_200_2011/image_class_labels.txt", "3 2\n", "", "no line for picture 3"),
        ("cub", "CUB_200_2011/bounding_boxes.txt", "27.0 325.0", "x 325.0 1 1", "an id, x, y, width"),
        ("cub", "CUB_200_2011/attributes/image_attribute_labels.txt", "2 2 1 2", "2 3 1 2", "of 1 to 2"),
        ("imagenet", "LOC_synset_mapping.txt", "n03126707 crane, hoist", "", "'n03126707' has no"),
        ("clevr_hans", "val/CLEVR_HANS_scenes_val.json", '"scenes"', '"scene"', "a list 'scenes'"),
        ("clevr_hans", "val/CLEVR_HANS_scenes_val.json", '{"info"', "info", "not readable as JSON"),
        ("clevr_hans", "val/CLEVR_HANS_scenes_val.json", '"class_id": 1', '"class_id": "a"', "'a'"),
        ("clevr_hans", "val/CLEVR_HANS_scenes_val.json", '"objects": [', '"things": [', "objects in"),
        ("isic_2019", "ISIC_2019_Training_GroundTruth.csv", ",0.0,1.0", ",1.0,1.0", "for one diagnosis"),
        ("isic_2019", "ISIC_2019_Training_GroundTruth.csv", ",0.0,1.0", ",x,1.0", "for one diagnosis"),
    ],
)  # fmt: skip
def test_a_file_is_odd(tmp_path, make, file, old, new, expected):
    path = getattr(public_trees, make)(tmp_path) / file
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new), encoding="utf-8")
    assert expected in refused(make.partition("_")[0], tmp_path)


def test_a_text_that_is_not_utf8(tmp_path):
    (public_trees.celeba(tmp_path) / "identity_CelebA.txt").write_bytes(b"\xff\xfe1")
    assert "identity_CelebA.txt is not UTF-8" in refused("celeba", tmp_path)


def test_pictures_that_are_not_there_are_left_out_and_told(tmp_path):
    root = public_trees.celeba(tmp_path)
    (root / "img_align_celeba" / "000004.jpg").unlink()
    written = write_public_manifest("celeba", root)
    assert len(written.items) == 3
    assert written.notes == ("1 of 4 pictures that its files name are not on the disk: left out",)
    for path in (root / "img_align_celeba").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"none of the 4 pictures .* \(img_align_celeba/000001.jpg, for one\)"):
        write_public_manifest("celeba", root, force=True)


def test_a_flat_validation_folder_needs_its_labels(tmp_path):
    kit = public_trees.flat_imagenet(tmp_path / "kit", devkit=True)
    truth = kit / "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("9\n8\n")
    assert "has 2 lines for 3 pictures" in refused("imagenet", kit)
    truth.unlink()
    assert "neither LOC_val_solution.csv nor" in refused("imagenet", kit)
    (truth.parent / "meta.mat").write_bytes(b"nothing")
    assert "meta.mat is not" in refused("imagenet", kit)
    kaggle = public_trees.flat_imagenet(tmp_path / "kaggle", devkit=False)
    (kaggle / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n")
    assert "has no label for" in refused("imagenet", kaggle)


class Harm:
    """Pickles into a call."""

    def __reduce__(self):
        return os.mkdir, ("harmed",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pickle.dumps(Harm()), "names posix.mkdir"),
        (pickle.dumps({"1": "cat(indoor)"}), "holds something else"),
        (pickle.dumps(["1"]), "holds something else"),
        (b"}r\xff\xff\xff\x7f.", "beyond the file's length"),
        (b"}", "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_a_foreign_pickle_runs_nothing(tmp_path, monkeypatch, content, reason):
    monkeypatch.chdir(tmp_path)
    root = public_trees.mixed_metashift(tmp_path)
    (root / "imageID_to_group.pkl").write_bytes(content)
    assert reason in refused("metashift", root)
    assert not (tmp_path / "harmed").exists()


def test_a_picture_without_a_group(tmp_path):
    root = public_trees.mixed_metashift(tmp_path)
    (root / "imageID_to_group.pkl").write_bytes(pickle.dumps({"1": ["dog(indoor)"]}))
    assert "gives picture '1' no group cat(...)" in refused("metashift", root)


def test_links_out_of_the_set_are_refused_unless_the_manifest_lies_above_both(tmp_path):
    (tmp_path / "gqa").mkdir()
    root = public_trees.unmixed_metashift(tmp_path / "metashift")
    for path in root.rglob("*.jpg"):
        target = tmp_path / "gqa" / path.name
        path.rename(target)
        path.symlink_to(target)
    assert "leads out of" in refused("metashift", root)
    written = write_public_manifest("metashift", root, output=tmp_path / "both.csv")
    assert written.items[0].path.startswith("metashift/test/cat/")
    assert len(load_dataset(written.manifest).items) == 4


def test_names_that_lead_out_are_refused(tmp_path):
    root = public_trees.celeba(tmp_path / "set")
    (tmp_path / "secret.jpg").write_bytes(b"x")
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        path = root / name
        path.write_text(path.read_text().replace("000001.jpg", "../../secret.jpg"))
    assert "'img_align_celeba/../../secret.jpg' leads out of" in refused("celeba", root)


def test_where_the_manifest_may_go(tmp_path):
    root = public_trees.waterbirds(tmp_path / "set")
    assert "lies neither in" in refused("waterbirds", root, output=tmp_path / "elsewhere" / "m.csv")
    (root / "deeper").mkdir()
    assert "lies neither in" in refused("waterbirds", root, output=root / "deeper" / "m.csv")
    assert "expected .csv" in refused("waterbirds", root, output=root / "m.parquet")
    assert "is there already; --force" in refused("waterbirds", root, output=root / "metadata.csv")
    above = write_public_manifest("waterbirds", root, output=tmp_path / "above.csv")
    assert above.items[0].path.startswith("set/001.")
    assert above.class_map == tmp_path / "above-class-map.csv"
    again = write_public_manifest("waterbirds", root, output=tmp_path / "above.csv", force=True)
    assert load_dataset(again.manifest).labels == ("landbird", "waterbird")


def test_a_label_or_attribute_that_is_not_there(tmp_path):
    root = public_trees.celeba(tmp_path)
    assert "no attribute 'Blond'; " not in refused("celeba", root, target="Blond")
    assert "nearest is 'Blond_Hair'" in refused("celeba", root, target="Blond_Hairs")
    assert "nearest is 'Male'" in refused("celeba", root, attributes=["Females"])
    birds = public_trees.waterbirds(tmp_path / "birds")
    assert "CelebA's label only" in refused("waterbirds", birds, target="Male")


def test_one_class_only(tmp_path):
    root = public_trees.unmixed_metashift(tmp_path)
    for path in root.rglob("dog*/*.jpg"):
        path.unlink()
    assert "one label only" in refused("metashift", root)


def test_the_command(tmp_path):
    root = public_trees.celeba(tmp_path)
    run = CliRunner().invoke(cli.app, ["manifest", "celeba", str(root), "--attributes", "Male"])
    assert run.exit_code == 0, run.output
    assert run.stdout.splitlines() == [
        f"{root}/auditor-manifest.csv: 4 pictures, 2 classes (blond hair 2, not blond hair 2)",
        "splits: test 1, train 2, val 1",
        "attributes: Male",
        f"Next: auditor run --data {root}/auditor-manifest.csv --class-map {root}/auditor-manifest-class-map.csv"
        " --split test --model ... --out ...",
    ]
    again = CliRunner().invoke(cli.app, ["manifest", "celeba", str(root)])
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.startswith("error: ")
    assert len(again.stderr.splitlines()) == 1
    assert CliRunner().invoke(cli.app, ["manifest", "mnist", str(root)]).exit_code == 2
