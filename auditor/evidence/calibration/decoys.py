"""Decoy words: the concepts of context with their directions exchanged among those that are about as frequent.

A decoy is a word without its meaning. E1's screen should not let it through for a class that does not rely on the
concept whose name it bears, and no verdict should rest on it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auditor.evidence.calibration.planted_heads import Bench
from auditor.evidence.effects.association import present_counts
from auditor.evidence.evidence_input import EvidenceResult
from auditor.evidence.pairs.measure import carries_words
from auditor.records import BoolArray, IntArray
from auditor.rules import DELTA, MIN_ARM

#: Exchanges that are tried.
N_SHUFFLES = 5
#: Concepts of about the same frequency among which directions are exchanged.
_ALIKE = 5


def decoy_trials(
    bench: Bench, judge_with: Callable[[IntArray], EvidenceResult]
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(trials, hits, suspects) of E1's screen, and of the verdicts; a trial is a class with all its decoys.

    Args:
        bench: The audit; its own head is described in decoys.
        judge_with: Judges it with, for each concept, the one whose direction it is said with.
    """
    inputs, relied_on = bench.inputs, _relied_on(bench)
    position = {concept.concept_id: v for v, concept in enumerate(inputs.concepts)}
    words, flags = [0, 0], [0, 0, 0]
    for number in range(N_SHUFFLES):
        decoys = exchanged(bench, np.random.default_rng([inputs.seed, 13, number]))
        wrong = decoys != np.arange(decoys.size)
        if not wrong.any():
            break
        result = judge_with(decoys)
        n_seen = present_counts(
            bench.features.present, inputs.predicted_idx, len(inputs.class_names), copies=inputs.copies
        )
        seen = n_seen >= MIN_ARM
        passed = {
            record.class_idx
            for record in result.class_concepts
            if carries_words(record)
            and _may_mislead(record.class_idx, position[record.concept_id], wrong, relied_on)
            and bench.context[record.class_idx, position[record.concept_id]]
            and seen[record.class_idx, position[record.concept_id]]
        }
        for c in bench.classes():
            verdict = result.verdicts[c]
            named = position.get(verdict.concept_id or "")
            misled = named is not None and _may_mislead(int(c), named, wrong, relied_on)
            words[0] += 1
            words[1] += int(c) in passed
            flags[0] += 1
            flags[1] += misled and verdict.verdict == "flagged"
            flags[2] += misled and verdict.verdict == "suspect"
    return (words[0], words[1], 0), (flags[0], flags[1], flags[2])


def exchanged(bench: Bench, rng: np.random.Generator) -> IntArray:
    """For each concept, the one whose direction it gets: its own for core concepts, else one about as frequent."""
    present = bench.features.present
    # a family has no direction of its own
    worded = np.array([not (one.column or one.members) for one in bench.inputs.concepts], dtype=np.bool_)
    context = np.flatnonzero(bench.context.any(axis=0) & worded)
    frequency = present[:, context].mean(axis=0) if len(present) else np.zeros(context.size)
    ordered = context[np.argsort(-frequency, kind="stable")]
    taken = np.arange(len(bench.inputs.concepts))
    parts = np.array_split(ordered, max(1, ordered.size // _ALIKE))
    for members in parts:
        if members.size > 1:
            shuffled = rng.permutation(members)
            taken[shuffled] = np.roll(shuffled, 1)  # one cycle: nobody keeps its own
    return taken


def _may_mislead(c: int, v: int, wrong: BoolArray, relied_on: BoolArray) -> bool:
    """Whether the word is a decoy and the class does not rely on what it is the name of."""
    return bool(wrong[v] and not relied_on[c, v])


def _relied_on(bench: Bench) -> BoolArray:
    """(C, V) pairs on which the user's head relies by DELTA or more."""
    pairs = np.zeros(bench.context.shape, dtype=np.bool_)
    for t, members in enumerate(bench.truth.alike):
        pairs[:, list(members)] = (np.nan_to_num(bench.own[:, t]) >= DELTA)[:, None]
    return pairs
