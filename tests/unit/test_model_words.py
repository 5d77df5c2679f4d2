from pathlib import Path

import numpy as np
import pytest
from small_audit import CLASSES, CONCEPT_ROWS, CONCEPTS, DIRECTIONS, IMAGE_IDS, STATS, make_run, write_small_audit

from auditor.store.model_words import (
    StoredPicture,
    find_picture,
    read_channel_words,
    read_concepts,
    read_run_settings,
)
from auditor.store.open_audit import open_audit_database


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    run = make_run(config={"weights": "w.safetensors", "preprocess": None, "target_layer": "layer4"})
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("audit"), run)) as connection:
        yield connection


def test_words_come_back_bit_by_bit(connection):
    words = read_channel_words(connection)
    np.testing.assert_array_equal(words.directions, DIRECTIONS, strict=True)
    np.testing.assert_array_equal(words.stats.mean, STATS.mean, strict=True)
    np.testing.assert_array_equal(words.stats.mean_abs_deviation, STATS.mean_abs_deviation, strict=True)
    np.testing.assert_array_equal(words.concept_rows, CONCEPT_ROWS, strict=True)
    assert read_concepts(connection) == CONCEPTS


def test_settings_of_the_run(connection):
    settings = read_run_settings(connection)
    assert (settings.weights, settings.preprocess, settings.target_layer) == (Path("w.safetensors"), None, "layer4")
    assert (settings.model_spec, settings.data_path, settings.class_names) == ("sample:planted", "val", CLASSES)


@pytest.mark.parametrize("name", [IMAGE_IDS[3], f"vehicle/{IMAGE_IDS[3]}.png", f"vehicle\\{IMAGE_IDS[3]}.png"])
def test_a_picture_is_found_by_path_or_id(connection, name):
    assert find_picture(connection, name) == StoredPicture(f"vehicle/{IMAGE_IDS[3]}.png", "vehicle", f"{3:064x}")
    assert find_picture(connection, "vehicle/other.png") is None
