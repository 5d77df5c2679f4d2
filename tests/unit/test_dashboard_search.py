"""Search and the grid of pictures, without a browser: results, pages, links, and what is said when there is nothing."""

import re
import shutil
from types import SimpleNamespace

import duckdb
import numpy as np
import pytest
import streamlit as st
from dashboard_page import links, markup, open_page, words
from huggingface_hub import constants
from picture_audit import image_id, write_picture_audit
from small_audit import write_small_audit

from auditor.errors import EncoderError
from auditor.store.embedding_index import INDEX_NAME, write_embedding_index
from auditor.store.manifest import DATABASE_NAME
from reports.dashboard import searching

N_CLASSES = 11
N = N_CLASSES * 5
ANGLES = np.linspace(0, np.pi / 2, N)
ROWS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)
IDS = [image_id(c, number) for c in range(N_CLASSES) for number in range(5)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = write_picture_audit(tmp_path_factory.mktemp("many"), N_CLASSES)
    write_embedding_index(folder, ROWS)
    return folder


@pytest.fixture
def audit(written):
    st.cache_data.clear()
    st.cache_resource.clear()
    return written


@pytest.fixture
def encoder(monkeypatch):
    """Knows "first" and "last", which lie where the first and the last picture do."""
    loads = []

    def encode_texts(texts):
        return np.array([[1, 0] if "first" in text else [0, 1] for text in texts], np.float32)

    def load(spec):
        loads.append(spec)
        return SimpleNamespace(
            spec=spec, digest="e" * 64, encode_texts=encode_texts, knows=lambda text: text in ("first", "last")
        )

    monkeypatch.setattr(searching, "load_encoder", load)
    return loads


def pictures(page):
    """Ids of the pictures that the grid links to."""
    tiles = re.findall(r'<li class="tile[^"]*"><a href="([^"]*)"', markup(page))
    return [re.search(r"picture=(\w+)", url).group(1) for url in tiles]


def test_nothing_is_loaded_until_something_is_asked(audit, encoder):
    page = open_page(audit, view="search")
    assert not page.exception
    assert "Words that this audit knows" in words(page)
    assert any("text=water" in url and "among=search" in url for url in links(page))
    assert encoder == []
    assert "<img" not in markup(page)


def test_an_encoder_file_that_the_audit_names_is_read_only_when_asked_for(audit, encoder, tmp_path):
    audit = shutil.copytree(audit, tmp_path / "foreign")
    with duckdb.connect(str(audit / DATABASE_NAME)) as connection:
        connection.execute("UPDATE runs SET encoder_spec = 'open_clip:mine@/theirs/w.pt'")
    said = words(open_page(audit, view="search", text="last"))
    assert "it is read where the dashboard was started with --trust-code" in said
    assert encoder == []
    assert pictures(open_page(audit, view="search", text="last", trust_code=True)) == IDS[:-25:-1]
    assert encoder == ["open_clip:mine@/theirs/w.pt"]


def test_words_find_pictures_in_their_order(audit, encoder):
    page = open_page(audit, view="search", text="last")
    assert not page.exception
    assert pictures(page) == IDS[:-25:-1]
    assert "The 55 nearest of 55" in words(page)
    assert "1–24 of 55" in words(page)
    assert "likeness 1.00" in words(page)
    open_page(audit, view="search", text="first")
    assert encoder == ["sample"]  # once a process


def test_pages(audit, encoder):
    page = open_page(audit, view="search", text="first", page="3")
    assert "49–55 of 55" in words(page)
    assert pictures(page) == IDS[48:]
    shown = [url for url in links(page) if "view=picture&" in url]
    assert all("page=3" in url and "among=search" in url and "text=first" in url for url in shown)
    ways = [url for url in links(page) if "view=search" in url and "page=2" in url]
    assert len(ways) == 1
    assert 'rel="prev"' in markup(page)
    assert 'rel="next"' not in markup(page)
    assert "49–55 of 55" in words(open_page(audit, view="search", text="first", page="99"))


def test_typing_words_changes_the_address(audit, encoder):
    page = open_page(audit, view="search", like=IDS[3], page="2")
    page.text_input(key="search-text").input("first").run()
    assert not page.exception
    assert page.query_params["text"] in ("first", ["first"])
    assert "like" not in page.query_params
    assert "page" not in page.query_params
    assert pictures(page)[0] == IDS[0]


def test_a_picture_as_query_needs_no_encoder(audit, encoder):
    page = open_page(audit, view="search", like=IDS[0], among="search")
    assert not page.exception
    assert "Most like this picture: bird 0/0.jpg" in words(page)
    assert pictures(page) == IDS[1:25]
    assert "1–24 of 54" in words(page)  # without itself
    assert encoder == []


def test_an_unknown_picture_as_query(audit):
    page = open_page(audit, view="search", like="<b>x</b>")
    assert not page.exception
    assert "No picture '<b>x</b>' in this audit" in words(page)
    assert "<b>x" not in markup(page)


def test_a_word_that_was_never_taught(audit, encoder):
    page = open_page(audit, view="search", text="<i>zebra</i> $x$")
    assert not page.exception
    assert "was never taught '<i>zebra</i> $x$'" in words(page)
    assert "<i>zebra" not in markup(page)
    assert "Words that this audit knows" in words(page)


def test_a_missing_encoder_is_explained(audit, monkeypatch):
    offline = []

    def load(spec):
        offline.append(constants.HF_HUB_OFFLINE)
        raise EncoderError("weights of 'ViT' are not on this machine")

    monkeypatch.setattr(searching, "load_encoder", load)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    page = open_page(audit, view="search", text="water")
    assert not page.exception
    assert "The encoder of the audit cannot be used here: weights of 'ViT' are not on this machine." in words(page)
    assert "any picture can still be searched with" in words(page)
    assert offline == [True]  # a page never fetches weights
    assert constants.HF_HUB_OFFLINE is False


def test_another_encoder_than_the_audits(audit, encoder, monkeypatch):
    other = SimpleNamespace(spec="sample", digest="f" * 64)
    monkeypatch.setattr(searching, "load_encoder", lambda spec: other)
    page = open_page(audit, view="search", text="first")
    assert "is not the one of the audit (digest ffffffffffff, the audit's eeeeeeeeeeee)" in words(page)


def test_words_of_another_length_than_the_index(audit, encoder, monkeypatch):
    monkeypatch.setattr(searching.neighbours, "words_vector", lambda *_: np.ones(3, np.float32))
    page = open_page(audit, view="search", text="first")
    assert not page.exception
    assert "gives 3 numbers a picture, the audit's index holds 2" in words(page)


@pytest.mark.parametrize("content", [None, b"", b"IxFI" + bytes(100)])
def test_a_missing_or_damaged_index_is_explained(tmp_path, encoder, content):
    st.cache_data.clear()
    st.cache_resource.clear()
    folder = write_picture_audit(tmp_path / "audit", 2)
    if content is not None:
        (folder / INDEX_NAME).write_bytes(content)
    page = open_page(folder, view="search", text="first")
    assert not page.exception
    assert INDEX_NAME in words(page)
    assert "make it again" in words(page)
    assert "all concepts" in words(page)  # these need no index
    assert "Words that this audit knows" not in words(page)  # no word would do
    assert encoder == []  # there is nothing to search in


def test_an_index_that_takes_the_place_of_another_is_read(tmp_path, encoder):
    st.cache_data.clear()
    st.cache_resource.clear()
    folder = write_picture_audit(tmp_path / "audit", 2)
    write_embedding_index(folder, ROWS[:10])
    assert pictures(open_page(folder, view="search", text="first"))[0] == IDS[0]
    write_embedding_index(folder, ROWS[:10][::-1].copy())
    assert pictures(open_page(folder, view="search", text="first"))[0] == IDS[9]


def test_captions_tell_the_call_the_label_and_the_concept(audit, encoder):
    page = open_page(audit, view="search", like=IDS[0], concept="water")
    told = words(page)
    assert "wrong: bird 1 75 % likeness" in told
    assert "label bird 0 water shown 20 % 10 % of the words" in told
    assert markup(page).count('class="tile wrong"') == 10
    assert 'alt="bird 0/3.jpg, label bird 0"' in markup(page)
    assert "The cosine of the two in the encoder" in told


def test_an_audit_without_thumbnails_shows_its_captions(tmp_path):
    folder = write_small_audit(tmp_path)
    write_embedding_index(folder, np.eye(6, 8, dtype=np.float32))
    page = open_page(folder, view="search", like=f"{0:016x}")
    assert not page.exception
    assert words(page).count("no picture kept") == 5  # b"jpeg…" is none


def test_words_that_were_never_taught_are_told_and_left_out_of_the_search(audit, encoder):
    page = open_page(audit, view="search", text="first <i>zebra</i>")
    assert not page.exception
    assert "The encoder was never taught <i>zebra</i> : it is left out of the search." in words(page)
    assert "<i>zebra" not in markup(page)
    assert pictures(page) == pictures(open_page(audit, view="search", text="first"))
    assert "never taught" not in words(open_page(audit, view="search", text="first"))
