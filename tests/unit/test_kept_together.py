"""Figures stay with their units at the end of a line, and nothing that is copied from a page changes."""

import pytest

from reports.page.kept_together import kept_together
from reports.page.templates import environment

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>17 % of 24 instead of 98 %: so</p>", "<p>17~% of 24 instead of 98~%: so</p>"),
        ("<b>65 pts</b> [58, 71], 1 point, 22 points", "<b>65~pts</b> [58, 71], 1~point, 22~points"),
        ("in others &lt; 1 %, &gt; 99 %", "in others &lt;~1~%, &gt;~99~%"),
        ("Gap [95 %]", "Gap [95~%]"),
        ("12 pictures, 5 points of view, 3 ptsd", "12 pictures, 5~points of view, 3 ptsd"),
    ],
)
def test_a_unit_does_not_begin_a_line(html, expected):
    assert kept_together(html) == expected.replace("~", NBSP)


@pytest.mark.parametrize(
    "html",
    [
        '<bdi title="50 % grey">50</bdi>',
        '<pre id="x">class = "50 % grey"\n# 3 pts</pre>',
        "<code>auditor repair DIR --class '50 % grey'</code>",
        "<style>a { width: calc(100 % - 3 pts) }</style><script>const a = 7 % 2 < 3 && 5 > 4 % 3;</script>",
    ],
)
def test_what_is_copied_or_read_by_a_machine_stays_as_it_is(html):
    assert kept_together(html) == html


def test_the_name_of_an_option_is_not_broken_at_its_hyphens():
    assert kept_together("give one (--class-map) – 2--3") == 'give one (<span class="whole">--class-map</span>) – 2--3'
    assert kept_together("<code>run --model x</code> <title>--model</title>").count("<span") == 0


def test_a_path_goes_on_behind_a_slash_or_before_its_extension():
    drawn = environment().from_string("{{ path | path_breaks }}").render
    assert drawn(path="waterbird/0435.jpg") == 'waterbird/<wbr>0435<wbr><span class="whole">.jpg</span>'
    assert drawn(path="<b>/a") == "&lt;b&gt;/<wbr>a"
    assert drawn(path="sample:planted · a.b c") == "sample:planted · a.b c"


def test_every_template_is_written_so():
    drawn = environment().from_string("<p>{{ share | percent }} {{ name }}</p>").render(share=0.98, name="<b>")
    assert drawn == f"<p>98{NBSP}% &lt;b&gt;</p>"
