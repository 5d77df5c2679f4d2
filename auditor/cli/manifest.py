"""``auditor manifest``: public benchmark sets as manifests."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.app import Debug, app, one_line_errors


class PublicSetName(StrEnum):
    """Sets whose layout is known."""

    waterbirds = "waterbirds"
    celeba = "celeba"
    cub = "cub"
    imagenet = "imagenet"
    metashift = "metashift"
    clevr = "clevr"
    isic = "isic"


@app.command()
@one_line_errors
def manifest(
    name: Annotated[PublicSetName, typer.Argument(help="waterbirds, celeba, cub, imagenet, metashift, clevr or isic.")],
    root: Annotated[Path, typer.Argument(help="Top folder of the set, laid out as downloaded.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The manifest, in ROOT or above it; default ROOT/auditor-manifest.csv."),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="CelebA's attribute that is the label; default Blond_Hair.")
    ] = None,
    attributes: Annotated[
        str | None, typer.Option("--attributes", help="Only these attributes, separated by commas; default all.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    debug: Debug = False,
) -> None:
    """Write the manifest of a public benchmark set: labels, splits, groups, masks and known attributes."""
    from auditor.inputs.public_sets.writing import write_public_manifest

    chosen = None if attributes is None else [part.strip() for part in attributes.split(",") if part.strip()]
    written = write_public_manifest(name.value, root, output=output, target=target, attributes=chosen, force=force)
    classes = Counter(item.label for item in written.items if item.label)
    shown = ", ".join(f"{label} {n:,}" for label, n in classes.most_common(5))
    more = f" and {len(classes) - 5} more" if len(classes) > 5 else ""
    typer.echo(f"{written.manifest}: {len(written.items):,} pictures, {len(classes)} classes ({shown}{more})")
    splits = Counter(item.split for item in written.items if item.split)
    if splits:
        typer.echo(f"splits: {', '.join(f'{split} {n:,}' for split, n in sorted(splits.items()))}")
    kept = ", ".join(written.attribute_names[:5])
    rest = f" and {len(written.attribute_names) - 5} more" if len(written.attribute_names) > 5 else ""
    typer.echo(f"attributes: {kept or 'none'}{rest}")
    for note in written.notes:
        typer.echo(f"note: {note}")
    typer.echo(f"Next: auditor run --data {written.manifest} --class-map {written.class_map} --model ... --out ...")
