"""The dashboard on an audit of shards elsewhere: pictures are shown, and what needs their files says so in a line."""

import pytest
import streamlit as st
from dashboard_page import markup, open_page, words
from picture_audit import image_id, write_picture_audit

from auditor.store.amend import amended


@pytest.fixture
def audit(tmp_path):
    """Its data are named by an address, whose shards are in no cache."""
    st.cache_data.clear()
    st.cache_resource.clear()
    folder = write_picture_audit(tmp_path / "audit", 2)
    with amended(folder) as writer:
        writer.execute("UPDATE runs SET data_path = 's3://bucket/val/*.tar'")
    return folder


def test_pictures_are_shown(audit):
    page = open_page(audit, view="picture", class_="bird 1", picture=image_id(1, 0))
    assert not page.exception
    assert 'src="data:image/' in markup(page)


def test_ticking_examples_needs_files(audit):
    page = open_page(audit, view="teach", find="snow", baseline=audit.parent / "baseline.toml")
    assert "the pictures of this audit lie in shards elsewhere" in words(page)
