"""What is said of pictures in which a property was set (E6): a claim, and lines of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auditor.edit_records import LevelEdits, PictureEdit, control_of
from auditor.figures import measure, percent, points, rate
from auditor.rules import DELTA, EDITED_PULL, MARGIN_DELTA, Rule

if TYPE_CHECKING:  # a page says how a property is called, and needs no SciPy for it
    from auditor.evidence.effects.edits import Edited, EditedLoss
    from auditor.evidence.effects.swaps import Intervention
    from auditor.evidence.pairs.measure import PairEvidence


def edited_claim(edits: LevelEdits, edited: Edited, rule: Rule, name: str) -> str:
    """'Given JPEG quality 30, the model calls 41 % of other classes' pictures "cat" instead of 3 %'."""
    given = f"Given {level(edits.given)}"
    if rule is EDITED_PULL:
        pull = edited.pull
        called = (
            f'{percent(pull.called)} of other classes\' pictures "{name}" instead of {percent(pull.called_without)}'
        )
        return f"{given}, the model calls {called}"
    recall = edited.recall
    called = f'{percent(recall.called)} of "{name}" pictures instead of {percent(recall.called_without)}'
    return f"{given}, the model recognises {called}"


def edited_line(edits: LevelEdits, edited: Edited, name: str) -> str:
    """'Editing: given JPEG quality 30, 41 % of 150 pictures of other classes are called "cat" instead of 3 %, …'."""
    whose = f'of other classes are called "{name}" {_instead(edited.pull)}'
    if edited.recall.status == "measured":
        its_own = f"{rate(edited.recall.called, edited.recall.n)} of its own {_instead(edited.recall)}{_margin(edited)}"
    else:
        its_own = f"too few of its own ({edited.recall.n or 'none'}) could be edited to say what these gain"
    return (
        f"Editing: given {level(edits.given)}, {rate(edited.pull.called, edited.pull.n)} pictures {whose}, and "
        f"{its_own}; {_compared(edits)}."
    )


def _margin(edited: Edited) -> str:
    """What the margin of its own pictures gains, where their recall alone would not show it, sure or not."""
    margin = edited.margin
    if edited.recall.low > DELTA or margin.status != "measured" or margin.effect <= MARGIN_DELTA:
        return ""
    return f", whose margins rise by {percent(margin.effect, margin.low, margin.high)} of how far margins spread"


def edited_loss_claim(edits: LevelEdits, loss: EditedLoss, name: str) -> str:
    """'Given greyscale yes, the model recognises 37 % of "dog" pictures instead of 97 %'."""
    recall = loss.recall  # with the level less often
    seldom = f'{percent(recall.called_without)} of "{name}" pictures instead of {percent(recall.called)}'
    return f"Given {level(edits.given)}, the model recognises {seldom}"


def edited_loss_line(edits: LevelEdits, loss: EditedLoss, class_names: Sequence[str], picked: str) -> str:
    """'Editing: given greyscale yes, 37 % of 30 pictures are recognised instead of 97 % (…), and 60 % are called …'.

    ``picked`` says what the loss counts as, having been picked from many; empty where that changes nothing.
    """
    recall, taker = loss.recall, class_names[loss.taker_idx]
    lost = points(recall.effect, recall.low, recall.high, unit="points")
    return (
        f"Editing: given {level(edits.given)}, {rate(recall.called_without, recall.n)} pictures are recognised "
        f"instead of {percent(recall.called)} ({lost} fewer{picked}), and {percent(loss.taken.called)} are called "
        f'"{taker}" {_instead(loss.taken)}; {_compared(edits)}. "{taker}" gains by it in its own pictures too.'
    )


def _compared(edits: LevelEdits) -> str:
    covered = any(one is not None and control_of(one) is not None for one in (edits.given, edits.taken))
    beside = ", where something was covered with as much covered beside it" if covered else ""
    return f"each picture is compared with itself{beside}"


def _instead(effect: Intervention) -> str:
    change = points(effect.effect, effect.low, effect.high, unit="points")
    return f"instead of {percent(effect.called_without)} ({change})"


def level(edit: PictureEdit) -> str:
    """A property with its level: "JPEG quality 30", "greyscale yes"."""
    value = edit.level if isinstance(edit.level, str) else measure(edit.level)
    return f"{property_words(edit.property_name)} {value}"


def property_words(name: str) -> str:
    """A property's name in a sentence."""
    return name.replace("_", " ").replace("jpeg", "JPEG")


def may_be_core(pair: PairEvidence) -> str:
    """Why a property of the whole frame is no more than suspect, as a line."""
    around = pair.edited_around
    if around.recall.status != "measured":
        return "Editing: it was not shown with the place of the object left as it is."
    left = points(around.recall.effect, around.recall.low, around.recall.high, unit="points")
    pulled = points(around.pull.effect, around.pull.low, around.pull.high, unit="points")
    return (
        f"Editing: with the place of the object left as it is, the edit changes what is called so by {left} of its own "
        f"pictures and by {pulled} of others."
    )


def tried(pair: PairEvidence, name: str) -> str:
    """What setting the property has to say where it shows nothing, as a line; nothing if not tried."""
    if pair.edits is None:
        return ""
    if pair.edited.pull.status == "measured":
        return edited_line(pair.edits, pair.edited, name)
    why = {
        "too_few": "not tried, as too few pictures could be given it, or have it taken.",
        "one_way": "not tried, as it can neither be given to a picture nor taken from it.",
        "not_readable": "not tried, as the pictures could not be read again.",
        "not_tried_again": "not tried again, as these rules ask for other edits.",
    }.get(pair.edited.recall.status)
    return "" if why is None else f"Editing: {why}"
