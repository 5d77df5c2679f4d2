import io
from dataclasses import replace

import pytest
from release_diffs import ALL, every_change, fixed, hostile
from rich.console import Console

from reports.diff.text import print_diff, render_diff_text

FIXED = """\
old  old: timm:resnet50 with old.safetensors · 300 pictures · audited 2025-01-02
new  new: timm:resnet50 with new.safetensors · 300 pictures · audited 2025-01-02
Compared on the same 300 pictures, one by one. Accuracy 88.7 % → 99.0 %.

Class  Concept        Change              Gap  Difference [95 %]
─────────────────────────────────────────────────────────────────────
bird   water (scene)  ✓ fixed      77 → 3 pts  −73 pts [−86, −56]

✓ bird · water (scene) · fixed: flagged → clean
  Recognised without water: 20 % → 95 % of 40 pictures; with it: 97 % → 98 % of 60.
"""


def test_a_fix():
    text = render_diff_text(fixed())
    top, _, rest = text.partition("\nChannel groups")
    assert [line.rstrip("─") for line in top.splitlines()] == [line.rstrip("─") for line in FIXED.splitlines()]
    assert rest.splitlines()[-1] == "0 new, 0 worse, 1 fixed, 0 better, 0 unchanged"


def test_worst_first_and_a_line_for_classes():
    lines = render_diff_text(every_change()).splitlines()
    start = next(idx for idx, line in enumerate(lines) if line.startswith("──"))
    assert [line.split()[0] for line in lines[start + 1 : start + 5]] == ["cat", "car", "ship", "bird"]
    assert "Only in the old release: ship (flagged)." in lines
    assert "  The new release has no such class." in lines


def test_many_findings_are_cut_and_counted():
    one = every_change().changes[0]
    many = tuple(replace(one, class_name=f"class {idx}") for idx in range(250))
    text = render_diff_text(replace(every_change(), changes=many))
    assert text.count("+ new") == 200
    assert "and 190 more: all are in --format json" in text


@pytest.mark.parametrize("diff", ALL)
@pytest.mark.parametrize("width", [20, 76, 100, 200])
def test_lines_keep_to_the_width(diff, width):
    text = render_diff_text(diff(), width=width)
    assert max(len(line) for line in text.splitlines()) <= max(width, 76)


def test_no_name_writes_into_the_terminal_or_the_log_of_a_ci():
    text = render_diff_text(hostile())
    assert not {"\x1b", "\x00", "\r", "\u202e", "\u2028", "\t"} & set(text)
    assert "::" not in text
    assert "##" not in text


def test_colours_only_on_a_terminal_and_letters_without_utf8():
    coloured = io.StringIO()
    print_diff(fixed(), Console(file=coloured, force_terminal=True, color_system="standard", width=100))
    assert "\x1b[32m" in coloured.getvalue()
    raw = io.BytesIO()
    ascii_only = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    print_diff(fixed(), Console(file=ascii_only, width=100))
    assert b"77 -> 3 pts" in raw.getvalue()
    assert b"+ fixed" in raw.getvalue()
