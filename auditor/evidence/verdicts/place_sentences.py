"""What is said of fixed places, and the verdict of a class that a place decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.swapped_outputs import SwappedOutputs
from auditor.evidence.effects.swaps import Intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.pair_states import JudgedPair, without_twins
from auditor.evidence.verdicts.place_lead import PlaceLead
from auditor.evidence.verdicts.place_leads import GridLead
from auditor.evidence.verdicts.sentences import Sentence, reliance_claim, with_losses
from auditor.evidence.verdicts.surroundings_leads import SurroundingsLead
from auditor.evidence.verdicts.surroundings_sentences import WHAT, surroundings_numbers, surroundings_seen
from auditor.evidence.verdicts.swapped_sentences import read_with_care
from auditor.figures import percent, points, rate
from auditor.records import PLACE_KIND, Verdict
from auditor.rules import MIN_CLASS, PLACE_GIVEN, PLACE_TAKEN, Rule, severity_of

_NOT_TRIED = {
    "not_tried": "not tried",
    "not_tried_again": "not tried again",
    "too_few": "too few pictures show it, or too few of other classes do not, to exchange it",
    "not_readable": "the pictures could not be read again to exchange it",
    "unstable": "exchanging any place of that size changes what pictures are called",
}


def place_sentence(inputs: EvidenceInput, lead: PlaceLead) -> str:
    """What is told of a lead beside a verdict: where the evidence lies, and what exchanging the place changed."""
    name = inputs.class_names[lead.class_idx]
    if not isinstance(lead, GridLead):
        return Sentence(f'What is around the middle of its pictures decides "{name}"', _numbers(lead, name)).text
    where = f'The evidence for "{name}" lies at the {lead.place.name} more than that for other classes'
    if lead.taken.status in _NOT_TRIED and lead.given.status in _NOT_TRIED:
        untried = f"Exchange: {_NOT_TRIED[lead.taken.status]}."
        return Sentence(f"{where}; whether it decides is not known", (_evidence(lead), untried)).text
    if lead.shows_object:
        where = (
            f'What lies at the {lead.place.name} decides "{name}", for the encoder as well, more than its mirror '
            "image: it may be what the class looks like"
        )
    elif lead.proven_by is None:
        where = f"{where}, but exchanging that place did not show that it decides"
    else:
        where = f'What lies at the {lead.place.name} decides "{name}"'
    return Sentence(where, _numbers(lead, name)).text


def _numbers(lead: PlaceLead, name: str) -> tuple[str, ...]:
    """The evidence, as lines."""
    if isinstance(lead, SurroundingsLead):
        return tuple(surroundings_numbers(lead, name))
    return (_evidence(lead), *_exchanged(lead, name)) if isinstance(lead, GridLead) else ()


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
    leads: Sequence[PlaceLead],
    losses: Sequence[Sequence[JudgedPair]],
    swapped: SwappedOutputs | None = None,
) -> tuple[Verdict, ...]:
    """The verdicts, with classes flagged that a place is shown to decide.

    Of classes that are flagged already, or have too few pictures for a verdict, it is told beside what is said of them;
    surroundings also of classes that are harmed by something with a name of its own.

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
        elif verdict.verdict == "flagged" or (verdict.verdict == "harmed" and _all_around(proven)):
            found.append(_with(verdict, _also(proven)))
        elif verdict.n_images < MIN_CLASS:
            found.append(_with(verdict, place_sentence(inputs, proven[0])))
        else:
            lost = [loss for loss in losses[verdict.class_idx] if loss.state == "proven"]
            care = read_with_care(swapped, verdict.class_idx)
            found.append(_flagged(inputs, verdict, proven, without_twins(inputs, lost), care, *shown))
    return tuple(found)


def _flagged(
    inputs: EvidenceInput,
    verdict: Verdict,
    proven: Sequence[PlaceLead],
    lost: Sequence[JudgedPair],
    care: str,
    rule: Rule,
    gap: Gap,
) -> Verdict:
    """The verdict with its first place as its reason, by the rule that shows it and its effect."""
    lead, name = proven[0], verdict.class_name
    claim = reliance_claim(_seen(lead, rule, name), gap.effect, _what(lead))
    told = Sentence(claim, _numbers(lead, name)).and_also(_also(proven[1:]))
    if verdict.verdict == "suspect" and verdict.concept is not None:
        told = told.and_also(f"It may also rely on {verdict.concept}, which was neither shown nor excluded.")
    told = with_losses(inputs, told.and_also(care), lost)
    claim, numbers, advice = told.parts
    return replace(
        verdict,
        verdict="flagged",
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


def _with(verdict: Verdict, more: str) -> Verdict:
    numbers = f"{verdict.numbers}\n{more}".strip()
    return replace(verdict, sentence=f"{verdict.sentence} {more}", numbers=numbers) if more else verdict


def _seen(lead: PlaceLead, rule: Rule, name: str) -> str:
    """What was seen, as a claim begins, by the rule that shows it."""
    if isinstance(lead, SurroundingsLead):
        return surroundings_seen(lead, rule, name)
    if rule is PLACE_TAKEN:
        return (
            f"With another class's picture at the {lead.place.name} (place) the model recognises "
            f'{percent(lead.taken.called_without)} of "{name}" pictures, with one at that place\'s mirror image '
            f"{percent(lead.taken.called)}"
        )
    return (
        f"With what its pictures show at the {lead.place.name} (place) put into other classes' pictures the model "
        f"calls {percent(lead.given.called)} of them "
        f'"{name}", and {percent(lead.given.called_without)} with its mirror image'
    )


def _all_around(leads: Sequence[PlaceLead]) -> bool:
    return all(isinstance(lead, SurroundingsLead) for lead in leads)


def _what(lead: PlaceLead) -> str:
    return WHAT if isinstance(lead, SurroundingsLead) else "that place"


def _also(leads: Sequence[PlaceLead]) -> str:
    places = [f"what lies at the {lead.place.name} (place)" for lead in leads if isinstance(lead, GridLead)]
    around = [WHAT for lead in leads if isinstance(lead, SurroundingsLead)]
    return f"It also relies on {' and on '.join([*places, *around])}." if leads else ""
