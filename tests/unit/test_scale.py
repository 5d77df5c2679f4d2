"""The benchmark of growth, on worlds that take a second, with nothing measured twice."""

from __future__ import annotations

import json

import pytest

from benchmarks import scale
from benchmarks.evidence_cost import Size


def row(images, classes, seconds, peak):
    size = {"images": images, "classes": classes}
    return {"size": size, "stages": {"cpu_seconds": {"a": seconds, "b": 1.0}}, "peak_gigabytes": {"all": peak}}


def test_growth_compares_rows_of_equal_classes():
    rows = [row(1000, 5, 19, 2.2), row(100, 5, 1, 2.0), row(100, 9, 1, 2.0)]
    (found,) = scale.growth(rows)
    assert found["images"] == [100, 1000]
    assert (found["times_the_pictures"], found["times_the_processor_time"], found["times_the_peak"]) == (10, 10, 1.1)


def test_a_row_that_was_measured_is_read_again(tmp_path, monkeypatch):
    sizes = [Size(300, 16, 4, 26, 0), Size(600, 16, 4, 26, 0)]
    found = scale.run(sizes[:1], tmp_path)
    assert found["rows"][0]["store_bytes_a_picture"] > 100
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]  # no features are left
    asked = []

    def drawn(size, _work):
        asked.append(size)
        return json.loads(json.dumps({**found["rows"][0], "size": {"images": size.images, "classes": size.classes}}))

    monkeypatch.setattr(scale, "measure_row", drawn)
    again = scale.run(sizes, tmp_path)
    assert asked == sizes[1:]
    assert again["reused_rows"] == 1
    assert again["rows"][0] == found["rows"][0]
    assert again["growth"][0]["times_the_pictures"] == 2


def test_features_that_do_not_fit_are_one_line(tmp_path):
    with pytest.raises(SystemExit, match="GB free; give another folder with --work"):
        scale.measure_row(Size(10**10, 2048, 100, 500, 0), tmp_path)
