"""One map of one picture put to the test, and all of them as records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.faithfulness.summary import mean_row
from auditor.faithfulness_records import FaithfulnessKind, FaithfulnessMeasure, FaithfulnessRow

#: Name of the control of maps.
MOVED = "the same map elsewhere"
#: What is compared from method to method; the rest stands beside its own control alone.
_COMPARED: tuple[FaithfulnessMeasure, ...] = ("relevance_gain", "specific")


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What came of a map, and of the same map elsewhere (measures that have no such control are not in it)."""

    kind: FaithfulnessKind
    method: str
    picture: str
    found: Mapping[FaithfulnessMeasure, float]
    moved: Mapping[FaithfulnessMeasure, float]


def trial_rows(trials: Sequence[Trial], own_methods: Mapping[FaithfulnessKind, str]) -> list[FaithfulnessRow]:
    """Means over pictures: by method and measure, less the same map elsewhere, and less the audit's own method.

    A picture with several maps of a kind and method (one a phrase) counts once, with their mean.

    Args:
        trials: All that were made.
        own_methods: By kind of map, the method that the audit draws with.
    """
    found: defaultdict[tuple[FaithfulnessKind, str], dict[str, list[Trial]]] = defaultdict(dict)
    for trial in trials:
        found[trial.kind, trial.method].setdefault(trial.picture, []).append(trial)
    rows: list[FaithfulnessRow | None] = []
    for (kind, method), pictures in found.items():
        own = found.get((kind, own_methods.get(kind, method)), {})
        measures = list(dict.fromkeys(name for trials in pictures.values() for trial in trials for name in trial.found))
        for name in measures:
            values = [_mean([trial.found for trial in trials], name) for trials in pictures.values()]
            controls = [_mean([trial.moved for trial in trials], name) for trials in pictures.values()]
            rows += [
                mean_row(kind, method, name, values),
                mean_row(kind, method, name, values, controls, MOVED),
            ]
            if name in _COMPARED and method != own_methods.get(kind, method):
                of_own = [_mean([one.found for one in own.get(picture, [])], name) for picture in pictures]
                rows.append(mean_row(kind, method, name, values, of_own, own_methods[kind]))
    return [row for row in rows if row is not None]


def mean_measures(found: Sequence[Mapping[FaithfulnessMeasure, float]]) -> dict[FaithfulnessMeasure, float]:
    """Means of each measure over several maps."""
    return {name: _mean(found, name) for name in dict.fromkeys(name for one in found for name in one)}


def _mean(of_maps: Sequence[Mapping[FaithfulnessMeasure, float]], name: FaithfulnessMeasure) -> float:
    """Mean over the maps of one picture that have the measure, NaN where none has."""
    known = [measures[name] for measures in of_maps if np.isfinite(measures.get(name, np.nan))]
    return float(np.mean(known)) if known else float("nan")
