"""The card of a repair, before and after: as text, as JSON, or as a section of a model card."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from auditor.figures import counted, growth, percent
from auditor.repair_audit import Repaired, card_path
from auditor.repair_records import RepairCard, RepairFigure, RepairLimit
from reports.written.markdown import escape
from reports.written.repair_words import METHOD_WORDS, figure_row, name_of

_NAME_CHARS = 60


def render_card(card: RepairCard, output_format: str) -> str:
    """The card in one of its formats: text, json, markdown."""
    if output_format == "json":
        return json.dumps(asdict(card), indent=2)
    if output_format == "markdown":
        return "\n".join(_markdown(card))
    return "\n".join(_text(card))


def nothing_written(found: Repaired) -> str:
    """Why no weights were written."""
    objections = "; ".join(found.card.objections) if found.card else ""
    return f"nothing was written: {objections}; --force writes it anyway, --data-only tells what to train with"


def what_next(found: Repaired) -> str:
    """What to do with what was written."""
    if found.card is None:
        return f"written: {found.written}; for PyTorch WeightedRandomSampler(weight) or training by group"
    lines = [f"written: {found.written}, and what was measured: {card_path(found.written)}" if found.written else ""]
    if found.model.partition(":")[0] in ("torchvision", "timm", "hf", "sample"):
        lines.append(f"use: --model {found.model} --weights {found.written}, where the audit was given its own")
    else:
        lines += [
            "use: from safetensors.torch import load_file",
            f"     model = {found.model.rpartition(':')[2]}()  # the module that your factory gives",
            f'     model.load_state_dict(load_file("{found.written}"))',
        ]
    return "\n".join(lines)


def _text(card: RepairCard) -> Iterator[str]:
    yield f"Taken out: {'; '.join(f'{name_of(one.class_name)} without {name_of(one.concept)}' for one in card.targets)}"
    penalty = "" if card.penalty is None else f", penalty {card.penalty:g}"
    yield f"Method: {card.method}{penalty}: {METHOD_WORDS[card.method]}"
    yield f"Measured on {counted(card.n_images, 'picture')}, each by a head that did not see it:"
    yield ""
    rows = [("", "before", "after", "change", "n"), *(figure_row(one) for one in card.figures)]
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
    yield ""
    yield "Tried:"
    for trial in card.trials:
        penalty = "" if trial.penalty is None else f" {trial.penalty:g}"
        loses = f"; loses: {', '.join(name_of(one) for one in trial.loses)}" if trial.loses else ""
        less = f"{len(card.targets) - len(trial.left)} of {len(card.targets)} surely less"
        figures = f"worst subgroup {percent(trial.worst)}, mean {percent(trial.balanced)}"
        yield f"  {trial.method}{penalty}: {figures}; {less}{loses}"
    if card.limit is not None:
        yield ""
        yield limit_sentence(card.limit)
    yield from (f"Note: {notice}" for notice in card.notices)
    yield from (f"Against it: {objection}" for objection in card.objections)


def limit_sentence(limit: RepairLimit) -> str:
    """Whether more pictures, or only another training, would raise the worst subgroup."""
    arm = f"{name_of(limit.class_name)} {'with' if limit.present else 'without'} {name_of(limit.concept)}"
    told = f"Worst subgroup: {arm}, {percent(limit.held_out)} of {limit.n:,} that the head did not see"
    if limit.halved is None:
        return f"{told}; too few to say what more of them would do: collect some."
    fitted = (
        f"{percent(limit.fitted)} of those that it was fitted to, {percent(limit.halved)} with half of them left out"
    )
    if limit.held_out > limit.halved:
        more = growth(limit.held_out - limit.halved)
        return f"{told} ({fitted}): as many more ({limit.n:,}) may give about {more} again."
    if limit.fitted - limit.held_out > limit.fitted / 4:
        return f"{told} ({fitted}): the features can tell more than these pictures teach; collect more of them."
    return f"{told} ({fitted}): these features tell no more; only training the network again will."


def _markdown(card: RepairCard) -> Iterator[str]:
    yield "## Repair"
    yield ""
    taken = "; ".join(f"**{escape(one.class_name, _NAME_CHARS)}** without {escape(one.concept, _NAME_CHARS)}"
                      for one in card.targets)  # fmt: skip
    how = f"{card.method}: {METHOD_WORDS[card.method]}"
    yield f"The last layer was changed so that these no longer decide: {taken} ({how})."
    yield f"Measured on {counted(card.n_images, 'picture')} that the changed layer did not see:"
    yield ""
    yield from _table(card.figures)
    yield ""
    told = [] if card.limit is None else [limit_sentence(card.limit)]
    yield from (f"- {escape(one, 500)}" for one in (*told, *card.notices, *card.objections))


def _table(figures: Sequence[RepairFigure]) -> Iterator[str]:
    yield "| | before | after | change | n |"
    yield "|---|---|---|---|---|"
    for figure in figures:
        label, *cells = figure_row(figure)
        yield f"| {escape(label, 3 * _NAME_CHARS)} | {' | '.join(cells)} |"
