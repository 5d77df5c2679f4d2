"""The summary of a run and the tables that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from auditor.rules import MIN_ARM
from benchmarks.planted import claims, score
from benchmarks.planted.ablations import ABLATIONS
from benchmarks.planted.peers import PEERS
from benchmarks.planted.score import Outcome

Summary = dict[str, Any]
_ENOUGH_ELSEWHERE = 20  # pictures of other classes with the value
ENOUGH_COUNTEREXAMPLES = 20  # pictures of the class with what it relies on, and without


def summarise(outcomes: Sequence[Outcome]) -> Summary:
    """The figures of docs/benchmark.md. ``recall`` asks for classes with 10 points or more, ``pair_recall`` for 20."""
    classes = [score.class_counts(one, score.own_leads(one)) for one in outcomes]
    told_classes = [
        score.class_counts(one, score.own_leads(one), least=score.LARGE, arm=ENOUGH_COUNTEREXAMPLES) for one in outcomes
    ]
    large_classes = [score.class_counts(one, score.own_leads(one), least=score.LARGE) for one in outcomes]
    pairs = [score.pair_counts(one) for one in outcomes]
    large_pairs = [score.pair_counts(one, least=score.LARGE) for one in outcomes]
    alarms = score.false_alarms(outcomes, score.own_leads)
    seeds = [score.seed_of(one) for one in outcomes]
    peers = [name for name in PEERS if any(name in one["peers"] for one in outcomes)]

    def figure(counts: Sequence[score.Counts], measure: Callable[[score.Counts], Any]) -> dict[str, Any]:
        return score.figure(counts, measure, seeds)

    figures = {
        "precision": figure(classes, score.precision),
        "recall": figure(classes, score.recall),
        "recall_20": figure(large_classes, score.recall),
        "recall_told": figure(told_classes, score.recall),
        "f1": figure(classes, score.f1),
        "pair_precision": figure(pairs, score.precision),
        "pair_recall": figure(large_pairs, score.recall),
        "pair_recall_10": figure(pairs, score.recall),
        "planted_pair_recall": figure(
            [score.pair_counts(one, least=score.LARGE, planted=True) for one in outcomes], score.recall
        ),
        "visible_pair_recall": figure(
            [score.pair_counts(one, least=score.LARGE, planted=True, arm=MIN_ARM) for one in outcomes], score.recall
        ),
        "other_pair_recall": figure(
            [score.pair_counts(one, least=score.LARGE, planted=False) for one in outcomes], score.recall
        ),
    }
    statuses = [one["status"] for outcome in outcomes for one in outcome["classes"]]
    return {
        "n_models": len(outcomes),
        "n_clean_classes": statuses.count("clean"),
        "n_reliant_classes": statuses.count("relies"),
        "n_between_classes": statuses.count("between"),
        **{name: figure["value"] for name, figure in figures.items()},
        "false_alarm_rate": alarms["value"],
        "false_alarm_upper": alarms["upper"],
        "auprc": score.average_precision(outcomes),
        **{f"concept_recall_{k}": score.concept_recall(outcomes, k) for k in (1, 5, 10)},
        **{f"words_recall_{k}": score.concept_recall(outcomes, k, ranking="by_words") for k in (1, 5, 10)},
        **{f"slice_precision_{k}": score.slice_precision(outcomes, k) for k in (10, 25)},
        "seed_agreement": score.agreement(outcomes),
        "correlation_one": without_counterexamples(outcomes),
        "intervals": figures,
        "false_alarms": alarms,
        "peers": {name: peer_at_its_best(outcomes, name) for name in peers},
        "told": {
            "auditor": _by_leads(outcomes, score.own_leads, arm=ENOUGH_COUNTEREXAMPLES),
            **{name: peer_at_its_best(outcomes, name, arm=ENOUGH_COUNTEREXAMPLES) for name in peers},
        },
        "ablations": {name: ablated(outcomes, name) for name in ABLATIONS if any(one["ablations"] for one in outcomes)},
        "false_clean": claims.share(
            outcomes, lambda one: claims.relies(one, score.LARGE), lambda one: one["verdict"] == "clean"
        ),
        "truly_clean": claims.share(
            outcomes, lambda one: bool(one["truly_clean"]), lambda one: one["verdict"] == "clean"
        ),
        "clean_with_enough": claims.with_enough_pictures(outcomes),
        "relying_by_arm": claims.by_smaller_arm(outcomes, harm=False),
        "harmed_by_arm": claims.by_smaller_arm(outcomes, harm=True),
        "harmed": claims.harmed(outcomes),
        "left_out": claims.left_out(outcomes),
    }


def peer_at_its_best(outcomes: Sequence[Outcome], name: str, *, arm: int = 0) -> dict[str, float]:
    """A peer at the threshold that gives it the best F1 on these models, of classes that ``arm`` pictures tell of."""
    asked = [one for one in outcomes if name in one["peers"]]
    threshold = score.best_threshold(asked, name, arm=arm)
    found = _by_leads(asked, lambda one: score.peer_leads(one, name, threshold), arm=arm)
    return {**found, "threshold": round(threshold, 4)}


def ablated(outcomes: Sequence[Outcome], name: str) -> dict[str, float]:
    """The verdicts without a part of the evidence, at the product's own thresholds."""
    return _by_leads([one for one in outcomes if one["ablations"]], lambda one: one["ablations"][name])


def _by_leads(
    outcomes: Sequence[Outcome], leads: Callable[[Outcome], Sequence[str | None]], *, arm: int = 0
) -> dict[str, float]:
    total = score.total_of(score.class_counts(one, leads(one), arm=arm) for one in outcomes)
    return {
        "precision": round(float(score.precision(total)), 4),
        "recall": round(float(score.recall(total)), 4),
        "f1": round(float(score.f1(total)), 4),
        "false_alarm_rate": score.false_alarms(outcomes, leads)["value"],
    }


def without_counterexamples(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Verdicts on planted classes that rely at correlation 1, by whether other classes show the value often enough."""
    found: dict[str, dict[str, int]] = {}
    for outcome in outcomes:
        if outcome["scenario"]["correlation"] != 1.0:
            continue
        for pair in outcome["pairs"]:
            if pair["planted"] and pair["status"] == "relies":
                key = (
                    f"{'at least' if pair['n_others_with'] >= _ENOUGH_ELSEWHERE else 'fewer than'} {_ENOUGH_ELSEWHERE}"
                )
                row = found.setdefault(key, {})
                verdict = outcome["classes"][pair["class_idx"]]["verdict"]
                row[verdict] = row.get(verdict, 0) + 1
    return found


def by_group(outcomes: Sequence[Outcome], key: str) -> dict[str, dict[str, Any]]:
    """Counts of verdicts by a field of the scenario: clean classes flagged or suspected, reliant classes found."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(str(outcome["scenario"][key]), []).append(outcome)
    return {name: _row(members) for name, members in sorted(groups.items())}


def by_encoder(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """The models that several encoders audited, summed up for each encoder, the world's own first."""
    swept = {one["scenario"]["seed"] for one in outcomes if one["scenario"]["encoder"] != "own"}
    names = dict.fromkeys(one["scenario"]["encoder"] for one in outcomes if one["scenario"]["seed"] in swept)
    members = {
        name: [one for one in outcomes if one["scenario"]["seed"] in swept and one["scenario"]["encoder"] == name]
        for name in names
    }
    return {name: summarise(some) for name, some in members.items()}


def _row(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    classes = score.total_of(score.class_counts(one, score.own_leads(one)) for one in outcomes)
    large = score.total_of(score.class_counts(one, score.own_leads(one), least=score.LARGE) for one in outcomes)
    pairs = score.total_of(score.pair_counts(one, least=score.LARGE) for one in outcomes)
    every = [one for outcome in outcomes for one in outcome["classes"]]
    clean = [one for one in every if one["status"] == "clean"]
    verdicts = [one["verdict"] for one in clean]
    return {
        "models": len(outcomes),
        "clean": len(clean),
        "clean_flagged": verdicts.count("flagged"),
        "clean_suspect": verdicts.count("suspect"),
        "clean_repelled": sum(one["repelled"] for one in clean),
        "truly_clean": sum(one["truly_clean"] for one in clean),
        "truly_clean_clean": sum(one["truly_clean"] and one["verdict"] == "clean" for one in clean),
        "false_clean": sum(claims.relies(one, score.LARGE) and one["verdict"] == "clean" for one in every),
        "left_out": claims.left_out(outcomes),
        "harmed": claims.harmed(outcomes),
        "reliant": int(classes[0] + classes[2]),
        "found": int(classes[0]),
        "false": int(classes[1]),
        "reliant_20": int(large[0] + large[2]),
        "found_20": int(large[0]),
        "pairs_20": int(pairs[0] + pairs[2]),
        "pairs_found_20": int(pairs[0]),
        "pairs_false": int(pairs[1]),
    }


def table(summary: Summary, groups: dict[str, dict[str, Any]]) -> str:
    """What is printed at the end."""
    lines = []
    for name, figure in summary["intervals"].items():
        counts = f"{figure['true']} true, {figure['false']} false, {figure['missed']} missed"
        lines.append(f"{name:19} {figure['value']:.3f}  [{figure['low']:.3f}, {figure['high']:.3f}]  {counts}")
    alarms = summary["false_alarms"]
    lines.append(
        f"{'false alarms':18} {alarms['value']:.4f}  upper {alarms['upper']:.4f}  {alarms['alarms']} of "
        f"{alarms['classes']} clean classes in {alarms['models']} models"
    )
    for name in ("auprc", "concept_recall_1", "concept_recall_5", "words_recall_1", "words_recall_5", "seed_agreement"):
        lines.append(f"{name:18} {summary[name]}")
    for name, peer in summary["peers"].items():
        lines.append(
            f"{name:30} precision {peer['precision']:.3f}  recall {peer['recall']:.3f}  F1 {peer['f1']:.3f}  "
            f"false alarms {peer['false_alarm_rate']:.3f}"
        )
    for name, part in summary["ablations"].items():
        lines.append(
            f"{name:30} precision {part['precision']:.3f}  recall {part['recall']:.3f}  F1 {part['f1']:.3f}  "
            f"false alarms {part['false_alarm_rate']:.3f}"
        )
    for name, part in summary["told"].items():
        lines.append(f"{name:30} F1 {part['f1']:.3f} where {ENOUGH_COUNTEREXAMPLES} pictures or more tell of it")
    for name in ("false_clean", "truly_clean", "clean_with_enough"):
        lines.append(f"{name:18} {summary[name]['verdicts']}")
    for name in ("relying_by_arm", "harmed_by_arm"):
        lines += [f"{name:18} {row['pictures']:6} {row['verdicts']}" for row in summary[name]]
    lines += [f"{'harmed':18} {summary['harmed']}", f"{'left out':18} {summary['left_out']}"]
    for name, row in groups.items():
        lines.append(
            f"{name:16} {row['models']:4} models  clean {row['clean']:4}: {row['clean_flagged']} flagged, "
            f"{row['clean_suspect']} suspect  reliant {row['found']}/{row['reliant']}, >= 20: "
            f"{row['found_20']}/{row['reliant_20']}  pairs >= 20: {row['pairs_found_20']}/{row['pairs_20']}, "
            f"{row['pairs_false']} false"
        )
    return "\n".join(lines)
