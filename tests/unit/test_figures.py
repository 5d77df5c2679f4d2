"""How figures are written: exact strings at every border."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.figures import (
    beyond,
    coefficient,
    counted,
    decimals_of,
    duration,
    growth,
    hundredths,
    interval,
    measure,
    moved,
    p_value,
    percent,
    points,
    rate,
    reach,
    size_of,
)

NAN, INF = math.nan, math.inf
ROOT = Path(__file__).parents[2]
#: What writes per cent or points by itself: a format of per cent, hundredths of a value, a unit put behind a value, and
#: a unit cut off or put in another's place.
_BY_HAND = re.compile(
    r"""
    :[+,]?\.\d%                      # f"{share:.0%}"
    | \{[^{}]*\b100\.?0?\s\*[^{}]*:    # f"{100 * share:.0f}"
    | \{[^{}]*\*\s100\.?0?\s*:         # f"{share * 100:.0f}"
    | \}[ \u00a0](%(?!\})|pts\b|points\b)   # f"{number} %"
    | (removesuffix|replace|strip)\(.[ ](%|pts|points)   # points(gap).replace(" pts", " %")
    | replace\(.%.,[ ].[ ]%            # .replace("%", " %")
    | %\.\df[ ]?(%%|pts|points)
    """,
    re.VERBOSE,
)


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0, "0 %"),
        (0.0, "0 %"),
        (-0.0, "0 %"),
        (0.000001, "< 1 %"),
        (0.004, "< 1 %"),
        (0.00499, "< 1 %"),
        (0.005, "1 %"),
        (0.125, "13 %"),
        (0.135, "14 %"),
        (0.285, "29 %"),  # the float lies below
        (1 - 0.715, "29 %"),  # and this one above
        (np.float32(0.285), "29 %"),  # 0.28499999642…
        (0.28499, "28 %"),
        (0.5, "50 %"),
        (0.575, "58 %"),  # 100 * 0.575 is 57.49999999999999
        (0.994, "99 %"),
        (0.995, "> 99 %"),
        (0.996, "> 99 %"),
        (0.9996, "> 99 %"),
        (1 - 1e-12, "100 %"),  # a sum of shares
        (1e-12, "0 %"),
        (1, "100 %"),
        (1.004, "100 %"),
        (1.2, "120 %"),
        (-0.004, "0 %"),
        (-0.05, "−5 %"),
        (NAN, "–"),
        (INF, "–"),
        (-INF, "–"),
        (None, "–"),
        (1e30, "1" + "0" * 32 + " %"),
    ],
)
def test_shares_are_in_per_cent_and_only_none_and_all_are_0_and_100(share, written):
    assert percent(share) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.9934, "99.3 %"),
        (0.99935, "99.9 %"),
        (0.9996, "> 99.9 %"),
        (1, "100.0 %"),
        (0.00049, "< 0.1 %"),
        (0, "0.0 %"),
        (0.0125, "1.3 %"),
    ],
)
def test_a_decimal_where_whole_numbers_would_hide_it(share, written):
    assert percent(share, decimals=1) == written


@pytest.mark.parametrize(
    ("difference", "written"),
    [
        (0, "0 pts"),
        (-0.0, "0 pts"),
        (0.004, "0 pts"),
        (-0.004, "0 pts"),
        (0.005, "1 pts"),
        (-0.005, "−1 pts"),
        (-0.05, "−5 pts"),
        (0.125, "13 pts"),
        (-0.125, "−13 pts"),
        (0.285, "29 pts"),
        (0.996, "100 pts"),
        (1, "100 pts"),
        (NAN, "–"),
        (INF, "–"),
        (None, "–"),
    ],
)
def test_differences_are_in_points(difference, written):
    assert points(difference) == written
    assert points(difference, 0, 1) == (written if written == "–" else f"{written} [0, 100]")


def test_points_in_prose():
    assert points(0.384, 0.21, 0.41, unit="points") == "38 points [21, 41]"
    assert points(0.01, unit="points") == "1 point"
    assert points(-0.01, unit="points") == "−1 point"
    assert points(0.01, 0.01, 0.02, unit="points") == "1 point [1, 2]"
    assert points(0, unit="points") == "0 points"
    assert points(NAN, unit="points") == "–"


def test_intervals():
    assert points(0.65, 0.58, 0.714) == "65 pts [58, 71]"
    assert points(0.02, -0.055, 0.1) == "2 pts [−6, 10]"
    assert points(0.65, NAN, INF) == points(0.65, None, 0.7) == "65 pts"
    assert points(0.2055, 0.196, 0.31, decimals=1) == "20.6 pts [19.6, 31.0]"
    assert percent(0.41, 0.38, 0.44) == "41 % [38, 44]"
    assert percent(0.003, 0.0004, 0.012) == "< 1 % [0, 1]"
    assert interval(0.58, 0.71) == "[58, 71]"
    assert interval(0.555, 0.9999, unit="%") == "[56, 100 %]"
    assert interval(None, 0.7) == interval(0.1, INF) == ""


def test_rates_and_counts():
    assert rate(0.38, 212) == "38 % of 212"
    assert rate(0.305, 3410, 0.25, 0.38) == "31 % [25, 38] of 3,410"
    assert rate(None, 0) == "– of 0"
    assert counted(0, "picture") == "0 pictures"
    assert counted(1, "class", "classes") == "1 class"
    assert counted(3410, "class", "classes") == "3,410 classes"
    assert counted(12_345_678, "picture") == "12,345,678 pictures"


def test_what_changed():
    assert growth(0.12, 0.03, 0.205) == "+12 pts [3, 21]"
    assert growth(-0.62, -0.8, -0.41) == "−62 pts [−80, −41]"
    assert growth(0.004) == growth(-0.004) == "0 pts"
    assert growth(None) == "–"
    assert moved(0.65, 0.03) == "65 → 3 pts"
    assert moved(None, 0.03) == "– → 3 pts"
    assert moved(0.65, None) == "65 → –"


def test_reach():
    assert reach([0.11, None, 0.06]) == "6 to 11 pts"
    assert reach([0.06, 0.064]) == "6 pts"
    assert reach([None]) is reach([]) is None


@pytest.mark.parametrize(
    ("low", "limit", "written"),
    [
        (0.58, 0.2, "65 pts [58, 71], max_gap 20 pts"),
        (0.202, 0.2, "65.0 pts [20.2, 71.0], max_gap 20.0 pts"),  # else "[20, 71], max_gap 20 pts"
        (0.58, 0.025, "65.0 pts [58.0, 71.0], max_gap 2.5 pts"),
    ],
)
def test_what_lies_beyond_a_limit(low, limit, written):
    assert beyond(0.65, low, 0.71, limit, "max_gap") == written
    assert beyond(0.65, low, 0.71, limit, "max_gap", write=percent) == written.replace("pts", "%")


def test_limits_show_their_decimal():
    assert [decimals_of(limit) for limit in (0, 0.2, 0.29, 0.025, 1)] == [0, 0, 0, 1, 0]


def test_coefficients_and_p():
    assert [coefficient(value) for value in (0.825, 0.5, -0.125, 1, NAN, None)] == [
        "0.83", "0.50", "−0.13", "1.00", "–", "–",
    ]  # fmt: skip
    chances = {0.0004: "< 0.001", 0.001: "0.001", 0.034: "0.034", 0.5: "0.5", NAN: "–", None: "–"}
    assert [p_value(p) for p in chances] == list(chances.values())


@given(st.floats(-1e6, 1e6), st.integers(0, 2))
def test_the_written_number_lies_within_half_a_unit(fraction, decimals):
    written = float(hundredths(fraction, decimals=decimals).replace("−", "-"))
    assert abs(written - 100 * fraction) <= 0.5 * 10**-decimals + 1e-5  # seven decimals of a fraction are sure


@given(st.floats(0, 1))
def test_a_share_is_never_said_to_be_none_or_all_by_rounding(share):
    written = percent(share)
    assert (written == "0 %") == (share < 5e-8) or math.isclose(share, 5e-8)
    assert (written == "100 %") == (share > 1 - 5e-8) or math.isclose(1 - share, 5e-8)
    if written[0] in "<>":
        assert min(share, 1 - share) <= 0.005 + 1e-7
    else:
        assert written == points(share).replace("pts", "%")


@given(st.floats(-1, 1))
def test_signs_change_nothing_else(fraction):
    assert hundredths(-abs(fraction)).lstrip("−") == hundredths(abs(fraction))


@pytest.mark.parametrize(
    "line",
    [
        'f"{share:.0%}"',
        'f"{share:+.1%}"',
        'f"{100 * share:.0f} %"',
        'f"{one.share * 100:.0f}"',
        'f"{number} pts"',
        'f"{number} points"',
        "{{ number }} %",
        'points(gap).replace(" pts", " %")',
        'f"{share}".replace("%", " %")',
        '"%.1f %%" % number',
    ],
)
def test_what_is_written_by_hand_is_known(line):
    assert _BY_HAND.search(line)


def test_nothing_else_writes_per_cent_or_points():
    files = [
        path
        for package in ("auditor", "reports")
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in (".py", ".j2") and path != ROOT / "auditor/figures.py"
    ]
    assert len(files) > 150
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _BY_HAND.search(line)
    ]
    assert not found, "write figures with auditor/figures.py:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (200, "3 min 20 s"), (3_600, "1 h"), (7_520, "2 h 5 min"),
     (-1, "0 s"), (float("inf"), "–")],
)  # fmt: skip
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 KiB"),
        (2_048, "2 KiB"),
        (1_048_000, "1023 KiB"),
        (1_048_500, "1 MiB"),
        (50e6, "48 MiB"),
        (2**31, "2.0 GiB"),
    ],
)
def test_size_of(n_bytes, text):
    assert size_of(n_bytes) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (30, "30"),
        (30.04, "30.0"),
        (1920.4, "1920"),
        (2.5, "2.50"),
        (0.31, "0.31"),
        (0.248, "0.25"),
        (0.0118, "0.012"),
        (0.00307, "0.0031"),  # a level of noise was told as "0.00"
        (0.0, "0"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_a_measured_value_keeps_the_digits_that_tell_it(value, written):
    assert measure(value) == written
