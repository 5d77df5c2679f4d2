"""The command line: parse, call, print, exit code; no logic.

Exit codes: 0 done, 1 the gate found something, 2 bad usage, bad input or failure. Results go to stdout, progress and
warnings to stderr.
"""

from __future__ import annotations

import functools
import importlib.resources
import logging
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from auditor.errors import AuditorError, InputError
from auditor.progress import progress_bars

app = typer.Typer(
    help="Finds the shortcuts that an image classifier learnt from its data, says them in words, and proves them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cache_app = typer.Typer(help="The cache of encoder embeddings, shared by all audits.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")

Command = TypeVar("Command", bound=Callable[..., None])


def one_line_errors(command: Command) -> Command:
    """Print a user's mistake as one line and exit with 2; the traceback only under ``--debug``."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, force=True)
        logging.disable(logging.WARNING if kwargs.get("quiet") else logging.NOTSET)
        try:
            command(*args, **kwargs)
        except (AuditorError, OSError) as error:
            if kwargs.get("debug"):
                raise
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            typer.echo("interrupted; what was extracted is kept: the same command with --resume goes on", err=True)
            raise typer.Exit(2) from error

    return run  # type: ignore[return-value]  # functools.wraps keeps the signature


class ReportFormat(StrEnum):
    """Formats of ``auditor report``."""

    text = "text"
    json = "json"


Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no warnings.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AuditDir = Annotated[Path, typer.Argument(help="Folder of a finished audit.", metavar="DIR")]
OutputFile = Annotated[Path | None, typer.Option("--output", help="Write to this file instead of stdout.")]
TrustCode = Annotated[bool, typer.Option("--trust-code", help="Allow the code of FILE.py:factory to run.")]


@app.command()
@one_line_errors
def run(
    data: Annotated[Path | None, typer.Option(help="Folder class/picture, or a CSV/Parquet manifest.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="torchvision:NAME, timm:NAME, FILE.py:factory, module:factory, sample:planted."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the audit.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights: safetensors, or a state dict.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="open_clip:ARCH/PRETRAINED, open_clip:ARCH@FILE, conse, sample.")
    ] = None,
    vocabulary: Annotated[Path | None, typer.Option(help="Own vocabulary.toml.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file; default auditor.toml here.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what the folder of --out holds.")] = False,
    class_map: Annotated[Path | None, typer.Option(help="File that maps labels to outputs.")] = None,
    preprocess: Annotated[Path | None, typer.Option(help="TOML file: size, crop, mean, std.")] = None,
    split: Annotated[str | None, typer.Option(help="Audit only this split of the manifest.")] = None,
    max_images_per_class: Annotated[int | None, typer.Option(help="A seeded sample of each class.")] = None,
    target_layer: Annotated[str | None, typer.Option(help="Layer whose maps are drawn.")] = None,
    n_extreme: Annotated[int | None, typer.Option(help="Pictures that give a channel meaning, per side.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    no_thumbnails: Annotated[bool, typer.Option("--no-thumbnails", help="Keep no pictures in the audit.")] = False,
    cache: Annotated[Path | None, typer.Option(help="Folder of the embedding cache.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Decoding threads.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, mps.")] = None,
    trust_code: TrustCode = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Audit a data set and a classifier: which concepts carry the decisions, class by class."""
    from auditor.config import find_settings_file, make_config
    from auditor.pipeline import run_audit

    flags = {
        "data": data, "model": model, "out": out, "weights": weights, "encoder": encoder, "vocabulary": vocabulary,
        "class_map": class_map, "preprocess": preprocess, "split": split, "target_layer": target_layer,
        "max_images_per_class": max_images_per_class, "n_extreme": n_extreme, "seed": seed, "cache": cache,
        "thumbnails": False if no_thumbnails else None, "jobs": jobs, "device": device,
        "trust_code": trust_code or None,
    }  # fmt: skip
    settings = make_config(flags, config or find_settings_file(Path.cwd()))
    with progress_bars(quiet) as on_progress:
        folder = run_audit(settings, resume=resume, on_progress=on_progress)
    _print_report(folder)


@app.command()
@one_line_errors
def demo(
    out: Annotated[Path, typer.Option(help="Where the two audits go.")] = Path("auditor-demo"),
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Audit the bundled pictures with a planted shortcut and without one; offline, about a minute."""
    from auditor.config import AuditConfig
    from auditor.models.bundled import bundled_path
    from auditor.pipeline import run_audit

    for name in ("planted", "balanced"):
        settings = AuditConfig(
            data=bundled_path(name, "manifest.csv"),
            model=f"sample:{name}",
            encoder="sample",
            out=out / name,
            cache=out / "cache",
        )
        with progress_bars(quiet) as on_progress:
            folder = run_audit(settings, resume=True, on_progress=on_progress)
        typer.echo(f"\n{name}: the classifier sample:{name} on its pictures\n")
        _print_report(folder)
    typer.echo(f"\nNext: auditor explain {out / 'planted'} waterbird/<picture> --output figure.png")


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
        _print_report(audit)
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


@app.command()
@one_line_errors
def init(
    output: Annotated[Path, typer.Option("--output", help="File to write.")] = Path("auditor.toml"),
    debug: Debug = False,
) -> None:
    """Write a commented auditor.toml."""
    if output.exists():
        raise InputError(f"{output} exists already and is left as it is; give another name with --output")
    template = importlib.resources.files("auditor").joinpath("settings_template.toml").read_text(encoding="utf-8")
    output.write_text(template, encoding="utf-8")
    typer.echo(f"wrote {output}: set data, model and out, then `auditor run`")


@app.command()
@one_line_errors
def doctor(
    model: Annotated[str | None, typer.Option(help="Load and trace this model too.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Its weights.")] = None,
    trust_code: TrustCode = False,
    debug: Debug = False,
) -> None:
    """Say what works on this machine, and what to do about what does not."""
    from auditor.doctor import examine_machine

    checks = examine_machine(model, weights, trust_code)
    for check in checks:
        typer.echo(
            f"{check.state:8} {check.name}: {check.detail}" + (f"\n         → {check.advice}" if check.advice else "")
        )
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(2)


@cache_app.command("info")
@one_line_errors
def cache_info(
    cache: Annotated[Path | None, typer.Option(help="Folder of the cache.")] = None, debug: Debug = False
) -> None:
    """List the cached embeddings, one line per encoder."""
    from auditor.config import cache_folder
    from auditor.extraction.embedding_cache import cache_files

    folder = cache_folder(cache)
    for path, count, size in cache_files(folder):
        typer.echo(f"{path.stem}  {count} embeddings  {size / 2**20:.1f} MiB")
    typer.echo(f"in {folder}")


@cache_app.command("prune")
@one_line_errors
def cache_prune(
    cache: Annotated[Path | None, typer.Option(help="Folder of the cache.")] = None, debug: Debug = False
) -> None:
    """Delete all cached embeddings."""
    from auditor.config import cache_folder
    from auditor.extraction.embedding_cache import prune_cache

    typer.echo(f"{prune_cache(cache_folder(cache)) / 2**20:.1f} MiB freed")


def _print_report(audit: Path) -> None:
    """The text report on stdout, in the width and the colours that it has."""
    from rich.console import Console

    from auditor.store.database import open_audit_database
    from reports.text import print_text

    with open_audit_database(audit) as connection:
        print_text(connection, Console())


def main() -> None:
    """Entry point of the ``auditor`` command."""
    app()


if __name__ == "__main__":
    main()
