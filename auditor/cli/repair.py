"""``auditor repair``: a shortcut taken out of the model's last layer, with its proof."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.app import (
    STDOUT,
    AuditDir,
    ClassMapAgain,
    DataAgain,
    Debug,
    EncoderAgain,
    FeaturesAgain,
    ModelAgain,
    PredictionsAgain,
    PreprocessAgain,
    Quiet,
    TrustCode,
    VocabularyAgain,
    WeightsAgain,
    app,
    one_line_errors,
    put_out,
    tell_digest,
)
from auditor.errors import InputError
from auditor.progress import progress_bars
from auditor.repair_records import METHODS

if TYPE_CHECKING:
    from auditor.repair_audit import Repaired


class RepairMethod(StrEnum):
    """Ways to repair; auto tries them all on held-out pictures."""

    auto = "auto"
    erase = "erase"
    reweight = "reweight"
    erase_reweight = "erase+reweight"
    average = "average"
    groups = "groups"


class CardFormat(StrEnum):
    """Formats of the card."""

    text = "text"
    json = "json"
    markdown = "markdown"


@app.command()
@one_line_errors
def repair(
    audit: AuditDir,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File of the repaired weights (.safetensors); with --data-only a .csv, or - for standard output.",
        ),
    ],
    class_name: Annotated[list[str] | None, typer.Option("--class", help="Class to repair; may be repeated.")] = None,
    concept: Annotated[
        list[str] | None, typer.Option(help="What it is to rest on no more: one for each --class, or several for one.")
    ] = None,
    all_flagged: Annotated[
        bool, typer.Option("--all-flagged", help="Everything proven of classes that are flagged or harmed.")
    ] = False,
    method: Annotated[
        RepairMethod,
        typer.Option(help="auto takes the average, unless another is surely better on held-out pictures."),
    ] = RepairMethod.auto,
    data_only: Annotated[
        bool, typer.Option("--data-only", help="Write what to draw how often in a training of your own.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Repair clean classes too, and write a model that is worse."),
    ] = False,
    audit_to: Annotated[
        Path | None, typer.Option("--audit", help="Audit the repaired model into this folder, and say what changed.")
    ] = None,
    output_format: Annotated[CardFormat, typer.Option("--format", help="text, json, or markdown.")] = CardFormat.text,
    model: ModelAgain = None,
    weights: WeightsAgain = None,
    predictions: PredictionsAgain = None,
    features: FeaturesAgain = None,
    data: DataAgain = None,
    preprocess: PreprocessAgain = None,
    class_map: ClassMapAgain = None,
    encoder: EncoderAgain = None,
    vocabulary: VocabularyAgain = None,
    trust_code: TrustCode = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Take shortcuts out of the model's last layer, prove it on held-out pictures, and write the weights.

    For example `auditor repair audits/release-7 --all-flagged --output repaired.safetensors`.

    Ends with 1 where the repaired model is worse and therefore not written.
    """
    from auditor.audit_folder import check_out_folder
    from auditor.repair_audit import Wanted, repair_audit, write_sampling_list
    from reports.written.repair_card import nothing_written, render_card, what_next

    if all_flagged == bool(class_name or concept):
        raise InputError("say what to repair: --class with --concept, or --all-flagged")
    if (class_name is None) != (concept is None):
        raise InputError("--class and --concept belong together: give both, or --all-flagged")
    if output == STDOUT and not data_only:
        raise InputError(
            "--output - is standard output, and a repair is weights with a card beside them; give --output "
            "FILE.safetensors"
        )
    if audit_to is not None:
        if data_only:
            raise InputError("--audit needs a repaired model, and --data-only makes none: leave one of them out")
        check_out_folder(audit_to, resume=False)
    given = {
        "model": model,
        "weights": weights,
        "predictions": predictions,
        "features": features,
        "data": data,
        "preprocess": preprocess,
        "class_map": class_map,
        "encoder": encoder,
        "vocabulary": vocabulary,
    }
    wanted = Wanted(tuple(class_name or ()), tuple(concept or ()))
    with progress_bars(quiet) as on_progress:
        if data_only:
            found = write_sampling_list(
                audit,
                wanted,
                None if output == STDOUT else output,
                given,
                force=force,
                trust_code=trust_code,
                on_progress=on_progress,
            )
        else:
            methods = METHODS if method is RepairMethod.auto else tuple(one for one in METHODS if one == method.value)
            found = repair_audit(
                audit,
                wanted,
                output,
                given,
                methods=methods,
                force=force,
                trust_code=trust_code,
                on_progress=on_progress,
            )
    if found.nothing is not None:
        typer.echo(found.nothing, err=output == STDOUT)
        return
    if found.card is not None:
        typer.echo(render_card(found.card, output_format.value))
    for notice in found.notices:
        typer.echo(f"note: {notice}", err=True)
    if not data_only:
        tell_digest(audit)
    if found.listed is not None:
        put_out(found.listed.encode(), STDOUT)
        return
    if found.written is None:
        typer.echo(nothing_written(found), err=True)
        raise typer.Exit(1)
    typer.echo(what_next(found), err=True)
    if audit_to is not None and found.card is not None:
        text = output_format is CardFormat.text  # what a program reads stays alone on stdout
        _audit(audit, found, audit_to, given, trust_code=trust_code, quiet=quiet, beside=not text)


def _audit(
    audit: Path, found: Repaired, out: Path, given: Mapping[str, object], *, trust_code: bool, quiet: bool, beside: bool
) -> None:
    """Audit the repaired model as the other was, and tell what that changed."""
    from rich.console import Console

    from auditor.gate.release_diff import compare_releases
    from auditor.release.facts import release_facts
    from auditor.repair_audit import audit_repaired
    from auditor.store.open_audit import open_audit_database
    from reports.diff.text import print_diff

    with progress_bars(quiet) as on_progress:
        notices = audit_repaired(audit, found, out, given, trust_code=trust_code, on_progress=on_progress)
    for notice in notices:
        typer.echo(f"note: {notice}", err=True)
    both = []
    for folder in (audit, out):
        with open_audit_database(folder) as connection:
            both.append(release_facts(connection))
    print_diff(compare_releases(*both), Console(stderr=beside))
