"""What is said of surroundings that decide a class."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.evidence.verdicts.place_lead import PlaceWords
from auditor.evidence.verdicts.surroundings_leads import SurroundingsLead
from auditor.figures import percent, points, rate
from auditor.rules import SURROUNDINGS_GIVEN, SURROUNDINGS_TAKEN

_WHAT = "what surrounds the middle of its pictures"


def surroundings_words(lead: SurroundingsLead, name: str) -> PlaceWords:
    """All that is said of them."""
    taken = (
        f"In the surroundings of another class (all but the middle of a picture) the model recognises "
        f'{percent(lead.taken.called_without)} of "{name}" pictures, and {percent(lead.taken.called)} in those of '
        "other pictures of the class"
    )
    given = (
        f"In the surroundings of its pictures (all but their middle) the model calls {percent(lead.given.called)} of "
        f'other classes\' pictures "{name}", and {percent(lead.given.called_without)} in those of their own class'
    )
    return PlaceWords(
        told=f'What surrounds the middle of its pictures decides "{name}"',
        seen={SURROUNDINGS_TAKEN.rule_id: taken, SURROUNDINGS_GIVEN.rule_id: given},
        numbers=tuple(_numbers(lead, name)),
        rests_on=_WHAT,
        also=_WHAT,
    )


def _numbers(lead: SurroundingsLead, name: str) -> Iterator[str]:
    """The part that lies there, and both ways of exchanging it, as lines; of what is proven the effect given that."""
    if lead.part is not None:
        yield (
            f"Surroundings: {percent(lead.part.model, lead.part.low, lead.part.high)} of what tells it from other "
            f"classes lies there to the model, to the encoder {percent(lead.part.encoder)}."
        )
    shown = lead.proven_by
    taken, given = lead.taken, lead.given
    texts = (
        f'in other surroundings of its class {rate(taken.called, taken.n)} trials are still called "{name}", in those '
        f"of another class {percent(taken.called_without)}",
        f'its surroundings make {rate(given.called, given.n)} trials with other classes\' pictures "{name}", their own '
        f"class's {percent(given.called_without)}",
    )
    for rule, one, text in zip(lead.rules[1:], (taken, given), texts, strict=True):
        if one.status == "measured":
            gap = shown[1] if shown is not None and shown[0] is rule else one.as_gap()
            yield f"Exchange: {text}, a difference of {points(gap.effect, gap.low, gap.high, unit='points')}."
