"""How far each verdict is true: "clean" of classes that rely on something, and of those that nothing touches; harm.

Any verdict name is counted, whatever names the product has. A class counts by what was measured of it: *relies* with
its size in points, *truly clean* (no reliance of 5 points is possible and nothing else moves it by 10), *harmed* where
a value surely costs it pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from auditor.evidence.effects.significance import clopper_pearson
from auditor.rules import COVERED_PART, MIN_ARM
from benchmarks.planted.best_test import chances
from benchmarks.planted.score import FEW_ALARMS, LARGE, Outcome, resampled, seed_of, status_of

Row = dict[str, Any]
#: In this order, then whatever else occurs.
VERDICTS = ("flagged", "suspect", "not_shown", "clean", "harmed", "not_analysed")
SIZES = (LARGE, 0.4, 0.6)  # of reliances that "clean" must not be said of
_PICTURES = ((0, 75), (76, 200), (201, None))  # pictures a class
_ARMS = ((0, 9), (10, 19), (20, 39), (40, None))  # pictures of the smaller arm, that tell of a reliance or a harm
#: By recall the pictures of the smaller arm that exclude a gap (decision 0027).
_CLEAN_ARMS = ((0.95, 30), (0.85, 57), (0.70, 100))
_FEWEST_SEEDS = 3
_NO_HARM = 0.05  # a class that no value costs so much is wrongly called harmed


def verdict_names(outcomes: Iterable[Outcome]) -> list[str]:
    """The names that occur, in order."""
    found = {one["verdict"] for outcome in outcomes for one in outcome["classes"]}
    return [name for name in VERDICTS if name in found] + sorted(found - set(VERDICTS))


def false_clean(outcomes: Sequence[Outcome]) -> list[Row]:
    """Verdicts on classes that rely on 20 points or more, by kind of audit, pictures a class and size of reliance."""
    rows = []
    for kind, few, most, members in _by_audit(outcomes):
        for low, high in zip(SIZES, (*SIZES[1:], np.inf), strict=True):

            def asked(one: Row, low: float = low, high: float = high, few: int = few, most: float = most) -> bool:
                return relies(one, low) and one["size"] < high and few <= one["n_images"] <= most

            row = {"audit": kind, "pictures": _span(few, most), "points": f"{low * 100:.0f}–{min(high, 1) * 100:.0f}"}
            rows.append({**row, **share(members, asked, lambda one: one["verdict"] == "clean")})
    return [row for row in rows if row["classes"]]


def truly_clean(outcomes: Sequence[Outcome]) -> list[Row]:
    """Verdicts on classes that nothing touches, by kind of audit and pictures a class."""
    rows = []
    for kind, few, most, members in _by_audit(outcomes):

        def asked(one: Row, few: int = few, most: float = most) -> bool:
            return bool(one["truly_clean"]) and few <= one["n_images"] <= most

        row = {"audit": kind, "pictures": _span(few, most)}
        rows.append({**row, **share(members, asked, lambda one: one["verdict"] == "clean")})
    return [row for row in rows if row["classes"]]


def enough_to_be_clean(outcome: Outcome, one: Row) -> bool:
    """Whether a class has the pictures that "clean" takes, of every value that a tenth of its pictures or more show.

    Those are what decision 0027 asks of the smaller arm at the class's recall; below 70 % no number is named.
    """
    accuracy = outcome["accuracy"][one["class_idx"]]
    needed = next((n for recall, n in _CLEAN_ARMS if accuracy >= recall), np.inf)
    arms = [min(pair["n_with"], pair["n_without"]) for pair in _own(outcome, one)]
    covered = [arm for arm in arms if arm >= COVERED_PART * one["n_images"]]
    return bool(covered) and min(covered) >= needed


def with_enough_pictures(outcomes: Sequence[Outcome]) -> Row:
    """Verdicts on the classes that nothing touches and that have the pictures for "clean"."""
    kept = [
        {**outcome, "classes": [one for one in outcome["classes"] if enough_to_be_clean(outcome, one)]}
        for outcome in outcomes
    ]
    return share(kept, lambda one: bool(one["truly_clean"]), lambda one: one["verdict"] == "clean")


def by_smaller_arm(outcomes: Sequence[Outcome], *, harm: bool) -> list[Row]:
    """Verdicts on classes that rely on a value, or are harmed by one, by 20 points, by how many pictures tell it.

    That is the smaller of the class's pictures with the value and without it, of the value that most tell of. Of
    reliances ``best_test`` is how many a test would be expected to find that knew where to look, by its level.
    """
    found: dict[str, dict[str, int]] = {}
    best: dict[str, dict[str, float]] = {}
    for few, most in _ARMS:
        for outcome in outcomes:
            for one in outcome["classes"]:
                large = [pair for pair in _own(outcome, one) if (_is_harmed if harm else _is_relied_on)(pair)]
                arm = max((min(pair["n_with"], pair["n_without"]) for pair in large), default=-1)
                if few <= arm <= (np.inf if most is None else most):
                    name = _span(few, np.inf if most is None else most)
                    row = found.setdefault(name, {})
                    row[one["verdict"]] = row.get(one["verdict"], 0) + 1
                    if not harm:
                        for level, chance in chances(large).items():
                            expected = best.setdefault(name, {})
                            expected[level] = expected.get(level, 0.0) + chance
    return [
        {"pictures": name, "classes": sum(row.values()), "verdicts": row}
        | ({} if harm else {"best_test": {level: round(n, 1) for level, n in best[name].items()}})
        for name, row in found.items()
    ]


def _own(outcome: Outcome, one: Row) -> list[Row]:
    return [pair for pair in outcome["pairs"] if pair["class_idx"] == one["class_idx"]]


def _is_harmed(pair: Row) -> bool:
    return bool(pair["harmed"] and pair["harm"] <= -LARGE)


def _is_relied_on(pair: Row) -> bool:
    return bool(pair["status"] == "relies" and pair["effect"] >= LARGE)


def harmed(outcomes: Sequence[Outcome]) -> Row:
    """Classes that a value surely harms by 20 points or more, how many are called harmed, and how many others are.

    ``visible`` are those of which the audit shows ten pictures with the value and ten without.
    """
    true, seen, named, wrong = 0, 0, 0, 0
    verdicts: dict[str, int] = {}
    for outcome in outcomes:
        for one in outcome["classes"]:
            own = _own(outcome, one)
            large = [pair for pair in own if _is_harmed(pair)]
            if large:
                true += 1
                seen += any(min(pair["n_with"], pair["n_without"]) >= MIN_ARM for pair in large)
                verdicts[one["verdict"]] = verdicts.get(one["verdict"], 0) + 1
                named += one["verdict"] == "harmed" and any(
                    one["lead"] in {pair["concept_id"], *pair["alike"]} for pair in large
                )
            wrong += one["verdict"] == "harmed" and all(min(pair["harm"], pair["effect"]) > -_NO_HARM for pair in own)
    return {
        "classes": true,
        "visible": seen,
        "verdicts": dict(sorted(verdicts.items())),
        "named": named,
        "wrong": wrong,
    }


def left_out(outcomes: Sequence[Outcome]) -> Row:
    """What no other figure counts: classes in between, flags on what is in between or pulls, and repelled classes."""
    classes = [(outcome, one) for outcome in outcomes for one in outcome["classes"]]
    between = [one for _, one in classes if one["status"] == "between"]
    flags = [(outcome, pair) for outcome in outcomes for pair in outcome["pairs"] if pair["flagged"]]
    leads = [(outcome, one) for outcome, one in classes if one["verdict"] == "flagged" and one["lead"]]
    return {
        "classes": len(between),
        "verdicts": _counts(between),
        "class_flags": sum(status_of(outcome, one["class_idx"], one["lead"]) == "between" for outcome, one in leads),
        "pair_flags": sum(
            status_of(outcome, pair["class_idx"], pair["concept_id"]) == "between" for outcome, pair in flags
        ),
        "repelled": sum(one["repelled"] for _, one in classes),
        "repelled_verdicts": _counts([one for _, one in classes if one["repelled"]]),
    }


def relies(one: Row, least: float) -> bool:
    """Whether a class surely relies on something, by so much or more."""
    return bool(one["status"] == "relies" and one["size"] >= least)


def share(outcomes: Sequence[Outcome], asked: Callable[[Row], bool], hit: Callable[[Row], bool]) -> Row:
    """Verdicts on the classes that are asked for, the share that is hit, and its 95 % intervals by model and by seed.

    With fewer than five models that have a hit the interval is Clopper and Pearson's on models; by seed there is none
    with fewer than three seeds.
    """
    tallies, seeds, classes = [], [], []
    for outcome in outcomes:
        own = [one for one in outcome["classes"] if asked(one)]
        if own:
            tallies.append((sum(map(hit, own)), len(own)))
            seeds.append(seed_of(outcome))
            classes += own
    if not tallies:
        return {"classes": 0, "models": 0, "verdicts": {}}
    counts = np.array(tallies, dtype=np.float64)
    with_hit = int((counts[:, 0] > 0).sum())
    if with_hit < FEW_ALARMS:
        low, high = clopper_pearson(with_hit, len(counts))
    else:
        low, high = _bounds(counts)
    by_seed = [counts[np.array(seeds) == seed].sum(axis=0) for seed in sorted(set(seeds))]
    seed_bounds = _bounds(np.stack(by_seed)) if len(by_seed) >= _FEWEST_SEEDS else (None, None)
    return {
        "classes": len(classes),
        "models": len(tallies),
        "verdicts": _counts(classes),
        "hits": int(counts[:, 0].sum()),
        "share": round(float(counts[:, 0].sum() / counts[:, 1].sum()), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "seeds": len(by_seed),
        "seed_low": seed_bounds[0],
        "seed_high": seed_bounds[1],
    }


def _bounds(counts: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    drawn = resampled(counts)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    return round(float(low), 4), round(float(high), 4)


def _counts(classes: Iterable[Row]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in classes:
        found[one["verdict"]] = found.get(one["verdict"], 0) + 1
    return dict(sorted(found.items()))


def _by_audit(outcomes: Sequence[Outcome]) -> Iterable[tuple[str, int, float, list[Outcome]]]:
    """Kind of audit and bounds of pictures a class, with the models of the kind."""
    for kind in dict.fromkeys(one["scenario"]["audit"] for one in outcomes):
        members = [one for one in outcomes if one["scenario"]["audit"] == kind]
        for few, most in _PICTURES:
            yield kind, few, np.inf if most is None else most, members


def _span(few: int, most: float) -> str:
    return f"> {few - 1}" if most == np.inf else f"≤ {most:.0f}" if few == 0 else f"{few}–{most:.0f}"
