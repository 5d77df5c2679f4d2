"""Matrix, confusion and atlas on the hand-made audit: what they say, and which pictures they lead to."""

import base64
import re

import pytest
from dashboard_page import links, markup, open_page, words
from hostile_audit import write_hostile_audit
from small_audit import IMAGE_IDS, fill, make_run, write_small_audit

from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from reports.dashboard.views.confusion import most_confused


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("views") / "audit")


def pictures(page):
    """Ids of the pictures in the grid, in order."""
    return [found[1] for url in links(page) if (found := re.search(r"view=picture.*picture=([0-9a-f]{16})", url))]


def test_a_cell_of_the_matrix_opens_its_pictures(folder):
    page = open_page(folder, view="matrix", class_="waterbird", concept="water", among="without")
    assert "waterbird, water: 65 pts [58, 71] (3,410 pictures with it, 212 without it)" in words(page)
    assert pictures(page) == [IMAGE_IDS[1]]
    assert "?audit=audit&view=matrix&concept=water&sort=gap" in links(page)


def test_a_cell_that_is_none_leaves_the_matrix_alone(folder):
    said = words(open_page(folder, view="matrix", class_="cat", concept="nothing", among="with"))
    assert "5 classes × 1 concept" in said
    assert "pictures with it" not in said.partition("Matrix")[2].partition("5 classes")[0]


def test_the_classes_in_most_mistakes_stand_in_their_order():
    counts = {(0, 0): 90, (0, 3): 2, (3, 1): 5, (2, 2): 10}
    assert most_confused(counts, 4, 2) == [1, 3]
    assert most_confused(counts, 4, 9) == [0, 1, 2, 3]


def test_confusion_counts_and_its_cells_open_their_pictures(folder):
    page = open_page(folder, view="confusion", class_="landbird", called="waterbird", among="confused")
    said = words(page)
    assert "1 picture of landbird called waterbird" in said
    assert "1 of 6 pictures is called something else than their label says" in said
    assert "landbird waterbird 1 50 %" in said
    assert pictures(page) == [IMAGE_IDS[5]]
    assert '<td class="g3" title="1 picture, 50 % of the class">' in markup(page)


def test_a_class_can_be_looked_for_in_the_confusion(folder):
    said = words(open_page(folder, view="confusion", find="vehi"))
    assert "vehicle 1 1" in said
    assert "landbird" not in said


def test_the_atlas_holds_all_pictures_and_a_part_of_it_opens_its_own(folder):
    page = open_page(folder, view="atlas", area="0.0.200.0.200.200.0.200", among="area")
    assert not page.exception
    drawn = markup(page)
    (points,) = re.findall('data-points="([^"]*)"', drawn)
    assert len(base64.b64decode(points)) == 5 * 6
    assert "waterbird 2 landbird 2 vehicle 1 cat 1" in words(page)
    assert "3 pictures drawn around" in words(page)
    assert pictures(page) == [IMAGE_IDS[5], IMAGE_IDS[0], IMAGE_IDS[1]]  # the mistake first, then the surest


@pytest.mark.parametrize(
    ("paint", "legend"),
    [
        ({"paint": "wrong"}, "right 5 wrong 1"),
        ({"paint": "called"}, "waterbird 3 landbird 1 vehicle 1 cat 1"),
        ({"paint": "label", "class_": "cat"}, "cat 1 3 more classes 5"),
        ({"paint": "concept", "concept": "water", "space": "encoder"}, "with water 2 without it 4"),
    ],
)
def test_colours_are_told_with_their_counts(folder, paint, legend):
    assert legend in words(open_page(folder, view="atlas", **paint))


def test_a_picture_of_the_atlas_is_stepped_from_to_the_next_of_its_part(folder):
    place = {"view": "picture", "among": "area", "area": "0.0.200.0.200.200.0.200"}
    page = open_page(folder, **place, picture=IMAGE_IDS[0])
    assert "a part of the atlas" in words(page)
    assert [url for url in links(page) if f"picture={IMAGE_IDS[1]}" in url]


def test_an_older_audit_and_one_without_a_model_say_so(tmp_path):
    run = make_run()
    with AuditDatabase(tmp_path / "a") as database:
        fill(database, run)
        database.connection.execute("DELETE FROM atlas")
        database.connection.execute("DELETE FROM predictions")
        database.connection.execute("DELETE FROM subgroups")
    write_manifest(tmp_path / "a", run)
    assert "This audit was made before audits kept where pictures lie" in words(open_page(tmp_path / "a", view="atlas"))
    assert "No picture has both a label and a call" in words(open_page(tmp_path / "a", view="confusion"))
    assert "No gap is known" in words(open_page(tmp_path / "a", view="matrix"))


def test_a_broken_part_of_the_atlas_is_named_and_left_out(folder):
    page = open_page(folder, view="atlas", area="0.0.1001.0.5")
    assert "area='0.0.1001.0.5': expected 3 to 100 corners" in words(page)
    assert "Draw around some of the points" in words(page)


def test_names_stay_text(tmp_path):
    write_hostile_audit(tmp_path / "a")
    for view in ("matrix", "confusion"):
        drawn = markup(open_page(tmp_path / "a", view=view))
        assert "<script" not in drawn
        assert 'href="https://example.org' not in drawn
