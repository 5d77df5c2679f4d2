"""Ticking examples in the dashboard: the lists that are written are what ``auditor run`` reads."""

import pytest
from dashboard_page import links, markup, open_page, words
from hostile_audit import write_hostile_audit
from small_audit import CLASSES, IMAGE_IDS, make_run, write_small_audit

from auditor.config import ExampleSettings
from auditor.errors import InputError
from auditor.inputs.examples import load_examples
from reports.dashboard.example_lists import ExampleLists, Ticked, below


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the pictures of an audit, the audit, and no lists yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "val").mkdir()
    write_small_audit(tmp_path / "audits" / "a", make_run(data_path=str(tmp_path / "val")))
    return tmp_path


def teach(place, **params):
    return open_page(place / "audits" / "a", view="teach", baseline=place / "baseline.toml", **params)


def tick(page, image_id, *, shows):
    control = next(one for one in page.get("button_group") if one.key.endswith(image_id))
    return control.set_value(shows).run()


def test_what_is_ticked_is_written_and_read_by_the_next_run(place):
    page = teach(place, find="snow", class_="waterbird")
    assert not page.exception
    assert "0 pictures with it, 0 pictures without it; 10 of each are needed." in words(page)
    page = tick(page, IMAGE_IDS[0], shows=True)
    page = tick(page, IMAGE_IDS[1], shows=False)
    assert "1 picture with it, 1 picture without it; 10 of each are needed. 2 ticks not written yet." in words(page)
    assert list(place.glob("*.csv")) == []
    page = next(one for one in page.button if one.label == "Write the lists").click().run()
    assert not page.exception
    assert "not written yet" not in words(page)
    assert (place / "examples-snow-yes.csv").read_text() == f"path,label\nval/waterbird/{IMAGE_IDS[0]}.png,waterbird\n"
    assert (place / "examples-snow-no.csv").read_text() == f"path,label\nval/waterbird/{IMAGE_IDS[1]}.png,waterbird\n"
    assert page.code[0].value == ('[concepts.snow]\nyes = "examples-snow-yes.csv"\nno = "examples-snow-no.csv"')
    (place / "val" / "waterbird").mkdir()
    for image_id in IMAGE_IDS[:2]:
        (place / "val" / "waterbird" / f"{image_id}.png").write_bytes(image_id.encode())
    given = ExampleSettings(yes=place / "examples-snow-yes.csv", no=place / "examples-snow-no.csv")
    (found,) = load_examples({"snow": given}, vocabulary=(), labels=CLASSES, attributes=(), attribute_same_as={})
    assert [(one.label, shows) for one, shows in zip(found.examples, found.yes, strict=True)] == [
        ("waterbird", True), ("waterbird", False),
    ]  # fmt: skip


def test_ticks_outlive_another_list_and_start_from_what_is_written(place):
    page = tick(teach(place, find="snow", class_="waterbird"), IMAGE_IDS[0], shows=True)
    page.selectbox(key="teach-among").set_value(("all", "cat")).run()
    assert "1 tick not written yet." in words(page)
    ExampleLists(place, "snow").write([Ticked(f"val/waterbird/{IMAGE_IDS[1]}.png", "waterbird", False)])
    again = teach(place, find="snow", class_="waterbird")
    assert "0 pictures with it, 1 picture without it" in words(again)


def test_a_tick_that_is_taken_back_is_nothing_to_write(place):
    page = tick(teach(place, find="snow", class_="waterbird"), IMAGE_IDS[0], shows=True)
    page = tick(page, IMAGE_IDS[0], shows=None)
    assert "0 pictures with it, 0 pictures without it; 10 of each are needed." in words(page)
    assert "not written yet" not in words(page)
    assert next(one for one in page.button if one.label == "Write the lists").disabled


def test_a_concept_s_page_leads_to_the_pictures_that_show_it_most(place):
    page = open_page(place / "audits" / "a", view="concept", concept="water", baseline=place / "baseline.toml")
    (url,) = [url for url in links(page) if "view=teach" in url and "concept=" in url]
    assert "among=most" in url
    page = teach(place, find="snow", concept="water", among="most")
    assert page.selectbox(key="teach-among").value == ("most", None)
    assert words(page).index("shown 90 %") < words(page).index("shown 80 %")


@pytest.mark.parametrize(
    ("find", "told"),
    [("my snow", "name 'my snow': expected 1 to 40 letters"), ("../x", "name '../x': expected 1 to 40 letters")],
)
def test_a_name_that_is_no_key_is_one_line(place, find, told):
    page = teach(place, find=find)
    assert not page.exception
    assert told in words(page)


def test_pictures_that_lists_could_not_name_are_told(place):
    folder = place / "elsewhere"
    folder.mkdir()
    page = open_page(place / "audits" / "a", view="teach", find="snow", baseline=folder / "baseline.toml")
    assert not page.exception
    assert "does not lie below" in words(page)
    assert "start the dashboard with --baseline in a folder above the pictures" in words(page)


def test_read_only_refuses_it(place):
    page = open_page(place / "audits" / "a", view="teach", read_only=True, find="snow")
    assert "start it without --read-only to tick examples" in words(page)
    assert not [url for url in links(page) if "view=teach" in url]


def test_names_cannot_break_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = open_page(write_hostile_audit(tmp_path / "a"), view="teach", find="snow")
    assert not page.exception
    for broken in ("<script", "<img src=x", 'onerror="'):
        assert broken not in markup(page)


def test_rows_and_columns_of_others_stay(tmp_path):
    lists = ExampleLists(tmp_path, "snow")
    lists.path(True).write_text("path,label,group_id\na.png,cat,g1\nb.png,cat,g2\nc.png,cat,g3\n")
    ticked = [Ticked("a.png", "cat", True), Ticked("b.png", "cat", False), Ticked("c.png", "cat", None)]
    assert lists.write([*ticked, Ticked("d,e.png", None, True)]) == (2, 1)
    assert lists.path(True).read_text() == 'path,label,group_id\na.png,cat,g1\n"d,e.png",,\n'
    assert lists.path(False).read_text() == "path,label\nb.png,cat\n"
    assert lists.read() == {"a.png": True, "d,e.png": True, "b.png": False}


def test_a_list_without_paths_is_one_line_and_is_left(tmp_path):
    lists = ExampleLists(tmp_path, "snow")
    lists.path(False).write_text("file\na.png\n")
    with pytest.raises(InputError, match=r"has no column 'path'; mend it, or choose another name"):
        lists.read()
    assert lists.path(False).read_text() == "file\na.png\n"


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "a/../../b.png"])
def test_a_path_of_a_foreign_audit_leads_nowhere(tmp_path, path):
    (tmp_path / "val").mkdir()
    with pytest.raises(InputError, match="does not lie below"):
        below(tmp_path / "val", str(tmp_path / "val"), [path])
