"""COCO's annotations: labels of pictures with one category, crops of boxes, and all that is wrong at once."""

import copy
import json

import pytest
from PIL import Image

from auditor.errors import InputError
from auditor.inputs.coco import labelled_pictures, read_coco, write_crops
from auditor.inputs.layout_manifest import write_layout_manifest
from auditor.inputs.manifest import AS_FOUND
from auditor.inputs.one_label import OneOf

GIVEN = {
    "images": [{"id": i, "file_name": f"{i}.png", "width": 8, "height": 6} for i in range(4)],
    "categories": [{"id": 7, "name": "duck"}, {"id": 9, "name": "swan/wild"}],
    "annotations": [
        {"image_id": 0, "category_id": 7, "bbox": [1, 2, 3, 2]},
        {"image_id": 1, "category_id": 9, "bbox": [-2.5, 0.5, 4.2, 40]},
        {"image_id": 2, "category_id": 7, "bbox": [0, 0, 8, 6]},
        {"image_id": 2, "category_id": 9, "bbox": [20, 20, 2, 2]},
        {"image_id": 0, "category_id": 9, "bbox": [0, 0, 8, 6], "iscrowd": 1},
    ],
}


@pytest.fixture
def given(tmp_path):
    for i in range(4):
        image = Image.new("RGB", (8, 6), (i, 0, 0))
        image.putpixel((1, 2), (255, 255, 255))
        image.save(tmp_path / f"{i}.png")
    return copy.deepcopy(GIVEN)


def read(folder, given):
    path = folder / "a.json"
    path.write_text(given if isinstance(given, str) else json.dumps(given))
    return read_coco(path)


def refused(folder, given):
    with pytest.raises(InputError) as caught:
        read(folder, given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pictures_with_one_category_have_it_as_label(tmp_path, given):
    listed = labelled_pictures(read(tmp_path, given))
    assert [(item.path, item.label) for item in listed.items] == [("0.png", "duck"), ("1.png", "swan/wild")]
    assert listed.notices == (
        "1 of 4 pictures show several categories, and are left out",
        "1 of 4 pictures show none, and are left out",
    )
    one_of = labelled_pictures(read(tmp_path, given), OneOf(("duck", "swan/wild")))
    assert [item.path for item in one_of.items] == ["0.png", "1.png"]
    assert one_of.notices[0] == "1 of 4 pictures have several of the labels 'duck', 'swan/wild', and are left out"


def test_crops_are_pictures_of_the_boxes(tmp_path, given):
    listed = write_crops(read(tmp_path, given), tmp_path / "crops")
    assert [(item.path, item.label, item.group_id) for item in listed.items] == [
        ("duck/1.png", "duck", "0.png"),
        ("swan_wild/2.png", "swan/wild", "1.png"),
        ("duck/3.png", "duck", "2.png"),
    ]
    assert listed.notices == (
        "1 box around many objects at once (iscrowd) left out",
        "1 box without a pixel within its picture left out",
    )
    first, second, third = (Image.open(tmp_path / "crops" / item.path) for item in listed.items)
    assert first.size == (3, 2)
    assert [first.getpixel(at) for at in ((0, 0), (1, 0))] == [(255, 255, 255), (0, 0, 0)]
    assert second.size == (2, 6)  # what lies within the picture
    assert third.size == (8, 6)


def test_crops_of_other_pictures_than_the_annotated_ones(tmp_path, given):
    Image.new("RGB", (6, 8)).save(tmp_path / "0.png")
    (tmp_path / "1.png").unlink()
    given["annotations"][2]["bbox"] = [0, 0, "8", 6]
    with pytest.raises(InputError) as caught:
        write_crops(read(tmp_path, given), tmp_path / "crops")
    message = str(caught.value)
    assert message.startswith("annotations 'a.json': 3 sorts of problems: 1 picture has another size than its annot")
    assert "('0.png': 6 x 8, not 8 x 6)" in message
    assert "1 picture cannot be read ('1.png': " in message
    assert "1 box is no box (annotation 3)" in message


def test_what_is_wrong_in_entries_is_told_at_once(tmp_path, given):
    given["images"][1]["file_name"] = "../1.png"
    given["annotations"][0]["category_id"] = 8
    message = refused(tmp_path, given)
    assert message == (
        "annotations 'a.json': 3 sorts of problems: 1 image has no usable file_name (image 2: '../1.png'): name files "
        "below the pictures' folder; 1 annotation is of no category (annotation 1: 8): 'category_id' is an 'id' of "
        "'categories'; 1 annotation is of no image (annotation 2: 1): 'image_id' is an 'id' of 'images'"
    )


@pytest.mark.parametrize("key", ["images", "categories", "annotations"])
@pytest.mark.parametrize(("value", "said"), [(None, "missing"), ([], "empty"), ([1], "no list of objects")])
def test_parts_that_are_missing(tmp_path, given, key, value, said):
    del given[key]
    if value is not None:
        given[key] = value
    assert refused(tmp_path, given).startswith(f"annotations 'a.json': '{key}' is {said}; expected COCO annotations")


@pytest.mark.parametrize("text", ["{", "[]", "", "[" * 100_000])
def test_what_is_no_json_object(tmp_path, text):
    assert "expected COCO annotations" in refused(tmp_path, text)


def test_where_the_manifest_of_crops_may_go_is_said_before_the_work(tmp_path, given):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(given))
    calls = []
    for output, said in ((tmp_path / "elsewhere" / "m.csv", "lies neither in"), (path, "expected .csv")):
        with pytest.raises(InputError, match=said):
            write_layout_manifest(
                "coco",
                path,
                reading=AS_FOUND,
                crops=tmp_path / "crops",
                output=output,
                on_progress=lambda *step: calls.append(step),
            )
    assert calls == []


def test_no_picture_with_one_category(tmp_path, given):
    given["annotations"] = given["annotations"][2:4]
    with pytest.raises(InputError, match="none of 4 pictures shows one category alone; --one-of A,B keeps"):
        labelled_pictures(read(tmp_path, given))
