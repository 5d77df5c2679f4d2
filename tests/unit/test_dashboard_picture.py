"""The view of one picture, without a browser: what it tells, and the steps through the list it was opened from."""

import re
import shutil

import numpy as np
import pytest
import streamlit as st
from dashboard_page import links, markup, open_page, words
from hostile_audit import NAMES
from picture_audit import image_id, write_picture_audit
from small_audit import IMAGE_IDS, write_small_audit

from auditor.store.amend import amended
from auditor.store.embedding_index import write_embedding_index

IDS = [image_id(c, number) for c in range(2) for number in range(5)]
#: Elements that the views and the navigation draw.
OURS = {
    "div", "nav", "ul", "ol", "li", "a", "p", "h1", "h2", "h3", "span", "b", "i", "img", "small", "section", "figure",
    "figcaption", "button", "table", "tbody", "tr", "th", "td", "dl", "dt", "dd", "details", "summary", "pre", "code",
    "bdi", "wbr",
}  # fmt: skip
HERE = {"view": "picture", "class_": "bird 1", "concept": "water"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = write_picture_audit(tmp_path_factory.mktemp("audit"), 2)
    angles = np.linspace(0, 1, 10)
    write_embedding_index(folder, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    return folder


@pytest.fixture
def audit(written):
    st.cache_data.clear()
    st.cache_resource.clear()
    return written


def way(page, rel):
    """Target of the link to the previous or next picture."""
    nav = re.search(r'<nav class="steps".*?</nav>', markup(page), re.DOTALL)
    found = re.search(rf'<a href="([^"]*)"[^>]*rel="{rel}"', nav.group() if nav else "")
    return found and found.group(1).replace("&amp;", "&")


def test_all_that_is_known_of_it(audit):
    page = open_page(audit, picture=image_id(1, 0), **HERE)
    assert not page.exception
    told = words(page)
    assert "Called bird 1 , 75 % sure label bird 1 : right · bird 1/5.jpg" in told
    assert "for bird 1 (predicted) water scene 45 % unexplained 25 %" in told
    assert "What it shows" in told
    assert "water scene 90 %" in told
    assert "Channel groups that carry most here water, lake 46 % of bird 1" in told
    assert "size 640 × 480 pixels" in told
    assert "Measured brightness 0." in told
    assert "property:" not in told
    assert f"id {image_id(1, 0)}" in told
    assert "water for bird 1" in told  # the map of the phrase
    assert markup(page).count("<figure>") == 3
    assert "auditor explain" in told


def test_a_mistake_is_told_with_the_finding_that_names_it(audit):
    page = open_page(audit, picture=image_id(1, 3), **HERE)
    told = words(page)
    assert "✕ called bird 0 , 75 % sure label bird 1 : wrong" in told
    assert "bird 1 : water evidence of E4-recall" in told
    assert "bird 1 : water counted without the concept" in told
    assert any("view=class" in url and "class=bird+1" in url and "concept=water" in url for url in links(page))


def test_commands_draw_every_phrase_for_the_call_and_for_the_label(audit):
    told = words(open_page(audit, picture=image_id(0, 4), view="picture"))
    assert "All its phrases are drawn by a command" in told  # the map for the class that it is called is stored
    assert "'bird 0/4.jpg' --class 'bird 1'" in told
    assert "'bird 0/4.jpg' --class 'bird 0'" in told


def test_steps_follow_the_list_it_was_opened_from(audit):
    page = open_page(audit, picture=image_id(1, 1), among="with", **HERE)
    assert "2 of 3" in words(page)
    assert "↑ bird 1 with water" in words(page)
    assert f"picture={image_id(1, 0)}" in way(page, "prev")
    assert f"picture={image_id(1, 4)}" in way(page, "next")
    assert "among=with" in way(page, "next")
    back = next(url for url in links(page) if "view=pictures" in url and "among=with" in url)
    assert "picture=" not in back
    first = open_page(audit, picture=image_id(1, 0), among="with", **HERE)
    assert way(first, "prev") is None
    assert "1 of 3" in words(first)


def test_the_way_back_leads_to_the_page_that_it_is_on(tmp_path):
    folder = write_picture_audit(tmp_path, 11)
    page = open_page(folder, view="picture", concept="water", among="most", picture=image_id(3, 2))
    (position,) = re.findall(r"(\d+) of 55", words(page))
    assert int(position) > 44  # those that show it least come last
    back = next(url for url in links(page) if "view=concept" in url and "among=most" in url)
    assert "page=2" in back if int(position) <= 48 else "page=3" in back


def test_steps_through_what_a_search_found(audit):
    page = open_page(audit, view="picture", like=IDS[0], among="search", picture=IDS[2])
    assert "2 of 9" in words(page)
    assert f"picture={IDS[3]}" in way(page, "next")
    assert "↑ pictures like this one" in words(page)


def test_a_search_that_fails_still_shows_the_picture(tmp_path):
    st.cache_resource.clear()
    folder = write_picture_audit(tmp_path, 2)
    page = open_page(folder, view="picture", like=IDS[0], among="search", picture=IDS[2])
    assert not page.exception
    assert "Called bird 0" in words(page)
    assert way(page, "next") is None
    assert "No neighbours: " in words(page)


def test_neighbours_are_a_list_of_their_own(audit):
    page = open_page(audit, picture=image_id(1, 0), among="with", **HERE)
    shown = [url for url in links(page) if "view=picture&" in url and f"like={image_id(1, 0)}" in url]
    assert len(shown) == 9
    assert all("among=search" in url for url in shown)
    assert any("view=search" in url and f"like={image_id(1, 0)}" in url for url in links(page))


def test_a_picture_outside_its_list_has_no_steps(audit):
    page = open_page(audit, picture=image_id(0, 0), among="with", **HERE)
    assert not page.exception
    assert "↑ bird 1 with water" in words(page)
    assert way(page, "next") is None


@pytest.mark.parametrize("params", [{"picture": "<b>none</b>"}, {}])
def test_an_unknown_or_no_picture(audit, params):
    page = open_page(audit, view="picture", **params)
    assert not page.exception
    assert "No picture chosen" in words(page)
    assert "<b>none" not in markup(page)
    assert any("view=" not in url or "overview" in url for url in links(page))


def test_opacity_is_of_the_address(audit):
    page = open_page(audit, picture=image_id(1, 0), opacity="20", **HERE)
    slider = page.slider(key="picture-opacity")
    assert slider.value == 20
    before = markup(page)
    slider.set_value(0).run()
    assert not page.exception
    assert page.query_params["opacity"] in ("0", ["0"])
    assert markup(page) != before


def test_without_a_model(tmp_path):
    page = open_page(write_picture_audit(tmp_path, 2, model=False), view="picture", picture=image_id(0, 0))
    assert not page.exception
    assert '<h1><bdi>bird 0/<wbr>0<wbr><span class="whole">.jpg</span></bdi></h1>' in markup(page).replace("\n", "")
    assert "label bird 0 · no model was examined" in words(page)
    assert "Words of the decision" not in words(page)
    assert "auditor explain" not in words(page)


def test_no_thumbnail_or_a_damaged_one(tmp_path):
    folder = write_small_audit(tmp_path)
    assert "keeps no thumbnail" in words(open_page(folder, view="picture", picture=IMAGE_IDS[5]))
    assert "is damaged" in words(open_page(folder, view="picture", picture=IMAGE_IDS[0]))


@pytest.mark.slow
@pytest.mark.parametrize("name", [NAMES[at] for at in (0, 1, 2, 3, 15, 16, 22, 23)])
def test_names_cannot_break_out(tmp_path_factory, written, name):
    st.cache_data.clear()
    st.cache_resource.clear()
    folder = tmp_path_factory.mktemp("hostile") / "audit"
    shutil.copytree(written, folder)
    name = name.encode("utf-8", "replace").decode()
    with amended(folder) as writer:
        for table, column in (
            ("images", "path"), ("images", "split"), ("predictions", "predicted_name"), ("predictions", "label_name"),
            ("concepts", "concept"), ("attributions", "concept"), ("attribution_residuals", "class_name"),
            ("channel_groups", "name"), ("findings", "concept"), ("findings", "class_name"), ("findings", "rule_id"),
        ):  # fmt: skip
            writer.execute(f"UPDATE {table} SET {column} = ?", [name])
        writer.execute("INSERT INTO image_attributes VALUES (?, ?, ?)", [IDS[0], name, name])
    params = {"picture": IDS[0], "concept": "water", "text": name, "like": IDS[1], "among": "search"}
    for view in ("picture", "search"):
        page = open_page(folder, view=view, **params)
        assert not page.exception
        elements = set(re.findall(r"<\s*([^\s/>]+)", markup(page)))
        assert elements <= OURS, elements - OURS
        assert not re.search(r"<[^>]*\son\w+=", markup(page))
    if name.strip().isprintable() and len(name) < 30:
        assert " ".join(name.split()) in words(page)


def test_of_many_findings_that_name_it_the_first_stand_and_the_others_are_folded(tmp_path):
    folder = write_picture_audit(tmp_path / "audit", 2)
    with amended(folder) as connection:
        copied = (
            "SELECT f.* REPLACE ('a' || i AS concept_id) FROM findings f, range(30) s(i) WHERE rule_id = 'E4-recall'"
        )
        connection.execute(f"INSERT INTO findings {copied}")
    told = markup(open_page(folder, picture=image_id(1, 3), **HERE))
    first, _, folded = told.partition("Findings that name it")[2].partition("<details>")
    n_more = int(re.match(r"<summary>(\d+) findings more</summary>", folded)[1])
    assert (first.count("<li>"), folded.partition("</details>")[0].count("<li>")) == (12, n_more)
    assert "concept=water" in first.partition("</li>")[0]


def test_words_of_a_class_that_the_encoder_sees_in_every_word_are_doubted(tmp_path):
    folder = write_picture_audit(tmp_path / "audit", 2)
    with amended(folder) as connection:
        connection.execute("INSERT INTO encoder_fit VALUES (0, 'bird 0', 20, 2, true), (1, 'bird 1', 20, 15, false)")
    doubt = "The audit's encoder sees this class in every word"
    for picture, class_idx in ((image_id(0, 0), 0), (image_id(1, 0), 1)):
        assert (doubt in words(open_page(folder, **{**HERE, "picture": picture}))) == (class_idx == 1)
        class_page = words(open_page(folder, view="class", **{"class": f"bird {class_idx}"}))
        assert class_page.count(doubt) == 2 * (class_idx == 1)  # beside the bars, and above the table


def test_kinds_are_words_and_a_phrase_without_a_share_has_no_dash(tmp_path):
    folder = write_picture_audit(tmp_path / "audit", 2)
    with amended(folder) as connection:
        connection.execute("UPDATE concepts SET concept_kind = 'context_object'")
        connection.execute("DELETE FROM attributions WHERE class_idx = 1")
    told = words(open_page(folder, **{**HERE, "picture": image_id(0, 0)}))
    assert "water context object" in told
    assert "context_object" not in told
    without = words(open_page(folder, **{**HERE, "picture": image_id(1, 0)}))
    assert "water for bird 1" in without
    assert "– of the words" not in without
