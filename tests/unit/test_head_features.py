from pathlib import Path

import numpy as np
import pytest

from auditor.errors import InputError
from auditor.inputs.head_features import check_features, read_head_features, what_is_missing, what_was_given
from auditor.inputs.predictions import Predictions, probabilities
from auditor.records import Dataset, ImageItem

PATHS = ("a.png", "b.png", "c.png")
DATA = Dataset(
    Path("/data"),
    "folder",
    tuple(ImageItem(f"{k:016x}", p, "cat") for k, p in enumerate(PATHS)),
    ("cat", "dog"),
    (),
    "",
)
FEATURES = np.array([[1, 0], [0, 1], [2, 1]], np.float32)
WEIGHT, BIAS = np.array([[1, -1], [0, 2]], np.float32), np.array([0.5, 0], np.float32)
LOGITS = np.array([[1.5, 0], [-0.5, 2], [1.5, 2]])
GOOD = {"paths": PATHS, "features": FEATURES, "weight": WEIGHT, "bias": BIAS, "class_names": ("cat", "dog")}


def written(folder, **changed):
    arrays = {name: array for name, array in {**GOOD, **changed}.items() if array is not None}
    np.savez(folder / "f.npz", **arrays)
    return folder / "f.npz"


def predicted(scores=None, class_idx=(0, 1, 1)):
    return Predictions("p.csv", "digest", np.array(class_idx), np.full(3, np.nan, np.float32), scores)


def test_features_and_head_give_logits_whatever_the_order_of_the_pictures(tmp_path):
    given = read_head_features(written(tmp_path))
    features, logits = given.of(["c.png", "a.png"])
    assert features.tolist() == [[2, 1], [1, 0]]
    assert logits.tolist() == [[1.5, 2], [1.5, 0]]
    assert (given.class_names, given.file_name) == (("cat", "dog"), "f.npz")


@pytest.mark.parametrize("scores", [None, LOGITS, LOGITS + 9e-5, probabilities(LOGITS), probabilities(LOGITS) - 4e-5])
def test_what_was_predicted_is_what_the_head_gives(tmp_path, scores):
    check_features(read_head_features(written(tmp_path)), DATA, predicted(scores))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (predicted(LOGITS + 1e-3), "for 3 of 3 pictures (first 'a.png', off by 0.001)"),
        (predicted(class_idx=(0, 1, 0)), "for 1 of 3 pictures (first 'c.png', off by 0.5)"),
    ],
)
def test_other_features_are_refused(tmp_path, given, told):
    with pytest.raises(InputError) as raised:
        check_features(read_head_features(written(tmp_path)), DATA, given)
    assert told in str(raised.value)


def test_a_picture_without_features_is_named(tmp_path):
    short = read_head_features(written(tmp_path, paths=PATHS[:2], features=FEATURES[:2]))
    with pytest.raises(InputError, match=r"1 of 3 pictures have no features \('c.png'\), 2 rows given"):
        check_features(short, DATA, predicted())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"weight": None, "bias": None}, "weight, bias missing, 'paths', 'features', 'class_names' found"),
        ({"features": FEATURES[:2]}, r"features (2, 2) for paths (3,)"),
        ({"weight": WEIGHT.T[:1]}, "expected (C, 2), (C,) and (C,), C at least 2"),
        ({"class_names": ("cat",)}, "class_names (1,)"),
        ({"features": FEATURES * np.nan}, "features holds values that are no finite numbers"),
        ({"paths": ("a.png", "b.png", "a.png")}, "1 path given more than once"),
        ({"paths": np.array(PATHS, object)}, "cannot be read"),
    ],
)
def test_mistakes_are_one_line(tmp_path, changed, told):
    with pytest.raises(InputError) as raised:
        read_head_features(written(tmp_path, **changed))
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_other_files_are_refused(tmp_path):
    np.save(tmp_path / "one.npy", FEATURES)
    (tmp_path / "text.npz").write_text("no array")
    for name, told in (("one.npy", "is one array"), ("text.npz", "cannot be read"), ("none.npz", "cannot be read")):
        with pytest.raises(InputError, match=told):
            read_head_features(tmp_path / name)


def test_the_reader_is_told_what_was_given_and_what_not(tmp_path):
    given = read_head_features(written(tmp_path))
    assert what_was_given(predicted(), None) == "predictions from 'p.csv'"
    assert what_was_given(predicted(), given) == "predictions from 'p.csv', head and its inputs from 'f.npz'"
    assert "never flagged" in what_is_missing(None)
    assert "no maps" in what_is_missing(given)
