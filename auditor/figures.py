"""How figures are written, in every sentence, table, chart and line of a terminal: the one place that rounds.

* Shares and differences are fractions and are written in hundredths, rounded half away from zero, by their decimal
  value: .125 is "13 %", .285 is "29 %" although no float is exactly .285. Differences beyond the seventh decimal are
  noise of floats (a column of the store may be 32 bits wide) and decide nothing.
* A share is in per cent. "0 %" and "100 %" are said of none and of all alone: what would be rounded to them is "< 1 %"
  and "> 99 %".
* A difference of shares is in points: "pts" in tables, "points" in prose ("1 point"). One that is rounded to zero is
  "0 pts", without a sign; its interval tells the rest.
* An interval follows in brackets, whole numbers without a unit: "65 pts [58, 71]", "38 points [21, 41]".
* A rate has its n: "31 % [25, 38] of 212". Counts have commas between thousands: "3,410 pictures", "1 picture".
* Below zero stands a minus sign, not a hyphen. What is not known, or not finite, is "–", and its interval is left out.
* Whole numbers are the rule; ``decimals`` is for where they would hide what is told, as with limits of a policy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Literal

#: What stands where there is no figure.
UNKNOWN = "–"
#: Decimals of a fraction that mean something; a 32-bit float is right to seven.
_SURE_DECIMALS = 7
#: Room for the largest float.
_CONTEXT = Context(prec=400)
_SMALLEST_P = 0.001


def hundredths(fraction: float | None, *, decimals: int = 0) -> str:
    """A fraction in hundredths, without a unit: "65", "−5"."""
    if fraction is None or not math.isfinite(fraction):
        return UNKNOWN
    return _written(100 * _sure(fraction), decimals)


def interval(low: float | None, high: float | None, *, unit: Literal["", "%"] = "", decimals: int = 0) -> str:
    """Two fractions as bounds: "[58, 71]"; with the unit where no figure before it has one: "[55, 100 %]"."""
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return ""
    bounds = f"{hundredths(low, decimals=decimals)}, {hundredths(high, decimals=decimals)}"
    return f"[{bounds} {unit}]" if unit else f"[{bounds}]"


def percent(share: float | None, low: float | None = None, high: float | None = None, *, decimals: int = 0) -> str:
    """A share, with an interval if there is one: "41 %", "< 1 %", "41 % [38, 44]"."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    exact, step = _sure(share), Decimal(1).scaleb(-decimals)
    nearest = _rounded(100 * exact, decimals)
    if exact > 0 and not nearest:
        written = f"< {step} %"
    elif exact < 1 and nearest == 100:
        written = f"> {100 - step} %"
    else:
        written = f"{hundredths(share, decimals=decimals)} %"
    return f"{written} {interval(low, high, decimals=decimals)}".rstrip()


def points(
    difference: float | None,
    low: float | None = None,
    high: float | None = None,
    *,
    unit: Literal["pts", "points"] = "pts",
    decimals: int = 0,
) -> str:
    """A difference of shares, with an interval if there is one: "65 pts [58, 71]"; in prose "1 point"."""
    written = hundredths(difference, decimals=decimals)
    if written == UNKNOWN:
        return UNKNOWN
    word = "point" if unit == "points" and written.lstrip("−") == "1" else unit
    return f"{written} {word} {interval(low, high, decimals=decimals)}".rstrip()


def growth(difference: float | None, low: float | None = None, high: float | None = None) -> str:
    """What a difference grew by, with its sign: "+12 pts [3, 21]", "−62 pts [−80, −41]"."""
    written = points(difference, low, high)
    return written if written[0] in "−–0" else f"+{written}"


def moved(old: float | None, new: float | None) -> str:
    """A difference before and after: "65 → 3 pts"."""
    return f"{hundredths(old)} → {points(new)}"


def reach(effects: Iterable[float | None]) -> str | None:
    """The smallest effects that could have been seen in several classes: "6 to 11 pts"; None where none is known."""
    seen = sorted(effect for effect in effects if effect is not None)
    if not seen:
        return None
    low, high = hundredths(seen[0]), hundredths(seen[-1])
    return points(seen[-1]) if low == high else f"{low} to {points(seen[-1])}"


def rate(share: float | None, n: int, low: float | None = None, high: float | None = None) -> str:
    """A share of ``n`` with its interval: "38 % of 212", "31 % [25, 38] of 3,410"."""
    return f"{percent(share, low, high)} of {n:,}"


def beyond(value: float, low: float, high: float, limit: float, key: str, *, write: Callable[..., str] = points) -> str:
    """What lies over a limit, "65 pts [58, 71], max_gap 20 pts"; with a decimal where whole numbers would hide it.

    Args:
        value: what was measured, a fraction.
        low: end of its interval that lies over the limit.
        high: the other end.
        limit: that was broken.
        key: of the policy, that sets it.
        write: :func:`points` or :func:`percent`.
    """
    decimals = decimals_of(limit) or int(hundredths(low) == hundredths(limit))
    return f"{write(value, low, high, decimals=decimals)}, {key} {write(limit, decimals=decimals)}"


def decimals_of(limit: float) -> int:
    """0 for a limit of whole hundredths, else 1: nobody's 0.025 is told as "3 %"."""
    return int(not hundredths(limit, decimals=1).endswith(".0"))


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: "1 class", "3,410 pictures"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """A time that somebody waits, in its two largest units at the most: "40 s", "3 min 20 s", "2 h 5 min"."""
    if not math.isfinite(seconds):
        return UNKNOWN
    whole = round(max(seconds, 0))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def size_of(n_bytes: float) -> str:
    """Room on a disk: "312 KiB", "48 MiB", "1.3 GiB"."""
    for unit in ("KiB", "MiB"):
        n_bytes /= 1024
        if n_bytes < 1023.5:
            return f"{n_bytes:.0f} {unit}"
    return f"{n_bytes / 1024:.1f} GiB"


def coefficient(value: float | None) -> str:
    """An AUC, a kappa, a cosine: "0.83"."""
    return UNKNOWN if value is None or not math.isfinite(value) else _written(_sure(value), 2)


def measure(value: float | None) -> str:
    """A measured value in its own unit, in three digits: "30", "0.31", "1920"; below .1 in two: "0.0031".

    Rounding may carry into one digit more.
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    exact = _sure(value)
    if not exact % 1:
        return _written(exact, 0)
    size = exact.adjusted()
    return _written(exact, max(0, 2 - size) if size >= 0 else max(2, 1 - size))


def p_value(p: float | None) -> str:
    """A p or q value: "< 0.001", "0.03"."""
    if p is None or not math.isfinite(p):
        return UNKNOWN
    return f"< {_SMALLEST_P}" if p < _SMALLEST_P else f"{p:.2g}"


def _sure(value: float) -> Decimal:
    """The decimal value that a float stands for, without its noise."""
    return Decimal(repr(round(float(value), _SURE_DECIMALS)))


def _rounded(exact: Decimal, decimals: int) -> Decimal:
    # Decimal's half up is half away from zero.
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _CONTEXT)


def _written(exact: Decimal, decimals: int) -> str:
    nearest = _rounded(exact, decimals)
    return f"−{abs(nearest):f}" if nearest < 0 else f"{abs(nearest):f}"
