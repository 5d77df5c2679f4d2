"""Text on what lies behind it, in both themes: numbers on the cells of the confusion, and ways that lead nowhere."""

import importlib.resources
import re

import pytest

from reports.page.templates import assets

STYLE = assets()[0]


def colours(theme):
    """The page's colours by name."""
    block = STYLE.split("@media (prefers-color-scheme: dark)")[theme == "dark"]
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)[:9])


def channels(colour):
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def luminance(rgb):
    """As WCAG 2 defines it."""
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("step", ["g1", "g2", "g3", "g4", "g5", "l1", "l2", "l3", "l4", "l5"])
def test_a_number_reads_on_its_cell(theme, step):
    named = colours(theme)
    share, of = 100, "accent" if step[0] == "g" else "second"
    for found in re.finditer(rf"\.{step} {{ --cell: color-mix\(in srgb, var\(--\w+\) (\d+)%", STYLE):
        share = int(found[1])  # the last one holds
    mixed = [
        share / 100 * own + (1 - share / 100) * under
        for own, under in zip(channels(named[of]), channels(named["paper"]), strict=True)
    ]
    inverse = (
        f".matrix.confusion .{step}" in STYLE.split("justify-content: flex-end")[1].split("color: var(--paper)")[0]
    )
    text = channels(named["paper" if inverse else "ink"])
    brighter, darker = sorted((luminance(mixed), luminance(text)), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_way_that_leads_nowhere_reads_all_the_same(theme):
    """Grey is as pale as text may be: through an opacity of .75 it had a contrast of 3.5."""
    css = (importlib.resources.files("reports") / "dashboard" / "pictures.css").read_text(encoding="utf-8")
    (rule,) = re.findall(r"\.steps \.off \{([^}]*)\}", css)
    opacity = re.search(r"opacity: ([\d.]+)", rule)
    share = float(opacity[1]) if opacity else 1.0
    grey, paper = (channels(colours(theme)[name]) for name in ("grey", "paper"))
    seen = luminance([share * own + (1 - share) * under for own, under in zip(grey, paper, strict=True)])
    brighter, darker = sorted((seen, luminance(paper)), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= 4.5
