"""The page of ``auditor doctor --data``: each word with pictures, and nothing of the data as markup."""

from __future__ import annotations

import numpy as np
from typer.testing import CliRunner

from auditor.cli import app
from auditor.concept_records import EncoderFit
from auditor.encoder_check import EncoderCheck
from auditor.records import Concept
from reports.page.encoder_page import _zones, encoder_page


def test_zones_hold_the_surest_the_least_sure_and_those_that_just_lack_it():
    presence = np.array([0.9, 0.2, 0.8, 0.4, 0.7, 0.95, 0.6, 0.99, 0.55, np.nan], np.float32)
    surely, barely, barely_not = _zones(presence)
    assert surely.tolist() == [7, 5, 0, 2]
    assert barely.tolist() == [8, 6, 4]
    assert barely_not.tolist() == [3, 1]  # and what is not known is in none


def test_words_that_tell_a_class_best_come_first_and_names_are_escaped():
    fit = EncoderFit(4, 3, 2, (1, 1), (True, True), 0.8, 0, ())
    check = EncoderCheck(
        "sample", ("<b>cat", "dog"), fit, (Concept("a", "dull", "scene"), Concept("b", "<script>", "light")),
        np.array([[0.5, 0.95], [0.5, 0.05]], np.float32), np.array([0.8, np.nan], np.float32),
        np.tile(np.array([[0.1, 0.9]], np.float32), (4, 1)), ("a", "b", "c", "d"), (None,) * 4,
    )  # fmt: skip
    page = encoder_page(check).replace("\u00a0", " ")
    assert page.index("&lt;script&gt;") < page.index("dull")
    assert "<script" not in page
    assert "<b>cat" not in page
    assert "by the names of the classes alone it puts 75 % of 4 pictures into the right one" in page


def test_an_encoder_without_data_is_one_line():
    done = CliRunner().invoke(app, ["doctor", "--encoder", "sample"])
    assert done.exit_code == 2
    assert "--encoder is given without --data; name the pictures" in done.output
