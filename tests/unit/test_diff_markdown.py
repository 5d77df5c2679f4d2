import re

from release_diffs import ALL, empty, every_change, fixed, hostile

from reports.diff.markdown import render_diff_markdown


def test_a_fix():
    lines = render_diff_markdown(fixed()).splitlines()
    assert lines[0] == "## Release diff: 0 new, 0 worse, 1 fixed, 0 better, 0 unchanged"
    row = "| bird | water (scene) | ✓ fixed | flagged → clean | 77 → 3 pts | −73 pts \\[−86, −56\\] |"
    assert row in lines
    assert (
        "- **bird · water (scene)**: Recognised without water: 20 % → 95 % of 40 pictures; with it: 97 % → 98 % of 60."
        in lines
    )
    assert "  - water: 75 % → 50 %" in lines


def test_nothing_found():
    text = render_diff_markdown(empty())
    assert text.startswith("## Release diff: No finding in either release.")
    assert "|" not in text


def test_every_row_has_six_cells():
    for diff in ALL:
        for line in render_diff_markdown(diff()).splitlines():
            if line.startswith("|"):
                assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 7, line


def test_no_name_becomes_markup():
    text = render_diff_markdown(hostile())
    outside = re.sub(r"\\.", "", text)  # what is escaped is text
    assert "<script" not in outside
    assert "`" not in outside
    assert not re.search(r"\]\(|!\[|https?://|<https|www\.", outside)
    assert not re.search(r"@(?=\w)", text)


def test_changes_come_worst_first():
    rows = [line for line in render_diff_markdown(every_change()).splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[2] for row in rows[1:]] == ["\\+ new", "▲ worse", "? unclear", "✓ fixed"]
