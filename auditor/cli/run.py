"""``auditor run`` and ``auditor demo``: make audits."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.app import (
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
from auditor.progress import progress_bars

#: Bundled sets, each with the classifier of its name.
DEMO_SETS = ("planted", "balanced", "stamped")


@app.command()
@one_line_errors
def run(
    data: Annotated[
        Path | None, typer.Option(help="Folder class/picture, or a manifest (.csv, .tsv, .jsonl, .parquet).")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="torchvision:NAME, timm:NAME, hf:FOLDER, FILE.py:factory, module:factory, sample:planted; "
            "none: data alone."
        ),
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
    split: Annotated[str | None, typer.Option(help="Only this split of the manifest, or folder of a split.")] = None,
    data_root: DataRoot = None,
    path_column: PathColumn = None,
    label_column: LabelColumn = None,
    max_images_per_class: Annotated[int | None, typer.Option(help="A seeded sample of each class.")] = None,
    target_layer: Annotated[str | None, typer.Option(help="Layer whose maps are drawn.")] = None,
    model_output: Annotated[
        str | None, typer.Option(help="Key or position of the output that holds the classes, where there are several.")
    ] = None,
    n_extreme: Annotated[int | None, typer.Option(help="Pictures that give a channel meaning, per side.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="A clean class surely has no gap as large as this, a fraction.")
    ] = None,
    no_thumbnails: Annotated[bool, typer.Option("--no-thumbnails", help="Keep no pictures in the audit.")] = False,
    no_properties: Annotated[
        bool, typer.Option("--no-properties", help="Measure no properties of pictures and files.")
    ] = False,
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
        "data": data,
        "model": model,
        "out": out,
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
        "model_output": model_output,
        "max_images_per_class": max_images_per_class,
        "n_extreme": n_extreme,
        "seed": seed,
        "tolerance": tolerance,
        "cache": cache,
        "thumbnails": False if no_thumbnails else None,
        "properties": False if no_properties else None,
        "jobs": jobs,
        "device": device,
        "trust_code": trust_code or None,
    }
    settings = make_config(flags, config or find_settings_file(Path.cwd()))
    with progress_bars(quiet) as on_progress:
        folder = run_audit(settings, resume=resume, on_progress=on_progress)
    print_report(folder)
    tell_digest(folder)


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
    command = own_name()
    typer.echo(f"\nNext: {command} explain {out / 'planted'} waterbird/0005.jpg --output figure.png")
    typer.echo(f"In the browser: {command} dashboard {out}")


def own_name() -> str:
    """How this program is called from here: by its name, or by its path where it is not on the PATH."""
    called = Path(sys.argv[0])
    return str(called) if called.stem == "auditor" and shutil.which("auditor") is None else "auditor"
