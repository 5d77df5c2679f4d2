"""``auditor manifest``: what people have, and public benchmark sets, as manifests."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from auditor.cli.app import STDOUT, DataRoot, Debug, LabelColumn, PathColumn, Quiet, app, one_line_errors, put_out
from auditor.errors import InputError
from auditor.progress import progress_bars
from auditor.wording import first_of

if TYPE_CHECKING:
    from auditor.inputs.manifest_writing import WrittenManifest


class ManifestKind(StrEnum):
    """How pictures lie: the layouts that people have, and the public sets whose layout is known."""

    folder = "folder"
    hf = "hf"
    csv = "csv"
    coco = "coco"
    waterbirds = "waterbirds"
    celeba = "celeba"
    cub = "cub"
    imagenet = "imagenet"
    metashift = "metashift"
    clevr = "clevr"
    isic = "isic"


_LAYOUTS = (ManifestKind.folder, ManifestKind.hf, ManifestKind.csv, ManifestKind.coco)
PUBLIC_SETS = tuple(kind for kind in ManifestKind if kind not in _LAYOUTS)
_NAMED = 5  # classes and attributes that the summary names
#: Options that only some kinds know.
_KINDS_OF = {
    "--target": (ManifestKind.celeba,),
    "--attributes": PUBLIC_SETS,
    "--path-column": (ManifestKind.csv, ManifestKind.hf),
    "--label-column": (ManifestKind.csv, ManifestKind.hf),
    "--data-root": (ManifestKind.csv,),
    "--one-of": (ManifestKind.csv, ManifestKind.coco),
    "--images": (ManifestKind.coco,),
    "--crops": (ManifestKind.coco,),
}


@app.command()
@one_line_errors
def manifest(
    name: Annotated[
        ManifestKind,
        typer.Argument(
            help="folder (class folders), hf (imagefolder with metadata), csv (or .tsv, .jsonl, .parquet), coco; or a "
            "public set: waterbirds, celeba, cub, imagenet, metashift, clevr, isic."
        ),
    ],
    root: Annotated[Path, typer.Argument(help="The folder, table or annotations; top folder of a public set.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The manifest, in the pictures' folder or above; - is standard output.",
            show_default="auditor-manifest.csv there",
        ),
    ] = None,
    path_column: PathColumn = None,
    label_column: LabelColumn = None,
    data_root: DataRoot = None,
    one_of: Annotated[
        str | None,
        typer.Option("--one-of", help="csv, coco: keep pictures that have exactly one of these labels: A,B,C."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="coco: folder of the pictures; default that of the annotations.")
    ] = None,
    crops: Annotated[
        Path | None, typer.Option("--crops", help="coco: cut every box out into this folder, and list those.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="celeba: attribute that is the label; default Blond_Hair.")
    ] = None,
    attributes: Annotated[
        str | None, typer.Option("--attributes", help="Public sets: only these attributes, separated by commas.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a manifest to look at: of class folders, a table, COCO annotations, or a public benchmark set."""
    from auditor.inputs.layout_manifest import Layout, write_layout_manifest
    from auditor.inputs.manifest import Reading
    from auditor.inputs.manifest_writing import manifest_text
    from auditor.inputs.one_label import OneOf
    from auditor.inputs.public_sets.writing import write_public_manifest

    given = {
        "--target": target,
        "--attributes": attributes,
        "--path-column": path_column,
        "--label-column": label_column,
        "--data-root": data_root,
        "--one-of": one_of,
        "--images": images,
        "--crops": crops,
    }
    for option, kinds in _KINDS_OF.items():
        if given[option] is not None and name not in kinds:
            of = ", ".join(kind.value for kind in kinds)
            raise InputError(f"{option} is for {of}, and the manifest is of {name.value}; leave it out")
    if one_of is not None and crops is not None:
        raise InputError("--one-of chooses pictures and --crops cuts all boxes out of all; give one of them")
    printed = output == STDOUT
    if printed and name in PUBLIC_SETS:
        raise InputError("--output - is standard output, and a public set has a class map too; give --output a file")
    if name in PUBLIC_SETS:
        chosen = None if attributes is None else [part.strip() for part in attributes.split(",") if part.strip()]
        written = write_public_manifest(name.value, root, output=output, target=target, attributes=chosen, force=force)
    else:
        reading = Reading(data_root, path_column, label_column, None if one_of is None else OneOf.parse(one_of))
        with progress_bars(quiet) as on_progress:
            written = write_layout_manifest(
                cast(Layout, name.value),
                root,
                reading=reading,
                images=images,
                crops=crops,
                output=None if printed else output,
                force=force,
                write=not printed,
                on_progress=on_progress,
            )
    if printed:
        put_out(manifest_text(written.items, written.attribute_names).encode(), STDOUT)
    for line in _summary(written, printed=printed):
        typer.echo(line, err=printed)


def _summary(written: WrittenManifest, *, printed: bool) -> Iterator[str]:
    """What the manifest holds, and the command that comes next."""
    from auditor.inputs.dataset import held_back_split

    classes = Counter(item.label for item in written.items if item.label)
    shown = first_of([f"{label} {n:,}" for label, n in classes.most_common()], _NAMED)
    where = "standard output" if printed else written.manifest
    yield f"{where}: {len(written.items):,} pictures, {len(classes):,} classes ({shown})"
    splits = Counter(item.split for item in written.items if item.split)
    if splits:
        yield f"splits: {', '.join(f'{split} {n:,}' for split, n in sorted(splits.items()))}"
    kept = first_of(written.attribute_names, _NAMED)
    yield f"attributes: {kept or 'none; each column that you add is examined as one'}"
    yield from (f"note: {note}" for note in written.notes)
    command = ["auditor", "run", "--data", "FILE" if printed else str(written.manifest)]
    if printed:
        command += ["--data-root", str(written.manifest.parent)]
    if written.class_map:
        command += ["--class-map", str(written.class_map)]
    held_back = held_back_split(splits)
    if held_back is not None:
        command += ["--split", held_back]
    yield f"Next: {shlex.join(command)} --model ... --out ..."
