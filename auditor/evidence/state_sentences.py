"""What named states say: why a class has no verdict, and what holds for the whole audit."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.reliability import MIN_KAPPA
from auditor.figures import coefficient, percent


def too_few_pictures(name: str, n: int, needed: int) -> str:
    """State: fewer labelled pictures than two arms take."""
    return f'"{name}" has {n:,} labelled pictures; {needed:,} are needed to compare any with any.'


def never_predicted(name: str, n: int) -> str:
    """State: no picture is called the class."""
    return f'No picture is called "{name}", not one of its own {n:,}: there is no decision to explain.'


def at_chance(name: str, rate: float) -> str:
    """State: recall no better than the rate among other classes."""
    return (
        f'"{name}" is recognised in {percent(rate)} of its pictures, no more often than others are called it: '
        "at chance, gaps say nothing."
    )


def unexplained(name: str, residual: float, n: int) -> str:
    """State: the phrases leave too much unexplained."""
    return (
        f'The words leave {percent(residual)} of what decides "{name}" unexplained ({n:,} pictures): '
        "the encoder may not know this domain, or the vocabulary lacks the words."
    )


def nothing_varies(name: str, least: int) -> str:
    """State: no context concept is present in some pictures and absent from others."""
    return (
        f"No context concept is present in {least} pictures and absent from {least} others: "
        f'nothing about "{name}" can be compared.'
    )


def not_measurable(concept: str, name: str, share: float, kappa: float | None) -> str:
    """State: a concept leads the words, and whether it is in a picture cannot be told."""
    told_twice = f": presence told twice agrees with kappa {coefficient(kappa)}, {MIN_KAPPA} is needed"
    why = "" if kappa is None else told_twice
    return (
        f'{concept} carries {percent(share)} of the words for "{name}", '
        f"but the encoder cannot tell in which pictures it is{why}."
    )


def near_perfect(rate: float, n: int) -> str:
    """State of the audit: nearly everything is right."""
    return (
        f"{percent(rate, decimals=1)} of {n:,} pictures are recognised: if the model was trained on them, its gaps "
        "are hidden; audit pictures that it has not seen"
    )


def trained_on(name: str) -> str:
    """State: nothing was found, on pictures that are named as training data."""
    return (
        f'Nothing was found on "{name}", but these pictures are named as training data: what a model was trained on '
        "hides its gaps. Audit pictures that it has not seen."
    )


def may_be_trained_on(name: str, rate: float) -> str:
    """State: nothing was found where nearly everything is right, and nobody says that the pictures are new to it."""
    return (
        f'Nothing was found on "{name}", but {percent(rate, decimals=1)} of all pictures are recognised and nothing '
        "says that the model was not trained on them: that would hide its gaps. Audit pictures that it has not seen, "
        'and name their split or folder "val" or "test".'
    )


def one_class_called(name: str, n: int) -> str:
    """State of the audit: all predictions are the same."""
    return f'all {n:,} pictures are called "{name}": there is no decision to audit'


def doubted(terms: Sequence[str], n: int) -> str:
    """State of the audit: concepts whose presence the encoder does not tell twice alike."""
    shown = ", ".join(terms[:5])
    return (
        f"presence of {len(terms):,} of {n:,} context concepts cannot be measured with this encoder (two halves of "
        f"the prompts, or the manifest, disagree with it): {shown}{' …' if len(terms) > 5 else ''}"
    )


def hardly_present(terms: Sequence[str], n: int, least: int) -> str:
    """State of the audit: concepts that next to no picture shows."""
    shown = ", ".join(terms[:5])
    return (
        f"{len(terms):,} of {n:,} context concepts are present in fewer than {least} pictures: nothing is said of "
        f"them ({shown}{' …' if len(terms) > 5 else ''})"
    )
