"""What a model really relies on: paired renders in which one factor is changed and nothing else.

For class c and value v of a factor, with r(v) the share of c's pictures that are called c under v: effect = r(v) less
the upper quartile of r under the factor's other values, or less r under the neutral value where that is more (a ruler
that does as well as no ruler is not relied on). The pull is the same of the share of the other classes' pictures that
are called c, averaged over these classes.

Harm is the mirror image: r(v) less the lower quartile of r under the other values, or less r under the neutral value
where that is less, so that a class which relies on another value is not harmed by this one. Its bounds are a family of
their own.

Values that work alike for a model (no class's pictures are called anything else under one than under the other) are one
super-concept, measured against the values outside it: three scenes that work alike would else hide each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted.bank import IntArray
from benchmarks.planted.drawing import ClassOf
from benchmarks.planted.worlds import CHANGED

Float64Array = NDArray[np.float64]
Status = Literal["relies", "clean", "between"]

RELIES, CLEAN = 0.10, 0.05
#: Values whose answers differ by no more than this, for every class and answer, may work alike.
ALIKE = 0.10
_N_BOOTSTRAP, _LEVEL = 1000, 0.95


@dataclass(frozen=True, slots=True)
class PairTruth:
    """One class and one value of a factor. ``low`` and ``high`` hold for all pairs of the model together."""

    class_idx: int
    factor: str
    value: str
    alike: tuple[str, ...]  # the super-concept, ``value`` included
    accuracy: float
    effect: float
    low: float
    high: float
    pull: float
    pull_low: float
    pull_high: float
    harm: float = 0.0
    harm_low: float = -1.0
    harm_high: float = 1.0

    @property
    def status(self) -> Status:
        """What the pair counts as."""
        if self.low > RELIES:
            return "relies"
        return "clean" if self.high < CLEAN else "between"

    @property
    def pulls(self) -> bool:
        """Whether other classes' pictures are called this class because of the value: no flag on it is a false one."""
        return self.pull_low > CLEAN

    @property
    def repelled(self) -> bool:
        """Whether accuracy falls where v is, by more than what counts as reliance."""
        return self.high < -RELIES

    @property
    def harmed(self) -> bool:
        """Whether the value surely costs the class more of its pictures than what counts as reliance."""
        return self.harm_high < -RELIES

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def measure(
    labels: IntArray,
    called: NDArray[np.int8],
    names: Sequence[tuple[str, str]],
    classes: Sequence[ClassOf],
    *,
    seed: int = 0,
    n_samples: int = _N_BOOTSTRAP,
) -> list[PairTruth]:
    """Effects and pulls of every concept on every class, with simultaneous 95 % bounds (bootstrap of max |t|).

    Args:
        labels: (n,) classes.
        called: (n, variants) answers.
        names: (factor, value) of every variant.
        classes: Those that are scenes have no truth about scenes: another one would make them another class.
        seed: Of the bootstrap.
        n_samples: Samples of the bootstrap; with a hundred classes 1,000 would not fit into memory.
    """
    rng = np.random.default_rng((seed, 78))
    n_classes = int(labels.max()) + 1
    # (1 + samples, source class, variant, answer) rates; the first is the data's own
    rates = np.stack(
        [bootstrap(called[labels == k], n_classes, rng, n_samples=n_samples) for k in range(n_classes)], axis=1
    )
    pairs: list[tuple[int, str, str, tuple[str, ...]]] = []
    effects: list[Float64Array] = []
    harms: list[Float64Array] = []
    floors: list[float] = []
    per_class = np.bincount(labels, minlength=n_classes)
    for factor, neutral in CHANGED.items():
        columns = [k for k, (name, _) in enumerate(names) if name == factor]
        values = [names[k][1] for k in columns]
        of_factor = rates[:, :, columns]
        zero = values.index(neutral) if neutral in values else None
        for c, one in enumerate(classes):
            for v, value in enumerate(values):
                if value == neutral or (factor == "background" and one.background is not None):
                    continue
                alike = _alike(of_factor[0], v, zero)
                own = of_factor[:, c, :, c]
                others = np.delete(of_factor[..., c], c, axis=1).mean(axis=1)
                pairs.append((c, factor, value, tuple(values[k] for k in alike)))
                effects.append(np.stack([own[:, v], _gap(own, alike, zero), _gap(others, alike, zero)], axis=1))
                harms.append(np.stack([own[:, v], *[_harm(own, alike, zero)] * 2], axis=1))
                floors.append(1 / float(per_class[c]))
    found = with_bounds(pairs, np.stack(effects, axis=1), np.array(floors))
    harmed = with_bounds(pairs, np.stack(harms, axis=1), np.array(floors))
    return [
        replace(one, harm=harm.effect, harm_low=harm.low, harm_high=harm.high)
        for one, harm in zip(found, harmed, strict=True)
    ]


def bootstrap(
    called: NDArray[np.int8], n_classes: int, rng: np.random.Generator, *, n_samples: int = _N_BOOTSTRAP
) -> Float64Array:
    """Rates of every answer under every variant, in the scenes and in bootstrap samples of them.

    Returns:
        (1 + samples, variants, answers), the scenes' own first.
    """
    n, n_variants = called.shape
    weights = rng.multinomial(n, np.full(n, 1 / n), size=n_samples) / n
    weights = np.concatenate([np.full((1, n), 1 / n), weights])
    answered = (called[..., None] == np.arange(n_classes)).reshape(n, -1).astype(np.float64)
    return np.asarray((weights @ answered).reshape(len(weights), n_variants, n_classes))


def _alike(rates: Float64Array, v: int, zero: int | None) -> list[int]:
    """Values that all of the model's answers are alike under, ``v`` first, never the neutral one.

    Args:
        rates: (classes, values, answers).
        v: The value.
        zero: The neutral value.
    """
    n_values = rates.shape[1]
    apart = np.abs(rates[:, :, None] - rates[:, None]).max(axis=(0, 3))  # (values, values)
    found = [v]
    for u in np.argsort(apart[v], kind="stable"):
        if u not in (v, zero) and apart[u][found].max() <= ALIKE and len(found) < n_values // 2:
            found.append(int(u))
    return found


def _gap(rates: Float64Array, alike: Sequence[int], zero: int | None) -> Float64Array:
    """Mean rate of values that work alike, less what they are compared with: (samples, values) to (samples,)."""
    reference = np.quantile(np.delete(rates, alike, axis=1), 0.75, axis=1)
    if zero is not None:
        reference = np.maximum(reference, rates[:, zero])
    return np.asarray(rates[:, list(alike)].mean(axis=1) - reference)


def _harm(rates: Float64Array, alike: Sequence[int], zero: int | None) -> Float64Array:
    """As `_gap`, against the lower quartile and the neutral value: below 0 where values that work alike do harm."""
    reference = np.quantile(np.delete(rates, alike, axis=1), 0.25, axis=1)
    if zero is not None:
        reference = np.minimum(reference, rates[:, zero])
    return np.asarray(rates[:, list(alike)].mean(axis=1) - reference)


def with_bounds(
    pairs: Sequence[tuple[int, str, str, tuple[str, ...]]], samples: Float64Array, floors: Float64Array
) -> list[PairTruth]:
    """Bounds effect ± q · se, with q the 95 % quantile over samples of the largest |t| among all pairs.

    Args:
        pairs: Class, factor, value, values alike.
        samples: (1 + samples, pairs, 3) accuracy, effect and pull.
        floors: (pairs,) smallest standard error: answers that never differ in n scenes may still differ in the next.
    """
    estimate, boot = samples[0, :, 1:], samples[1:, :, 1:]
    error = np.maximum(boot.std(axis=0, ddof=1), floors[:, None])
    largest = np.abs((boot - boot.mean(axis=0)) / error).max(axis=(1, 2))
    half = np.quantile(largest, _LEVEL) * error
    return [
        PairTruth(
            c,
            factor,
            value,
            alike,
            _round(samples[0, k, 0]),
            *(_round(estimate[k, 0] + sign * half[k, 0]) for sign in (0, -1, 1)),
            *(_round(estimate[k, 1] + sign * half[k, 1]) for sign in (0, -1, 1)),
        )
        for k, (c, factor, value, alike) in enumerate(pairs)
    ]


def _round(value: float) -> float:
    return round(float(value), 4)
