"""The view of a class's pictures: its lists, what narrows and orders them, and the files that they are taken as."""

import csv

import numpy as np
import pytest
import streamlit as st
from dashboard_page import links, markup, open_page, words
from picture_audit import image_id, write_picture_audit

from auditor.errors import InputError
from auditor.records import SaliencyMap
from auditor.store.queries.picture_lists import GridPicture
from reports.dashboard import drawn_maps
from reports.dashboard.address import Place
from reports.dashboard.arranged import arranged, csv_file, file_name, path_file

HERE = {"view": "pictures", "class_": "bird 1", "concept": "water"}


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("audit"), 3)


def picture(path, **known):
    values = {"confidence": None, "presence": None, "share": None, **known}
    return GridPicture(path, path, "cat", "dog", values["confidence"], False, values["presence"], values["share"], 1)


PICTURES = [
    picture("b", confidence=0.9, presence=0.1),
    picture("a", confidence=0.5, presence=0.9, share=0.4),
    picture("c", presence=0.5),
]


@pytest.mark.parametrize(
    ("place", "left"),
    [
        (Place(), "bac"),
        (Place(order="path"), "abc"),
        (Place(order="confidence"), "bac"),
        (Place(order="presence"), "acb"),
        (Place(confidence="50-89"), "a"),
        (Place(confidence="90-100"), "b"),
        (Place(presence="0-50"), "bc"),
        (Place(presence="0-50", confidence="0-100"), "b"),
        (Place(share="41-100"), ""),
    ],
)
def test_a_list_is_narrowed_and_ordered(place, left):
    assert "".join(one.path for one in arranged(PICTURES, place)) == left


def test_a_range_holds_what_is_shown_within_it():
    assert arranged([picture("a", confidence=0.984)], Place(confidence="98-100"))
    assert not arranged([picture("a", confidence=0.974)], Place(confidence="98-100"))


def test_files_hold_the_list_in_its_order():
    rows = list(csv.reader(csv_file(PICTURES).splitlines()))
    assert rows[0] == ["path", "label", "called", "confidence", "presence", "share"]
    assert rows[1:] == [
        ["b", "cat", "dog", "0.9", "0.1", ""],
        ["a", "cat", "dog", "0.5", "0.9", "0.4"],
        ["c", "cat", "dog", "", "0.5", ""],
    ]
    assert path_file(PICTURES) == "b\na\nc\n"
    with pytest.raises(InputError, match="line break"):
        path_file([picture("a\nb")])


def test_a_name_of_a_file_is_plain():
    assert file_name("without", "Köln/../bird", None, "=x", ending="csv") == "without-k-ln-bird-x.csv"
    assert file_name("", ending="txt") == "pictures.txt"


def test_lists_of_a_class_and_their_files(audit):
    page = open_page(audit, **HERE)
    assert not page.exception
    assert page.button_group(key="kind").options == [
        "breaking: without water", "carrying: with water", "mistakes", "pulled: of other classes", "all",
    ]  # fmt: skip
    assert "bird 1 · water" in words(page)
    labels = [one.label for one in page.get("download_button")]
    assert labels[0].endswith("as CSV")
    assert labels[1] == "Paths"
    shown = [url for url in links(page) if "view=picture&" in url]
    assert shown
    assert all("among=without" in url for url in shown)


def test_what_narrows_a_list_stands_in_the_address_and_is_stepped_through(audit):
    page = open_page(audit, among="with", order="path", **HERE)
    ids = [image_id(1, 0), image_id(1, 1), image_id(1, 4)]
    opened = [url for url in links(page) if "view=picture&" in url]
    assert all("order=path" in url for url in opened)
    first = open_page(audit, among="with", order="path", **{**HERE, "view": "picture", "picture": ids[0]})
    assert "1 of 3" in words(first)
    assert [url for url in links(first) if "view=pictures" in url and "among=with" in url]
    page.slider(key="range-presence").set_value((0, 1)).run()
    assert page.query_params["presence"] in ("0-1", ["0-1"])
    assert "No picture is left by these ranges." in words(page)
    assert all(one.proto.disabled for one in page.get("download_button"))


def test_values_of_a_column_narrow_a_list_and_all_its_files(audit):
    page = open_page(audit, among="all", column="light", **HERE)
    assert page.selectbox(key="column").options == ["light", "brightness"]
    assert page.multiselect(key="values").options == ["day (2)", "night (2)", "no value (1)"]
    page.multiselect(key="values").set_value(["night", ""]).run()
    assert not page.exception
    assert page.query_params["value"] in ("night,", ["night,"])
    assert "3 pictures" in words(page)
    assert page.get("download_button")[0].label == "3 pictures as CSV"
    opened = {url for url in links(page) if "view=picture&" in url}
    assert len(opened) == 3
    assert all("column=light" in url and "value=night%2C" in url for url in opened)
    one = open_page(
        audit, among="all", column="light", value="night,", **{**HERE, "view": "picture", "picture": image_id(1, 4)}
    )
    assert "of 3" in words(one)
    assert not [url for url in links(page) if "view=class&" in url and "column=" in url]


def test_numbers_of_a_column_are_a_range(audit, monkeypatch):
    monkeypatch.setattr("reports.dashboard.list_filters._MOST_VALUES", 4)
    page = open_page(audit, among="all", column="property:brightness", **HERE)
    assert "brightness of 5 pictures. 0 to 0.1: 1; 0.1 to 0.2: 1; 0.2 to 0.3: 1; 0.3 to 0.4: 2" in markup(page)
    page.slider(key="span").set_range(0.1, 0.3).run()
    assert not page.exception
    assert page.query_params["span"] in ("0.1..0.3", ["0.1..0.3"])
    assert page.get("download_button")[0].label == "3 pictures as CSV"
    page.slider(key="span").set_range(0.001, 0.399).run()  # by a hair the ends, so that it is all
    assert "span" not in page.query_params
    assert not open_page(audit, among="all", column="no such", **HERE).exception


def test_a_histogram_says_how_many_lie_where(audit):
    page = open_page(audit, among="all", **HERE)
    assert "Shown of 5 pictures. 0 to 25 %: 2; 25 to 50 %: 0; 50 to 75 %: 1; 75 to 100 %: 2" in markup(page)


def test_a_class_that_is_not_there_is_told_and_others_are_offered(audit):
    page = open_page(audit, view="pictures", class_="<b>no</b>")
    assert not page.exception
    assert "No class <b>no</b> in this audit" in words(page)
    assert "<b>no" not in markup(page)
    assert [url for url in links(page) if "view=pictures" in url and "class=bird+0" in url]


class Drawer:
    """Draws a square; a picture that it was told of it cannot."""

    def __init__(self, broken=()):
        self.drawn, self.broken = [], broken

    def draw(self, picture_id, class_idx, concept_id):
        if picture_id in self.broken:
            raise InputError("the file is gone")
        self.drawn.append(picture_id)
        return (SaliencyMap(picture_id, class_idx, None, np.full((2, 2), 9, np.uint8), 1.0, (0.0, 0.0, 1.0, 1.0)),)


@pytest.mark.parametrize("broken", [False, True])
def test_maps_that_a_list_lacks_are_drawn_when_asked_and_kept(audit, monkeypatch, broken):
    drawer = Drawer(broken=[image_id(1, 4)] * broken)
    monkeypatch.setattr(drawn_maps, "load_map_drawer", lambda folder, *, trust_code: drawer)
    st.cache_resource.clear()
    page = open_page(audit, among="all", **HERE)
    assert "there for 4 of these 5" in words(page)
    page.button(key="draw-maps").click().run()
    assert not page.exception
    again = open_page(audit, among="all", **HERE)
    assert "draw-maps" not in {one.key for one in again.button}
    assert drawer.drawn == ([] if broken else [image_id(1, 4)])
    assert ("there for 5 of these 5" in words(again)) is not broken
    assert ("1 picture of this list could not be drawn the file is gone" in words(again)) is broken


def test_a_model_that_cannot_be_asked_is_told_with_the_way(audit, monkeypatch):
    given = []

    def refuse(folder, *, trust_code):
        given.append(trust_code)
        raise InputError("the audit names files, which are not read unasked")

    monkeypatch.setattr(drawn_maps, "load_map_drawer", refuse)
    st.cache_resource.clear()
    page = open_page(audit, among="all", **HERE)
    page.button(key="draw-maps").click().run()
    assert not page.exception
    assert "cannot be asked here the audit names files" in words(page)
    assert "--trust-code" in words(page)
    assert given == [False]
