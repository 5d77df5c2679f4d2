"""What is said of named states: why a class has no verdict, and what holds for the whole audit."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.sentences import Sentence
from auditor.evidence.verdicts.swap_controls import Control
from auditor.figures import coefficient, percent, points
from auditor.rules import FILLED, MIN_KAPPA


def too_few_pictures(name: str, n: int, needed: int) -> Sentence:
    """State: fewer labelled pictures than two arms take."""
    return Sentence(f'"{name}" has {n:,} labelled pictures, too few to compare: {needed:,} are needed')


def never_predicted(name: str, n: int) -> Sentence:
    """State: no picture is called the class."""
    return Sentence(f'No picture is called "{name}", not one of its own {n:,}: there is no decision to explain')


def at_chance(name: str, rate: float) -> Sentence:
    """State: recall no better than the rate among other classes."""
    return Sentence(
        f'The model cannot tell "{name}" from the others: it calls {percent(rate)} of its pictures so, and others as '
        "often (at chance)"
    )


def unexplained(name: str, residual: float, n: int) -> Sentence:
    """State: the phrases leave too much unexplained."""
    return Sentence(
        f'No words fit {percent(residual)} of the evidence for "{name}" ({n:,} pictures): '
        "the encoder may not know such pictures, or the vocabulary lacks the words"
    )


def nothing_varies(name: str, least: int) -> Sentence:
    """State: no context concept is present in some pictures and absent from others."""
    return Sentence(
        f'Nothing about "{name}" can be compared: no context concept is in {least} of its pictures and absent from '
        f"{least} others"
    )


def not_measurable(concept: str, name: str, share: float, kappa: float | None) -> Sentence:
    """State: a concept leads the words, and whether it is in a picture cannot be told."""
    told = Sentence(
        f'{percent(share)} of the evidence for "{name}" reads as {concept}, but the encoder cannot tell in which '
        "pictures it is"
    )
    asked = f"Kappa: asked twice, in other words, the encoder agrees with itself by {coefficient(kappa)}"
    return told if kappa is None else told.and_also(f"{asked}; {MIN_KAPPA} is needed.")


def near_perfect(rate: float, n: int) -> str:
    """State of the audit: nearly everything is right."""
    return (
        f"the model recognises {percent(rate, decimals=1)} of {n:,} pictures: if it was trained on them, that hides "
        "its weak points; audit pictures that it has not seen"
    )


def control_failed(inputs: EvidenceInput, control: Control) -> str:
    """State of the audit: interventions on pictures show something where there is nothing to show."""
    concept, name = inputs.concepts[control.concept_idx], inputs.class_names[control.class_idx]
    why = f'only goes with the look of "{name}"' if control.copies else f'does not go with "{name}"'
    shown = points(control.swapped.effect, control.swapped.low, control.swapped.high, unit="points")
    return (
        f"covering places in pictures ({FILLED.rule_id}) counts for nothing here: covering the place of "
        f"{concept.term}, which {why}, changes what pictures are called by {shown} as well"
    )


def trained_on(name: str) -> Sentence:
    """State: nothing was shown, on pictures that are named as training data."""
    return Sentence(
        f'Nothing was shown for "{name}", but these pictures are marked as training data, and training on them hides '
        "the model's weak points",
        advice="Audit pictures that it has not seen.",
    )


def may_be_trained_on(name: str, rate: float) -> Sentence:
    """State: nothing was shown where nearly everything is right, and nobody says that the pictures are new to it."""
    return Sentence(
        f'Nothing was shown for "{name}", but the model recognises {percent(rate, decimals=1)} of all pictures: it may '
        "have been trained on them, which would hide its weak points",
        advice='Audit pictures that it has not seen, and name their split or folder "val" or "test".',
    )


def one_class_called(name: str, n: int) -> str:
    """State of the audit: all predictions are the same."""
    return f'all {n:,} pictures are called "{name}": there is no decision to audit'


def doubted(terms: Sequence[str], n: int) -> str:
    """State of the audit: concepts whose presence the encoder does not tell twice alike."""
    return (
        f"this encoder cannot tell in which pictures {len(terms):,} of {n:,} context concepts are (asked twice it "
        "disagrees with itself, or with the manifest or the examples), so nothing is said of them: "
        f"{_some(terms)}"
    )


def hardly_present(terms: Sequence[str], n: int, least: int) -> str:
    """State of the audit: concepts that next to no picture shows."""
    return (
        f"{len(terms):,} of {n:,} context concepts are in fewer than {least} pictures, so nothing is said of them: "
        f"{_some(terms)}"
    )


def _some(terms: Sequence[str]) -> str:
    """The first of terms that are counted beside."""
    return ", ".join(terms[:5]) + (" …" if len(terms) > 5 else "")
