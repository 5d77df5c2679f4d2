"""The view of a class on hand-made audits."""

import pytest
import streamlit as st
from dashboard_page import links, markup, open_page, words
from hostile_audit import NAMES, write_hostile_audit
from markupsafe import Markup
from picture_audit import image_id, write_picture_audit
from small_audit import write_small_audit


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("class") / "birds", n_classes=3)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("class") / "small")


def test_it_tells_claim_numbers_evidence_and_what_to_do(birds):
    page = open_page(birds, view="class", class_="bird 0")
    assert not page.exception
    said = words(page)
    assert "bird 0 ▲ flagged" in said
    claim = 'The model calls a picture "bird 0" largely because of water (scene).'
    order = [claim, "Without it 31 % [25, 38] of 212", "Recall gap", "Words for it", "What now", "Concepts of bird 0",
             "Pictures of bird 0", "Channel groups that carry it"]  # fmt: skip
    places = [said.index(part) for part in order]
    assert places == sorted(places)


def test_pictures_lead_to_their_own_view(birds):
    page = open_page(birds, view="class", class_="bird 0")
    mistake = f"?audit=birds&view=picture&class=bird+0&concept=water&picture={image_id(0, 3)}&among=without"
    assert mistake in links(page)


def test_the_lists_of_pictures(birds):
    page = open_page(birds, view="class", class_="bird 0")
    lists = page.button_group(key="among")
    assert lists.options == [
        "without water", "with water", "mistakes", "others with water, called bird 0", "all",
    ]  # fmt: skip
    assert lists.value == "without"
    grid = words(page).partition("Pictures of bird 0")[2]
    assert "✕ wrong: bird 1 75 %" in grid
    assert "2 pictures" in grid
    lists.set_value("mistakes").run()
    assert page.query_params["among"] == "mistakes"
    assert "water 70 %" in words(page).partition("Pictures of bird 0")[2].replace("shown ", "")


def test_another_concept_of_the_url_splits_the_pictures(birds):
    page = open_page(birds, view="class", class_="bird 0", concept="no-such-concept")
    assert not page.exception
    assert page.button_group(key="among").options == ["all of bird 0", "mistakes"]


def test_the_classes_beside_it_keep_the_filters(birds):
    page = open_page(birds, view="class", class_="bird 1", find="bird")
    assert "2 of 3 classes" in words(page)
    assert "?audit=birds&view=class&class=bird+0&find=bird" in links(page)
    assert "?audit=birds&view=class&class=bird+2&find=bird" in links(page)


def test_without_a_class_it_offers_them(small):
    page = open_page(small, view="class")
    assert not page.exception
    assert "Which class do you want to look at?" in words(page)
    assert "?audit=small&view=class&class=waterbird" in links(page)


def test_a_class_that_is_not_there_is_told(small):
    page = open_page(small, view="class", class_="<b>nobody</b>")
    assert not page.exception
    assert "No class <b>nobody</b> in this audit" in words(page)
    assert "<b>nobody" not in markup(page)


def test_concepts_stand_beside_their_counts(small):
    said = words(open_page(small, view="class", class_="waterbird"))
    assert "water (scene) 41 % 3 % 96 % of 3,410 31 % of 212" in said
    assert "beak (part) 11 % 0 % – –" in said


def test_what_could_not_be_measured_says_why(small):
    page = open_page(small, view="class", class_="landbird")
    assert not page.exception
    assert "Could not be excluded." in words(page)


@pytest.mark.parametrize("name", ["cat", "boat"])
def test_classes_without_a_story(small, name):
    page = open_page(small, view="class", class_=name)
    assert not page.exception
    assert page.button_group(key="among").options[0] == f"all of {name}"


def test_without_thumbnails_it_says_so(tmp_path):
    audit = write_picture_audit(tmp_path / "bare", thumbnails=False)
    page = open_page(audit, view="class", class_="bird 0")
    assert not page.exception
    assert "the audit keeps no thumbnails" in words(page)
    assert "no picture kept" in words(page)


def test_data_alone(tmp_path):
    audit = write_picture_audit(tmp_path / "data", model=False)
    page = open_page(audit, view="class", class_="bird 0")
    assert not page.exception
    assert "the data only offer it" in words(page)


@pytest.mark.parametrize("number", [0, 2, 15, 25, 32])
def test_names_stay_text(tmp_path_factory, number):
    folder = tmp_path_factory.getbasetemp() / "hostile-class"
    audit = folder if folder.exists() else write_hostile_audit(folder)
    page = open_page(audit, view="class", class_=NAMES[number])
    assert not page.exception
    assert "<script" not in markup(page)
    assert 'href="https://' not in markup(page)


def test_a_finding_leads_to_its_review_unless_only_read(birds):
    review = "?audit=birds&view=review&class=bird+0&concept=water"
    assert review in links(open_page(birds, view="class", class_="bird 0"))
    assert review not in links(open_page(birds, view="class", class_="bird 0", read_only=True))


def test_no_chart_is_drawn_that_the_view_does_not_show(birds, monkeypatch):
    drawn = []
    monkeypatch.setattr("reports.page.charts._svg", lambda *args: drawn.append(args) or Markup())
    st.cache_data.clear()  # what another test saw
    assert "Recall gap" in words(open_page(birds, view="class", class_="bird 0"))
    assert not drawn
