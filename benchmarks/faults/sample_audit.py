"""The audits that are damaged, killed and gated: of a part of the bundled pictures."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

from auditor.config import AuditConfig
from auditor.models.bundled import bundled_path
from auditor.pipeline import run_audit


def sample_settings(folder: Path, name: str = "planted", *, per_class: int = 60) -> AuditConfig:
    """Settings of an audit of a few pictures, which it copies; it takes seconds and goes through every stage.

    Args:
        folder: where pictures, cache and audit go.
        name: of the bundled set and of its classifier: on "planted" 60 a class flag "landbird", on "balanced" nothing.
        per_class: pictures of each class.
    """
    return AuditConfig(
        data=_some_pictures(name, folder / "data", per_class),
        model=f"sample:{name}",
        encoder="sample",
        out=folder / "audit",
        cache=folder / "cache",
        n_extreme=min(30, per_class),
    )


def sample_audit(folder: Path) -> tuple[Path, AuditConfig]:
    """A finished audit of few pictures, and its settings."""
    config = sample_settings(folder, per_class=30)
    return run_audit(config, resume=True), config


def _some_pictures(name: str, folder: Path, per_class: int) -> Path:
    """The manifest of the first pictures of each class, copied to ``folder``."""
    source = bundled_path(name, "manifest.csv")
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    taken = Counter[str]()
    kept = []
    for row in rows:
        taken[row["label"]] += 1
        if taken[row["label"]] <= per_class:
            kept.append(row)
            (folder / row["path"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.parent / row["path"], folder / row["path"])
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return folder / "manifest.csv"
