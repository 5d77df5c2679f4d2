"""What is said of pictures in which a property was set (E6), as clauses and sentences."""

from __future__ import annotations

from auditor.edit_records import LevelEdits, PictureEdit
from auditor.evidence.effects.edits import Edited
from auditor.evidence.effects.swaps import Intervention
from auditor.evidence.pairs.measure import PairEvidence
from auditor.figures import measure, percent, points, rate


def edited_clause(edits: LevelEdits, edited: Edited, name: str) -> str:
    """'Given JPEG quality 30, 41 % of 150 pictures of other classes are called "cat" instead of 3 %, and …'."""
    whose = f'of other classes are called "{name}" {_instead(edited.pull)}'
    return (
        f"given {level(edits.given)}, {rate(edited.pull.called, edited.pull.n)} pictures {whose}, and "
        f"{rate(edited.recall.called, edited.recall.n)} of its own {_instead(edited.recall)}: each as it is and edited"
    )


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


def may_be_core(pair: PairEvidence, name: str) -> str:
    """Why a property of the whole frame is no more than suspect, as a sentence without its full stop."""
    around = pair.edited_around
    if around.recall.status == "measured":
        left = points(around.recall.effect, around.recall.low, around.recall.high, unit="points")
        pulled = points(around.pull.effect, around.pull.low, around.pull.high, unit="points")
        return (
            f"with the object's place left as it is the edit moves {left} of its own pictures and {pulled} of others: "
            f'this may be how "{name}" looks, and no shortcut'
        )
    return (
        f'it was not shown with the object\'s place left as it is, so this may be how "{name}" looks, and no shortcut'
    )


def tried(pair: PairEvidence, name: str) -> str:
    """What setting the property has to say where it shows nothing, as a sentence; nothing if not tried."""
    if pair.edits is None:
        return ""
    if pair.edited.recall.status == "measured":
        clause = edited_clause(pair.edits, pair.edited, name)
        return f" {clause[0].upper()}{clause[1:]}."
    return {
        "too_few": " Too few pictures could be given it, or have it taken, by editing them.",
        "one_way": " Editing cannot give it to pictures or take it from them: what is lost is lost.",
        "not_readable": " The pictures could not be read again to edit them.",
        "not_tried_again": " Editing pictures was not tried again, as these rules ask for other edits.",
    }.get(pair.edited.recall.status, "")
