"""Make, audit and keep: one file a model and one a finished audit, so that a run that was stopped goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from auditor.models.encoders.encoder import Encoder
from auditor.models.encoders.load import load_encoder
from benchmarks.planted import ablations, answers, backbones, encoders, teaching, truth
from benchmarks.planted import audit as audit_module
from benchmarks.planted import models as models_module
from benchmarks.planted import outcomes as outcomes_module
from benchmarks.planted import peers as peers_module
from benchmarks.planted.audit import Asked, Examined, audit, embed, remembering
from benchmarks.planted.bank import FULL_BANK, SMALL_BANK, TOY_BANK, Bank, BankSize
from benchmarks.planted.drawing import variant_names
from benchmarks.planted.grids import full_world, sample_world
from benchmarks.planted.models import FULL_SIZES, SMALL_SIZES, TOY_SIZES, Made, Sizes, is_shared, make
from benchmarks.planted.outcomes import outcome
from benchmarks.planted.scenarios import Scenario
from benchmarks.planted.teaching import FULL_LESSONS, TOY_LESSONS, Lessons
from benchmarks.planted.worlds import SAMPLE, WIDE, World
from benchmarks.resumable import finish_all, keep

#: Seeds of one hundred share layers; see `bank`.
SEEDS_A_POOL = 100
_AUDIT_SEED, _OTHER_SEED = 0, 1


@dataclass(frozen=True, slots=True)
class Scale:
    """How large everything of a grid is, which world its pictures show, and what its encoders are taught on."""

    sizes: Sizes
    bank: BankSize
    world: Callable[[int], World]  # of a seed
    lessons: Lessons | None  # None: the bundled encoder
    taught: World  # what backbones and encoders learn from


_SMALL = Scale(SMALL_SIZES, SMALL_BANK, sample_world, None, SAMPLE)
#: By the name of the grid.
SCALES = {
    "small": _SMALL,
    "quick": _SMALL,
    "full": Scale(FULL_SIZES, FULL_BANK, full_world, FULL_LESSONS, WIDE),
    "toy": Scale(TOY_SIZES, TOY_BANK, sample_world, TOY_LESSONS, SAMPLE),
}


@dataclass(frozen=True, slots=True)
class Task:
    """One model to be made and audited."""

    scenario: Scenario
    seed: int  # of the grid
    grid: str
    work: Path

    @property
    def scale(self) -> Scale:
        """Of its grid."""
        return SCALES[self.grid]

    @property
    def sizes(self) -> Sizes:
        """Pictures of the audit and of the truth."""
        return self.scale.sizes

    @property
    def layers(self) -> tuple[Path, BankSize, World, int]:
        """What the bank of layers is opened with."""
        return self.work, self.scale.bank, self.scale.world(self.seed), self.seed // SEEDS_A_POOL

    @property
    def made_path(self) -> Path:
        """Where the model is kept: its name covers all code that it comes from."""
        name = _digest(self.scenario.model_digest(), self.sizes, self.layers[1:], _made_by())
        return self.work / "models" / f"{name}.npz"

    @property
    def outcome_path(self) -> Path:
        """Where the outcome is kept: its name covers the model and all code that verdicts come from."""
        return self.work / "outcomes" / f"{_digest(self.made_path.stem, self.scenario, _judged_by())}.json"


def run(tasks: Sequence[Task], *, jobs: int) -> list[dict[str, Any]]:
    """Outcomes of all tasks, in order; what is there already is read."""
    waiting = [task for task in tasks if not task.outcome_path.exists()]
    for task in tasks[:1]:
        task.made_path.parent.mkdir(parents=True, exist_ok=True)
        task.outcome_path.parent.mkdir(parents=True, exist_ok=True)
    for task in waiting:  # what several models share is made once, before the workers ask for it
        prepare(task, jobs)
    finish_all(waiting, finish, jobs=jobs)
    return [json.loads(task.outcome_path.read_text(encoding="utf-8")) for task in tasks]


def prepare(task: Task, jobs: int) -> None:
    """Layers, backbones, encoders and shared features that this model needs, unless they are there."""
    what, bank = task.scenario, _bank(*task.layers, jobs)
    taught_on = _teachers_bank(task, jobs)
    if not task.made_path.exists():
        backbones.prepare(what.architecture, what.backbone, taught_on, task.work)
        if is_shared(what):
            answers.prepare(what.architecture, what.backbone, bank, task.sizes.truth, task.work)
    if task.scale.lessons:
        teaching.teach(_sort_of_encoder(what), task.scale.lessons, taught_on, task.work)


def _teachers_bank(task: Task, jobs: int) -> Bank:
    """What backbones and encoders learn from: everything there is, whatever the seed."""
    return _bank(task.work, task.scale.bank, task.scale.taught, 0, jobs)


def _sort_of_encoder(scenario: Scenario) -> str:
    return scenario.encoder if scenario.encoder in teaching.SORTS else "own"


@cache
def _bank(work: Path, size: BankSize, world: World, pool: int, jobs: int) -> Bank:
    """The layers of a pool, opened once a process."""
    return Bank(work, size, world, pool=pool, jobs=jobs)


@cache
def _encoder(sort: str, lessons: Lessons | None, work: Path) -> Encoder:
    """The bundled encoder, or one that had these lessons."""
    return remembering(load_encoder("sample") if lessons is None else teaching.load(sort, lessons, work))


def made(task: Task) -> Made:
    """The model, which is made unless it is there."""
    if task.made_path.exists():
        return Made.load(task.made_path, task.scenario)
    torch.set_num_threads(1)
    bank = _bank(*task.layers, 1)
    own = _encoder("own", task.scale.lessons, task.work)
    one = make(task.scenario, bank, own, task.sizes, task.work)
    one.save(task.made_path)
    return one


def examined(task: Task, one: Made) -> tuple[Examined, Encoder]:
    """The model's pictures as the scenario's encoder sees them."""
    bank, sort = _bank(*task.layers, 1), _sort_of_encoder(task.scenario)
    encoder = _encoder(sort, task.scale.lessons, task.work)
    given = one.examined
    if sort != "own":
        given = replace(given, embeddings=embed(encoder, bank.pictures(given.rows)))
    return encoders.seen(given, task.scenario, encoder), encoder


def finish(task: Task) -> str:
    """Make the model unless it is there, audit it, write the outcome; returns a line for the log."""
    torch.set_num_threads(1)
    one = made(task)
    given, encoder = examined(task, one)
    asked = Asked.of_pixels(one.network(), _bank(*task.layers, 1).pictures(given.rows))
    audited, other = (audit(given, encoder, seed=seed, asked=asked) for seed in (_AUDIT_SEED, _OTHER_SEED))
    world, what = task.layers[2], task.scenario
    known = truth.measure(one.truth_labels, one.called, variant_names(world), what.classes, seed=what.seed)
    found = outcome(one, known, audited, other, with_peers=what.encoder == "own")
    keep(task.outcome_path, found)
    verdicts = ", ".join(f"{one['class_name']} {one['verdict']} ({one['status']})" for one in found["classes"])
    return f"{what.seed} {what.sort}, {what.control or what.correlation}, {what.architecture}: {verdicts}"


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


@cache
def _made_by() -> str:
    return models_module.code_digest()


@cache
def _judged_by() -> str:
    digest = hashlib.sha256(audit_module.code_digest().encode())
    for module in (ablations, audit_module, encoders, outcomes_module, peers_module, truth):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
