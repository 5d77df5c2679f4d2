"""The views of concepts and of channel groups, on hand-made audits."""

import pytest
from dashboard_page import links, markup, open_page, words
from hostile_audit import NAMES, write_hostile_audit
from picture_audit import write_picture_audit
from small_audit import write_small_audit


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("concepts") / "birds", n_classes=3)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("concepts") / "small")


def test_the_list_of_concepts(small):
    page = open_page(small, view="concept")
    assert not page.exception
    assert "water (scene) ▲ 1 flagged ◆ 1 suspect 41 % waterbird" in words(page)
    assert "?audit=small&view=concept&concept=water" in links(page)
    page.text_input(key="find").set_value("nothing like it").run()
    assert page.query_params["find"] == "nothing like it"
    assert "No concept is left." in words(page)


def test_the_view_of_a_concept(birds):
    page = open_page(birds, view="concept", concept="water")
    assert not page.exception
    said = words(page)
    assert "It leads 3 classes. 9 of 15 pictures show it." in said
    assert "bird 0 ▲ flagged 41 % 65 pts [58, 71] 22 pts [14, 34]" in said
    assert "Verdict Words Recall gap False calls gap" in said  # a column for each rule that measured something
    assert "?audit=birds&view=class&class=bird+0&concept=water" in links(page)
    assert "15 pictures" in said.partition("What counts as")[2]
    page.button_group(key="concept-among").set_value("least").run()
    assert page.query_params["among"] == "least"
    assert not page.exception


def test_without_a_model_a_concept_goes_with_classes_and_nothing_is_said_of_words(tmp_path):
    page = open_page(write_picture_audit(tmp_path, 2, model=False), view="concept", concept="water")
    assert not page.exception
    said = words(page)
    assert "Which classes does it go with, and what counts as it?" in said
    assert "It goes with 2 classes." in said
    across = said.partition("Across the classes")[2].partition("What counts as")[0]
    for furniture in ("Verdict", "Words", "not analysed", "Filled", "Erased"):
        assert furniture not in across
    assert page.button_group(key="concept-among").options == ["shows it most", "shows it least"]


def test_a_value_of_the_manifest_is_a_concept_too(birds):
    page = open_page(birds, view="concept", concept="scene-water")
    assert not page.exception
    said = words(page)
    assert "a value of the manifest’s column scene" in said
    assert "The encoder agrees with the manifest: kappa 0.88." in said
    assert "No class has anything of it." in said
    assert "It is not known of any picture." in said


def test_a_concept_that_is_not_there_is_told(birds):
    page = open_page(birds, view="concept", concept="<i>gone</i>")
    assert not page.exception
    assert "No concept <i>gone</i> in this audit" in words(page)
    assert "<i>gone" not in markup(page)


def test_the_list_of_channel_groups(birds):
    page = open_page(birds, view="groups")
    assert not page.exception
    assert "water, lake 1 channel · 3 classes bird 0 46 %" in words(page)
    assert "?audit=birds&view=groups&group=0" in links(page)
    assert markup(page).count("data:image/webp") == 4


def test_one_channel_group(birds):
    page = open_page(birds, view="groups", group="1")
    assert not page.exception
    said = words(page)
    assert "beak channel group 1 · 1 channel" in said
    assert "bird 2 12 %" in said
    assert "6 pictures" in said.partition("Where it carries most")[2]


def test_a_group_that_is_not_there_is_told(birds):
    page = open_page(birds, view="groups", group="99")
    assert not page.exception
    assert "No channel group 99 in this audit" in words(page)


def test_an_audit_without_groups_says_so(tmp_path):
    page = open_page(write_hostile_audit(tmp_path / "a"), view="groups")
    assert not page.exception
    assert "No channel groups." in words(page)


def test_names_stay_text(tmp_path):
    audit = write_hostile_audit(tmp_path / "a")
    page = open_page(audit, view="concept", concept=NAMES[0])
    assert not page.exception
    page = open_page(audit, view="concept")
    assert not page.exception
    assert "<script" not in markup(page)
