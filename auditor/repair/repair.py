"""Repair a head: try, prove on held-out pictures, choose, fit on all of them, and say what speaks against using it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.errors import InputError
from auditor.figures import percent, points
from auditor.records import BoolArray, LinearHead, Progress
from auditor.repair.before_after import figures_of
from auditor.repair.changed_pictures import changed_pictures
from auditor.repair.methods import Candidate, candidates, repaired_heads
from auditor.repair.proof import Answers, Trial, answers_of, best, chosen_without_seeing, takes_out_all, try_all
from auditor.repair.repair_input import RepairInput
from auditor.repair.subgroups import MARGIN, Subgroup, subgroups, sure_losers, worst_subgroup
from auditor.repair_records import (
    ChangedPicture,
    Method,
    RepairCard,
    RepairFigure,
    RepairLimit,
    RepairTarget,
    RepairTrial,
)
from auditor.rules import MIN_ARM
from auditor.wording import first_of, quote, quote_list


@dataclass(frozen=True, slots=True, eq=False)
class ProvenRepair:
    """A repaired head, its proof, and the pictures that are called something else by heads that did not see them."""

    head: LinearHead
    card: RepairCard
    changed: tuple[ChangedPicture, ...]


def repair(
    given: RepairInput,
    targets: tuple[RepairTarget, ...],
    class_names: Sequence[str],
    methods: tuple[Method, ...],
    *,
    seed: int,
    on_progress: Progress | None = None,
) -> ProvenRepair:
    """The repaired head, and what it does to pictures that it did not see.

    Args:
        given: Pictures, head and concepts.
        targets: Of ``given.pairs``, in their order.
        class_names: C.
        methods: Those to be tried.
        seed: Of the bootstrap.
        on_progress: Called with (stage, done, total).
    """
    progress = on_progress or (lambda *_: None)
    wanted = candidates(given, methods)
    if not wanted:
        raise InputError(
            "no concept can be told from the classes themselves, so nothing can be erased; try --method reweight, "
            "groups or auto"
        )
    trials = try_all(given, wanted, progress)
    chosen = best(trials)
    after, taken = chosen_without_seeing(given, trials)
    before = answers_of(given.head, given.activations)
    head = dict(repaired_heads(given, [one for one in wanted if one.method == chosen.candidate.method]))[
        chosen.candidate
    ]
    concepts = _names_of_columns(given, targets)
    figures = figures_of(given, before, after, class_names, concepts, seed=seed)
    progress("repair: before and after", 1, 1)
    card = RepairCard(
        targets=targets,
        method=chosen.candidate.method,
        penalty=chosen.candidate.penalty,
        n_images=given.labels.size,
        trials=tuple(_told(one, class_names, targets) for one in trials),
        figures=figures,
        limit=_limit(given, after, chosen, head, class_names, concepts),
        objections=_objections(given, before, after, figures, class_names),
        notices=(*_notices(given, targets), *_chosen_otherwise(taken, chosen), *_left(given, targets, trials, chosen)),
    )
    return ProvenRepair(head, card, changed_pictures(given, before, after, class_names, concepts))


def _names_of_columns(given: RepairInput, targets: Sequence[RepairTarget]) -> list[str]:
    names = [""] * given.present.shape[1]
    for (_, column), target in zip(given.pairs, targets, strict=True):
        names[column] = target.concept
    return names


def _told(trial: Trial, class_names: Sequence[str], targets: Sequence[RepairTarget]) -> RepairTrial:
    losers = tuple(class_names[c] for c in trial.losers)
    left = tuple((targets[i].class_name, targets[i].concept) for i in trial.left)
    return RepairTrial(trial.candidate.method, trial.candidate.penalty, trial.worst, trial.balanced, losers, left)


def _objections(
    given: RepairInput,
    before: Answers,
    after: Answers,
    figures: Sequence[RepairFigure],
    class_names: Sequence[str],
) -> tuple[str, ...]:
    """Why the repaired model should not take the place of the other."""
    found = []
    losers = sure_losers(given, before.called == given.labels, after.called == given.labels)
    if losers.size:
        names = quote_list([class_names[c] for c in losers])
        found.append(f"{names} surely lose more than {points(MARGIN, unit='points')} of their pictures")
    worst = next(one for one in figures if one.name == "worst")
    if worst.after <= worst.before:
        found.append(f"the worst subgroup is no better: {percent(worst.before)} before, {percent(worst.after)} after")
    mean = next(one for one in figures if one.name == "balanced")
    if mean.after < mean.before - MARGIN:
        found.append(
            f"the mean over classes, with and without the concepts alike, falls from {percent(mean.before)} to "
            f"{percent(mean.after)}"
        )
    return tuple(found)


def _notices(given: RepairInput, targets: Sequence[RepairTarget]) -> tuple[str, ...]:
    """What the reader must know of how the repair was made."""
    found = []
    for (_, column), target in zip(given.pairs, targets, strict=True):
        name, concept = quote(target.class_name), quote(target.concept)
        if not given.known[:, column].any():
            found.append(
                f"nobody knows in which pictures {concept} is: {name} is fitted again by the mistakes of the model, "
                "and whether it rests on it less cannot be told"
            )
        elif min(target.n_with, target.n_without) < MIN_ARM:
            found.append(
                f"{name} has {target.n_with} pictures with {concept} and {target.n_without} without it: fewer than "
                f"{MIN_ARM} are no proof, so it is judged by the other classes"
            )
    if given.residual.shape[1] == 0 and given.known.any():
        found.append("no concept can be told from the classes themselves, so nothing is erased")
    return tuple(dict.fromkeys(found))


def _chosen_otherwise(taken: Sequence[Candidate], chosen: Trial) -> Iterator[str]:
    """That the figures are of a choice which is not always the one that is written."""
    others = [one.method for one in taken if one.method != chosen.candidate.method]
    if others:
        yield (
            "the figures are of the method that is best on other pictures than those measured, and for "
            f"{len(others)} of {len(taken)} parts of them that is {' or '.join(sorted(set(others)))}; "
            f"--method {chosen.candidate.method} gives the figures of what is written"
        )


def _left(given: RepairInput, targets: Sequence[RepairTarget], trials: Sequence[Trial], chosen: Trial) -> Iterator[str]:
    """Which findings the repair does not show to be less, and what would."""
    left = [i for i in chosen.left if given.known[:, given.pairs[i][1]].any()]
    if left:
        named = [f"{quote(targets[i].class_name)} by {quote(targets[i].concept)}" for i in left]
        yield f"held-out pictures do not show that this is less: {first_of(named, between='; ')}"
    other = takes_out_all(trials, chosen)
    if other is not None:
        penalty = "" if other.candidate.penalty is None else f" {other.candidate.penalty:g}"
        yield (
            f"{other.candidate.method}{penalty} shows all {len(targets)} to be less, and its worst subgroup "
            f"({percent(other.worst)}) is as good within noise: compare --method {other.candidate.method}"
        )


def _limit(
    given: RepairInput,
    after: Answers,
    chosen: Trial,
    head: LinearHead,
    class_names: Sequence[str],
    concepts: Sequence[str],
) -> RepairLimit | None:
    """How far more pictures, or only another training, would raise the subgroup that is worst after the repair."""
    split = [one for one in subgroups(given) if one.column >= 0]
    if not split:
        return None
    right = after.called == given.labels
    worst = worst_subgroup(right, split)
    fitted = answers_of(head, given.activations[worst.rows]).called == worst.class_idx
    return RepairLimit(
        class_name=class_names[worst.class_idx],
        concept=concepts[worst.column],
        present=worst.present,
        n=worst.rows.size,
        held_out=float(right[worst.rows].mean()),
        fitted=float(fitted.mean()),
        halved=_halved(given, worst, chosen.candidate),
    )


def _halved(given: RepairInput, worst: Subgroup, candidate: Candidate) -> float | None:
    """Held-out accuracy of the subgroup where every fit has every other of its units; None where too few are left."""
    units = np.unique(given.units[worst.rows])
    if units.size < 2 * MIN_ARM:
        return None
    left_out: BoolArray = np.zeros(given.labels.size, dtype=np.bool_)
    left_out[worst.rows] = np.isin(given.units[worst.rows], units[::2])
    right = []
    for fold in np.unique(given.folds[worst.rows]):
        judged = np.zeros(given.labels.size, dtype=np.bool_)
        judged[worst.rows] = given.folds[worst.rows] == fold
        ((_, head),) = repaired_heads(given.without_fold(int(fold), ~left_out), [candidate])
        right.append(answers_of(head, given.activations[judged]).called == worst.class_idx)
    return float(np.concatenate(right).mean())
