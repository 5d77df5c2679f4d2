"""The HTML page when there is little to show, or much, or a gate has spoken."""

import duckdb
import pytest
from hostile_audit import decision
from html_page import Page, audit_of, page_of
from picture_audit import write_picture_audit
from small_audit import verdicts, write_small_audit

from auditor.gate.decision import GateDecision
from reports.page import html_report


def test_without_thumbnails_it_says_so(tmp_path):
    page = Page(page_of(write_picture_audit(tmp_path, 1, thumbnails=False)))
    assert page.all("img") == []
    assert "Its pictures are not shown: the audit keeps no thumbnails of them" in page.text
    assert "The audit was made without thumbnails." in page.text


def test_maps_without_a_place_are_not_drawn(tmp_path):
    page = Page(page_of(write_picture_audit(tmp_path, 1, crop=None)))
    assert "Beside each picture: where the evidence" not in page.text
    assert not [one for one in page.all("img") if "where" in one["alt"]]


def test_a_card_links_to_its_pictures_only_where_the_audit_keeps_which_they_are(tmp_path):
    folder = write_picture_audit(tmp_path, 2)
    assert "Pictures that decide it" in Page(page_of(folder)).text
    with duckdb.connect(str(folder / "audit.duckdb")) as connection:
        connection.execute("DELETE FROM concept_presence")
    page = Page(page_of(folder))
    assert "Pictures that decide it" not in page.text


def test_words_of_a_class_that_the_encoder_sees_in_every_word_are_doubted(tmp_path):
    folder = write_picture_audit(tmp_path, 2)
    doubt = "The audit's encoder sees this class in every word"
    assert doubt not in Page(page_of(folder)).text
    with duckdb.connect(str(folder / "audit.duckdb")) as connection:
        connection.execute("INSERT INTO encoder_fit VALUES (0, 'bird 0', 20, 2, true), (1, 'bird 1', 20, 15, false)")
    assert Page(page_of(folder)).text.count(doubt) == 1


def test_the_gate_comes_first(tmp_path):
    text = Page(page_of(write_small_audit(tmp_path), decision=decision())).text
    assert text.index("✕ Do not ship") < text.index("2 flagged") < text.index("✕ The gate fails:")
    assert "· in CI: exit code 1" in text
    assert "✕ stale entry of the baseline" in text
    passed = Page(page_of(tmp_path, decision=GateDecision(0, "passes: nothing new", ()))).text
    assert "✓ The gate passes: nothing new." in passed
    assert "gave it anything to say" in passed
    assert "✓ Ship nothing was found that stops it. What the gate says" in passed
    assert "Gate" not in Page(page_of(tmp_path)).text.replace("the gate never", "")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], ["No class was analysed", "No class was audited."]),
        (verdicts()[4:], ["No class was analysed", "No class could be analysed", "Too few pictures: 0 of 10."]),
        (verdicts()[3:], ["The one class analysed is not flagged", "No class is flagged among the 1 class analysed.",
                          "a gap of 6 pts or more", "cat: no context concept was found to decide it"]),
        (verdicts()[1:2] + verdicts()[3:4], ["None of 2 classes is flagged, 1 is suspect", "landbird ◆ suspect"]),
    ],
)  # fmt: skip
def test_empty_states_are_said(tmp_path, rows, said):
    page = Page(page_of(audit_of(tmp_path, rows)))
    for words in said:
        assert page.says(words) >= 0, words


def test_more_classes_than_anybody_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(html_report, "MOST_SECTIONS", 1)
    monkeypatch.setattr(html_report, "_MOST_LISTED", 1)
    text = Page(page_of(write_small_audit(tmp_path))).text
    assert "The page shows the worst 1 with their pictures" in text
    assert text.count("All numbers of") == 1
    further = text.partition("Further classes")[2]
    assert "vehicle ▲ flagged · severity high Relies on watermark." in further
    assert "And 1 more class, in the table above." in further


def test_without_a_model_it_tells_what_the_data_offer(tmp_path):
    page = Page(page_of(write_picture_audit(tmp_path, 2, model=False)))
    told = [
        "No model was examined", "What goes with 2 classes in the data", "Pictures with water",
        "bird 0 94 % [93, 95] of 3,622", "other classes 94 % [93, 95] of 3,622", "Evidence with water without water",
        "Classes and what goes with them", "Concept that goes with it most In the class In the others Pictures",
        "bird 0 water (scene) 94 % 94 % 3,622", "No model was examined. In the data", "Pictures with water",
        "bird 0 94 % [93, 95] of 3,622", "other classes 94 % [93, 95] of 3,622",
        "bird 0 with water · where it shows most", "bird 0 without water · where it shows least",
        "Whether any model relies on water: the data only offer it.", "What the encoder calls water · 6 of 10 pictures",
    ]  # fmt: skip
    position = 0
    for words in told:
        found = page.says(words, position)
        assert found >= 0, words
        position = found
    alts = [one["alt"] for one in page.all("img")]
    assert "bird 0/2.jpg, labelled bird 0" in alts
    for absent in ("no map kept", "these decide the matter", "where the evidence", "called bird", "Clean", "severity",
                   "flagged", "Left open by", "report of none", "with water:", "relies on it", "Erasure"):  # fmt: skip
        assert page.says(absent) < 0, absent


def test_bars_show_the_pictures_that_the_gap_compares_and_fold_the_others(tmp_path):
    folder = write_picture_audit(tmp_path, 2)
    with duckdb.connect(str(folder / "audit.duckdb")) as connection:
        connection.execute(
            "UPDATE findings SET n_with = 518, called_with = 508, n_without = 24, called_without = 4"
            " WHERE class_idx = 0 AND rule_id = 'E4-recall'"
        )
    page = Page(page_of(folder))
    card, section = page.text.split("Classes by severity", 1)
    for words in (card, section):
        assert "without water 17 % [7, 36] of 24 with water 98 % [96, 99] of 518" in words
    folded = "with water 96 % [95, 97] of 3,410; without water 31 % [25, 38] of 212"
    assert f"Of all pictures, not only comparable ones {folded}" in section
    assert "Of all pictures" not in card


def test_where_the_pictures_of_a_class_go_is_told_of_both_sides(tmp_path):
    page = Page(page_of(write_picture_audit(tmp_path, 2)))
    without, with_it = "bird 0 50 % (1) , bird 1 50 % (1)", "bird 0 67 % (2) , bird 1 33 % (1)"
    told = f"Where they go: what its pictures are called without water {without} with water {with_it}"
    assert told in page.text


def test_sections_after_the_tenth_are_folded_and_their_heads_stay(tmp_path):
    page = Page(page_of(write_picture_audit(tmp_path, 12)))
    details = [one for one in page.all("details") if "folded" in one.get("class", "")]
    folded = [one["id"] for one in details if "on-phone" not in one["class"]]
    assert folded == ["class-bird-9-folded", "class-bird-11-folded"]  # in the order of severity
    on_phone = [one for one in details if "on-phone" in one["class"]]
    assert len(on_phone) == 12 - len(folded)  # a telephone shows none of so many, and a script closes these there
    assert all("open" in one for one in on_phone)
    assert {"class-bird-9", "class-bird-10"} <= {one.get("id") for one in page.all("section")}


def test_a_telephone_shows_the_first_three_of_a_few(tmp_path):
    page = Page(page_of(write_picture_audit(tmp_path, 5)))
    assert sum("on-phone" in one.get("class", "") for one in page.all("details")) == 2


def test_a_note_is_told_whole(tmp_path):
    note = "it is told to its end " * 30
    assert (
        Page(page_of(audit_of(tmp_path, [], notices=(note,)))).text.count(note.strip()) == 2
    )  # on top, and how it was made


def test_a_name_that_is_cut_is_whole_for_the_pointer_and_the_ear(tmp_path):
    name = "b" + "x" * 300
    folder = write_picture_audit(tmp_path, 2)
    with duckdb.connect(str(folder / "audit.duckdb")) as connection:
        connection.execute("UPDATE verdicts SET class_name = ? WHERE class_idx = 0", [name])
    source = page_of(folder)
    assert f'<bdi title="{name}"><span aria-hidden="true">' in source
    assert f'<span class="hidden">{name}</span>' in source
    assert '<bdi title="bird 1"' not in source


def test_recall_gap_and_pull_have_a_column_each_where_there_is_one(tmp_path):
    page = Page(page_of(write_picture_audit(tmp_path, 2)))
    head = page.text.split("Classes by severity", 1)[1]
    assert head.index("Recall gap points [95 %]") < head.index("Pull") < head.index("bird 0")
    assert "65 pts [58, 71] – " in head
    assert " – 22 pts [14, 34]" in head
