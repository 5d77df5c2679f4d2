"""Measured properties as columns: levels, what becomes none, what copies the label."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.inputs.attributes import known_attributes
from auditor.inputs.property_columns import joined, property_columns
from auditor.records import ImageItem

N = 80
LABELS = np.arange(N) % 2


def _items(**attributes):
    return [ImageItem(f"{i:04x}", f"{i}.jpg", "ab"[i % 2], attributes=attributes) for i in range(N)]


def _columns(values):
    items = _items(site="north")
    return items, property_columns(items, {item.image_id: of for item, of in zip(items, values, strict=True)}, LABELS)


def test_a_number_has_levels_between_its_quartiles_and_a_name_is_a_value():
    values = [
        {"sharpness": (i // 2 + 1) / 100, "format": "PNG" if i % 3 else "JPEG", "jpeg_quality": 80.0} for i in range(N)
    ]
    _, found = _columns(values)
    assert found.names == ("property:format", "property:sharpness")  # a quality that all have alike is no column
    terms = [concept.term for concept in found.attributes.concepts]
    assert terms == [
        "file format = JPEG", "file format = PNG",
        "sharpness < 0.11", "0.11 ≤ sharpness < 0.21", "0.21 ≤ sharpness < 0.31", "sharpness ≥ 0.31",
    ]  # fmt: skip
    assert all(concept.is_property and concept.is_context for concept in found.attributes.concepts)
    np.testing.assert_array_equal(found.attributes.presence[:, 2], [i // 2 + 1 < 11 for i in range(N)])
    assert found.items[0].attributes == {"site": "north", "property:format": "JPEG", "property:sharpness": "0.01"}
    assert found.notices == ()


def test_two_heaps_of_a_number_are_its_levels():
    """Blurred pictures and sharp ones; a quartile would cut either in two."""
    rng = np.random.default_rng(0)
    blurred = np.arange(N) % 5 < 2
    values = [{"sharpness": float(one)} for one in np.exp(rng.normal(size=N) * 0.3 - np.where(blurred, 5.0, 3.0))]
    _, found = _columns(values)
    assert [concept.term.split(" 0")[0] for concept in found.attributes.concepts] == ["sharpness <", "sharpness ≥"]
    np.testing.assert_array_equal(found.attributes.presence[:, 0], blurred)


def test_classes_that_are_the_two_heaps_are_said_to_copy_the_label():
    _, found = _columns([{"sharpness": 0.5 * label + (i + 1) / 1000} for i, label in enumerate(LABELS)])
    assert "'sharpness < 0.502' is 'a'; 'sharpness ≥ 0.502' is 'b'; the data cannot show" in found.notices[0]
    assert found.attributes.concepts == ()


def test_what_a_picture_lacks_is_not_known():
    values = [{} if i < 20 else {"greyscale": "yes" if i % 4 < 2 else "no"} for i in range(N)]
    _, found = _columns(values)
    assert np.isnan(found.attributes.presence[:20]).all()
    assert np.isfinite(found.attributes.presence[20:]).all()
    assert "property:greyscale" not in found.items[0].attributes


def test_a_property_that_copies_the_label_is_said_of_the_data():
    _, found = _columns([{"format": ("JPEG", "PNG")[label]} for label in LABELS])
    assert found.notices == (
        "what was measured of the pictures copies the label: 'file format = JPEG' is 'a'; 'file format = PNG' is 'b'; "
        "the data cannot show whether the model tells a class by that, as no picture breaks it: make such pictures, "
        "or edit these",
    )
    assert found.attributes.concepts == ()
    assert [one.state for one in found.attributes.columns] == ["follows_label"]


def test_one_class_in_another_format_is_said_and_the_other_formats_stay():
    labels = np.arange(N) % 4
    items = [ImageItem(f"{i:04x}", f"{i}.jpg", "abcd"[i % 4]) for i in range(N)]
    names = ["PNG" if label == 2 else ("JPEG", "BMP")[i // 4 % 2] for i, label in enumerate(labels)]
    found = property_columns(items, {f"{i:04x}": {"format": name} for i, name in enumerate(names)}, labels)
    assert [concept.term for concept in found.attributes.concepts] == ["file format = BMP", "file format = JPEG"]
    assert found.attributes.presence.shape == (N, 2)
    assert "'file format = PNG' is 'c'; the data" in found.notices[0]


@pytest.mark.parametrize("n_classes", [2, 4])
def test_one_size_of_one_class_is_said_wherever_the_quartiles_lie(n_classes):
    labels = np.arange(400) % n_classes
    items = [ImageItem(f"{i:04x}", f"{i}.jpg", "abcd"[label]) for i, label in enumerate(labels)]
    widths = [640.0 if label == 0 else 300.0 + 1.5 * i + (1.5 * i == 340) for i, label in enumerate(labels)]
    found = property_columns(items, {f"{i:04x}": {"width": width} for i, width in enumerate(widths)}, labels)
    assert found.notices[0].startswith("what was measured of the pictures copies the label: 'width = 640' is 'a'; the")
    assert [one.state for one in found.attributes.columns] == ["follows_label"]


def test_classes_whose_numbers_do_not_overlap_are_said():
    _, found = _columns([{"sharpness": 0.08 * label + (i + 1) / 1000} for i, label in enumerate(LABELS)])
    assert "'0.001 ≤ sharpness ≤ 0.079' is 'a'; '0.082 ≤ sharpness ≤ 0.16' is 'b'; the data" in found.notices[0]


def test_a_class_of_a_few_pictures_copies_nothing():
    labels = np.where(np.arange(N) < 9, 2, LABELS)
    items = [ImageItem(f"{i:04x}", f"{i}.jpg", "abc"[label]) for i, label in enumerate(labels)]
    values = {f"{i:04x}": {"contrast": 0.4 if i < 9 else (7 * i % N + 1) / 1000} for i in range(N)}
    assert property_columns(items, values, labels).notices == ()


def test_a_level_that_a_class_has_a_little_more_often_copies_nothing():
    _, found = _columns([{"format": "PNG" if label and i > 9 else "JPEG"} for i, label in enumerate(LABELS)])
    assert found.notices == ()
    assert len(found.attributes.concepts) == 2


def test_a_column_of_the_manifest_with_a_propertys_name_stays_apart():
    values = [{"brightness": (i // 2 + 1) / 100} for i in range(N)]
    items = [
        ImageItem(f"{i:04x}", f"{i}.jpg", "ab"[i % 2], attributes={"brightness": str((i // 2 + 1) / 100)})
        for i in range(N)
    ]
    manifest = known_attributes(items, ["brightness"], (), LABELS)
    found = property_columns(items, {item.image_id: of for item, of in zip(items, values, strict=True)}, LABELS)
    both = joined(manifest, found.attributes)
    ids = [concept.concept_id for concept in both.concepts]
    assert len(set(ids)) == len(ids) == 8
    assert both.presence.shape == (N, 8)
    assert [concept.is_property for concept in both.concepts] == [False] * 4 + [True] * 4
    assert found.items[0].attributes["brightness"] == found.items[0].attributes["property:brightness"] == "0.01"


@pytest.mark.parametrize("order", [1, -1])
def test_levels_do_not_depend_on_the_order_of_the_pictures(order):
    values = [{"contrast": ((7 * i) % N + 1) / 1000} for i in range(N)][::order]
    _, found = _columns(values)
    assert found.attributes.concepts[0].term == "contrast < 0.021"
