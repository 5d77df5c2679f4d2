"""``auditor calibrate``: how far to trust the verdicts of an audit."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from auditor.cli.app import (
    AuditDir,
    ClassMapAgain,
    DataAgain,
    Debug,
    EncoderAgain,
    ModelAgain,
    PreprocessAgain,
    Quiet,
    TrustCode,
    VocabularyAgain,
    WeightsAgain,
    app,
    one_line_errors,
    tell_digest,
)


@app.command()
@one_line_errors
def calibrate(
    audit: AuditDir,
    heads: Annotated[int, typer.Option(min=1, help="Planted heads of each size, and heads without reliances.")] = 10,
    model: ModelAgain = None,
    weights: WeightsAgain = None,
    data: DataAgain = None,
    preprocess: PreprocessAgain = None,
    class_map: ClassMapAgain = None,
    encoder: EncoderAgain = None,
    vocabulary: VocabularyAgain = None,
    trust_code: TrustCode = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Plant reliances of known size in the audited head and count which verdicts find them, and false alarms."""
    from auditor.calibrate import calibrate_audit
    from auditor.progress import progress_bars
    from reports.written.calibration import calibration_table

    start = time.perf_counter()
    with progress_bars(quiet) as on_progress:
        rows = calibrate_audit(
            audit,
            n_heads=heads,
            model=model,
            weights=weights,
            data=data,
            preprocess=preprocess,
            class_map=class_map,
            encoder=encoder,
            vocabulary=vocabulary,
            trust_code=trust_code,
            on_progress=on_progress,
        )
    typer.echo(calibration_table(rows))
    tell_digest(audit)
    typer.echo(f"{time.perf_counter() - start:.0f} seconds; kept in the audit, and told in its reports", err=True)
