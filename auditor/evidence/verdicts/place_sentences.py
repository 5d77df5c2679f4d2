"""What is said of fixed places, and the verdict of a class that a place decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.swapped_outputs import SwappedOutputs
from auditor.evidence.effects.swaps import Intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.pair_states import JudgedPair, without_twins
from auditor.evidence.verdicts.place_lead import PlaceWords
from auditor.evidence.verdicts.place_leads import GridLead
from auditor.evidence.verdicts.sentences import Sentence, reliance_claim, with_losses
from auditor.evidence.verdicts.surroundings_leads import SurroundingsLead
from auditor.evidence.verdicts.surroundings_sentences import surroundings_words
from auditor.evidence.verdicts.swapped_sentences import read_with_care
from auditor.figures import percent, points, rate
from auditor.records import PLACE_KIND, Verdict, VerdictName
from auditor.rules import MIN_CLASS, PLACE_GIVEN, PLACE_TAKEN, Rule, severity_of

AnyLead = GridLead | SurroundingsLead
_NOT_TRIED = {
    "not_tried": "not tried",
    "not_tried_again": "not tried again",
    "too_few": "too few pictures show it, or too few of other classes do not, to exchange it",
    "not_readable": "the pictures could not be read again to exchange it",
    "unstable": "exchanging any place of that size changes what pictures are called",
}


def place_sentence(inputs: EvidenceInput, lead: AnyLead) -> str:
    """What is told of a lead beside a verdict: where the evidence lies, and what exchanging the place changed."""
    words = _words(lead, inputs.class_names[lead.class_idx])
    return Sentence(words.told, words.numbers).text


def _words(lead: AnyLead, name: str) -> PlaceWords:
    """All that is said of a lead."""
    return surroundings_words(lead, name) if isinstance(lead, SurroundingsLead) else _grid_words(lead, name)


def _grid_words(lead: GridLead, name: str) -> PlaceWords:
    place = lead.place.name
    told, numbers = (
        f'The evidence for "{name}" lies at the {place} more than that for other classes',
        _exchanged(lead, name),
    )
    if lead.taken.status in _NOT_TRIED and lead.given.status in _NOT_TRIED:
        told, numbers = f"{told}; whether it decides is not known", [f"Exchange: {_NOT_TRIED[lead.taken.status]}."]
    elif lead.shows_object:
        told = (
            f'What lies at the {place} decides "{name}", for the encoder as well, more than its mirror '
            "image: it may be what the class looks like"
        )
    elif lead.proven_by is None:
        told = f"{told}, but exchanging that place did not show that it decides"
    else:
        told = f'What lies at the {place} decides "{name}"'
    taken = (
        f"With another class's picture at the {place} (place) the model recognises "
        f'{percent(lead.taken.called_without)} of "{name}" pictures, with one at that place\'s mirror image '
        f"{percent(lead.taken.called)}"
    )
    given = (
        f"With what its pictures show at the {place} (place) put into other classes' pictures the model "
        f'calls {percent(lead.given.called)} of them "{name}", and {percent(lead.given.called_without)} with its '
        "mirror image"
    )
    return PlaceWords(
        told=told,
        seen={PLACE_TAKEN.rule_id: taken, PLACE_GIVEN.rule_id: given},
        numbers=(_evidence(lead), *numbers),
        rests_on="that place",
        also=f"what lies at the {place} (place)",
    )


def _evidence(lead: GridLead) -> str:
    return (
        f"Place: {percent(lead.share[0])} of its evidence lies there, in other classes "
        f"{percent(lead.share_elsewhere)}; {lead.rows.size:,} of its pictures show it."
    )


def _exchanged(lead: GridLead, name: str) -> list[str]:
    """Both ways of exchanging the place, as lines; of what is proven the effect given that it was."""
    shown = lead.proven_by
    sides = []
    for rule, one, text in (
        (PLACE_TAKEN, lead.taken, _taken(lead.taken, name)),
        (PLACE_GIVEN, lead.given, _given(lead.given, name)),
    ):
        if one.status != "measured":
            continue
        gap = shown[1] if shown is not None and shown[0] is rule else one.as_gap()
        sides.append(f"Exchange: {text}, a difference of {points(gap.effect, gap.low, gap.high, unit='points')}.")
    return sides


def _taken(taken: Intervention, name: str) -> str:
    return (
        f"with another class's picture at that place {rate(taken.called_without, taken.n)} trials are still called "
        f'"{name}", with one at its mirror image {percent(taken.called)}'
    )


def _given(given: Intervention, name: str) -> str:
    return (
        f'put into other classes\' pictures it makes {percent(given.called)} of {given.n:,} trials "{name}", its '
        f"mirror image {percent(given.called_without)}"
    )


def with_places(
    inputs: EvidenceInput,
    verdicts: Sequence[Verdict],
    leads: Sequence[AnyLead],
    losses: Sequence[Sequence[JudgedPair]],
    swapped: SwappedOutputs | None = None,
) -> tuple[Verdict, ...]:
    """The verdicts, with classes flagged that a place is shown to decide.

    Of classes that are flagged already, or have too few pictures for a verdict, it is told beside what is said of them.

    Args:
        inputs: What was judged.
        verdicts: By class, without places.
        leads: Places that stand out.
        losses: By class, what it surely loses pictures to: a class that a place flags keeps them.
        swapped: Classes whose labels and outputs look swapped: what flags them is to be read with care.
    """
    found = []
    for verdict in verdicts:
        proven = [one for one in leads if one.class_idx == verdict.class_idx and one.proven_by is not None]
        shown = proven[0].proven_by if proven else None
        if shown is None:
            found.append(verdict)
        elif verdict.verdict == "flagged":
            found.append(told_besides(verdict, _also(proven, verdict.class_name)))
        elif verdict.n_images < MIN_CLASS:
            found.append(told_besides(verdict, place_sentence(inputs, proven[0])))
        else:
            lost = [loss for loss in losses[verdict.class_idx] if loss.state == "proven"]
            care = read_with_care(swapped, verdict.class_idx)
            found.append(_flagged(inputs, verdict, proven, without_twins(inputs, lost), care, *shown))
    return tuple(found)


def _flagged(
    inputs: EvidenceInput,
    verdict: Verdict,
    proven: Sequence[AnyLead],
    lost: Sequence[JudgedPair],
    care: str,
    rule: Rule,
    gap: Gap,
) -> Verdict:
    """The verdict with its first place as its reason, by the rule that shows it and its effect."""
    lead, name = proven[0], verdict.class_name
    words = _words(lead, name)
    claim = reliance_claim(words.seen[rule.rule_id], gap.effect, words.rests_on)
    told = Sentence(claim, words.numbers).and_also(_also(proven[1:], name))
    if verdict.verdict == "suspect" and verdict.concept is not None:
        told = told.and_also(f"It may also rely on {verdict.concept}, which was neither shown nor excluded.")
    told = with_losses(inputs, told.and_also(care), lost)
    return by_place(verdict, "flagged", lead, told, rule, gap)


def by_place(verdict: Verdict, name: VerdictName, lead: AnyLead, told: Sentence, rule: Rule, gap: Gap) -> Verdict:
    """The verdict of a class that rests on a place or is harmed by it: what is told, by which rule, and its effect."""
    claim, numbers, advice = told.parts
    return replace(
        verdict,
        verdict=name,
        severity=severity_of(gap.low),
        concept_id=lead.place.concept_id,
        concept=lead.place.name,
        concept_kind=PLACE_KIND,
        sentence=told.text,
        share=None,
        gap=None,
        gap_low=None,
        gap_high=None,
        rule_id=rule.rule_id,
        effect=gap.effect,
        effect_low=gap.low,
        effect_high=gap.high,
        agreeing_rule_id=None,
        claim=claim,
        numbers=numbers,
        advice=advice,
    )


def told_besides(verdict: Verdict, more: str) -> Verdict:
    """The verdict with one thing more told of the class."""
    numbers = f"{verdict.numbers}\n{more}".strip()
    return replace(verdict, sentence=f"{verdict.sentence} {more}", numbers=numbers) if more else verdict


def _also(leads: Sequence[AnyLead], name: str) -> str:
    places = " and on ".join(_words(lead, name).also for lead in leads)
    return f"It also relies on {places}." if leads else ""
