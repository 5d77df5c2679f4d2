"""``auditor report``, ``auditor export`` and ``auditor explain``: read audits."""

from __future__ import annotations

import io
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.app import (
    MAP_METHODS,
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
from auditor.wording import plain
from reports.formats import ExportFormat, ReportFormat

if TYPE_CHECKING:
    from auditor.store.queries.audit import Connection


class PictureChoice(StrEnum):
    """What ``auditor export --pictures`` takes; see ``auditor.store.queries.chosen_pictures.Choice``."""

    breaking = "breaking"
    carrying = "carrying"
    mistakes = "mistakes"
    pulled = "pulled"


class ExportTarget(StrEnum):
    """What ``auditor export --to`` takes."""

    fiftyone = "fiftyone"


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
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the files; made, never overwritten. Of a list: a file."),
    ] = None,
    export_format: Annotated[
        ExportFormat, typer.Option("--format", help="csv (without pictures and maps), parquet; of a list csv or paths.")
    ] = ExportFormat.csv,
    pictures: Annotated[
        PictureChoice | None,
        typer.Option(help="A list: of --class those breaking or carrying --concept, its mistakes, or pulled into it."),
    ] = None,
    class_name: Annotated[str | None, typer.Option("--class", help="Class that --pictures are of.")] = None,
    concept: Annotated[str | None, typer.Option(help="Concept that --pictures break or carry.")] = None,
    to: Annotated[ExportTarget | None, typer.Option(help="fiftyone: a data set with tags and maps.")] = None,
    data: DataAgain = None,
    debug: Debug = False,
) -> None:
    """Write an audit for others: every table as a file, a list of pictures, or a data set for FiftyOne."""
    from auditor.figures import counted
    from auditor.store.open_audit import open_audit_database

    if pictures is None and (class_name, concept) != (None, None):
        raise InputError(
            "--class and --concept say which pictures; add --pictures (breaking, carrying, mistakes, pulled)"
        )
    if pictures is not None:
        from auditor.store.queries.chosen_pictures import chosen_pictures
        from reports.formats import to_bytes
        from reports.picture_list import picture_list

        if class_name is None or to is not None:
            raise InputError("--pictures goes with --class NAME (and --concept NAME), and without --to")
        with open_audit_database(audit) as connection:
            text = picture_list(chosen_pictures(connection, pictures.value, class_name, concept), export_format)
        put_out(to_bytes(text) if text else b"", output)
        return
    if output is None:
        raise InputError("--output is missing: give the folder for the files, which is made")
    if to is ExportTarget.fiftyone:
        from reports.fiftyone import export_fiftyone

        with open_audit_database(audit) as connection:
            written = export_fiftyone(connection, output, _root_of(connection, data))
        typer.echo(f"{written.folder}  {counted(written.n_pictures, 'picture')}, {counted(written.n_maps, 'map')}")
        for tag in written.tags:
            typer.echo(f"tag: {plain(tag)}")
        return
    from reports.export import export_tables

    if output == STDOUT:
        raise InputError("--output - is standard output, and an export is many files; give --output a folder")
    for table in export_tables(audit, output, export_format):
        left_out = f"  (without {', '.join(table.left_out)}: bytes, which Parquet keeps)" if table.left_out else ""
        typer.echo(f"{table.path}  {counted(table.n_rows, 'row')}{left_out}")


def _root_of(connection: Connection, data: str | None) -> Path:
    """Where the audited pictures lie: beside their manifest, or in their folder."""
    from auditor.inputs.remote.again import picture_root
    from auditor.store.model_words import read_run_settings

    settings = read_run_settings(connection)
    return picture_root(settings.data_path, data, cache=settings.cache)


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
    map_method: Annotated[str | None, typer.Option(help=MAP_METHODS, show_default="the audit's")] = None,
    doubtful_words: Annotated[
        bool, typer.Option("--doubtful-words", help="Say words of a class that the encoder sees in every word, too.")
    ] = False,
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
        map_method=map_method,
        doubtful_words=doubtful_words,
        trust_code=trust_code,
    )
    figure = io.BytesIO()
    draw_explanation(explanation).save(figure, format="PNG")
    put_out(figure.getvalue(), output)
    typer.echo(explanation.summary(), err=output == STDOUT)
    if output != STDOUT:
        typer.echo(f"figure: {output}")
