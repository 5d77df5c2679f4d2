import json

import pytest
from small_audit import verdicts

from auditor.records import Verdict
from reports.dashboard.charts import dose_chart, reliance_scatter, reliance_table
from reports.page.charts import DosePoint


def verdict(name, share, gap):
    return Verdict(0, name, "flagged", "high", "water", "water", "scene", "", 9, share, gap, gap, gap)


def test_only_classes_with_both_numbers_have_a_dot():
    table = reliance_table(verdicts())
    assert list(table["name"]) == ["waterbird", "landbird"]
    first = table.iloc[0]
    assert (first["share"], first["gap"], first["low"], first["high"]) == pytest.approx((41, 65, 58, 71))
    assert first["gap_told"] == "65 pts [58, 71]"


def test_names_do_not_lie_over_each_other():
    table = reliance_table([verdict("a", 0.4, 0.6), verdict("b", 0.41, 0.62), verdict("c", 0.4, 0.1)])
    assert list(table["label"]) == ["a", "", "c"]


def test_no_more_names_than_can_be_read():
    rows = [verdict(f"c{number}", 0.2 * (number % 5), 0.07 * (number // 5)) for number in range(50)]
    assert sum(map(bool, reliance_table(rows)["label"])) == 12


def test_the_axis_holds_the_lowest_interval_and_zero():
    low = Verdict(0, "a", "suspect", "low", "water", "water", "scene", "", 9, 0.1, 0.0, -0.3, 0.2)
    layers = reliance_scatter(reliance_table([low]), "dark").to_dict()["layer"]
    assert layers[1]["encoding"]["y"]["scale"]["domain"] == [-30, 100]
    assert layers[1]["encoding"]["color"]["scale"] == {"domain": ["suspect"], "range": ["#8fbdf2"]}
    layers = reliance_scatter(reliance_table(verdicts()), "light").to_dict()["layer"]
    assert layers[1]["encoding"]["shape"]["scale"] == {
        "domain": ["flagged", "suspect"],
        "range": ["triangle-up", "diamond"],
    }


def test_no_class_is_no_dot():
    assert reliance_table([]).empty


def test_the_curve_of_a_property_has_the_theme_s_colours_and_padding_that_streamlit_can_write_into():
    points = [DosePoint(level, "others", "accent", 5 * level, 0.0, 100.0) for level in (1.0, 2.0)]
    spec = dose_chart(points, "brightness", "dark")
    assert [one["level"] for one in spec["datasets"]["rows"]] == [1.0, 2.0]
    assert "#ff9d5f" in json.dumps(spec)
    assert "#0a0b" not in json.dumps(spec)
    assert spec["padding"]["bottom"] == 5
