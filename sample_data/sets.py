"""The audit sets: class folders of JPEGs with a manifest that says what every picture shows."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

from sample_data.bank import PICTURE_SIZE, to_jpeg
from sample_data.render import render
from sample_data.sampling import BALANCED, CLASS_NAMES, PLANTED, Mixture, draw_set
from sample_data.scene import Scene

PER_CLASS = 550
MIXTURES: dict[str, Mixture] = {"planted": PLANTED, "balanced": BALANCED}
COLUMNS = ("path", "label", "split", "scene", "object", "artifact", "light", "cast", "quality")
_FACTORS_OF_COLUMNS = ("background", "object", "artifact", "light", "cast", "quality")


def audit_scenes(name: str) -> list[tuple[str, Scene]]:
    """Labels and scenes of the audit set, in the order of its manifest."""
    return draw_set(MIXTURES[name], f"{name}-audit", dict.fromkeys(CLASS_NAMES, PER_CLASS))


def write_audit_set(name: str, folder: Path) -> None:
    """Write `folder/class/NNNN.jpg` and `folder/manifest.csv`, replacing what was there."""
    if folder.exists():
        shutil.rmtree(folder)
    rows = []
    for label, scene in audit_scenes(name):
        number = scene.seed % 1_000_000
        path = Path(label) / f"{number:04d}.jpg"
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(to_jpeg(render(scene, PICTURE_SIZE)))
        factors = (getattr(scene, factor) for factor in _FACTORS_OF_COLUMNS)
        rows.append((path.as_posix(), label, "val", *factors))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
