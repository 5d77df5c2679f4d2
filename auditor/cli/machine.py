"""``auditor init``, ``doctor`` and ``cache``: settings, the machine, and what is kept on it."""

from __future__ import annotations

import importlib.resources
import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.app import (
    STDOUT,
    DataRoot,
    Debug,
    LabelColumn,
    PathColumn,
    Quiet,
    TrustCode,
    app,
    one_line_errors,
    put_out,
    refuse_binary,
)
from auditor.errors import InputError
from auditor.wording import quote_path

if TYPE_CHECKING:
    from auditor.models.classifier import Classifier

#: Where `doctor --picture` draws to.
MAP_NAME = "map.png"

cache_app = typer.Typer(
    help="The cache of embeddings and of fetched shards, shared by all audits.", no_args_is_help=True
)
app.add_typer(cache_app, name="cache")


@app.command()
@one_line_errors
def init(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; - is standard output.")] = Path(
        "auditor.toml"
    ),
    debug: Debug = False,
) -> None:
    """Write a commented auditor.toml."""
    if output != STDOUT and output.exists():
        raise InputError(f"{output} exists already and is left as it is; give another name with --output")
    put_out(importlib.resources.files("auditor").joinpath("settings_template.toml").read_bytes(), output)
    if output != STDOUT:
        typer.echo(f"wrote {output}: set data, model and out, then `auditor run`")


@app.command()
@one_line_errors
def doctor(
    model: Annotated[str | None, typer.Option(help="Load and trace this model too.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Its weights; 'random' to look at its layers alone.")] = None,
    preprocess: Annotated[Path | None, typer.Option(help="Its TOML file: size, crop, mean, std.")] = None,
    model_output: Annotated[str | None, typer.Option(help="Its output that holds the classes.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw where the model looks in this picture.")] = None,
    trust_code: TrustCode = False,
    data: Annotated[
        str | None, typer.Option(help="Try an encoder, and --model where given, on these pictures instead.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only this split of --data.")] = None,
    data_root: DataRoot = None,
    path_column: PathColumn = None,
    label_column: LabelColumn = None,
    class_map: Annotated[Path | None, typer.Option(help="File that maps labels to outputs, with --data.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Which encoder, with --data; default that of `run`.")] = None,
    vocabulary: Annotated[Path | None, typer.Option(help="Own vocabulary.toml, with --data.")] = None,
    max_images_per_class: Annotated[int, typer.Option(min=1, help="Pictures of a class at most, with --data.")] = 100,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="With --data a page of pictures for each word, with --picture the PNG to write; - is standard output.",
            show_default=f"{MAP_NAME} with --picture",
        ),
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder of the embedding cache, with --data.")] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Say what works on this machine; with --data, whether an encoder's words can be trusted on pictures.

    With --data and --model, also whether the model's outputs belong to the labels.
    """
    of_model = {
        "model": model,
        "weights": weights,
        "preprocess": preprocess,
        "model_output": model_output,
        "class_map": class_map,
        "trust_code": trust_code,
    }
    its_own = {
        "--weights": weights,
        "--preprocess": preprocess,
        "--model-output": model_output,
        "--class-map": class_map,
        "--picture": picture,
    }
    unused = [name for name, value in its_own.items() if value is not None and model is None]
    if unused:
        raise InputError(f"{unused[0]} is given without --model; name the model that it belongs to")
    reading = {"split": split, "data_root": data_root, "path_column": path_column, "label_column": label_column}
    if data is not None and picture is not None:
        raise InputError("--picture is one picture without --data: leave one of them out")
    if data is not None:
        tried = of_model if model else {}
        _check_encoder(data, encoder, vocabulary, max_images_per_class, output, cache, tried, reading, quiet=quiet)
        return
    given = {
        "--encoder": encoder,
        "--vocabulary": vocabulary,
        "--output": output if picture is None else None,
        "--cache": cache,
        "--class-map": class_map,
        **{f"--{name.replace('_', '-')}": value for name, value in reading.items()},
    }
    alone = [name for name, value in given.items() if value is not None]
    if alone:
        raise InputError(f"{alone[0]} is given without --data; name the pictures that the encoder is to be tried on")
    from auditor.doctor import examine_machine

    figure = output or Path(MAP_NAME)
    refuse_binary(figure, "a PNG")
    checks = examine_machine(
        model,
        weights,
        trust_code,
        preprocess=preprocess,
        model_output=model_output,
        on_model=None if picture is None else partial(_draw_map, picture=picture, figure=figure),
    )
    for check in checks:
        typer.echo(
            f"{check.state:8} {check.name}: {check.detail}" + (f"\n         → {check.advice}" if check.advice else ""),
            err=figure == STDOUT,
        )
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(2)


def _draw_map(classifier: Classifier, *, picture: Path, figure: Path) -> str:
    from auditor.model_map import map_of_file
    from reports.explain_figure import draw_map

    found = map_of_file(classifier, picture)
    drawn = io.BytesIO()
    draw_map(found.image, found.class_map).save(drawn, format="PNG")
    put_out(drawn.getvalue(), figure)
    return f"picture {quote_path(picture)}: {found.summary()}" + ("" if figure == STDOUT else f"; figure: {figure}")


def _check_encoder(
    data: str,
    encoder: str | None,
    vocabulary: Path | None,
    max_images_per_class: int,
    output: Path | None,
    cache: Path | None,
    model: Mapping[str, object],
    reading: Mapping[str, object],
    *,
    quiet: bool,
) -> None:
    from auditor.config import DEFAULT_ENCODER
    from auditor.encoder_check import check_encoder
    from auditor.evidence.verdicts.fit_sentences import WHAT_TO_DO, fit_notices
    from auditor.progress import progress_bars

    with progress_bars(quiet) as on_progress:
        check = check_encoder(
            data,
            encoder or DEFAULT_ENCODER,
            vocabulary=vocabulary,
            max_images_per_class=max_images_per_class,
            cache=cache,
            model=model,
            reading=reading,
            on_progress=on_progress,
        )
    for notice in (*fit_notices(check.fit, check.class_names, advice=f"{WHAT_TO_DO}."), *check.model):
        typer.echo(notice, err=output == STDOUT)
    if output is not None:
        from reports.page.encoder_page import encoder_page

        put_out(encoder_page(check).encode(), output)
        if output != STDOUT:
            typer.echo(f"pictures of every word: {output}")


@cache_app.command("info")
@one_line_errors
def cache_info(
    cache: Annotated[Path | None, typer.Option(help="Folder of the cache.")] = None, debug: Debug = False
) -> None:
    """List the cached embeddings, one line per encoder, and how many shards were fetched."""
    from auditor.config import cache_folder
    from auditor.extraction.embedding_cache import cache_files
    from auditor.figures import counted
    from auditor.inputs.remote.kept import kept_shards

    folder = cache_folder(cache)
    files = cache_files(folder)
    for path, count, size in files:
        typer.echo(f"{path.stem}  {count} embeddings  {size / 2**20:.1f} MiB")
    if len(files) > 1:
        typer.echo(f"{sum(one[1] for one in files)} embeddings  {sum(one[2] for one in files) / 2**20:.1f} MiB in all")
    if not files:
        typer.echo("no embeddings" if folder.is_dir() else "no embeddings: the folder does not exist yet")
    shards = kept_shards(folder)
    if shards.n:
        typer.echo(f"{counted(shards.n, 'file')} of shards that were fetched  {shards.n_bytes / 2**20:.1f} MiB")
    typer.echo(f"in {folder}")


@cache_app.command("prune")
@one_line_errors
def cache_prune(
    cache: Annotated[Path | None, typer.Option(help="Folder of the cache.")] = None,
    max_size: Annotated[
        str | None,
        typer.Option(help="Such as 2GB: delete only what is over it, what was not used for longest first."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Delete embeddings, shards that were fetched, and what is remembered of pictures; or only what is too much.

    Shards go before embeddings: those are fetched again, and these are computed.
    """
    from auditor.config import cache_folder
    from auditor.extraction.embedding_cache import cache_files, prune_cache
    from auditor.inputs.remote.kept import prune_shards

    folder = cache_folder(cache)
    max_bytes = None if max_size is None else _bytes_of(max_size)
    left = 0 if max_bytes is None else max(0, max_bytes - sum(size for _, _, size in cache_files(folder)))
    freed = prune_shards(folder, max_bytes=left) + prune_cache(folder, max_bytes=max_bytes)
    typer.echo(f"{freed / 2**20:.1f} MiB freed")


def _bytes_of(size: str) -> int:
    """Bytes of '2GB', '500 MiB', '1000000'."""
    from pydantic import ByteSize, TypeAdapter, ValidationError

    from auditor.wording import quote

    try:
        found = int(TypeAdapter(ByteSize).validate_python(size))
    except (ValidationError, ValueError) as error:
        raise InputError(f"--max-size is {quote(size)}; expected a size such as 2GB, 500MB or 1.5GiB") from error
    if found < 0:
        raise InputError(f"--max-size is {quote(size)}; expected a size that is not below 0, such as 2GB")
    return found
