"""What is said of fixed places, and the verdict of a class that a place decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.swaps import Intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.class_verdict import severity_of
from auditor.evidence.verdicts.place_leads import PlaceLead
from auditor.evidence.verdicts.sentences import Sentence
from auditor.figures import percent, points, rate
from auditor.records import PLACE_KIND, Verdict
from auditor.rules import MIN_CLASS, PLACE_GIVEN, PLACE_TAKEN, Rule

_NOT_TRIED = {
    "not_tried": "exchanging it with other classes was not tried",
    "not_tried_again": "exchanging it with other classes was not tried again",
    "too_few": "too few pictures show it, or too few of other classes do not, to exchange it",
    "not_readable": "the pictures could not be read again to exchange it",
    "unstable": "exchanging any place of that size changes what pictures are called",
}


def place_sentence(inputs: EvidenceInput, lead: PlaceLead) -> str:
    """What is told of a lead beside a verdict: where the evidence lies, and what exchanging the place changed."""
    name = inputs.class_names[lead.class_idx]
    seen = _seen(lead)
    if lead.taken.status in _NOT_TRIED and lead.given.status in _NOT_TRIED:
        return f'"{name}" looks at the {lead.place.name}: {seen}; {_NOT_TRIED[lead.taken.status]}.'
    if lead.proven_by is None:
        return f'"{name}" looks at the {lead.place.name}: {seen}; {_exchanged(lead, name)}, which does not prove it.'
    return f'"{name}" is decided at the {lead.place.name}: {seen}; {_exchanged(lead, name)}.'


def _seen(lead: PlaceLead) -> str:
    p = lead.place_idx
    return (
        f"{percent(lead.share)} of its evidence lies there (others {percent(float(lead.screen.share_elsewhere[p]))}), "
        f"{lead.rows.size:,} of its pictures show it"
    )


def _exchanged(lead: PlaceLead, name: str) -> str:
    """Both ways of exchanging the place, as clauses; of what is proven the effect given that it was."""
    shown = lead.proven_by
    sides = []
    for rule, one, text in (
        (PLACE_TAKEN, lead.taken, _taken(lead.taken, name)),
        (PLACE_GIVEN, lead.given, _given(lead.given, name)),
    ):
        if one.status != "measured":
            continue
        gap = shown[1] if shown is not None and shown[0] is rule else one.as_gap()
        sides.append(f"{text}: {points(gap.effect, gap.low, gap.high, unit='points')}")
    return "; ".join(sides)


def _taken(taken: Intervention, name: str) -> str:
    return (
        f"with that place exchanged for another class's, {rate(taken.called_without, taken.n)} trials are still called "
        f'"{name}", with its mirror image exchanged {percent(taken.called)}'
    )


def _given(given: Intervention, name: str) -> str:
    return (
        f'put into other classes\' pictures it makes {percent(given.called)} of {given.n:,} trials "{name}", its '
        f"mirror image {percent(given.called_without)}"
    )


def with_places(verdicts: Sequence[Verdict], leads: Sequence[PlaceLead]) -> tuple[Verdict, ...]:
    """The verdicts, with classes flagged that a place is shown to decide; of classes that are flagged it is told."""
    found = []
    for verdict in verdicts:
        proven = [one for one in leads if one.class_idx == verdict.class_idx and one.proven_by is not None]
        shown = proven[0].proven_by if proven and verdict.n_images >= MIN_CLASS else None
        if shown is not None:
            is_flagged = verdict.verdict == "flagged"
            verdict = _told(verdict, proven) if is_flagged else _flagged(verdict, proven, *shown)
        found.append(verdict)
    return tuple(found)


def _flagged(verdict: Verdict, proven: Sequence[PlaceLead], rule: Rule, gap: Gap) -> Verdict:
    """The verdict with its first place as its reason, by the rule that shows it and its effect."""
    lead, name = proven[0], verdict.class_name
    how_much = "largely" if gap.effect >= 0.4 else "in good part" if gap.effect >= 0.2 else "partly"
    told = Sentence(
        f'The model calls a picture "{name}" {how_much} because of what lies at the {lead.place.name} (place)',
        f"{_seen(lead)}; {_exchanged(lead, name)}.{_also(proven[1:])}",
        joint=": ",
    )
    claim, numbers, advice = told.parts
    return replace(
        verdict,
        verdict="flagged",
        severity=severity_of(gap),
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


def _told(verdict: Verdict, proven: Sequence[PlaceLead]) -> Verdict:
    more = _also(proven)
    return replace(verdict, sentence=f"{verdict.sentence}{more}", numbers=f"{verdict.numbers}{more}")


def _also(leads: Sequence[PlaceLead]) -> str:
    places = " and ".join(f"the {lead.place.name}" for lead in leads)
    return f" It also relies on what lies at {places} (place)." if leads else ""
