"""``auditor report``, ``auditor export`` and ``auditor explain``: read audits."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.app import (
    STDOUT,
    AuditDir,
    DataAgain,
    Debug,
    ModelAgain,
    OutputFile,
    PreprocessAgain,
    TrustCode,
    WeightsAgain,
    app,
    give_report,
    one_line_errors,
    put_out,
    refuse_binary,
    write_page,
)
from auditor.errors import InputError
from reports.formats import ExportFormat, ReportFormat


@app.command()
@one_line_errors
def report(
    audit: AuditDir,
    output_format: Annotated[
        ReportFormat, typer.Option("--format", help="text, json, html, markdown, junit, sarif, github, or model-card.")
    ] = ReportFormat.text,
    output: OutputFile = None,
    debug: Debug = False,
) -> None:
    """Print what an audit found; the HTML page goes into the audit's folder unless --output says where."""
    from auditor.store.open_audit import open_audit_database

    if output_format is ReportFormat.html and output is None:
        typer.echo(f"report: {write_page(audit)}")
        return
    with open_audit_database(audit) as connection:
        give_report(connection, output_format, output)


@app.command()
@one_line_errors
def export(
    audit: AuditDir,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files; made, and never overwritten.")],
    export_format: Annotated[
        ExportFormat, typer.Option("--format", help="csv (without pictures and maps), or parquet.")
    ] = ExportFormat.csv,
    debug: Debug = False,
) -> None:
    """Write every table of an audit as a file, for spreadsheets and notebooks."""
    from auditor.figures import counted
    from reports.export import export_tables

    if output == STDOUT:
        raise InputError("--output - is standard output, and an export is many files; give --output a folder")
    for table in export_tables(audit, output, export_format):
        left_out = f"  (without {', '.join(table.left_out)}: bytes, which Parquet keeps)" if table.left_out else ""
        typer.echo(f"{table.path}  {counted(table.n_rows, 'row')}{left_out}")


@app.command()
@one_line_errors
def explain(
    audit: AuditDir,
    image: Annotated[str, typer.Argument(help="Path in the data set, image id, or any picture file.")],
    class_name: Annotated[str | None, typer.Option("--class", help="Class; default the predicted one.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write; - is standard output.")] = Path(
        "explanation.png"
    ),
    model: ModelAgain = None,
    weights: WeightsAgain = None,
    data: DataAgain = None,
    preprocess: PreprocessAgain = None,
    trust_code: TrustCode = False,
    debug: Debug = False,
) -> None:
    """Draw a picture, the map of its class, and one map per phrase with its words."""
    from auditor.explain import explain_image
    from reports.explain_figure import draw_explanation

    refuse_binary(output, "a PNG")
    explanation = explain_image(
        audit,
        image,
        class_name=class_name,
        model=model,
        weights=weights,
        data=data,
        preprocess=preprocess,
        trust_code=trust_code,
    )
    figure = io.BytesIO()
    draw_explanation(explanation).save(figure, format="PNG")
    put_out(figure.getvalue(), output)
    typer.echo(explanation.summary(), err=output == STDOUT)
    if output != STDOUT:
        typer.echo(f"figure: {output}")
