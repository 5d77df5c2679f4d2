"""Faithfulness of a real audit: every kind is measured and kept, and what the audit says stays."""

from __future__ import annotations

import shutil

import pytest

from auditor.errors import ModelError
from auditor.extraction.map_trials import BY_PLACES
from auditor.faithfulness.trials import MOVED
from auditor.faithfulness_audit import MOVES, measure_faithfulness
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries


def rows_of(folder):
    with open_audit_database(folder) as connection:
        return queries.faithfulness(connection), queries.verdicts(connection)


def test_it_is_measured_kept_and_measured_again(small_audit, tmp_path):
    folder = shutil.copytree(small_audit, tmp_path / "audit")
    before = rows_of(folder)
    found = measure_faithfulness(folder, per_class=1, map_methods=["layer_cam"])
    rows, verdicts = rows_of(folder)
    assert list(found.rows) == rows
    assert (before[0], before[1]) == ([], verdicts)
    assert found.n_pictures == 5
    told = {(row.kind, row.method, row.measure, row.against): row for row in rows}
    assert {kind for kind, *_ in told} == {
        "class_map", "phrase_map", "channel_groups", "text_direction", "simulation",
    }  # fmt: skip
    assert ("class_map", "Layer-CAM", "relevance_gain", "CAM") in told
    assert ("phrase_map", BY_PLACES, "specific", MOVED) in told
    assert {method for kind, method, *_ in told if kind == "text_direction"} == set(MOVES)
    # the planted model's maps are no places by chance, and its words tell more than its commonest call
    assert told["class_map", "CAM", "relevance_gain", MOVED].value > 0.1
    assert told["channel_groups", "groups by contribution", "relevance_gain", "groups by chance"].low > 0
    assert told["simulation", "phrases", "accuracy", "chance"].low > 0.3
    gain, deletion, insertion = (
        told["class_map", "CAM", name, None].value for name in ("relevance_gain", "deletion", "insertion")
    )
    assert gain == pytest.approx(insertion - deletion)
    again = measure_faithfulness(folder, per_class=1, map_methods=["layer_cam"])
    assert again.rows == found.rows
    assert len(rows_of(folder)[0]) == len(rows)
    with pytest.raises(ModelError, match="map method 'attention_value' needs a class token"):
        measure_faithfulness(folder, map_methods=["attention_value"])
