"""The formats of reports (one table, used by ``auditor report`` and ``auditor gate`` alike) and of exports.

A renderer is imported when it is asked for, so that the text report waits for no chart library.
"""

from __future__ import annotations

import importlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from auditor.errors import InputError

if TYPE_CHECKING:
    from auditor.gate.decision import GateDecision
    from auditor.store.queries.audit import Connection


class ReportFormat(StrEnum):
    """What ``--format`` takes."""

    text = "text"
    json = "json"
    html = "html"
    markdown = "markdown"
    junit = "junit"
    sarif = "sarif"
    github = "github"
    model_card = "model-card"


class ExportFormat(StrEnum):
    """What ``auditor export --format`` takes."""

    csv = "csv"
    parquet = "parquet"
    paths = "paths"  # of chosen pictures alone


class Renderer(Protocol):
    """Turns an open audit, and what the gate decided on it, into the text of a report."""

    def __call__(self, connection: Connection, *, decision: GateDecision | None = None) -> str:
        """Without a decision the report shows the verdicts alone."""


_RENDERERS = {
    ReportFormat.text: ("reports.written.text", "render_text"),
    ReportFormat.json: ("reports.written.json", "render_json"),
    ReportFormat.html: ("reports.page.html_report", "render_html"),
    ReportFormat.markdown: ("reports.written.markdown", "render_markdown"),
    ReportFormat.junit: ("reports.written.junit", "render_junit"),
    ReportFormat.sarif: ("reports.written.sarif", "render_sarif"),
    ReportFormat.github: ("reports.written.github", "render_github"),
    ReportFormat.model_card: ("reports.written.model_card", "render_model_card"),
}


def renderer_of(output_format: ReportFormat) -> Renderer:
    """The function that renders a format, its module imported now."""
    module, function = _RENDERERS[output_format]
    return cast(Renderer, getattr(importlib.import_module(module), function))


def render_report(output_format: ReportFormat, connection: Connection, *, decision: GateDecision | None = None) -> str:
    """The report in one of the formats; it ends without a newline."""
    return renderer_of(output_format)(connection, decision=decision).rstrip("\n")


def write_report(text: str, output: Path) -> None:
    """Write a rendered report as UTF-8; a file that was there is replaced.

    Raises:
        InputError: no folder there, a folder there, no right to write, or a file of the audit itself.
    """
    write_output(to_bytes(text), output)


def write_output(content: bytes, output: Path) -> None:
    """Write what ``--output`` asks for; a file that was there is replaced.

    Raises:
        InputError: no folder there, a folder there, no right to write, or a file of an audit itself.
    """
    from auditor.store.manifest import DATABASE_NAME, MANIFEST_NAME

    if output.name in (DATABASE_NAME, MANIFEST_NAME) and output.exists():
        raise InputError(f"--output {output} is a file of an audit, which would be destroyed; choose another name")
    try:
        output.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"--output {output} cannot be written: {error.strerror or error}; give a file in a folder that exists and "
            "may be written"
        ) from error


def to_bytes(text: str) -> bytes:
    """UTF-8 with a last newline; a path that is no valid Unicode has its odd bytes written out."""
    return f"{text}\n".encode("utf-8", "backslashreplace")
