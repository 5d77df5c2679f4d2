import csv
import io

import pytest
from hostile_audit import NAMES
from small_audit import verdicts

from auditor.records import Verdict
from reports.dashboard.address import Place
from reports.dashboard.class_list import PAGE_SIZE, as_csv, beside, kinds_of, listed, page_of


def names(rows):
    return [row.class_name for row in rows]


def test_without_filters_all_come_in_the_order_of_severity():
    assert listed(verdicts(), Place()) == verdicts()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place(verdicts=("flagged",)), ["waterbird", "vehicle"]),
        (Place(verdicts=("clean", "not_analysed")), ["cat", "boat"]),
        (Place(kinds=("artifact",)), ["vehicle"]),
        (Place(find="WATERbird"), ["waterbird"]),
        (Place(find="WATER bird"), ["waterbird", "landbird"]),
        (Place(find="water"), ["waterbird", "landbird", "vehicle"]),  # by its concept, or part of it
        (Place(find="water", verdicts=("suspect",)), ["landbird"]),
        (Place(find="nothing"), []),
        (Place(sort="class"), ["boat", "cat", "landbird", "vehicle", "waterbird"]),
        (Place(sort="share"), ["waterbird", "vehicle", "landbird", "cat", "boat"]),
        (Place(sort="gap"), ["waterbird", "landbird", "vehicle", "cat", "boat"]),
        (Place(sort="pictures"), ["waterbird", "landbird", "vehicle", "cat", "boat"]),
    ],
)
def test_filters_and_orders(place, expected):
    assert names(listed(verdicts(), place)) == expected


def test_kinds_come_by_frequency():
    assert kinds_of(verdicts()) == ["scene", "artifact"]


def test_pages():
    rows = [Verdict(idx, f"c{idx}", "clean", "none", None, None, None, "", 1) for idx in range(2 * PAGE_SIZE + 1)]
    assert page_of(rows, 1) == (rows[:PAGE_SIZE], 1, 3)
    assert page_of(rows, 3) == (rows[-1:], 3, 3)
    assert page_of(rows, 99) == (rows[-1:], 3, 3)
    assert page_of([], 2) == ([], 1, 1)


def test_the_classes_beside_one_in_the_list():
    rows = verdicts()
    assert beside(rows, 0) == (None, rows[1])
    assert beside(rows, 1) == (rows[0], rows[2])
    assert beside(rows, 4) == (rows[3], None)
    assert beside(rows[:2], 4) == (None, None)


def test_the_csv_holds_what_the_table_shows():
    header, first, *rest = csv.reader(io.StringIO(as_csv(verdicts())))
    assert dict(zip(header, first, strict=True)) == {
        "class_name": "waterbird", "verdict": "flagged", "severity": "high", "concept": "water",
        "concept_kind": "scene", "share": "0.41", "gap": "0.65", "gap_low": "0.58", "gap_high": "0.71",
        "n_images": "3", "detectable_effect": "", "sentence": "Relies on water (scene).",
    }  # fmt: skip
    assert len(rest) == 4


def test_no_cell_is_a_formula():
    rows = [Verdict(0, name, "flagged", "high", name, name, name, name, 1) for name in NAMES]
    for line in list(csv.reader(io.StringIO(as_csv(rows))))[1:]:
        assert not [cell for cell in line if cell.lstrip().startswith(("=", "+", "-", "@"))]
