"""The basket: ticks by the address, stretches of a list, files, and tags that last beside the baseline."""

import csv

import pytest
from dashboard_page import links, markup, open_page, words
from picture_audit import image_id, write_picture_audit

from auditor.errors import InputError
from reports.dashboard.basket import Basket
from reports.dashboard.tags import Tags

HERE = {"view": "pictures", "class_": "bird 1", "concept": "water", "among": "with"}
WITH = [image_id(1, 0), image_id(1, 1), image_id(1, 4)]


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("audit"), 3)


def go(page, **params):
    page.query_params.clear()
    for name, value in params.items():
        page.query_params[name.rstrip("_")] = value
    return page.run()


def basket(page):
    """Ids of the pictures on the page of the basket, in order."""
    go(page, view="basket")
    return [url.split("picture=")[1][:16] for url in links(page) if "view=picture&" in url]


def test_ticks_are_heard_once_and_what_is_broken_is_nothing():
    held = Basket()
    held.hear("1,water,+a,+b%2Cc,?d,-e")
    assert held.concept_of == {"a": "water", "b,c": "water"}
    held.hear("1,water,+z")  # the same ticks again: the page was only drawn anew
    held.hear("2,,-a,+b%2Cc,+d")
    assert held.concept_of == {"b,c": "water", "d": None}
    for broken in ("", "3", ",", "4,water", "5" * 5000):
        held.hear(broken)
    assert list(held.concept_of) == ["b,c", "d"]


def test_a_tick_stays_from_view_to_view_and_is_no_part_of_an_address(audit):
    page = open_page(audit, tick=f"1,water,%2B{WITH[1]}", **HERE)
    assert not page.exception
    assert "is no parameter" not in words(page)
    assert not [url for url in links(page) if "tick" in url]
    assert f'data-ids="{WITH[1]}"' in markup(page)
    assert "Basket 1" in words(page)
    assert basket(page) == [WITH[1]]
    go(page, view="basket", tick=f"2,,-{WITH[1]}")
    assert "Nothing is in it." in words(page)


def test_a_stretch_of_a_list_is_ticked_and_taken_out_again(audit):
    page = open_page(audit, order="path", **HERE)
    page.number_input(key="pictures-of-from-3").set_value(2)
    page.button(key="pictures-of-put").click().run()
    assert not page.exception
    assert basket(page) == WITH[1:]
    go(page, order="path", **HERE)
    page.number_input(key="pictures-of-to-3").set_value(2)
    page.button(key="pictures-of-take").click().run()
    assert basket(page) == WITH[2:]


def test_pictures_of_no_audit_are_left_out_and_the_basket_is_emptied(audit):
    page = open_page(audit, view="basket", tick=f"1,,%2B<b>x</b>,%2B{WITH[0]}")
    assert not page.exception
    assert "<b>x" not in markup(page)
    assert basket(page) == [WITH[0]]
    assert page.get("download_button")[0].label == "1 picture as CSV"
    page.button(key="basket-empty").click().run()
    assert "Nothing is in it." in words(page)


def test_tags_last_and_bring_their_pictures_back(audit, tmp_path):
    baseline = tmp_path / "baseline.toml"
    page = open_page(audit, view="basket", tick=f"1,,%2B{WITH[0]},%2B{WITH[2]}", baseline=baseline)
    next(one for one in page.text_input if one.label == "Tag").set_value(" relabel  it ")
    next(one for one in page.button if one.label == "Tag 2 pictures").click().run()
    assert not page.exception
    assert "2 pictures now have the tag" in words(page)
    rows = list(csv.reader((tmp_path / "tags.csv").read_text().splitlines()))
    assert rows[0] == ["path", "tag"]
    assert [tag for _, tag in rows[1:]] == ["relabel it"] * 2
    other = open_page(audit, view="basket", baseline=baseline)  # another browser, another day
    other.button(key="tagged-put").click().run()
    assert sorted(basket(other)) == sorted([WITH[0], WITH[2]])


def test_nothing_is_tagged_where_the_dashboard_only_reads(audit, tmp_path):
    page = open_page(audit, view="basket", tick=f"1,,%2B{WITH[0]}", baseline=tmp_path / "b.toml", read_only=True)
    assert "start it without --read-only to tag pictures" in words(page)
    assert not [one for one in page.text_input if one.label == "Tag"]


def test_tags_are_added_and_taken_off_and_other_columns_stay(tmp_path):
    tags = Tags(tmp_path / "tags.csv")
    assert tags.add(["a", "b", "a"], "odd") == 2
    tags.path.write_text("path,who,tag\na,Ada,odd\nb,,odd\nc,Bob,wrong label\n")
    assert tags.counts() == {"odd": 2, "wrong label": 1}
    assert tags.add(["a", "c"], "odd") == 1
    assert tags.remove(["b", "z"], "odd") == 1
    assert tags.path.read_text() == "path,who,tag\na,Ada,odd\nc,Bob,wrong label\nc,,odd\n"


@pytest.mark.parametrize("tag", ["", " ", "=1+1", "-x", "a,b", "x" * 41, "a\nb=", "<b>"])
def test_a_tag_is_plain_text(tmp_path, tag):
    with pytest.raises(InputError, match="expected 1 to 40 letters"):
        Tags(tmp_path / "tags.csv").add(["a"], tag)
    assert not (tmp_path / "tags.csv").exists()


def test_a_file_of_something_else_is_told_and_left(tmp_path):
    (tmp_path / "tags.csv").write_text("name\nx\n")
    with pytest.raises(InputError, match="expected path and tag"):
        Tags(tmp_path / "tags.csv").add(["a"], "odd")
    assert (tmp_path / "tags.csv").read_text() == "name\nx\n"
