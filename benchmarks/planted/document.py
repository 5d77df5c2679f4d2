"""Results of the benchmark for docs/benchmark.md: tables with intervals, and plots as SVG.

    python -m benchmarks.planted.document RESULT.json --docs docs

Only what stands between the marks of its grid in docs/benchmark.md is replaced.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from auditor.evidence.effects.significance import clopper_pearson
from benchmarks.planted import claims, score
from benchmarks.planted.score import Outcome

BEGIN, END = "<!-- planted benchmark, {} grid: begin -->", "<!-- planted benchmark, {} grid: end -->"
_SIZES = (0.1, 0.2, 0.4, 0.6, 0.8)
_PRODUCT = "auditor"
_BLUE, _GREY = "#2a6fb0", "#9aa3ad"
_CONFOUNDED = ("collinear", "difficulty", "encoder error", "sub-kind")
Row = dict[str, Any]


def found_by_size(outcomes: Sequence[Outcome]) -> list[Row]:
    """Of the pairs of each measured reliance, how many are found: what was planted, and what came to be besides."""
    rows: list[Row] = []
    for what, planted in (("planted", True), ("not planted", False)):
        for low, high in zip(_SIZES, (*_SIZES[1:], 9.0), strict=True):
            at_least = score.total_of(score.pair_counts(one, least=low, planted=planted) for one in outcomes)
            above = score.total_of(score.pair_counts(one, least=high, planted=planted) for one in outcomes)
            found, wanted = int(at_least[0] - above[0]), int((at_least - above)[[0, 2]].sum())
            if wanted:
                interval = clopper_pearson(found, wanted)
                label = f"{low * 100:.0f}–{min(high, 1) * 100:.0f}"
                rows.append(
                    {
                        "what": what,
                        "reliance": label,
                        "found": found,
                        "of": wanted,
                        "share": found / wanted,
                        "low": interval[0],
                        "high": interval[1],
                    }
                )
    return rows


def alarms_by_control(outcomes: Sequence[Outcome]) -> list[Row]:
    """False alarms among the clean classes of planted models and of each control; ordinary and confounded, and all."""
    groups: dict[str, list[Outcome]] = {}
    sums: dict[str, list[Outcome]] = {"all ordinary": [], "all confounded": [], "all": []}
    for outcome in outcomes:
        control = outcome["scenario"]["control"]
        groups.setdefault(control or "beside planted ones", []).append(outcome)
        sums["all confounded" if control in _CONFOUNDED else "all ordinary"].append(outcome)
        sums["all"].append(outcome)
    rows = []
    for name, members in [*sorted(groups.items()), *sums.items()]:
        found = score.false_alarms(members, score.own_leads)
        suspect = sum(
            one["status"] == "clean" and one["verdict"] == "suspect" for other in members for one in other["classes"]
        )
        rows.append({"control": name, **found, "suspect": suspect})
    return rows


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


_NAMES = {
    "precision": "classes, precision",
    "recall": "classes, recall at 10 points or more",
    "recall_20": "classes, recall at 20 points or more",
    "recall_told": "… of which twenty pictures or more tell, of both arms",
    "f1": "classes, F1",
    "pair_precision": "pairs, precision",
    "pair_recall": "pairs, recall at 20 points or more",
    "pair_recall_10": "pairs, recall at 10 points or more",
    "planted_pair_recall": "… of what was planted, at 20 points or more",
    "visible_pair_recall": "… of what was planted and both arms have ten pictures of, at 20 points or more",
    "other_pair_recall": "… of what was not planted, at 20 points or more",
}


def markdown(result: Row) -> str:
    """Everything between the marks."""
    outcomes, summary = result["outcomes"], result["summary"]
    own = [one for one in outcomes if one["scenario"]["encoder"] == "own"]
    first, last = result["seeds"]
    figures = [
        [
            _NAMES[name],
            _percent(one["value"]),
            _range(one["low"], one["high"]),
            _range(one.get("seed_low"), one.get("seed_high")),
            f"{one['true']} right, {one['false']} wrong, {one['missed']} missed",
        ]
        for name, one in summary["intervals"].items()
    ]
    alarms = [
        [
            one["control"],
            one["models"],
            one["classes"],
            one["alarms"],
            _percent(one["value"]),
            _percent(one["upper"]),
            one["suspect"],
        ]
        for one in alarms_by_control(own)
    ]
    sizes = [
        [
            one["what"],
            one["reliance"],
            f"{one['found']} of {one['of']}",
            _percent(one["share"]),
            _range(one["low"], one["high"]),
        ]
        for one in found_by_size(own)
    ]
    columns = ("precision", "recall", "f1", "false_alarm_rate")
    peers = [[_PRODUCT, *(_percent(summary[key]) for key in columns)]]
    peers += [
        [name.replace("_", " "), *(_percent(one[key]) for key in columns)] for name, one in summary["peers"].items()
    ]
    groups = [
        [
            key,
            name,
            one["models"],
            f"{one['found_20']} of {one['reliant_20']}",
            f"{one['found']} of {one['reliant']}",
            one["false"],
            f"{one['clean_flagged']} of {one['clean']}",
            *_claims_of_group(one),
        ]
        for key, rows in result["groups"].items()
        for name, one in rows.items()
    ]
    head = (
        f"Grid `{result['grid']}`, seeds {first} to {last - 1}, {summary['n_models']} models, "
        f"{summary['n_reliant_classes']} classes that rely on something, {summary['n_clean_classes']} clean ones, "
        f"{summary['n_between_classes']} in between (left out); {_state(result)}. `{result['command']}`"
    )
    of_alarms = (
        table(("clean classes", "models", "classes", "flagged", "rate", "upper 95 %", "suspect"), alarms)
        + f"\n\n![False alarms by control](images/planted-{result['grid']}-alarms.svg)"
    )
    of_peers = table(("", "precision", "recall", "F1", "false alarms"), peers)
    if result["grid"] == "controls":  # what is asked of controls is false alarms
        said = "Peers, each at the threshold that suits it best on these models:"
        return "\n\n".join([head, of_alarms, said, of_peers])
    parts = [
        head,
        table(("", "value", "95 % (bootstrap over models)", "over seeds", "counts"), figures),
        f"Concept recall at 1, 5, 10: {', '.join(_percent(summary[f'concept_recall_{k}']) for k in (1, 5, 10))} "
        f"(by words alone {', '.join(_percent(summary[f'words_recall_{k}']) for k in (1, 5, 10))}). AUPRC of pairs: "
        f"{summary['auprc']:.3f}. Flags of two audit seeds, Jaccard: {summary['seed_agreement']}. Slice precision at "
        f"10, 25: {summary['slice_precision_10']}, {summary['slice_precision_25']}.",
        "### False alarms",
        of_alarms,
        "### What is found, by measured reliance",
        table(("pairs", "points", "found", "share", "95 %"), sizes),
        f"![Share of pairs found by measured reliance](images/planted-{result['grid']}-recall.svg)",
        "### Peers, each at the threshold that suits it best on these models",
        of_peers,
        f"![F1 by classes of the product and its peers](images/planted-{result['grid']}-peers.svg)",
        "### By what was varied",
        table(
            ("", "", "models", "classes ≥ 20 found", "≥ 10 found", "false flags", "clean flagged", *_CLAIMED), groups
        ),
    ]
    if "told" in summary:
        told = [
            [name.replace("_", " "), *(_percent(one[key]) for key in columns)] for name, one in summary["told"].items()
        ]
        parts += [
            "### Where at least twenty pictures with what is relied on, and twenty without, tell of it",
            table(("", "precision", "recall", "F1", "false alarms"), told),
            _arms(summary["relying_by_arm"], "Classes that rely on 20 points or more"),
        ]
    if "ablations" in summary:
        parts += _claims(own, summary)
        without = [[name, *(_percent(one[key]) for key in columns)] for name, one in summary["ablations"].items()]
        parts += [
            "### The verdicts without a part of the evidence",
            table(("", "precision", "recall", "F1", "false alarms"), [peers[0], *without]),
        ]
    if result.get("cached"):
        parts.append(f"{len(result['cached'])} of {len(outcomes)} outcomes had been left by an earlier run.")
    if summary["correlation_one"]:
        parts.append(
            "At correlation 1, classes that rely on what was planted, by how many pictures of other classes show it: "
            + "; ".join(
                f"{key}: {', '.join(f'{n} {verdict}' for verdict, n in sorted(row.items()))}"
                for key, row in sorted(summary["correlation_one"].items())
            )
            + "."
        )
    if result["sweep"]:
        sweep = [
            [
                name,
                one["n_models"],
                _percent(one["recall_20"]),
                _percent(one["precision"]),
                f"{one['false_alarms']['alarms']} of {one['false_alarms']['classes']}",
                _percent(one["false_alarms"]["upper"]),
            ]
            for name, one in result["sweep"].items()
        ]
        header = ("encoder", "models", "recall ≥ 20", "precision", "clean flagged", "upper 95 %")
        parts += ["### Encoders, on the same models", table(header, sweep)]
    return "\n\n".join(parts)


def _state(result: Row) -> str:
    """What of the protocol was fixed beforehand; results of the first edition know of thresholds alone."""
    known = result["protocol"]
    told = "thresholds as fixed beforehand" if known["as_fixed"] else "thresholds not fixed beforehand"
    if "code_as_fixed" not in known:
        return told
    return f"{told}, code of the verdicts {'as fixed' if known['code_as_fixed'] else 'not as fixed'}"


_CLAIMED = (
    "left out",
    "flags on what is left out",
    "repelled",
    "false clean",
    "truly clean called clean",
    "harmed found",
)


def _claims_of_group(one: Row) -> list[object]:
    """Cells of `_CLAIMED`; none are known of older results."""
    if "left_out" not in one:
        return ["–"] * len(_CLAIMED)
    rest, harm = one["left_out"], one["harmed"]
    return [
        rest["classes"],
        rest["pair_flags"],
        rest["repelled"],
        f"{one['false_clean']} of {one['reliant_20']}",
        f"{one['truly_clean_clean']} of {one['truly_clean']}",
        f"{harm['named']} of {harm['classes']}",
    ]


def _claims(own: Sequence[Outcome], summary: Row) -> list[str]:
    """Verdicts on classes that rely on something, that nothing touches, that are harmed, and that are left out."""
    names = claims.verdict_names(own)

    def cells(row: Row) -> list[object]:
        ends = _range(row["low"], row["high"]), _range(row["seed_low"], row["seed_high"])
        return [row["classes"], *(row["verdicts"].get(name, 0) for name in names), _percent(row["share"]), *ends]

    header = ("classes", *(name.replace("_", " ") for name in names), "share clean", "95 % by model", "by seed")
    relying = [[one["audit"], one["pictures"], one["points"], *cells(one)] for one in claims.false_clean(own)]
    untouched = [[one["audit"], one["pictures"], *cells(one)] for one in claims.truly_clean(own)]
    totals = [(relying, summary["false_clean"], 3), (untouched, summary["truly_clean"], 2)]
    for rows, total, width in totals:
        if total["classes"]:
            rows.append(["all", *[""] * (width - 1), *cells(total)])
    enough = summary.get("clean_with_enough", {"classes": 0})
    if enough["classes"]:
        untouched.append(["with the pictures that it takes", "", *cells(enough)])
    harm, rest = summary["harmed"], summary["left_out"]
    return [
        "### Clean: of classes that rely on 20 points or more",
        table(("audit", "pictures a class", "points", *header), relying) if relying else "There are none.",
        "### Clean: of classes that rely on nothing and that nothing repels",
        table(("audit", "pictures a class", *header), untouched) if untouched else "There are none.",
        f"Harmed by 20 points or more: {harm['classes']} classes, {harm['visible']} of them with ten pictures in both "
        f"arms; {harm['named']} are called harmed, by what harms them ({_told(harm['verdicts'])}). Called harmed "
        f"without any harm: {harm['wrong']}. Repelled by some value by more than 10 points: {rest['repelled']} classes "
        f"({_told(rest['repelled_verdicts'])}). Left out, since what they rely on is not sure: {rest['classes']} "
        f"classes ({_told(rest['verdicts'])}); flags on what is not sure, or on what pulls: {rest['class_flags']} of "
        f"classes, {rest['pair_flags']} of pairs.",
        *([_arms(summary["harmed_by_arm"], "Harmed by 20 points or more")] if "harmed_by_arm" in summary else []),
    ]


def _arms(rows: Sequence[Row], what: str) -> str:
    """Verdicts by the pictures that tell, as a sentence."""
    told = "; ".join(f"{row['pictures']}: {row['classes']} ({_told(row['verdicts'])})" for row in rows)
    said = f"{what}, by how many of their pictures are with it, or without, whichever is less: {told or 'none'}."
    best = "; ".join(
        f"{row['pictures']}: " + ", ".join(f"{n:.1f} at {level}" for level, n in row["best_test"].items())
        for row in rows
        if "best_test" in row
    )
    return said if not best else f"{said} A score test that knew which one pair to ask would find of them {best}."


def _told(verdicts: Row) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in verdicts.items()) or "none"


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{_percent(low)} … {_percent(high)}"


def charts(result: Row) -> dict[str, Any]:
    """The plots (charts of Altair, bare or layered) by file name."""
    own = [one for one in result["outcomes"] if one["scenario"]["encoder"] == "own"]
    summary, grid = result["summary"], result["grid"]
    return {
        f"planted-{grid}-recall.svg": _recall_chart(found_by_size(own)),
        f"planted-{grid}-peers.svg": _bars(
            [{"name": _PRODUCT, "value": summary["f1"]}]
            + [{"name": name.replace("_", " "), "value": one["f1"]} for name, one in summary["peers"].items()],
            "F1 by classes",
        ),
        f"planted-{grid}-alarms.svg": _alarm_chart(alarms_by_control(own)),
    }


def _recall_chart(rows: Sequence[Row]) -> Any:
    labels = [f"{low * 100:.0f}–{high * 100:.0f}" for low, high in zip(_SIZES, (*_SIZES[1:], 1), strict=True)]
    base = alt.Chart(alt.InlineData(values=list(rows))).encode(
        x=alt.X("reliance:O", sort=labels, title="measured reliance, points", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("what:N", sort=["planted", "not planted"]),
        color=alt.Color("what:N", title=None, scale=alt.Scale(domain=["planted", "not planted"], range=[_BLUE, _GREY])),
    )
    share = alt.Scale(domain=[0, 1])
    bars = base.mark_bar().encode(
        y=alt.Y("share:Q", scale=share, title="share of pairs found", axis=alt.Axis(format="%"))
    )
    lines = base.mark_rule(color="#222").encode(y=alt.Y("low:Q", scale=share), y2="high:Q", color=alt.value("#222"))
    return alt.layer(bars, lines).properties(width=420, height=220)


def _bars(rows: Sequence[Row], title: str) -> Any:
    return (
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_bar()
        .encode(
            y=alt.Y("name:N", sort="-x", title=None, axis=alt.Axis(labelLimit=260)),
            x=alt.X("value:Q", scale=alt.Scale(domain=[0, 1]), title=title),
            color=alt.condition(f"datum.name == '{_PRODUCT}'", alt.value(_BLUE), alt.value(_GREY)),
        )
        .properties(width=360, height=190)
    )


def _alarm_chart(rows: Sequence[Row]) -> Any:
    base = alt.Chart(alt.InlineData(values=list(rows))).encode(
        y=alt.Y("control:N", title=None, axis=alt.Axis(labelLimit=260))
    )
    line = base.mark_rule(color=_GREY).encode(
        x=alt.X("value:Q", title="clean classes flagged, to the upper 95 % bound", axis=alt.Axis(format="%")),
        x2="upper:Q",
    )
    return alt.layer(line, base.mark_point(filled=True, color=_BLUE, size=70).encode(x="value:Q")).properties(
        width=380, height=190
    )


def between(text: str, begin: str, end: str, inside: str) -> str:
    """A page with other text between two marks."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{inside}\n{end}{after}"


def write_document(result: Row, docs: Path, *, render: Callable[[str], str] = vl_convert.vegalite_to_svg) -> None:
    """Put tables into docs/benchmark.md, and plots beside it."""
    page = docs / "benchmark.md"
    begin, end = (mark.format(result["grid"]) for mark in (BEGIN, END))
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmark\n"
    if begin not in text:
        text += f"\n{begin}\n{end}\n"
    told = markdown(result)
    page.write_text(between(text, begin, end, told), encoding="utf-8")
    (docs / "images").mkdir(exist_ok=True)
    for name, chart in charts(result).items():
        if name in told:
            (docs / "images" / name).write_text(render(chart.to_json()), encoding="utf-8")


def main() -> None:
    """Write the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path)
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    arguments = parser.parse_args()
    write_document(json.loads(arguments.result.read_text(encoding="utf-8")), arguments.docs)


if __name__ == "__main__":
    main()
