"""Charts as SVG: the page's colours, direct labels, nothing that a name can break."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from small_audit import verdicts

from auditor.edit_records import DoseResponse
from reports.page.chart_rows import Estimate, ShareBar
from reports.page.charts import forest_plot, share_bars
from reports.page.drawn_evidence import dose_chart

SVG = "{http://www.w3.org/2000/svg}"
ROWS = [
    Estimate("Recall gap", "65 pts [58, 71] · n 3,622", "accent", 65, 58, 71),
    Estimate("Recall lost if erased", "too few pictures", "grey"),
    Estimate("Share of the words", "41 % [−12, 44]", "ink", 41, -12, 44),
]


def parsed(markup):
    return ET.fromstring(str(markup).replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


def texts(svg):
    return [element.text for element in svg.iter(f"{SVG}text")]


def test_a_forest_plot_says_each_estimate_and_draws_what_was_measured():
    svg = parsed(forest_plot(ROWS, "Evidence"))
    assert {row.label for row in ROWS} | {row.text for row in ROWS} <= set(texts(svg))
    places = {element.text: element.get("transform").partition(",")[2] for element in svg.iter(f"{SVG}text")}
    assert [float(places[row.label].rstrip(")")) for row in ROWS] == [15, 57, 99]  # in their order, measured or not
    assert [tick for tick in texts(svg) if re.fullmatch(r"−?\d+", tick)] == ["0", "25", "50", "75", "100"]
    intervals = [line for line in svg.iter(f"{SVG}line") if line.get("stroke-linecap") == "round"]
    # 340 px for the 120 points from -20 on: low end, width
    placed = [(float(re.search(r"\((\S+),", line.get("transform"))[1]), float(line.get("x2"))) for line in intervals]
    assert placed == [
        (pytest.approx((58 + 20) / 120 * 340), pytest.approx(13 / 120 * 340)),
        (pytest.approx((-12 + 20) / 120 * 340), pytest.approx(56 / 120 * 340)),
    ]
    assert [line.get("stroke") for line in intervals] == ["var(--accent)", "var(--ink)"]


def test_bars_have_a_zero_baseline_and_the_others_share_as_a_tick():
    bars = [ShareBar("water (scene)", "41 %", "accent", 41, 3), ShareBar("beak (part)", "11 %", "core", 11)]
    svg = parsed(share_bars(bars, "Words"))
    paths = [(path.get("d"), path.get("fill")) for path in svg.iter(f"{SVG}path") if path.get("fill")]
    widths = {fill: re.match(r"M(\S+),\d+h(\S+?)v8", d).groups() for d, fill in paths if "h340" not in d and "v8" in d}
    assert widths["var(--accent)"][0] == widths["var(--core)"][0] == "0"
    assert float(widths["var(--accent)"][1]) == pytest.approx(0.41 * 340)
    assert sum(fill == "var(--ink)" for _, fill in paths) == 1  # one tick


@pytest.mark.parametrize("drawn", [forest_plot(ROWS, "x"), share_bars([ShareBar("a", "b", "ink", 5)], "x")])
def test_colours_are_the_page_s_and_marks_are_silent(drawn):
    assert "#" not in drawn
    assert "white" not in drawn
    assert not re.search(r' (id|class|role|aria-\w+|font-family|style)="', drawn.partition(">")[2])
    assert drawn.startswith('<svg class="chart" viewBox="0 0 3')
    assert 'role="img" aria-label="x"' in drawn


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", 'a" onload="x', "]]>&amp;", '\' class="y" <b', "#0a0b00"]
)
def test_names_are_text(name):
    svg = parsed(share_bars([ShareBar(name, name, "ink", 5)], name))
    assert texts(svg)[:2] == [name, name]
    assert svg.get("aria-label") == name
    assert {element.tag.removeprefix(SVG) for element in svg.iter()} <= {"svg", "g", "path", "text", "line"}


def test_dose_and_response_are_two_lines_over_the_levels_of_the_property():
    def at(level, n_called, n_others_called, concept_id="jpeg"):
        return DoseResponse(0, "cat", concept_id, "JPEG", "jpeg_quality", level, 50, n_called, 100, n_others_called)

    (verdict,) = [replace(verdicts()[0], concept_id="jpeg")]
    doses = [at(6.0, 50, 37), at(90.0, 40, 5), at(6.0, 1, 1, "another")]
    drawn = dose_chart(doses, verdict)
    told = re.search('aria-label="([^"]*)"', drawn)
    assert told is not None
    assert told[1] == (
        "Called it at levels of a property: JPEG quality 6: own 100 %, others 37 %; "
        "JPEG quality 90: own 80 %, others 5 %"
    )
    for text in ("JPEG quality", "its own", "others"):
        assert f">{text}</text>" in drawn
    assert drawn.count("var(--accent)") >= 3  # a line, its points and their intervals
    assert dose_chart(doses, replace(verdict, concept_id="none")) == ""


def test_long_words_leave_room_for_the_number_on_their_line():
    """27 letters of words and 23 of figures are wider than the chart at the size of the others."""
    rows = [Estimate("Erased from what is called it", "−44 % [−52, −37] · n 13,410", "ink", -44, -52, -37), ROWS[0]]
    svg = parsed(forest_plot(rows, "x"))
    size = {element.text: float(element.get("font-size").rstrip("px")) for element in svg.iter(f"{SVG}text")}
    assert size[rows[0].label] < size[ROWS[0].label] == size[ROWS[0].text] == 13
    assert 0.53 * size[rows[0].label] * len(rows[0].label) + 0.56 * 13 * len(rows[0].text) <= 340 - 8


def test_the_name_of_a_curve_stands_right_of_its_last_point():
    levels = (DoseResponse(0, "cat", "water", "JPEG", "jpeg_quality", at, 50, at, 100, 5) for at in (20, 50))
    drawn = dose_chart(list(levels), verdicts()[0])
    names = [element for element in parsed(drawn).iter(f"{SVG}text") if element.text in ("its own", "others")]
    assert [element.get("text-anchor") for element in names] == ["start", "start"]
