"""A repair kept in a finished audit: what was asked, what came of it, and each figure before and after."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from auditor.regular_files import file_sha256
from auditor.repair_records import ChangedPicture, KeptRepair, Method, RepairCard, RepairFigure, RepairMap
from auditor.store.amend import add_rows, amended
from auditor.store.one_writer import one_writer
from auditor.store.tables import record_table
from auditor.version import auditor_version

_ID_DIGITS = 16


def kept_repair(
    folder: Path,
    card: RepairCard,
    *,
    methods: Sequence[Method],
    forced: bool,
    model_digest: str,
    repaired_digest: str | None,
    weights: Path | None,
) -> KeptRepair:
    """The row of ``repairs`` in the audit at ``folder``; the same repair with the same outcome has the same id.

    Args:
        folder: The audit that it is kept in, from which the weights' place is told.
        card: The proof.
        methods: Those that were tried.
        forced: Whether objections were overridden.
        model_digest: Of the model that was repaired.
        repaired_digest: Of the repaired one; None where nothing was written.
        weights: The file that was written.
    """
    told = [model_digest, repaired_digest, sorted(methods), forced, asdict(card)]
    return KeptRepair(
        repair_id=hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:_ID_DIGITS],
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        auditor_version=auditor_version(),
        model_digest=model_digest,
        repaired_digest=repaired_digest,
        weights_sha256=None if weights is None else file_sha256(weights),
        weights=None if weights is None else _from_folder(weights, folder),
        class_names=tuple(one.class_name for one in card.targets),
        concept_ids=tuple(one.concept_id for one in card.targets),
        concepts=tuple(one.concept for one in card.targets),
        methods=tuple(methods),
        method=card.method,
        penalty=card.penalty,
        n_images=card.n_images,
        forced=forced,
        objections=card.objections,
        notices=card.notices,
    )


def keep_repair(
    folder: Path,
    kept: KeptRepair,
    figures: Sequence[RepairFigure],
    changed: Sequence[ChangedPicture],
    maps: Sequence[RepairMap] = (),
) -> None:
    """Add the repair to a finished audit, in the place of one with its id.

    Raises:
        StoreError: nothing can be added to the audit, which is as it was then.
    """
    with one_writer(folder), amended(folder) as connection:
        (names,) = connection.execute("SELECT class_names FROM runs").fetchone() or ((),)
        class_idx = {name: c for c, name in enumerate(names)}
        tables = {
            "repairs": record_table([kept], KeptRepair),
            "repair_figures": _of(kept, record_table(figures, RepairFigure), class_idx),
            "repair_pictures": _of(kept, record_table(changed, ChangedPicture), class_idx),
            "repair_maps": _of(kept, record_table(maps, RepairMap), class_idx),
        }
        for name, table in tables.items():
            connection.execute(f"DELETE FROM {name} WHERE repair_id = ?", [kept.repair_id])  # noqa: S608 (our names)
            add_rows(connection, name, table)


def _of(kept: KeptRepair, table: pa.Table, class_idx: Mapping[str, int]) -> pa.Table:
    """The table with what its rows are of, and their order."""
    n = table.num_rows
    classes = [class_idx.get(name) for name in table.column("class_name").to_pylist()]
    table = table.append_column("repair_id", pa.array([kept.repair_id] * n, pa.string()))
    table = table.append_column("class_idx", pa.array(classes, pa.int32()))
    return table.append_column("position", pa.array(range(n), pa.int32()))


def _from_folder(path: Path, folder: Path) -> str:
    """As a path from the audit's folder, so that both can be moved together; the name alone from another drive."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.name
