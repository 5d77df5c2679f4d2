"""The templates of the HTML page with their filters, and its style and script."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import json
import math
import re
from typing import Any

import jinja2
from markupsafe import Markup, escape

from auditor.figures import coefficient, counted, interval, p_value, percent, points
from auditor.records import Verdict
from auditor.rules import rule_of, shown_by_others, written
from reports.display import BRACKETS, LEGEND, plain, reason_line
from reports.page.kept_together import kept_together
from reports.page.verdict_sentence import sentence_parts

#: The tiny intervals of the table lie on an axis from here to 100.
_AXIS_START = -20.0
_EXTENSION = re.compile(r"(?<=[^/.>])\.[A-Za-z0-9]{1,8}$")


class _Template(jinja2.Template):
    """What it writes goes to a page as it is; templates inside it are written by it."""

    def render(self, *args: Any, **values: Any) -> str:
        return kept_together(super().render(*args, **values))


class _Environment(jinja2.Environment):
    template_class = _Template


@functools.cache
def environment() -> jinja2.Environment:
    """Templates that escape every value and know every name that they are given; figures keep their units."""
    made = _Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        short=plain,
        short_value=_short_value,
        count=counted,
        percent=percent,
        points=points,
        gap=lambda triple: points(*triple),
        reason=reason_line,
        by_pull=lambda verdict: shown_by_others(verdict.rule_id),
        decided_by=_decided_by,
        in_unit=lambda effect, rule: written(rule.rule_id, *effect),
        interval=lambda triple: interval(*triple[1:]),
        effect=lambda finding: written(finding.rule_id, finding.effect, finding.low, finding.high),
        chance=p_value,
        coefficient=coefficient,
        number=lambda value: "–" if value is None else f"{value:,}",
        hundredths=_hundredths,
        on_axis=_on_axis,
        path_breaks=path_breaks,
        capfirst=lambda text: text[:1].upper() + text[1:],
        sentence=lambda verdict: " ".join(part for part in sentence_parts(verdict) if part),
    )
    made.globals["legend"] = (*LEGEND, BRACKETS)
    return made


@functools.cache
def assets() -> tuple[Markup, Markup, str]:
    """Style, script, and the script's digest as a content security policy names it."""
    style, more, script = (
        (importlib.resources.files("reports") / "templates" / name).read_text(encoding="utf-8")
        for name in ("report.css", "matrix.css", "report.js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Markup(style + more), Markup(script), f"sha256-{digest}"  # noqa: S704 (files of this package)


def path_breaks(path: str) -> Markup:
    """A path that may go on in the next line behind each slash and before its extension, which stays whole."""
    folders = str(escape(path)).replace("/", "/<wbr>")
    return Markup(_EXTENSION.sub(r'<wbr><span class="whole">\g<0></span>', folders))  # noqa: S704 (it was escaped)


def _decided_by(verdict: Verdict) -> str:
    """What an intervention changed, in the words of its rule: "lost with the place"."""
    rule = rule_of(verdict.rule_id)
    return "shown by an intervention" if rule is None else rule.phrase


def _hundredths(share: float | None) -> float:
    """A share as the width of a bar, within it."""
    if share is None or not math.isfinite(share):
        return 0.0
    return round(100 * min(max(share, 0.0), 1.0), 1)


def _on_axis(effect: float | None) -> float:
    """Where an effect lies on the axis of the table's intervals, in per cent of its width."""
    if effect is None or not math.isfinite(effect):
        return 0.0
    place = (100 * effect - _AXIS_START) / (100 - _AXIS_START)
    return round(100 * min(max(place, 0.0), 1.0), 1)


def _short_value(value: Any) -> str:
    return plain(value if isinstance(value, str) else json.dumps(value, default=str), 80)
