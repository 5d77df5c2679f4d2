"""``auditor rejudge``: an audit by today's rules."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.app import (
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
    print_report,
    tell_digest,
)


@app.command()
@one_line_errors
def rejudge(
    audit: AuditDir,
    out: Annotated[Path, typer.Option(help="Folder of the new audit.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of a finished audit at --out, DIR itself included.")
    ] = False,
    with_model: Annotated[
        bool,
        typer.Option(
            "--with-model",
            help="Load model, encoder and pictures again: for audits of a schema below 11 or without features, and to "
            "try interventions again.",
        ),
    ] = False,
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
    """Judge a finished audit again by today's rules, from what its folder holds.

    For example `auditor rejudge audits/release-7 --out audits/release-7-rejudged`.

    `auditor diff` of the two then tells what the rules changed.

    --model, --data and the like say where things are, and mean --with-model.
    """
    from auditor.progress import progress_bars
    from auditor.rejudge import rejudge_audit, rejudge_with_model

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
    with progress_bars(quiet) as on_progress:
        if with_model or any(value is not None for value in given.values()):
            rejudge_with_model(audit, out, given, trust_code=trust_code, replace_out=replace, on_progress=on_progress)
        else:
            rejudge_audit(audit, out, replace_out=replace, on_progress=on_progress)
    print_report(out)
    tell_digest(out)
    if out.resolve() != audit.resolve():
        typer.echo(f"what that changed: {shlex.join(['auditor', 'diff', str(audit), str(out)])}", err=True)
