"""Audits of public sets beside what the sets themselves know; for whoever has them.

``python -m benchmarks.public NAME=ROOT ... --model SPEC --out DIR [--weights FILE] [--encoder SPEC] [--split NAME]
[--by-name] [--output FILE.json]``; see docs/public-sets.md. What is done already is not done again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from auditor.config import DEFAULT_ENCODER, AuditConfig
from auditor.errors import AuditorError, InputError
from auditor.evidence.effects.significance import TwoArms, risk_difference, score_interval
from auditor.inputs.manifest_writing import DEFAULT_NAME
from auditor.inputs.public_sets.writing import READERS, write_public_manifest
from auditor.pipeline import run_audit
from auditor.rules import DELTA, MIN_ARM
from auditor.store.manifest import is_complete
from auditor.store.open_audit import open_audit_database
from benchmarks.machine import write_result

#: Attributes with more values than this (age, the area of a box) make no groups.
MAX_VALUES = 20
Texts = NDArray[np.object_]
Flags = NDArray[np.bool_]


def audited(name: str, root: Path, arguments: argparse.Namespace) -> Path:
    """Write the set's manifest unless it is there, and audit the model on it unless that is done."""
    manifest = root / DEFAULT_NAME
    if not manifest.is_file():
        write_public_manifest(name, root)
    class_map = None if arguments.by_name else manifest.with_name(f"{manifest.stem}-class-map.csv")
    settings = AuditConfig(
        data=manifest,
        class_map=class_map,
        model=arguments.model,
        weights=arguments.weights,
        encoder=arguments.encoder,
        split=arguments.split,
        cache=arguments.out / "cache",
        out=arguments.out / name,
        trust_code=arguments.trust_code,
    )
    return run_audit(settings, resume=True)


def measures(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Accuracy, worst group of every attribute, and every known gap with the verdict on its class."""
    rows = connection.execute(
        "SELECT image_id, label_name, correct FROM predictions WHERE label_name IS NOT NULL ORDER BY image_id"
    ).fetchnumpy()
    ids, labels = (np.asarray(rows[name], dtype=object) for name in ("image_id", "label_name"))
    correct = np.asarray(rows["correct"], dtype=np.bool_)
    verdicts = connection.execute("SELECT class_name, verdict, concept, concept_id FROM verdicts").fetchall()
    flagged_by = {name: (verdict, concept, concept_id) for name, verdict, concept, concept_id in verdicts}
    worst, gaps = {}, []
    for attribute, values in _attributes(connection, ids):
        groups = list(_groups(labels, correct, values))
        if groups:
            worst[attribute] = min(groups, key=lambda group: group["accuracy"])
        for label in sorted(set(labels)):
            for value in sorted({v for v in values[labels == label] if v is not None}):
                gap = _gap(correct[labels == label], values[labels == label], value)
                if gap is not None and gap["low"] > DELTA:
                    verdict, concept, concept_id = flagged_by[label]
                    auc = _tells(connection, ids, values, value, concept_id)
                    known = {"class": label, "attribute": attribute, "value": value, **gap}
                    gaps.append({**known, "verdict": verdict, "concept": concept, "presence_auc": auc})
    return {
        "n": len(ids),
        "accuracy": float(correct.mean()),
        "worst_group": worst,
        "known_gaps": gaps,
        "n_flagged": sum(verdict == "flagged" for verdict, _, _ in flagged_by.values()),
        "flagged_without_known_gap": sorted(
            name
            for name, (verdict, _, _) in flagged_by.items()
            if verdict == "flagged" and name not in {gap["class"] for gap in gaps}
        ),
    }


def _attributes(connection: duckdb.DuckDBPyConnection, ids: Texts) -> Iterator[tuple[str, Texts]]:
    """Every attribute of few values, in the order of ``ids``; None where it is not known."""
    names = connection.execute(
        "SELECT attribute FROM image_attributes GROUP BY attribute "
        "HAVING count(DISTINCT value) BETWEEN 2 AND ? ORDER BY attribute",
        [MAX_VALUES],
    ).fetchall()
    for (name,) in names:
        known = dict(
            connection.execute("SELECT image_id, value FROM image_attributes WHERE attribute = ?", [name]).fetchall()
        )
        yield name, np.array([known.get(image_id) for image_id in ids], dtype=object)


def _groups(labels: Texts, correct: Flags, values: Texts) -> Iterator[dict[str, Any]]:
    """Accuracy of every label and value with enough pictures."""
    for label, value in sorted({(a, b) for a, b in zip(labels, values, strict=True) if b is not None}):
        among = (labels == label) & (values == value)
        if among.sum() >= MIN_ARM:
            accuracy = float(correct[among].mean())
            yield {"class": label, "value": value, "n": int(among.sum()), "accuracy": accuracy}


def _gap(correct: Flags, values: Texts, value: str) -> dict[str, Any] | None:
    """Recall with a value less recall with any other, and its interval; None with too few pictures."""
    having, other = values == value, np.array([v is not None and v != value for v in values])
    if min(having.sum(), other.sum()) < MIN_ARM:
        return None
    arms = TwoArms.of(correct[having].sum(), having.sum(), correct[other].sum(), other.sum())
    low, high = score_interval(arms)
    counts = {"n_with": int(having.sum()), "n_without": int(other.sum())}
    return {"gap": float(risk_difference(arms)), "low": float(low), "high": float(high), **counts}


def _tells(
    connection: duckdb.DuckDBPyConnection, ids: Texts, values: Texts, value: str, concept_id: str | None
) -> float | None:
    """AUC of a concept's presence for a value; None without a concept, or where its presence was not stored."""
    rows = connection.execute("SELECT image_id, presence FROM concept_presence WHERE concept_id = ?", [concept_id])
    presence = dict(rows.fetchall())
    seen = [(presence[i], v == value) for i, v in zip(ids, values, strict=True) if v is not None and i in presence]
    having = np.array([has for _, has in seen], dtype=np.bool_)
    if not 0 < having.sum() < having.size:
        return None
    ranks = stats.rankdata([score for score, _ in seen])
    n1, n0 = int(having.sum()), int((~having).sum())
    return float((ranks[having].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def table(name: str, result: dict[str, Any]) -> str:
    """What is printed of one set."""
    lines = [f"{name}: {result['n']:,} pictures, accuracy {result['accuracy']:.1%}, {result['n_flagged']} flagged"]
    for attribute, group in sorted(result["worst_group"].items(), key=lambda entry: entry[1]["accuracy"])[:5]:
        named = f"{group['class']} × {group['value']}"
        lines.append(f"  worst group by {attribute}: {named} {group['accuracy']:.1%} of {group['n']:,}")
    for gap in sorted(result["known_gaps"], key=lambda one: -one["low"]):
        by = f"{gap['verdict']}" + (f" by {gap['concept']}" if gap["concept"] else "")
        tells = (
            ""
            if gap["presence_auc"] is None
            else f", whose presence tells the value with AUC {gap['presence_auc']:.2f}"
        )
        lines.append(
            f"  {gap['class']}, {gap['attribute']} = {gap['value']}: {100 * gap['gap']:.0f} points "
            f"[{100 * gap['low']:.0f}, {100 * gap['high']:.0f}]; {by}{tells}"
        )
    for label in result["flagged_without_known_gap"]:
        lines.append(f"  {label}: flagged, and no attribute of the set has a gap over {100 * DELTA:.0f} points there")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Audit each set, print and return what was measured by its name."""
    parser = argparse.ArgumentParser(prog="benchmarks.public", description=__doc__)
    parser.add_argument("sets", nargs="+", metavar="NAME=ROOT")
    parser.add_argument("--model", required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--encoder", default=DEFAULT_ENCODER)
    parser.add_argument("--split")
    parser.add_argument("--by-name", action="store_true", help="labels meet the names of the model's outputs")
    parser.add_argument("--trust-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True, help="folder of the audits")
    parser.add_argument("--output", type=Path, help="JSON file of what was measured")
    arguments = parser.parse_args(argv)
    results, n_kept = {}, 0
    for entry in arguments.sets:
        name, _, root = entry.partition("=")
        if name not in READERS or not root:
            raise InputError(f"{entry!r}: expected NAME=ROOT with NAME one of {', '.join(READERS)}")
        n_kept += is_complete(arguments.out / name)
        with open_audit_database(audited(name, Path(root), arguments)) as connection:
            results[name] = measures(connection)
        print(table(name, results[name]))
    if arguments.output is not None:
        write_result(arguments.output, {"sets": results}, reused={"audits": n_kept})
    return results


if __name__ == "__main__":
    try:
        main()
    except AuditorError as error:
        sys.exit(f"error: {error}")
