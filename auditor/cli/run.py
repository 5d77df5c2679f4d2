"""``auditor run`` and ``auditor demo``: make audits."""

from __future__ import annotations

import contextlib
import logging
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.app import (
    MAP_METHODS,
    DataRoot,
    Debug,
    LabelColumn,
    PathColumn,
    Quiet,
    TrustCode,
    app,
    one_line_errors,
    print_report,
    tell_digest,
    write_page,
)
from auditor.errors import AuditorError

if TYPE_CHECKING:
    from auditor.config import AuditConfig

#: Bundled sets, each with the classifier of its name.
DEMO_SETS = ("planted", "balanced", "stamped")
#: Before the help of what `run` cannot do without.
_NEEDED = "Required, here or in auditor.toml."


@app.command()
@one_line_errors
def run(
    data: Annotated[
        str | None,
        typer.Option(
            help=f"{_NEEDED} Folder class/picture, a manifest (.csv, .tsv, .jsonl, .parquet), or shards (.parquet, "
            ".tar), also elsewhere (https://, s3://, gs://, hf:ID)."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"{_NEEDED} torchvision:NAME, timm:NAME, hf:FOLDER, FILE.py:factory, module:factory, sample:planted; "
            "none: data alone."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help=f"{_NEEDED} Folder of the audit.")] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="In place of --model: a table of path and prediction, or a score of every class "
            "(.csv, .tsv, .jsonl, .parquet)."
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(help="With --predictions: .npz of paths, features, weight, bias, class_names of the head."),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Weights: safetensors, or a state dict.", show_default="those that NAME is published with"),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="open_clip:ARCH/PRETRAINED, open_clip:ARCH@FILE, conse, sample.",
            show_default="open_clip's ViT-B-32/laion2b_s34b_b79k",
        ),
    ] = None,
    vocabulary: Annotated[Path | None, typer.Option(help="Own vocabulary.toml.", show_default="the encoder's")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file.", show_default="auditor.toml here")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what the folder of --out holds.")] = False,
    resume_features: Annotated[
        Path | None,
        typer.Option(
            help="Finished audit of the same network under another last layer, whose features are taken over."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, how long and how large; write nothing.")
    ] = False,
    class_map: Annotated[
        Path | None, typer.Option(help="File that maps labels to outputs.", show_default="by their names")
    ] = None,
    preprocess: Annotated[
        Path | None, typer.Option(help="TOML file: size, crop, mean, std.", show_default="the model's own")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Only this split of the manifest, or folder of a split.", show_default="all")
    ] = None,
    data_root: DataRoot = None,
    path_column: PathColumn = None,
    label_column: LabelColumn = None,
    max_images_per_class: Annotated[
        int | None, typer.Option(help="A seeded sample of each class.", show_default="all pictures")
    ] = None,
    max_failure_share: Annotated[
        float | None, typer.Option(help="A larger part of unreadable pictures ends the run.", show_default="0.05")
    ] = None,
    target_layer: Annotated[
        str | None, typer.Option(help="Layer whose maps are drawn.", show_default="the last with places")
    ] = None,
    map_method: Annotated[
        str | None,
        typer.Option(help=MAP_METHODS, show_default="what fits the model"),
    ] = None,
    model_output: Annotated[
        str | None,
        typer.Option(
            help="Key or position of the output that holds the classes, where there are several.",
            show_default="the only one",
        ),
    ] = None,
    multi_label: Annotated[
        bool, typer.Option("--multi-label", help="Sigmoid outputs: each label is audited by itself.")
    ] = False,
    label: Annotated[
        list[str] | None,
        typer.Option(help="With --multi-label: this label; may be repeated.", show_default="all, a folder each"),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="With --multi-label: called by a label where its probability is over this.", show_default="0.5"
        ),
    ] = None,
    n_extreme: Annotated[
        int | None, typer.Option(help="Pictures that give a channel meaning, per side.", show_default="60")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.", show_default="0")] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(help="A clean class surely has no gap as large as this, a fraction.", show_default="0.2"),
    ] = None,
    severity_by_exposure: Annotated[
        bool,
        typer.Option(
            "--severity-by-exposure",
            help="Severities of what the settings' table of exposure says would be lost in deployment.",
        ),
    ] = False,
    no_thumbnails: Annotated[bool, typer.Option("--no-thumbnails", help="Keep no pictures in the audit.")] = False,
    no_properties: Annotated[
        bool, typer.Option("--no-properties", help="Measure no properties of pictures and files.")
    ] = False,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of the embedding cache.", show_default="~/.cache/auditor")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Decoding threads.", show_default="one per core")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures per forward pass.", show_default="32")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.", show_default="auto")] = None,
    engine: Annotated[
        str | None,
        typer.Option(help="local, or ray: pictures go through the models on a Ray cluster.", show_default="local"),
    ] = None,
    ray_workers: Annotated[
        int | None, typer.Option(help="Workers of engine ray; 0: as many as there is room for.", show_default="0")
    ] = None,
    ray_cpus: Annotated[
        float | None, typer.Option(help="CPUs of a worker of engine ray, also a fraction.", show_default="1.0")
    ] = None,
    ray_gpus: Annotated[
        float | None, typer.Option(help="GPUs of a worker of engine ray, also a fraction.", show_default="0.0")
    ] = None,
    trust_code: TrustCode = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Audit a data set and a classifier: which concepts carry the decisions, class by class.

    Settings may stand in auditor.toml (`auditor init` writes one with comments); concepts by example stand there alone.
    """
    from auditor.config import find_settings_file, make_config
    from auditor.progress import progress_bars

    flags = {
        "data": data,
        "model": model,
        "out": out,
        "predictions": predictions,
        "features": features,
        "weights": weights,
        "encoder": encoder,
        "vocabulary": vocabulary,
        "class_map": class_map,
        "preprocess": preprocess,
        "split": split,
        "data_root": data_root,
        "path_column": path_column,
        "label_column": label_column,
        "target_layer": target_layer,
        "map_method": map_method,
        "model_output": model_output,
        "multi_label": multi_label or None,
        "label": tuple(label) if label else None,
        "threshold": threshold,
        "max_images_per_class": max_images_per_class,
        "max_failure_share": max_failure_share,
        "n_extreme": n_extreme,
        "seed": seed,
        "tolerance": tolerance,
        "severity_by_exposure": severity_by_exposure or None,
        "cache": cache,
        "thumbnails": False if no_thumbnails else None,
        "properties": False if no_properties else None,
        "jobs": jobs,
        "batch_size": batch_size,
        "device": device,
        "engine": engine,
        "ray_workers": ray_workers,
        "ray_cpus": ray_cpus,
        "ray_gpus": ray_gpus,
        "trust_code": trust_code or None,
    }
    settings_file = config or find_settings_file(Path.cwd())
    settings = make_config(flags, settings_file)
    with _keys_named(settings_file):
        if dry_run:
            from auditor.dry_run import plan_audit

            with progress_bars(quiet) as on_progress:
                plan = plan_audit(settings, resume=resume, on_progress=on_progress)
            for line in plan.lines():
                typer.echo(line)
            return
        if settings.multi_label and settings.one_label is None:
            _run_labels(settings, resume=resume, quiet=quiet)
            return
        from auditor.pipeline import run_audit

        if not quiet:  # what of the pictures was known from another audit
            logging.getLogger("auditor.pipeline").setLevel(logging.INFO)
        with progress_bars(quiet) as on_progress:
            folder = run_audit(settings, resume=resume, features_of=resume_features, on_progress=on_progress)
    print_report(folder)
    tell_digest(folder)
    if not quiet:
        where = shlex.quote(str(folder))
        typer.echo(f"next: {own_name()} report {where} --format html   (a page with its pictures)", err=True)
        typer.echo(f"      {own_name()} dashboard {where}   (in the browser)", err=True)


def _run_labels(settings: AuditConfig, *, resume: bool, quiet: bool) -> None:
    """An audit of each label, and a table of all."""
    from rich.console import Console

    from auditor.label_audits import run_label_audits
    from auditor.progress import progress_bars
    from reports.written.label_table import label_rows, print_labels

    with progress_bars(quiet) as on_progress:
        audits = run_label_audits(settings, resume=resume, on_progress=on_progress)
    print_labels(label_rows(audits.folders), audits.left_out, Console())
    for folder in audits.folders.values():
        tell_digest(folder)
    if not quiet:
        first = shlex.quote(str(next(iter(audits.folders.values()))))
        typer.echo(f"next: {own_name()} report {first}   (one label; each is an audit)", err=True)
        typer.echo(f"      {own_name()} dashboard {shlex.quote(str(settings.out))}   (all, in the browser)", err=True)


@contextlib.contextmanager
def _keys_named(settings_file: Path | None) -> Iterator[None]:
    """A message that names settings says besides where they are set: flags, and keys of the settings file."""
    from auditor.config import flag_of, settings_named

    try:
        yield
    except AuditorError as error:
        told = str(error)
        keys = [key for key in settings_named(told) if f"{key} in auditor.toml" not in told]
        if keys:
            flags = "".join(f"{flag_of(key)}, or " for key in keys if str(flag_of(key)) not in told)
            error.args = (f"{told} ({flags}{', '.join(keys)} in {settings_file or 'auditor.toml'})",)
        raise


@app.command()
@one_line_errors
def demo(
    out: Annotated[Path, typer.Option(help="Where the audits go.")] = Path("auditor-demo"),
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Audit the bundled pictures: shortcuts that words name, none, and two that no word names; offline."""
    from auditor.config import AuditConfig
    from auditor.models.bundled import bundled_path
    from auditor.pipeline import run_audit
    from auditor.progress import progress_bars

    for name in DEMO_SETS:
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
        print_report(folder)
        typer.echo(f"\nreport with pictures: {write_page(folder)}")
    command, planted = own_name(), shlex.quote(str(out / "planted"))
    typer.echo(f"\nNext: {command} explain {planted} waterbird/0005.jpg --output figure.png")
    typer.echo(f"In the browser: {command} dashboard {shlex.quote(str(out))}")


def own_name() -> str:
    """How this program is called from here: by its name, or by its path or its Python's where it is not on the PATH."""
    called = Path(sys.argv[0])
    if shutil.which("auditor") is not None:
        return "auditor"
    return shlex.quote(str(called)) if called.stem == "auditor" else f"{shlex.quote(sys.executable)} -m auditor"
