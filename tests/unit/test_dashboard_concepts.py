"""The views of concepts and of channel groups, on hand-made audits."""

import pytest
from dashboard_page import links, markup, open_page, words
from hostile_audit import NAMES, write_hostile_audit
from picture_audit import write_picture_audit
from small_audit import write_small_audit

from auditor.store.amend import amended


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


def test_without_a_model_no_view_speaks_of_what_one_does(tmp_path):
    audit = write_picture_audit(tmp_path, 2, model=False)
    for view in ("concept", "pictures", "atlas", "class"):
        said = words(open_page(audit, view=view, class_="bird 0"))
        for furniture in (
            "classes rely on",
            "Leads",
            "less of the words",
            "Most of the words",
            "break it",
            "is the model wrong",
            "mistakes",
            "Pull: how",
        ):
            assert furniture not in said, (view, furniture)


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    """The birds, and the first of them decided at an edge: a picture shows it, another does not."""
    folder = write_picture_audit(tmp_path_factory.mktemp("concepts") / "placed", n_classes=2)
    with amended(folder) as connection:
        ids = [
            row[0] for row in connection.execute("SELECT image_id FROM images ORDER BY image_idx LIMIT 2").fetchall()
        ]
        connection.execute(
            "INSERT INTO fixed_places BY NAME SELECT 0 AS class_idx, 'bird 0' AS class_name, 'place-top-edge' AS "
            "concept_id, 'top edge' AS concept, 'proven' AS state, .3 AS share, .1 AS share_elsewhere, .01 AS p, "
            "2 AS n_images, 1 AS n_showing, [] AS image_ids, 'It decides.' AS sentence"
        )
        connection.executemany(
            "INSERT INTO concept_presence VALUES (?, 'place-top-edge', ?)", [(ids[0], 0.8), (ids[1], 0.1)]
        )
        connection.execute(
            "INSERT INTO findings BY NAME SELECT * REPLACE ('place-top-edge' AS concept_id, 'top edge' AS concept, "
            "'place' AS concept_kind, 'E5-place' AS rule_id) FROM findings "
            "WHERE class_idx = 0 AND rule_id = 'E4-recall'"
        )
        connection.execute(
            "UPDATE verdicts SET concept_id = 'place-top-edge', concept = 'top edge', concept_kind = 'place' "
            "WHERE class_idx = 0"
        )
    return folder


def test_a_place_is_no_word_of_an_encoder(placed):
    page = open_page(placed, view="concept", concept="place-top-edge")
    said = words(page)
    assert "In 1 of 2 pictures much of the evidence lies there." in said
    assert "Class Verdict Place taken away" in said
    for of_an_encoder in ("the encoder mean", "teach it", "Is this", "Rename", "of the words"):
        assert of_an_encoder not in said, of_an_encoder
    assert page.button_group(key="concept-among").options == ["shows it most", "shows it least"]
    reads = said.partition("Place taken away")[2].partition("What counts as")[0]
    assert "exchanged between pictures" in reads
    assert "Erased:" not in reads
    assert "Is this top edge" not in words(open_page(placed, view="class", class_="bird 0"))


def test_a_picture_names_the_place_and_not_its_id(placed):
    page = open_page(placed, view="picture", picture=f"{0:016x}")
    assert "top edge place 80 %" in words(page)


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
