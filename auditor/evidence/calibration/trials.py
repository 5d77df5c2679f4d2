"""How far to trust the verdicts on these data: heads of known truth are judged as the user's head was.

Recall is counted on planted heads (planted_heads.py), once on the pictures as they are, and once with fewer of the
class's own, so that it shows the concept in half of them, as a class does that has a shortcut. False alarms are counted
on heads that rely on nothing and err at random. Decoys (decoys.py) are words with another concept's meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.calibration_records import CalibrationMeasure, CalibrationRow
from auditor.evidence.calibration.decoys import decoy_trials
from auditor.evidence.calibration.planted_heads import Bench, Plant, plants, without_reliance
from auditor.evidence.calibration.planting import class_reliance, reliances
from auditor.evidence.effects.significance import clopper_pearson
from auditor.evidence.evidence_input import EvidenceInput, EvidenceResult
from auditor.evidence.presence.families import members_of
from auditor.records import (
    FloatArray,
    IntArray,
    LinearHead,
    Progress,
    Verdict,
)
from auditor.rules import DELTA

#: Judges a head on some of the pictures as the audit did, with words made for it. The last argument gives, for each
#: concept, the one whose direction it is said with; None for its own.
JudgeHead = Callable[[LinearHead, IntArray, IntArray | None], EvidenceResult]

#: Sizes of the planted reliances.
SIZES = (0.05, 0.10, 0.20, 0.40)
_PLANTED: tuple[CalibrationMeasure, CalibrationMeasure] = ("recall", "recall_common")
#: Classes of a head that are counted for false alarms, so that many classes do not take hours.
_MOST_CLASSES = 50


@dataclass(slots=True)
class _Tally:
    """Verdicts on one kind of trial."""

    measure: CalibrationMeasure
    effect: float | None = None
    n: int = 0
    n_found: int = 0
    n_suspect: int = 0

    def count(self, verdict: Verdict, *, found: bool = True) -> None:
        """Add a verdict; a flag for something else than what was planted finds nothing."""
        self.n += 1
        self.n_found += verdict.verdict == "flagged" and found
        self.n_suspect += verdict.verdict == "suspect"

    def row(self) -> CalibrationRow:
        """The record, with an exact interval."""
        low, high = clopper_pearson(self.n_found, self.n)
        return CalibrationRow(self.measure, self.effect, self.n, self.n_found, self.n_suspect, low, high)


def calibrate(
    inputs: EvidenceInput,
    activations: FloatArray,
    judge_head: JudgeHead,
    *,
    n_heads: int,
    on_progress: Progress | None = None,
) -> list[CalibrationRow]:
    """Recall by size of the planted reliance, false alarms, and decoy words.

    Args:
        inputs: What the audit was judged on; its head has at least two rows.
        activations: (N, K) inputs of the head.
        judge_head: Judges a head as the audit did.
        n_heads: Planted heads of each size, twice (see above), and heads without reliances.
        on_progress: Called with ("calibrate", done, total).

    Returns:
        One record for every kind of trial and size, in a fixed order; ``n`` is 0 where no such head could be made.
    """
    total, done = (len(_PLANTED) * len(SIZES) + 1) * n_heads + 1, 0
    bench = Bench.of(inputs, activations)
    tallies: list[_Tally] = []
    beside, alarms = _Tally("beside"), _Tally("false_alarms")
    for measure in _PLANTED:
        for size in SIZES:
            tally = _Tally(measure, size)
            for plant in plants(bench, size, n_heads, common=measure == "recall_common"):
                verdicts = judge_head(plant.head, plant.rows, None).verdicts
                tally.count(verdicts[plant.class_idx], found=_named(bench, plant, verdicts[plant.class_idx]))
                others = _some(np.setdiff1d(bench.free_classes(), [plant.class_idx]), (inputs.seed, done))
                for c in _clean(bench, plant.head, plant.rows, others):
                    beside.count(verdicts[c])
                done += 1
                _tell(on_progress, done, total)
            tallies.append(tally)
    for number in range(n_heads):
        classes = _some(bench.classes(), (inputs.seed, number))
        head, rows = without_reliance(bench, number, classes)
        verdicts = judge_head(head, rows, None).verdicts
        for c in _clean(bench, head, rows, classes):
            alarms.count(verdicts[c])
        done += 1
        _tell(on_progress, done, total)
    words, flags = decoy_trials(bench, lambda decoys: judge_head(bench.head, np.arange(len(activations)), decoys))
    _tell(on_progress, total, total)
    decoys = [_Tally("decoy_words", None, *words), _Tally("decoy_flags", None, *flags)]
    return [tally.row() for tally in (*tallies, alarms, beside, *decoys)]


def _tell(on_progress: Progress | None, done: int, total: int) -> None:
    if on_progress is not None:
        on_progress("calibrate", done, total)


def _some(classes: IntArray, seed: Sequence[int]) -> IntArray:
    """At most :data:`_MOST_CLASSES` of the classes."""
    if classes.size <= _MOST_CLASSES:
        return classes
    return np.sort(np.random.default_rng([11, *seed]).choice(classes, _MOST_CLASSES, replace=False))


def _clean(bench: Bench, head: LinearHead, rows: IntArray, classes: IntArray) -> list[int]:
    """Classes of which it is measured that they rely on no concept by DELTA."""
    found = np.nan_to_num(reliances(head, bench.features, bench.truth, rows, classes), nan=0.0)
    return [int(c) for c, leans in zip(classes, found, strict=True) if leans.max(initial=0.0) < DELTA]


def _named(bench: Bench, plant: Plant, verdict: Verdict) -> bool:
    """Whether a verdict names what was planted, or a concept that the class has come to rely on with it."""
    concepts = bench.inputs.concepts
    named = next((v for v, concept in enumerate(concepts) if concept.concept_id == verdict.concept_id), None)
    if named is None or named in plant.alike:
        return named is not None
    if not set(plant.alike).isdisjoint(members_of(concepts).get(named, ())):
        return True  # the family of what was planted
    column = next((t for t, members in enumerate(bench.truth.alike) if named in members), None)
    if column is None:
        return False
    truth = bench.truth.only(column)
    return float(class_reliance(plant.head, bench.features, truth, plant.rows, plant.class_idx)[0]) >= DELTA
