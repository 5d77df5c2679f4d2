"""Every public set in miniature: its layout becomes a manifest that an audit can load."""

from __future__ import annotations

import csv
from pathlib import Path

import public_trees
import pytest

from auditor.cli.manifest import PUBLIC_SETS
from auditor.inputs.class_map import match_classes
from auditor.inputs.dataset import load_dataset
from auditor.inputs.images import read_image
from auditor.inputs.public_sets.writing import READERS, write_public_manifest

LAYOUTS = [
    ("waterbirds", public_trees.waterbirds),
    ("celeba", public_trees.celeba),
    ("cub", public_trees.cub),
    ("imagenet", public_trees.imagenet),
    ("imagenet", public_trees.imagenet9),
    ("metashift", public_trees.full_metashift),
    ("metashift", public_trees.unmixed_metashift),
    ("metashift", public_trees.mixed_metashift),
    ("clevr", public_trees.clevr_hans),
    ("clevr", public_trees.clevr),
    ("isic", public_trees.isic_2019),
    ("isic", public_trees.isic_2018),
    ("isic", public_trees.isic_2020),
    ("isic", public_trees.isic_2017),
]


def loaded(name: str, root: Path, **options):
    """Items by path, as an audit loads them from the manifest that was written."""
    written = write_public_manifest(name, root, **options)
    dataset = load_dataset(written.manifest)
    assert [item.path for item in dataset.items] == [item.path for item in written.items]
    return {item.path: item for item in dataset.items}


def order(root: Path) -> dict[str, int]:
    with (root / "auditor-manifest-class-map.csv").open(newline="") as file:
        return {row["label"]: int(row["output"]) for row in csv.DictReader(file)}


def test_the_command_knows_every_reader():
    assert [name.value for name in PUBLIC_SETS] == list(READERS)


@pytest.mark.parametrize(("name", "make"), LAYOUTS, ids=lambda value: getattr(value, "__name__", value))
def test_every_layout_becomes_a_data_set_that_an_audit_can_read(tmp_path, name, make):
    root = make(tmp_path)
    written = write_public_manifest(name, root)
    dataset = load_dataset(written.manifest)
    assert len(dataset.items) == len(written.items) >= 2
    assert dataset.attribute_names == tuple(sorted(written.attribute_names))
    for item in dataset.items:
        assert read_image(dataset.root / item.path, min_side=8).image.size == (8, 8)
        if item.mask_path:
            assert (dataset.root / item.mask_path).is_file()
    n_outputs = len(order(root))
    match = match_classes(dataset.labels, n_outputs, None, written.class_map)
    assert match.label_to_class == {label: order(root)[label] for label in dataset.labels}


def test_waterbirds(tmp_path):
    items = loaded("waterbirds", public_trees.waterbirds(tmp_path))
    bird = items["001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg"]
    assert (bird.label, bird.split, dict(bird.attributes)) == (
        "waterbird", "val", {"place": "land", "place_category": "bamboo forest"},
    )  # fmt: skip
    lake = items["004.Groove_billed_Ani/Groove_Billed_Ani_0002_1670.jpg"]
    assert (lake.label, lake.split, lake.attributes["place"]) == ("landbird", "test", "water")
    assert lake.attributes["place_category"] == "lake/natural"
    assert order(tmp_path) == {"landbird": 0, "waterbird": 1}


def test_celeba(tmp_path):
    items = loaded("celeba", public_trees.celeba(tmp_path))
    first, third = items["img_align_celeba/000001.jpg"], items["img_align_celeba/000003.jpg"]
    assert (first.label, first.split, dict(first.attributes)) == (
        "blond hair", "train", {"5_o_Clock_Shadow": "no", "Male": "no"},
    )  # fmt: skip
    assert (third.label, third.split, third.attributes["Male"]) == ("not blond hair", "val", "yes")
    assert first.group_id == third.group_id == "person 2880"
    assert items["img_align_celeba/000004.jpg"].split == "test"
    # the sorted labels would have it the other way round
    assert order(tmp_path) == {"not blond hair": 0, "blond hair": 1}


def test_celeba_with_another_label_and_in_the_folders_of_the_download(tmp_path):
    flat = public_trees.celeba(tmp_path / "flat")
    root = tmp_path / "CelebA"
    for folder, names in {
        "Anno": ("list_attr_celeba.txt",), "Eval": ("list_eval_partition.txt",), "Img": ("img_align_celeba",),
    }.items():  # fmt: skip
        (root / folder).mkdir(parents=True)
        for name in names:
            (flat / name).rename(root / folder / name)
    written = write_public_manifest("celeba", root, target="Male")
    assert [(item.label, item.attributes["Blond_Hair"]) for item in written.items] == [
        ("not male", "yes"), ("male", "no"), ("male", "no"), ("male", "yes"),
    ]  # fmt: skip
    assert all(item.group_id is None for item in written.items)
    assert "no identity_CelebA.txt" in written.notes[0]


def test_celeba_as_csv(tmp_path):
    root = public_trees.celeba(tmp_path)
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt"):
        (root / name).unlink()
    rows = [f"{name},{','.join(map(str, signs))}" for name, (signs, _, _) in public_trees.CELEBA_ROWS.items()]
    attributes = ",".join(["image_id", *public_trees.CELEBA_ATTRIBUTES])
    public_trees.text(root / "list_attr_celeba.csv", "\n".join([attributes, *rows]))
    splits = [f"{name},{split}" for name, (_, split, _) in public_trees.CELEBA_ROWS.items()]
    public_trees.text(root / "list_eval_partition.csv", "\n".join(["image_id,partition", *splits]))
    labels = [item.label for item in loaded("celeba", root).values()]
    assert labels == ["blond hair", "not blond hair", "not blond hair", "blond hair"]


def test_cub(tmp_path):
    items = loaded("cub", public_trees.cub(tmp_path))
    base = "CUB_200_2011/images"
    first, second, third = (items[f"{base}/{name}"] for name in (
        "001.Black_footed_Albatross/a.jpg", "002.Laysan_Albatross/b.jpg", "002.Laysan_Albatross/c.jpg",
    ))  # fmt: skip
    assert (first.label, first.split, first.mask_path) == (
        "Black footed Albatross", "test", "segmentations/001.Black_footed_Albatross/a.png",
    )  # fmt: skip
    assert (second.split, third.split, third.mask_path) == ("train", "test", None)
    assert dict(first.attributes) == {
        "has_bill_shape::curved": "no", "has_wing_color::grey": "yes", "box_area": str(325 * 304),
    }  # fmt: skip
    # what is not visible is not known; a line with a number too many still counts
    assert "has_bill_shape::curved" not in second.attributes
    assert third.attributes["has_wing_color::grey"] == "no"
    assert order(tmp_path) == {"Black footed Albatross": 0, "Laysan Albatross": 1}


def test_cub_by_its_inner_folder(tmp_path):
    root = public_trees.cub(tmp_path)
    (root / "attributes.txt").rename(root / "CUB_200_2011" / "attributes" / "attributes.txt")
    written = write_public_manifest("cub", root / "CUB_200_2011", attributes=["has_wing_color::grey"])
    assert written.items[0].path == "images/001.Black_footed_Albatross/a.jpg"
    assert load_dataset(written.manifest).attribute_names == ("has_wing_color::grey",)
    assert "no masks" in written.notes[-1]


def test_imagenet(tmp_path):
    items = loaded("imagenet", public_trees.imagenet(tmp_path))
    labels = ("tench", "crane", "crane, hoist")  # two synsets are called crane
    assert {(item.split, item.label) for item in items.values()} == {
        (split, label) for split in ("train", "val") for label in labels
    }
    assert order(tmp_path) == {"tench": 0, "crane": 1, "crane, hoist": 2}


@pytest.mark.parametrize("devkit", [True, False])
def test_imagenet_with_a_flat_validation_folder(tmp_path, devkit):
    items = loaded("imagenet", public_trees.flat_imagenet(tmp_path, devkit=devkit))
    labels = {Path(item.path).stem[-1]: item.label for item in items.values()}
    assert labels == {"1": "crane, hoist", "2": "crane", "3": "tench"}


def test_imagenet9(tmp_path):
    items = loaded("imagenet", public_trees.imagenet9(tmp_path))
    assert len(items) == 8  # only_fg has no background to rely on
    one = items["bg_challenge/mixed_rand/val/02_wheeled vehicle/fg_n02085621_77_bg_n01440764_5.JPEG"]
    assert (one.label, one.split, one.group_id, dict(one.attributes)) == (
        "wheeled vehicle", "mixed_rand", "n02085621_77", {"background": "any class"},
    )  # fmt: skip
    assert order(tmp_path) == {"dog": 0, "wheeled vehicle": 1}


def test_metashift_with_pictures_in_several_subsets(tmp_path):
    written = write_public_manifest("metashift", public_trees.full_metashift(tmp_path))
    items = {item.path: item for item in load_dataset(written.manifest).items}
    assert sorted(items) == [
        "cat/cat(keyboard)/2.jpg", "cat/cat(keyboard)/3.jpg", "cat/cat(sofa)/1.jpg", "dog/dog(boat)/6.jpg",
        "dog/dog(sofa)/4.jpg",
    ]  # fmt: skip
    both = items["cat/cat(keyboard)/2.jpg"]
    assert (both.label, both.group_id) == ("cat", "2")
    assert dict(both.attributes) == {"dog": "no", "keyboard": "yes", "sofa": "yes"}
    # dogs have no subset of keyboards: nobody looked
    assert dict(items["dog/dog(sofa)/4.jpg"].attributes) == {"boat": "no", "cat": "no", "sofa": "yes"}
    assert written.notes == ("1 pictures lie under several classes: left out",)


@pytest.mark.parametrize("make", [public_trees.unmixed_metashift, public_trees.mixed_metashift])
def test_metashift_with_one_context_a_picture(tmp_path, make):
    items = loaded("metashift", make(tmp_path)).values()
    assert sorted((item.label, item.attributes["context"]) for item in items) == [
        ("cat", "indoor"), ("cat", "outdoor"), ("dog", "indoor"), ("dog", "outdoor"),
    ]  # fmt: skip
    assert {item.split for item in items if item.attributes["context"] == "indoor" and item.label == "cat"} == {"train"}


def test_clevr_hans(tmp_path):
    items = loaded("clevr", public_trees.clevr_hans(tmp_path))
    name = "images/CLEVR_Hans_classid_0_000000.png"
    train, test = items[f"train/{name}"], items[f"test/{name}"]
    assert (train.label, train.split, test.split) == ("class 0", "train", "test")
    assert dict(train.attributes) == {
        "large gray cube": "yes", "small metal sphere": "no", "small cyan cube": "no", "objects": "2",
    }  # fmt: skip
    assert test.attributes["large gray cube"] == "no"
    assert items["test/images/CLEVR_Hans_classid_1_000000.png"].attributes["small metal sphere"] == "yes"


def test_clevr(tmp_path):
    items = loaded("clevr", public_trees.clevr(tmp_path))
    first = items["CLEVR_v1.0/images/val/CLEVR_val_000000.png"]
    assert (first.label, first.split) == ("3 objects", "val")
    assert {name for name, value in first.attributes.items() if value == "yes"} == {"gray", "metal", "cube", "large"}
    assert order(tmp_path) == {"3 objects": 0, "10 objects": 1}  # by number, not as text


def test_isic_2019(tmp_path):
    items = loaded("isic", public_trees.isic_2019(tmp_path))
    folder = "ISIC_2019_Training_Input"
    first, second, third = (items[f"{folder}/{n}.jpg"] for n in (
        "ISIC_0000000", "ISIC_0000001_downsampled", "ISIC_0024310",
    ))  # fmt: skip
    assert (first.label, first.split, first.group_id) == ("nevus", "train", None)
    assert dict(first.attributes) == {"sex": "female", "age": "55", "site": "anterior torso"}
    assert (second.label, second.group_id, dict(second.attributes)) == (
        "melanoma", "MSK4_0011169", {"age": "30", "source": "MSK"},
    )  # fmt: skip
    assert third.attributes["source"] == "HAM"
    assert order(tmp_path)["melanoma"] == 0
    assert order(tmp_path)["squamous cell carcinoma"] == 7


def test_isic_2018_has_its_splits_from_the_names_of_its_tables(tmp_path):
    items = loaded("isic", public_trees.isic_2018(tmp_path))
    assert {(Path(item.path).stem, item.label, item.split) for item in items.values()} == {
        ("ISIC_0024306", "melanoma", "train"), ("ISIC_0034321", "melanoma", "val"),
        ("ISIC_0034524", "actinic keratosis", "test"),
    }  # fmt: skip
    assert items["ISIC2018_Task3_Training_Input/ISIC_0024306.jpg"].group_id == "HAM_0000550"


def test_isic_2020_groups_by_patient(tmp_path):
    items = loaded("isic", public_trees.isic_2020(tmp_path))
    malignant = items["train/ISIC_0015719.jpg"]
    assert (malignant.label, malignant.group_id) == ("malignant", "IP_3075186")
    assert dict(malignant.attributes) == {"sex": "female", "site": "upper extremity"}
    assert order(tmp_path) == {"benign": 0, "malignant": 1}


def test_isic_2017_has_masks_and_calls_the_rest_nevus(tmp_path):
    items = loaded("isic", public_trees.isic_2017(tmp_path))
    by_stem = {Path(item.path).stem: item for item in items.values()}
    assert {stem: item.label for stem, item in by_stem.items()} == {
        "ISIC_0000000": "nevus", "ISIC_0000002": "melanoma", "ISIC_0000013": "seborrheic keratosis",
    }  # fmt: skip
    mask = "ISIC-2017_Training_Part1_GroundTruth/ISIC_0000002_segmentation.png"
    assert (by_stem["ISIC_0000002"].mask_path, by_stem["ISIC_0000000"].mask_path) == (mask, None)
    assert dict(by_stem["ISIC_0000000"].attributes) == {"sex": "female", "age": "55"}
