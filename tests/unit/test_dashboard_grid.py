"""The grid of pictures inside a view: maps over the pictures, which one and how much, and lists that hold nothing."""

import re

import duckdb
import pytest
import streamlit as st
from dashboard_page import links, markup, open_page, words
from picture_audit import image_id, write_picture_audit
from small_audit import unbound

HERE = {"view": "class", "class_": "bird 1", "concept": "water"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("audit"), 3)


@pytest.fixture
def audit(written):
    st.cache_data.clear()
    return written


def tiles(page):
    """(id, whether a map lies over it) of every picture of the grid."""
    grid = re.search(r'<ol class="grid"[^>]*>.*?</ol>', markup(page), re.DOTALL)
    found = re.findall(r'<li class="tile[^"]*">.*?</li>', grid.group(), re.DOTALL) if grid else []
    return [(re.search(r"picture=(\w+)", tile).group(1), "with a map" in tile) for tile in found]


def test_stored_maps_of_the_class_lie_over_its_pictures(audit):
    page = open_page(audit, among="with", **HERE)
    assert not page.exception
    assert tiles(page) == [(image_id(1, 0), True), (image_id(1, 1), True), (image_id(1, 4), False)]
    assert "there for 2 of these 3" in words(page)


def test_a_name_that_is_cut_is_whole_for_the_pointer_in_every_view(tmp_path):
    """Of a class and a concept of 300 letters; in the grid, beside the class, and of a picture."""
    folder = write_picture_audit(tmp_path, 2)
    name, concept = "b" * 300, "w" * 300
    with duckdb.connect(str(folder / "audit.duckdb")) as writer:
        for table in ("verdicts", "predictions", "findings", "counterexamples", "class_concepts", "attributions"):
            columns = {row[0] for row in writer.execute(f"DESCRIBE {table}").fetchall()}
            for column, old, new in (
                ("class_name", "bird 0", name), ("predicted_name", "bird 0", name), ("label_name", "bird 0", name),
                ("concept", "water", concept),
            ):  # fmt: skip
                if column in columns:
                    writer.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [new, old])
        writer.execute("UPDATE concepts SET concept = ? WHERE concept = 'water'", [concept])
    unbound(folder)
    for place in (
        {"view": "class", "class_": name, "concept": "water", "among": "with"},
        {"view": "class", "class_": "bird 1"},
        {"view": "picture", "picture": image_id(0, 0), "class_": name, "concept": "water"},
        {"view": "concept"},
        {"view": "concept", "concept": "water"},
        {"view": "overview"},
    ):
        page = open_page(folder, **place)
        assert not page.exception
        shown = re.findall(r">(b+…|w+…)<", markup(page))
        told = re.findall(r'<bdi title="(?:b{300}|w{300})"><span aria-hidden="true">([^<]*)</span>', markup(page))
        assert shown, place
        assert sorted(set(shown) - set(told)) == [], place


def test_a_phrase_can_be_chosen_and_goes_into_the_address(audit):
    page = open_page(audit, among="with", **HERE)
    assert page.selectbox(key="pictures-map").options == ["for the class", "for water", "none"]
    page.selectbox(key="pictures-map").select("water").run()
    assert not page.exception
    assert page.query_params["map"] in ("water", ["water"])
    # only one picture has the map of the phrase, and no other map is shown in its place
    assert tiles(page) == [(image_id(1, 0), True), (image_id(1, 1), False), (image_id(1, 4), False)]
    opened = next(url for url in links(page) if "view=picture&" in url and image_id(1, 1) in url)
    assert "map=water" in opened


def test_no_map_covers_where_the_opacity_is_nothing(audit):
    page = open_page(audit, among="with", opacity="0", **HERE)
    assert [mapped for _, mapped in tiles(page)] == [False] * 3
    page.slider(key="pictures-opacity").set_value(55).run()
    assert "opacity" not in page.query_params  # the default needs no parameter
    assert [mapped for _, mapped in tiles(page)] == [True, True, False]


def test_pictures_without_any_map_are_whole_and_as_large_as_asked_for(audit):
    page = open_page(audit, among="with", map="-", size="240", **HERE)
    assert not page.exception
    assert [mapped for _, mapped in tiles(page)] == [False] * 3
    assert "map-legend" not in markup(page)
    assert 'style="--tile: 240px"' in markup(page)


def test_a_map_that_nobody_stored_is_still_a_choice(audit):
    page = open_page(audit, among="with", map="<b>x</b>", **HERE)
    assert not page.exception
    assert len(page.selectbox(key="pictures-map").options) == 4
    assert "<b>x" not in markup(page)


def test_the_maps_are_those_of_the_class_that_is_looked_at(audit):
    # bird 0's picture, called bird 1 with water: its map is that for bird 1
    assert tiles(open_page(audit, among="pulled", **HERE)) == [(image_id(0, 4), True)]


def test_a_list_that_holds_nothing_says_so(tmp_path):
    folder = write_picture_audit(tmp_path, 1)  # a single class is never mistaken for another
    page = open_page(folder, view="class", class_="bird 0", among="mistakes")
    assert not page.exception
    assert tiles(page) == []
    assert re.search(r'<p class="empty">No picture[^<]*</p>', markup(page))
