import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.inputs.predictions import are_probabilities, match_predictions, probabilities, read_predictions
from auditor.records import Dataset, ImageItem

LABELS = ("cat", "dog")
ITEMS = tuple(
    ImageItem(f"{k:016x}", path, label)
    for k, (path, label) in enumerate([("cat/1.png", "cat"), ("cat/2.png", "cat"), ("dog/3.png", "dog")])
)
DATA = Dataset(Path("/data/val"), "folder", ITEMS, LABELS, (), "digest")


def written(folder, rows, name="preds.csv"):
    path = folder / name
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def matched(path, **how):
    given = {"output_names": None, "class_map": None, "part_of_data": False, "max_missing_share": 0.05, **how}
    return match_predictions(read_predictions(path, LABELS), DATA, **given)


def refused(path, **how):
    with pytest.raises(InputError) as raised:
        matched(path, **how)
    assert "\n" not in str(raised.value)
    return str(raised.value)


NAMED = [("path", "prediction"), ("dog/3.png", "cat"), ("cat/1.png", "cat"), ("cat/2.png", "Dog")]


def test_names_are_what_pictures_are_called(tmp_path):
    dataset, match, found = matched(written(tmp_path, NAMED))
    assert found.class_idx.tolist() == [0, 1, 0]
    assert np.isnan(found.confidence).all()
    assert (dataset.items, match.class_names, match.how) == (ITEMS, LABELS, "labels")
    assert (found.file_name, found.scores, dataset.notices) == ("preds.csv", None, ())


def test_paths_may_be_absolute_or_written_as_elsewhere(tmp_path):
    rows = [("file", "predicted"), ("/data/val/cat/1.png", "dog"), ("./cat/2.png", "dog"), ("dog\\3.png", "dog")]
    assert matched(written(tmp_path, rows))[2].class_idx.tolist() == [1, 1, 1]


LOGITS = [[2.0, 0.0], [0.0, 1.0], [-1.0, 3.0]]
PATHS = [item.path for item in ITEMS]


def _csv(folder):
    rows = [[path, *row] for path, row in zip(PATHS, LOGITS, strict=True)]
    return written(folder, [("path", "logit_cat", "logit_dog"), *rows])


def _tsv(folder):
    lines = ["path\tdog\tcat", *(f"{path}\t{row[1]}\t{row[0]}" for path, row in zip(PATHS, LOGITS, strict=True))]
    (folder / "p.tsv").write_text("\n".join(lines))
    return folder / "p.tsv"


def _jsonl(folder):
    lines = [json.dumps({"path": path, "logits": row}) for path, row in zip(PATHS, LOGITS, strict=True)]
    (folder / "p.jsonl").write_text("\n".join(lines))
    return folder / "p.jsonl"


def _parquet(folder):
    pq.write_table(pa.table({"path": PATHS, "logits": LOGITS}), folder / "p.parquet")
    return folder / "p.parquet"


@pytest.mark.parametrize("write", [_csv, _tsv, _jsonl, _parquet])
def test_scores_say_what_pictures_are_called_and_how_surely(tmp_path, write):
    _, match, found = matched(write(tmp_path))
    assert sorted(match.class_names) == ["cat", "dog"]
    assert [match.class_names[idx] for idx in found.class_idx] == ["cat", "dog", "dog"]
    np.testing.assert_allclose(found.confidence, [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-4))])


def test_lists_have_no_names_so_an_order_is_told(tmp_path):
    _, match, _ = matched(_jsonl(tmp_path))
    assert match.how == "order"
    assert "were taken in order" in match.warning
    three = tmp_path / "three.jsonl"
    three.write_text("\n".join(json.dumps({"path": path, "logits": [1, 2, 3]}) for path in PATHS))
    assert "3 outputs without names, the data has 2 labels: 'cat', 'dog'" in refused(three)


def test_probabilities_stay_what_they_are(tmp_path):
    rows = [("path", "p_cat", "p_dog"), *((path, 0.25, 0.75) for path in PATHS)]
    _, _, found = matched(written(tmp_path, rows))
    assert found.confidence.tolist() == [0.75] * 3


def test_outputs_that_no_label_names_are_classes_too(tmp_path):
    rows = [("path", "logit_cat", "logit_dog", "logit_fox"), *((path, 0, 1, 2) for path in PATHS)]
    _, match, found = matched(written(tmp_path, rows))
    assert (match.class_names, found.class_idx.tolist()) == (("cat", "dog", "fox"), [2, 2, 2])


def test_numbers_are_outputs_under_a_class_map(tmp_path):
    class_map = written(tmp_path, [("label", "output"), ("cat", 1), ("dog", 0)], "map.csv")
    rows = [("path", "prediction"), *((path, number) for path, number in zip(PATHS, (1, 0, 0), strict=True))]
    _, match, found = matched(written(tmp_path, rows), class_map=class_map)
    assert match.class_names == ("dog", "cat")
    assert found.class_idx.tolist() == [1, 0, 0]


def test_a_few_pictures_without_a_row_are_left_out_and_counted(tmp_path):
    path = written(tmp_path, NAMED[:3])
    dataset, match, found = matched(path, max_missing_share=0.5)
    assert [item.path for item in dataset.items] == ["cat/1.png", "dog/3.png"]
    assert found.class_idx.tolist() == [0, 0]
    assert match.class_names == LABELS
    assert dataset.notices == ("1 of 3 pictures have no row in predictions 'preds.csv' and are left out ('cat/2.png')",)
    assert "1 of 3 pictures have no row ('cat/2.png'); at most 5 % are left out" in refused(path)


def test_rows_for_other_pictures_are_refused_or_counted(tmp_path):
    path = written(tmp_path, [*NAMED, *((f"fox/{k}.png", "cat") for k in range(5))])
    assert (
        "5 of 8 rows are for pictures that are not in the data ('fox/0.png', 'fox/1.png', 'fox/2.png', …)"
        in refused(path)
    )
    dataset, _, _ = matched(path, part_of_data=True)
    assert "5 of 8 rows of predictions 'preds.csv' are for no picture that is audited" in dataset.notices[0]
    alien = written(tmp_path, [("path", "prediction"), ("x.png", "cat")])
    assert "none of its 1 row is for a picture of the data ('x.png')" in refused(alien, part_of_data=True)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([*NAMED, ("./cat/1.png", "dog")], "1 picture has several rows ('cat/1.png' in line 3 and line 5)"),
        ([*NAMED[:3], ("cat/2.png", "dgo")], "1 prediction is no class ('dgo' in line 4); classes: 'cat', 'dog' (near"),
        ([*NAMED[:3], ("cat/2.png", " ")], "1 row has no prediction (line 4)"),
        ([("path", "width"), ("cat/1.png", 3)], "neither a column prediction nor scores of the classes"),
        ([("name", "prediction"), ("cat/1.png", "cat")], "no column of the pictures' paths"),
        ([("path", "prediction")], "holds no rows"),
        ([("path", "pred", "called"), ("cat/1.png", "cat", "cat")], "2 columns could be the one that says what the"),
        ([("path", "cat", "dog"), ("cat/1.png", "nan", 1)], "1 score is no finite number (line 2)"),
        ([("path", "cat", "dog"), ("cat/1.png", "", 1)], "1 score is no finite number (line 2)"),
    ],
)
def test_mistakes_are_one_line(tmp_path, rows, told):
    assert told in refused(written(tmp_path, rows))


def test_lists_of_other_lengths_and_predictions_that_scores_deny_are_refused(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(json.dumps({"path": p, "logits": [1, 2][: 2 - k // 2]}) for k, p in enumerate(PATHS)))
    assert "another number of scores than the first (line 3: 1 for 2)" in refused(path)
    rows = [("path", "prediction", "cat", "dog"), *((p, "cat", 1, 2) for p in PATHS)]
    assert "3 predictions are not the class with the highest score (line 2, line 3, line 4)" in refused(
        written(tmp_path, rows)
    )


@given(st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=1, max_size=5))
def test_probabilities_of_logits_are_in_their_order_and_sum_to_one(rows):
    scores = np.array(rows) * 3 + 2  # no row of these is mistaken for probabilities unless it is one
    found = probabilities(scores)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=0.01)
    if not are_probabilities(scores):
        assert (found[np.arange(len(scores)), scores.argmax(axis=1)] == found.max(axis=1)).all()
