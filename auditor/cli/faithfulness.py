"""``auditor faithfulness``: whether maps, groups and phrases of an audit show what its model uses."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from auditor.cli.app import (
    MAP_METHODS,
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
from auditor.figures import counted


class FaithfulnessFormat(StrEnum):
    """Formats of the figures."""

    text = "text"
    json = "json"


@app.command()
@one_line_errors
def faithfulness(
    audit: AuditDir,
    per_class: Annotated[
        int, typer.Option("--per-class", min=1, help="Pictures of each class whose maps are tried; 100 in all at most.")
    ] = 5,
    map_method: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{MAP_METHODS} May be repeated: what the audit's own is compared with.",
            show_default="all that the model has but score_cam",
        ),
    ] = None,
    output_format: Annotated[
        FaithfulnessFormat, typer.Option("--format", help="text or json.")
    ] = FaithfulnessFormat.text,
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
    """Try on the model whether maps, channel groups and phrases show what it uses, against places by chance."""
    from auditor.faithfulness_audit import measure_faithfulness
    from auditor.progress import progress_bars
    from reports.written.faithfulness import READING, faithfulness_table

    start = time.perf_counter()
    with progress_bars(quiet) as on_progress:
        found = measure_faithfulness(
            audit,
            per_class=per_class,
            map_methods=map_method or (),
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
    if output_format is FaithfulnessFormat.json:
        rows = [asdict(row) for row in found.rows]
        typer.echo(json.dumps({"n_pictures": found.n_pictures, "notices": found.notices, "rows": rows}, indent=1))
    else:
        typer.echo(f"Maps of {counted(found.n_pictures, 'picture')} were tried.")
        typer.echo(faithfulness_table(found.rows))
        typer.echo(READING)
    for notice in found.notices:
        typer.echo(f"note: {notice}", err=True)
    tell_digest(audit)
    typer.echo(f"{time.perf_counter() - start:.0f} seconds; kept in the audit, and told in its reports", err=True)
