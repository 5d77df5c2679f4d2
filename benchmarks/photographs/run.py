"""Make, audit and keep: one file a model and mode, so that a run that was stopped goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from auditor import taught_concepts
from auditor.extraction import picture_edits, place_looks, place_swaps, surroundings_swaps
from auditor.inputs import attributes, heaps, property_columns
from auditor.properties import edit, levels, measure
from benchmarks.photographs import bank as bank_module
from benchmarks.photographs import contexts, examples, files, models, outcomes, pools
from benchmarks.photographs.bank import Bank, conse_encoder
from benchmarks.photographs.examples import taught
from benchmarks.photographs.files import audit_files
from benchmarks.photographs.models import Made, make
from benchmarks.photographs.outcomes import MODES, Mode, outcome
from benchmarks.photographs.scenarios import Scenario
from benchmarks.planted import audit as audit_module
from benchmarks.planted import models as planted_models
from benchmarks.planted import outcomes as planted_outcomes
from benchmarks.planted import peers, properties, truth
from benchmarks.planted.audit import audit, remembering
from benchmarks.resumable import finish_all, keep

_AUDIT_SEED = 0


@dataclass(frozen=True, slots=True)
class Task:
    """One model, audited in one mode."""

    scenario: Scenario
    mode: Mode
    photos: Path
    work: Path
    interventions: bool  # whether pictures are changed (E5, E6)

    @property
    def bank(self) -> Bank:
        """Its photographs."""
        return Bank(self.photos, self.work / "features")

    @property
    def path(self) -> Path:
        """Where the outcome is kept: its name covers everything that it comes from."""
        name = hashlib.sha256(repr((self.scenario, self.mode, self.interventions, self.photos.name, code())).encode())
        return self.work / "outcomes" / f"{name.hexdigest()[:20]}.json"


def tasks_of(
    scenarios: Sequence[Scenario], photos: Path, work: Path, *, interventions: bool, modes: Sequence[Mode] = MODES
) -> list[Task]:
    """Every model in every mode."""
    return [Task(scenario, mode, photos, work, interventions) for scenario in scenarios for mode in modes]


def run(tasks: Sequence[Task], *, jobs: int) -> list[dict[str, Any]]:
    """Outcomes of all tasks, in order; what is there already is read."""
    waiting = [task for task in tasks if not task.path.exists()]
    for task in tasks[:1]:
        task.path.parent.mkdir(parents=True, exist_ok=True)
    for task in waiting:  # what several models share is made once, before the workers ask for it
        _prepare(task)
    finish_all(waiting, finish, jobs=jobs)
    return [json.loads(task.path.read_text(encoding="utf-8")) for task in tasks]


def _prepare(task: Task) -> None:
    what = task.scenario
    sides = pools.SIDES[:1] if what.side == "open" else pools.SIDES
    photos = [photo for pool, label in what.classes for photo in task.bank.photos(pool) if photo.label == label]
    for present in (True, False):
        task.bank.features([photo for photo in photos if photo.side in sides], what.context, present)


@cache
def made(scenario: Scenario, bank: Bank) -> Made:
    """The model; all modes ask for it one after the other."""
    return make(scenario, bank)


def finish(task: Task) -> str:
    """Make the model, audit it, write the outcome; returns a line for the log."""
    torch.set_num_threads(1)
    one, bank = made(task.scenario, task.bank), task.bank
    with_peers = task.mode == "words"
    given = one.examined(bank, column=task.mode == "column", properties=with_peers)
    learnt = taught(one, bank, seed=_AUDIT_SEED) if task.mode == "examples" else None
    changed = {}
    if task.interventions:
        folder, cache = task.work / "audited" / str(task.scenario.seed), task.work / "cache"
        audited, done = audit_files(
            one, bank, given, conse_encoder(), folder, cache=cache, seed=_AUDIT_SEED, taught=learnt
        )
        changed = {name: len(getattr(done, name).called) for name in ("swaps", "exchanges", "edits")}
    else:
        audited = audit(given, audits_encoder(), seed=_AUDIT_SEED, taught=learnt)
    found = outcome(one, task.mode, audited, with_peers=with_peers) | {"changed": changed}
    if learnt is not None:
        (record,) = learnt.records
        found["learnt"] = {"state": record.state, "auc": record.auc, "kappa": record.kappa}
    keep(task.path, found)
    what = task.scenario
    verdicts = ", ".join(
        f"{one['class_name']} {one['verdict']} {one['lead'] or ''} ({one['status']} {one['size']:.2f})"
        for one in found["classes"]
    )
    return f"{what.seed} {task.mode} {what.photos} {what.context_name}, {what.control or what.correlation}: {verdicts}"


@cache
def audits_encoder() -> Any:
    """Of all audits without interventions, encoding every text once."""
    return remembering(conse_encoder())


@cache
def code() -> str:
    """Digest of all code that an outcome comes from."""
    digest = hashlib.sha256(audit_module.code_digest().encode())
    ours = (bank_module, contexts, examples, files, models, outcomes, pools)
    of_pictures = (picture_edits, place_looks, place_swaps, surroundings_swaps)
    hands = (attributes, heaps, *of_pictures, edit, levels, measure, property_columns)
    shared = (audit_module, taught_concepts, peers, planted_models, planted_outcomes, properties, truth)
    for module in (*ours, *hands, *shared):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
