"""What a repair does to pictures that it did not see: five folds, whole groups and copies together.

Every candidate is fitted without each fold and asked about it. The candidate that stands for a fold is chosen on the
others, so the choice has not seen the pictures either; the head that is written is fitted on all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.errors import InputError
from auditor.gate.gap_change import paired_gap
from auditor.records import BoolArray, FloatArray, IntArray, LinearHead, Progress
from auditor.repair.balance import balanced_weights
from auditor.repair.methods import Candidate, repaired_heads
from auditor.repair.repair_input import RepairInput
from auditor.repair.subgroups import class_accuracies, subgroups, sure_losers, worst_subgroup
from auditor.rules import CONFIDENCE


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What pictures are called, and with what confidence."""

    called: IntArray  # (n,)
    confidence: FloatArray  # (n,)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A candidate on held-out pictures."""

    candidate: Candidate
    answers: Answers
    worst: float
    worst_error: float  # standard error of ``worst``
    balanced: float
    losers: IntArray  # classes that surely lose more than the margin
    #: Positions of the pairs of which neither gap nor pull is surely less; no choice goes by it, so a fold has none.
    left: tuple[int, ...] = ()


def answers_of(head: LinearHead, activations: FloatArray) -> Answers:
    """Of a head to pictures (n, K)."""
    logits = activations @ head.weight.T + head.bias
    called = logits.argmax(axis=1)
    top = logits[np.arange(called.size), called]
    return Answers(called.astype(np.int64), (1 / np.exp(logits - top[:, None]).sum(axis=1)).astype(np.float32))


def try_all(given: RepairInput, wanted: list[Candidate], progress: Progress) -> list[Trial]:
    """Every candidate's answers to every picture, by a head that was fitted without the picture's fold."""
    n, folds = given.labels.size, np.unique(given.folds)
    if folds.size < 2:
        raise InputError(
            "all pictures belong to one fold (by their groups), so none can be held out and no repair be proven; give "
            "more groups"
        )
    held_out = {one: Answers(np.zeros(n, np.int64), np.zeros(n, np.float32)) for one in wanted}
    for done, fold in enumerate(folds):
        judged = given.folds == fold
        for one, head in repaired_heads(given.without_fold(int(fold)), wanted):
            found = answers_of(head, given.activations[judged])
            held_out[one].called[judged], held_out[one].confidence[judged] = found.called, found.confidence
        progress("repair: held-out folds", done + 1, folds.size)
    before = answers_of(given.head, given.activations)
    trials = [_scored(given, one, answers, before) for one, answers in held_out.items()]
    return [replace(one, left=pairs_left(given, before, one.answers)) for one in trials]


def _scored(given: RepairInput, candidate: Candidate, answers: Answers, before: Answers) -> Trial:
    right = answers.called == given.labels
    weights = balanced_weights(given.labels, given.present, given.known)
    worst = worst_subgroup(right, subgroups(given))
    rate, n = float(right[worst.rows].mean()), worst.n_units
    shrunk = (rate * n + 1) / (n + 2)  # ten of ten are no proof that nothing is missed
    return Trial(
        candidate,
        answers,
        worst=rate,
        worst_error=float(np.sqrt(shrunk * (1 - shrunk) / n)),
        balanced=float(class_accuracies(right, given.labels, weights).mean()),
        losers=sure_losers(given, before.called == given.labels, right),
    )


def pairs_left(given: RepairInput, before: Answers, after: Answers) -> tuple[int, ...]:
    """Positions of the pairs of which neither recall gap nor pull is surely less, asked as ``auditor diff`` asks it."""
    return tuple(i for i, pair in enumerate(given.pairs) if not _is_less(given, pair, before, after))


def _is_less(given: RepairInput, pair: tuple[int, int], before: Answers, after: Answers) -> bool:
    c, column = pair
    own, known = given.labels == c, given.known[:, column]
    for rows, stratum in ((own & known, np.zeros_like(given.labels)), (~own & known, given.labels)):
        gap = paired_gap(
            before.called[rows] == c,
            after.called[rows] == c,
            given.present[rows, column],
            stratum[rows],
            given.units[rows],
        )
        if gap is None:
            continue
        if gap.old.effect < 0:  # a concept that harms its class: less of it is more
            gap = gap.reversed()
        if gap.difference(CONFIDENCE).high < 0 and abs(gap.new.effect) < gap.old.effect:
            return True
    return False


def best(trials: Sequence[Trial]) -> Trial:
    """The average of the refitted heads, unless another is better by more than noise.

    The best has the best worst subgroup among those that cost no class more than the margin, then the best mean over
    classes. Its lead is of few pictures, and the average does not hang on them: it stands where it comes within one
    standard error (Breiman et al. 1984, the rule of one standard error).
    """
    first = max(trials, key=lambda one: (one.losers.size == 0, one.worst, one.balanced))
    average = next((one for one in trials if one.candidate.method == "average"), first)
    costs = average.losers.size > 0 and first.losers.size == 0
    return first if costs or average.worst < first.worst - first.worst_error else average


def takes_out_all(trials: Sequence[Trial], chosen: Trial) -> Trial | None:
    """What shows every pair less where the choice does not, costs no class and is as good within one standard error.

    It is told and not taken: whether each of several pairs is surely less changes with a fifth of the pictures, and so
    would the choice from fold to fold. None where there is no such candidate.
    """
    if not chosen.left:
        return None
    near = [one for one in trials if not one.left and not one.losers.size]
    near = [one for one in near if one.worst >= chosen.worst - chosen.worst_error]
    return max(near, key=lambda one: (one.worst, one.balanced), default=None)


def chosen_without_seeing(given: RepairInput, trials: Sequence[Trial]) -> tuple[Answers, tuple[Candidate, ...]]:
    """For every fold the answers of the candidate that is best on the other folds, and which one that is."""
    before = answers_of(given.head, given.activations)
    called, confidence = before.called.copy(), before.confidence.copy()
    taken = []
    for fold in np.unique(given.folds):
        judged = given.folds == fold
        others = given.part(~judged)
        seen = _part(before, ~judged)
        scored = [_scored(others, one.candidate, _part(one.answers, ~judged), seen) for one in trials]
        chosen = trials[scored.index(best(scored))]
        called[judged], confidence[judged] = chosen.answers.called[judged], chosen.answers.confidence[judged]
        taken.append(chosen.candidate)
    return Answers(called, confidence), tuple(taken)


def _part(answers: Answers, rows: BoolArray) -> Answers:
    return Answers(answers.called[rows], answers.confidence[rows])
