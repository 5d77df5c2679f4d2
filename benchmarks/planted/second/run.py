"""Make, audit and keep the models of the second edition: one file a finished audit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from auditor.inputs import attributes, heaps
from auditor.rules import PRESENT
from benchmarks.planted import ablations, answers, bank, drawing, encoders, outcomes, peers, truth, worlds
from benchmarks.planted import audit as audit_module
from benchmarks.planted import models as planted_models
from benchmarks.planted.audit import Audited, audit
from benchmarks.planted.bank import COLUMN
from benchmarks.planted.outcomes import outcome
from benchmarks.planted.second import families, language, models, scenarios, world
from benchmarks.planted.second.language import names_of
from benchmarks.planted.second.models import make
from benchmarks.planted.second.scenarios import FeatureScenario, Value
from benchmarks.planted.worlds import FACTOR_VALUES
from benchmarks.resumable import finish_all, keep

#: A column names a value where it follows it so closely (phi).
_FOLLOWS = 0.5
_AUDIT_SEED = 0
_CODE = (
    ablations,
    attributes,
    heaps,
    answers,
    audit_module,
    bank,
    drawing,
    encoders,
    language,
    models,
    outcomes,
    peers,
    planted_models,
    scenarios,
    truth,
    world,
    worlds,
)
#: Grids by name.
GRIDS: dict[str, Callable[[int], Iterator[FeatureScenario]]] = {
    "second": families.second_grid,
    "second-toy": families.toy_grid,
    "controls": families.controls_grid,
}


@dataclass(frozen=True, slots=True)
class FeatureTask:
    """One model of the second edition to be made and audited."""

    scenario: FeatureScenario
    work: Path

    @property
    def outcome_path(self) -> Path:
        """Where the outcome is kept: its name covers the scenario and all code that it comes from."""
        name = hashlib.sha256(f"{self.scenario.digest()} {_code_digest()}".encode()).hexdigest()[:20]
        return self.work / "outcomes" / f"{name}.json"


def run(tasks: Sequence[FeatureTask], *, jobs: int) -> list[dict[str, Any]]:
    """Outcomes of all tasks, in order; what is there already is read. Models are made in a moment and not kept."""
    for task in tasks[:1]:
        task.outcome_path.parent.mkdir(parents=True, exist_ok=True)
    finish_all([task for task in tasks if not task.outcome_path.exists()], finish, jobs=jobs)
    return [json.loads(task.outcome_path.read_text(encoding="utf-8")) for task in tasks]


def finish(task: FeatureTask) -> str:
    """Make the model, audit it, write the outcome; returns a line for the log."""
    torch.set_num_threads(1)
    what = task.scenario
    one = make(what)
    encoder = one.world.language.encoder(task.work / "vocabularies")
    audited = audit(one.examined, encoder, seed=_AUDIT_SEED)
    names = {value: [*words, *_columns_of(audited, value)] for value, words in names_of(what).items()}
    found = outcome(one, one.truth, audited, None, with_peers=True, names=names)
    keep(task.outcome_path, found)
    counts: dict[str, int] = {}
    for verdict in (f"{own['verdict']} ({own['status']})" for own in found["classes"]):
        counts[verdict] = counts.get(verdict, 0) + 1
    told = ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items()))
    return f"{what.seed} {what.family}, {what.control or what.audit_kind}, {what.per_class} a class: {told}"


def _columns_of(audited: Audited, value: Value) -> list[str]:
    """Concepts of columns that follow a value."""
    factor, name = value
    bears = audited.examined.rows[:, COLUMN[factor]] == FACTOR_VALUES[factor].index(name)
    found = []
    for v, concept in enumerate(audited.judged_concepts):
        said = audited.presence[:, v]
        known = np.isfinite(said)
        if concept.column is None or not known.any():
            continue
        pair = said[known] > PRESENT, bears[known]
        if all(0 < one.sum() < one.size for one in pair) and np.corrcoef(*pair)[0, 1] >= _FOLLOWS:
            found.append(concept.concept_id)
    return found


@cache
def _code_digest() -> str:
    digest = hashlib.sha256(audit_module.code_digest().encode())
    for module in _CODE:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
