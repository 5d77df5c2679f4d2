"""From outcomes to figures: pairs, then classes; precision, recall, false alarms, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects.significance import clopper_pearson

Outcome = dict[str, Any]
#: (true, false, missed) of one model.
Counts = NDArray[np.float64]

_N_BOOTSTRAP, _SEED = 2000, 0
FEW_ALARMS = 5
LARGE = 0.20


def class_counts(outcome: Outcome, leads: Sequence[str | None], *, least: float = 0.0, arm: int = 0) -> Counts:
    """(true, false, missed) classes, when class c is flagged for ``leads[c]`` (None: not flagged).

    A class that relies on less than ``least`` is not asked for, nor one of which fewer than ``arm`` pictures show, or
    fail to show, whatever it relies on. A class counts as found when its concept is one that
    it relies on, or works like one; a flag on a pair in between is left out.
    """
    true = false = missed = 0
    for one, lead in zip(outcome["classes"], leads, strict=True):
        status = status_of(outcome, one["class_idx"], lead) if lead else None
        asked = one["size"] >= least and (arm == 0 or _told_by(outcome, one["class_idx"]) >= arm)
        true += status == "positive" and asked
        false += status == "negative"
        missed += one["status"] == "relies" and asked and status != "positive"
    return np.array([true, false, missed], dtype=np.float64)


def _told_by(outcome: Outcome, class_idx: int) -> int:
    """Pictures in the smaller arm of what a class relies on, of the value that most tell of."""
    own = [pair for pair in outcome["pairs"] if pair["class_idx"] == class_idx and pair["status"] == "relies"]
    return max((min(pair["n_with"], pair["n_without"]) for pair in own), default=0)


def own_leads(outcome: Outcome) -> list[str | None]:
    """What the product flags each class for."""
    return [one["lead"] if one["verdict"] == "flagged" else None for one in outcome["classes"]]


def status_of(outcome: Outcome, class_idx: int, concept_id: str) -> str:
    """Whether a concept is one that the class relies on ("positive"), one that it does not ("negative"), or neither."""
    own = [pair for pair in outcome["pairs"] if pair["class_idx"] == class_idx]
    if any(pair["status"] == "relies" and concept_id in {pair["concept_id"], *pair["alike"]} for pair in own):
        return "positive"
    undecided = [pair for pair in own if pair["status"] == "between" or pair["pulls"]]
    named = {name for pair in undecided for name in (pair["concept_id"], *pair.get("names", ()))}
    return "between" if concept_id in named else "negative"


def pair_counts(outcome: Outcome, *, least: float = 0.0, planted: bool | None = None, arm: int = 0) -> Counts:
    """(true, false, missed) pairs; values that work alike for a model are one concept, found when one of them is.

    Args:
        outcome: Of one model.
        least: Reliances below this are not asked for.
        planted: True: only what was planted is asked for; False: only what the model came to rely on besides.
        arm: Only what so many of the class's pictures show, and so many do not, is asked for.
    """
    true = false = missed = 0
    wanted: dict[tuple[int, frozenset[str]], float] = {}
    flagged: dict[int, set[str]] = {}
    for pair in outcome["pairs"]:
        seen = min(pair["n_with"], pair["n_without"]) >= arm
        if pair["status"] == "relies" and planted in (None, pair["planted"]) and seen:
            key = (pair["class_idx"], frozenset({pair["concept_id"], *pair["alike"]}))
            wanted[key] = max(wanted.get(key, 0.0), pair["effect"])
        if pair["flagged"]:
            flagged.setdefault(pair["class_idx"], set()).add(pair["concept_id"])
            false += status_of(outcome, pair["class_idx"], pair["concept_id"]) == "negative"
    for (class_idx, concepts), reliance in wanted.items():
        if reliance >= least:
            found = bool(concepts & flagged.get(class_idx, set()))
            true, missed = true + found, missed + (not found)
    return np.array([true, false, missed], dtype=np.float64)


def precision(counts: Counts) -> NDArray[np.float64]:
    """True among flagged; 1 where nothing is flagged."""
    flagged = counts[..., 0] + counts[..., 1]
    return np.where(flagged > 0, counts[..., 0] / np.maximum(flagged, 1), 1.0)


def recall(counts: Counts) -> NDArray[np.float64]:
    """True among wanted; 1 where nothing is wanted."""
    wanted = counts[..., 0] + counts[..., 2]
    return np.where(wanted > 0, counts[..., 0] / np.maximum(wanted, 1), 1.0)


def f1(counts: Counts) -> NDArray[np.float64]:
    """Harmonic mean of both."""
    total = 2 * counts[..., 0] + counts[..., 1] + counts[..., 2]
    return np.where(total > 0, 2 * counts[..., 0] / np.maximum(total, 1), 1.0)


def total_of(counts: Iterable[Counts]) -> Counts:
    """The sum over models; nothing for none."""
    total: Counts = np.sum([np.zeros(3), *counts], axis=0)
    return total


def resampled(stacked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over bootstrap samples of the rows: (n, k) to (samples, k)."""
    weights = np.random.default_rng(_SEED).multinomial(
        len(stacked), np.full(len(stacked), 1 / len(stacked)), size=_N_BOOTSTRAP
    )
    return np.asarray(weights @ stacked)


def interval(counts: Sequence[Counts], measure: Callable[[Counts], NDArray[np.float64]]) -> tuple[float, float]:
    """95 % percentile bootstrap over models."""
    low, high = np.quantile(measure(resampled(np.stack(counts))), (0.025, 0.975))
    return round(float(low), 4), round(float(high), 4)


def seed_of(outcome: Outcome) -> int:
    """The seed of the grid that a model belongs to: its models share what that seed draws."""
    return int(outcome["scenario"]["seed"]) // 1000


def figure(
    counts: Sequence[Counts], measure: Callable[[Counts], NDArray[np.float64]], seeds: Sequence[int] = ()
) -> dict[str, Any]:
    """A share with its intervals and the counts behind it.

    Args:
        counts: Of every model.
        measure: The share.
        seeds: Of every model the seed of its grid, for an interval by seed; with one seed there is none.
    """
    total = total_of(counts)
    low, high = interval(counts, measure) if counts else (0.0, 1.0)
    by_seed: dict[int, Counts] = {}
    for seed, one in zip(seeds, counts, strict=bool(seeds)):
        by_seed[seed] = by_seed.get(seed, np.zeros(3)) + one
    seed_low, seed_high = interval(list(by_seed.values()), measure) if len(by_seed) > 1 else (None, None)
    return {
        "value": round(float(measure(total)), 4),
        "low": low,
        "high": high,
        "true": int(total[0]),
        "false": int(total[1]),
        "missed": int(total[2]),
        "seeds": len(by_seed),
        "seed_low": seed_low,
        "seed_high": seed_high,
    }


def false_alarms(outcomes: Sequence[Outcome], leads: Callable[[Outcome], Sequence[str | None]]) -> dict[str, Any]:
    """Share of clean classes that are flagged, and the upper end of its 95 % interval.

    Models are the units, since classes of one model are flagged together: below five models with an alarm the bound is
    Clopper and Pearson's on models, above it is that of a bootstrap over models.
    """
    tallies = []
    for outcome in outcomes:
        clean = [k for k, one in enumerate(outcome["classes"]) if one["status"] == "clean"]
        if clean:
            flagged = leads(outcome)
            tallies.append((sum(flagged[k] is not None for k in clean), len(clean)))
    if not tallies:
        return {"value": 0.0, "upper": 1.0, "alarms": 0, "classes": 0, "models": 0}
    counts = np.array(tallies, dtype=np.float64)
    alarmed = int((counts[:, 0] > 0).sum())
    if alarmed < FEW_ALARMS:
        upper = clopper_pearson(alarmed, len(counts))[1]
    else:
        drawn = resampled(counts)
        upper = float(np.quantile(drawn[:, 0] / drawn[:, 1], 0.975))
    total = counts.sum(axis=0)
    return {
        "value": round(float(total[0] / total[1]), 4),
        "upper": round(upper, 4),
        "alarms": int(total[0]),
        "classes": int(total[1]),
        "models": len(counts),
        "models_with_alarm": alarmed,
    }


def concept_recall(outcomes: Sequence[Outcome], k: int, *, ranking: str = "ranking") -> float:
    """Of the classes that rely on something, how many have such a concept among the first k."""
    hits = [
        any(status_of(outcome, one["class_idx"], concept) == "positive" for concept in one[ranking][:k])
        for outcome in outcomes
        for one in outcome["classes"]
        if one["status"] == "relies"
    ]
    return round(float(np.mean(hits)), 4) if hits else 1.0


def average_precision(outcomes: Sequence[Outcome]) -> float:
    """AUPRC of pairs by the product's score; pairs in between are left out, ties share their precision."""
    pairs = [pair for outcome in outcomes for pair in outcome["pairs"] if pair["status"] != "between"]
    positive = np.array([pair["status"] == "relies" for pair in pairs])
    scores = np.array([pair["score"] for pair in pairs])
    if not positive.any():
        return 1.0
    area = 0.0
    for level in np.unique(scores[positive])[::-1]:
        above = scores >= level
        area += float((positive & (scores == level)).sum()) * float(positive[above].mean())
    return round(area / float(positive.sum()), 4)


def slice_precision(outcomes: Sequence[Outcome], k: int) -> float | None:
    """Mean precision of the k pictures shown as those without the concept, over flagged true pairs."""
    found = [
        pair["slices"][str(k)]
        for outcome in outcomes
        for pair in outcome["pairs"]
        if pair["flagged"] and pair["status"] == "relies" and pair["slices"][str(k)] is not None
    ]
    return round(float(np.mean(found)), 4) if found else None


def agreement(outcomes: Sequence[Outcome]) -> float | None:
    """Jaccard index of the flags of two seeds, over all models audited twice; None where nothing is flagged."""
    both = either = 0
    for outcome in (one for one in outcomes if one["flags_of_other_seed"] is not None):
        first, second = set(outcome["flags"]), set(outcome["flags_of_other_seed"])
        both, either = both + len(first & second), either + len(first | second)
    return round(both / either, 4) if either else None


def peer_leads(outcome: Outcome, name: str, threshold: float) -> list[str | None]:
    """What a peer flags each class for at this threshold."""
    return [one["lead"] if one["score"] >= threshold else None for one in outcome["peers"][name]]


def best_threshold(outcomes: Sequence[Outcome], name: str, *, arm: int = 0) -> float:
    """The threshold that gives a peer its best F1 by classes on these very models, see :func:`class_counts`."""
    scores = np.unique([one["score"] for outcome in outcomes for one in outcome["peers"][name]])
    candidates = np.unique(np.quantile(scores, np.linspace(0, 1, 101))) if scores.size > 101 else scores
    totals = [total_of(class_counts(one, peer_leads(one, name, t), arm=arm) for one in outcomes) for t in candidates]
    return float(candidates[int(np.argmax([float(f1(total)) for total in totals]))])
