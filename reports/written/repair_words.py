"""The words of a repair that its card, the pages and the model card share; nothing here needs the model."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.figures import growth, percent
from auditor.repair_records import KeptRepair, RepairFigure
from auditor.wording import plain

_NAMES = {
    "accuracy": "all pictures",
    "balanced": "mean over classes, with and without alike",
    "worst": "worst subgroup",
    "ece": "calibration error",
}
#: What a method does, in a sentence's end.
METHOD_WORDS = {
    "erase": "what the concepts do to the features is erased from all weights",
    "reweight": "the rows of these classes are fitted again, with and without the concepts alike",
    "erase+reweight": "the concepts are erased from all weights, and the rows of these classes fitted again",
    "average": "the mean of the heads that reweight and erase+reweight give at each penalty",
    "groups": "the group of channels that carries a concept no longer counts for its class",
}
_NAME_CHARS = 60


def name_of(text: str) -> str:
    """A name of a class or concept, which may be foreign."""
    return plain(text, _NAME_CHARS)


def figure_row(figure: RepairFigure) -> tuple[str, str, str, str, str]:
    """Its name, before, after, what changed with its interval, and the number of pictures."""
    return figure_label(figure), percent(figure.before), percent(figure.after), change_of(figure), f"{figure.n:,}"


def change_of(figure: RepairFigure) -> str:
    """What changed, with its interval: "+28 pts [13, 44]"."""
    return growth(figure.after - figure.before, figure.low, figure.high)


def figure_label(figure: RepairFigure) -> str:
    """What a figure is of."""
    if figure.name in _NAMES:
        return _NAMES[figure.name]
    name, concept = name_of(figure.class_name or ""), name_of(figure.concept or "")
    if figure.name == "class":
        return name
    if figure.name == "subgroup":
        return f"{name} {'with' if figure.present else 'without'} {concept}"
    return f"{name}: {'gap' if figure.name == 'gap' else 'pull on others'} by {concept}"


def what_was_asked(kept: KeptRepair) -> str:
    """The pairs of a repair: "waterbird without water; vehicle without watermark"."""
    pairs = zip(kept.class_names, kept.concepts, strict=False)
    return "; ".join(f"{name_of(class_name)} without {name_of(concept)}" for class_name, concept in pairs)


def how(kept: KeptRepair) -> str:
    """The method with what it does."""
    penalty = "" if kept.penalty is None else f", penalty {kept.penalty:g}"
    words = METHOD_WORDS.get(kept.method)
    return f"{plain(kept.method, 30)}{penalty}" + (f": {words}" if words else "")


def cost_line(figures: Sequence[RepairFigure]) -> str:
    """What a repair cost: accuracy as the pictures are, calibration, and every class that lost."""
    named = {one.name: one for one in figures}
    told = []
    for name, words in (("accuracy", "accuracy on all pictures"), ("ece", "calibration error")):
        if name in named:
            told.append(f"{words} {percent(named[name].before)} before, {percent(named[name].after)} after")
    lost = [one for one in figures if one.name == "class" and one.after < one.before]
    told += [f"{figure_label(one)} {change_of(one)}" for one in sorted(lost, key=lambda one: one.after - one.before)]
    return f"What it cost: {'; '.join(told)}." if told else ""


def which_model(kept: KeptRepair, model_digest: str) -> str:
    """Whether the audit that keeps a repair is of the model before or after it, and where the weights are."""
    if kept.repaired_digest is None:
        why = "; ".join(plain(one, 500) for one in kept.objections)
        return f"Nothing was written: {why or 'it was not asked for'}."
    if kept.repaired_digest == model_digest:
        return "The model of this audit is the repaired one."
    against = "".join(f" Written by force, although {plain(one, 500)}." for one in kept.objections)
    where = "" if kept.weights is None else f": {plain(kept.weights, 200)}"
    return f"The model of this audit is the one before the repair; the repaired one was written{where}.{against}"
