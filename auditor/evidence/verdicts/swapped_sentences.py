"""What is said where labels and outputs of the model look swapped: before all else, and beside every such class."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.effects.swapped_outputs import SwappedOutputs
from auditor.evidence.verdicts.sentences import Sentence
from auditor.figures import counted, percent, rate
from auditor.wording import first_of, quote

#: Classes that are named.
_NEXT_STEP = "say which output a label is with --class-map FILE (a CSV with the columns label and output)"


def swapped_notice(swapped: SwappedOutputs, class_names: Sequence[str]) -> str:
    """State of the audit: the labels with the outputs that fit them best, and how to say so."""
    n, own, other = swapped.all_counts
    lines = [f"{quote(class_names[c])} = output {output}" for c, output in swapped.called_as.items()]
    return (
        f"labels and outputs look swapped: {rate(own / n, n)} pictures of {counted(len(lines), 'class', 'classes')} "
        f"are called what they are labelled, and {percent(other / n)} would be with {first_of(lines)}; "
        f"if that is so, {_NEXT_STEP}, and audit again: until then nothing good is said of these classes. "
        "If the labels are right, the model takes these classes for each other"
    )


def looks_swapped(swapped: SwappedOutputs, class_idx: int, class_names: Sequence[str]) -> Sentence:
    """State of a class: its label and its output do not seem to belong together."""
    n, own, other = swapped.counts[class_idx]
    other_idx = swapped.called_as[class_idx]
    name, taken_for = class_names[class_idx], class_names[other_idx]
    whose = "whose own are called otherwise as well" if other_idx in swapped.counts else "which none is labelled"
    return Sentence(
        f'Label and output of "{name}" look swapped: {rate(own / n, n)} pictures are called "{name}" and '
        f'{percent(other / n)} "{taken_for}", {whose}',
        advice=f"If that is so, {_NEXT_STEP}.",
    )


def read_with_care(swapped: SwappedOutputs | None, class_idx: int) -> str:
    """What stands beside a proof on such a class; empty for any other."""
    if swapped is None or class_idx not in swapped.called_as:
        return ""
    return "But labels and outputs look swapped (see the notes): what is called by this name may be another class."
