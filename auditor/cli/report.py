"""``auditor report`` and ``auditor explain``: read audits."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.app import AuditDir, Debug, OutputFile, TrustCode, app, one_line_errors, print_report


class ReportFormat(StrEnum):
    """Formats of ``auditor report``."""

    text = "text"
    json = "json"


@app.command()
@one_line_errors
def report(
    audit: AuditDir,
    output_format: Annotated[ReportFormat, typer.Option("--format", help="text or json.")] = ReportFormat.text,
    output: OutputFile = None,
    debug: Debug = False,
) -> None:
    """Print what an audit found."""
    if output_format is ReportFormat.text and output is None:
        print_report(audit)
        return
    from auditor.store.database import open_audit_database
    from reports.json_report import render_json
    from reports.text import render_text

    with open_audit_database(audit) as connection:
        text = render_json(connection) if output_format is ReportFormat.json else render_text(connection)
    if output is None:
        typer.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")


@app.command()
@one_line_errors
def explain(
    audit: AuditDir,
    image: Annotated[str, typer.Argument(help="Path in the data set, image id, or any picture file.")],
    class_name: Annotated[str | None, typer.Option("--class", help="Class; default the predicted one.")] = None,
    output: Annotated[Path, typer.Option("--output", help="The PNG to write.")] = Path("explanation.png"),
    model: Annotated[str | None, typer.Option(help="Model, where it is no longer the audit's.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights, where they have moved.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data, where it has moved.")] = None,
    trust_code: TrustCode = False,
    debug: Debug = False,
) -> None:
    """Draw a picture, the map of its class, and one map per phrase with its words."""
    from auditor.explain import explain_image
    from reports.explain_figure import draw_explanation

    explanation = explain_image(
        audit, image, class_name=class_name, model=model, weights=weights, data=data, trust_code=trust_code
    )
    draw_explanation(explanation).save(output, format="PNG")
    typer.echo(explanation.summary())
    typer.echo(f"figure: {output}")
