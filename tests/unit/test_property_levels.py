import numpy as np
import pytest

from auditor.edit_records import PictureEdit
from auditor.properties.levels import level_edits
from auditor.records import Concept


def level(name, term):
    return Concept(term, f"{name}: {term}", "attribute", column=f"property:{name}")


def test_a_level_is_given_as_its_median_and_taken_by_that_of_the_others():
    values = [k / 100 for k in range(101)]
    low, high = np.arange(101) < 30, np.arange(101) >= 30
    presence = np.stack([low, high], axis=1).astype(np.float32)
    found = level_edits([level("brightness", "low"), level("brightness", "high")], presence, {"brightness": values})
    assert found[0].given == PictureEdit("brightness", pytest.approx(0.145))
    assert found[0].taken == PictureEdit("brightness", pytest.approx(0.65))
    assert found[1].given == found[0].taken
    assert found[0].doses == pytest.approx((0.1, 0.3, 0.5, 0.7, 0.9))
    assert found[0].whole_frame


def test_edits_stay_within_what_nine_of_ten_pictures_have():
    values = [0.0] * 2 + [0.5] * 96 + [1.0] * 2
    presence = (np.array(values) == 0).astype(np.float32)[:, None]
    found = level_edits([level("noise", "low")], presence, {"noise": values})
    assert found[0].given.level == 0.5


def test_what_cannot_be_taken_back_is_not_taken():
    values = [30.0] * 10 + [90.0] * 10
    presence = (np.array(values) == 30).astype(np.float32)[:, None]
    found = level_edits([level("jpeg_quality", "low")], presence, {"jpeg_quality": values})
    assert (found[0].given, found[0].taken) == (PictureEdit("jpeg_quality", 30.0), None)
    assert found[0].doses == (30.0, 45.0, 60.0, 75.0, 90.0)
    assert not found[0].whole_frame


def test_named_levels_have_no_doses():
    values = ["yes"] * 5 + ["no"] * 5 + [None]
    presence = np.array([1] * 5 + [0] * 5 + [np.nan], np.float32)[:, None]
    found = level_edits([level("greyscale", "yes")], presence, {"greyscale": values})
    assert (found[0].given, found[0].taken, found[0].doses) == (PictureEdit("greyscale", "yes"), None, ())


def test_columns_of_a_manifest_words_and_what_cannot_be_set_have_no_edits():
    concepts = [
        Concept("snow", "snow", "scene"),
        Concept("b", "b", "attribute", column="brightness"),
        level("camera", "x"),
    ]
    presence = np.ones((4, 3), np.float32)
    assert level_edits(concepts, presence, {"brightness": [0.1] * 4, "camera": ["x"] * 4}) == {}
