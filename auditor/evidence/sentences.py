"""One plain sentence or two for every verdict. Percents and points without decimals; every figure with its n."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence import significance
from auditor.evidence.agreement import agrees_by_counts, swaps_agree
from auditor.evidence.class_states import NEAR_PERFECT
from auditor.evidence.counterexamples import Missing
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.interventions import Intervention
from auditor.evidence.pair_states import JudgedPair
from auditor.evidence.pairs import Measured, PairEvidence
from auditor.evidence.reliance import Erasure
from auditor.evidence.subgroups import DELTA, Gap
from auditor.figures import coefficient, percent, points, rate

#: Concepts that one cannot be told from, and that are named.
_MORE_ALIKE = 3
#: Concepts that go with a class after the leading one, and are named.
_MORE_IN_DATA = 4


def _points(difference: float, low: float | None = None, high: float | None = None) -> str:
    """A difference of rates in prose: "38 points [21, 41]"."""
    return points(difference, low, high, unit="points")


def _rate(successes: int, trials: int) -> str:
    """A rate with Wilson's interval and its n: "31 % [25, 38] of 212"."""
    low, high = significance.wilson_interval(successes, trials)
    return rate(successes / max(trials, 1), trials, float(low), float(high))


def _auc(pair: PairEvidence) -> str:
    value, low, high = map(coefficient, pair.auc)
    return f"{value} [{low}, {high}]"


def named(inputs: EvidenceInput, pair: PairEvidence) -> str:
    """A concept with its kind and what it cannot be told from: "water (scene, indistinguishable here from waves)"."""
    concept = inputs.concepts[pair.concept_idx]
    partners = [inputs.concepts[v].term for v in pair.partners]
    if len(partners) > _MORE_ALIKE:
        partners = [*partners[:_MORE_ALIKE], f"{len(partners) - _MORE_ALIKE} more"]
    alike = f", indistinguishable here from {_list(partners)}" if partners else ""
    return f"{concept.term} ({concept.kind.replace('_', ' ')}{alike})"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _words(inputs: EvidenceInput, pair: PairEvidence) -> str:
    """What part of the words it carries, as a last clause; an attribute has no words."""
    if inputs.concepts[pair.concept_idx].column is not None:
        return ""
    if pair.words is None or pair.words.share < 0.005:
        return "; it carries none of the words"
    return f"; it carries {percent(pair.words.share)} of the words (others {percent(pair.words.share_elsewhere)})"


def _source(inputs: EvidenceInput, pair: PairEvidence) -> str:
    """Who says that it is there: "the manifest's scene = water"."""
    concept = inputs.concepts[pair.concept_idx]
    return f"the {'encoder' if concept.column is None else 'manifest'}'s {concept.term}"


def _other(inputs: EvidenceInput, other: PairEvidence | None, by_pull: bool) -> str:
    """Whether the other source of a concept agrees: "the manifest's scene = water agrees: 80 points [60, 91]"."""
    if other is None:
        return ""
    gap, source = other.pull if by_pull else other.recall, _source(inputs, other)
    if gap.status == "not_measurable":
        return f"{source} cannot be measured"
    if gap.status == "too_few":
        return f"{source} has too few pictures to say"
    shown = _points(gap.effect, gap.low, gap.high)
    return f"{source} agrees: {shown}" if gap.low > DELTA else f"{source} shows {shown} and so does not agree"


def _recall(gap: Gap) -> str:
    without = "on comparable pictures without it" if gap.narrowed else "without it"
    return (
        f"{without} {_rate(gap.x_absent, gap.n_absent)} are recognised, with it {_rate(gap.x_present, gap.n_present)}"
    )


def _pull(gap: Gap, class_name: str) -> str:
    return (
        f'pictures of other classes are called "{class_name}" {_points(gap.effect, gap.low, gap.high)} '
        f"more often with it than without it ({gap.n_present:,} with it)"
    )


def _erased(erasure: Erasure) -> str:
    """What erasure took away, as a clause."""
    permuted = "" if erasure.permuted is None else f" (permuted {_points(erasure.permuted)})"
    taken = _points(erasure.effect, erasure.low, erasure.high)
    return f"erasing it from the features takes away {taken}{permuted}"


def _erased_margin(margin: Erasure) -> str:
    """The same for what the transferred eraser takes of the margin."""
    permuted = "" if margin.permuted is None else f" (permuted {percent(margin.permuted)})"
    return (
        "erasing from the features what it does in the other classes takes away "
        f"{percent(margin.effect, margin.low, margin.high)} of the margin that goes with it{permuted}"
    )


def _swapped(swapped: Intervention, name: str) -> str:
    """What covering its place with pictures of other classes changes, as a clause."""
    return (
        f"with its place covered by other classes' pictures, {rate(swapped.called_without, swapped.n)} trials "
        f'are still called "{name}" where those lack it and {percent(swapped.called)} where they have it: '
        f"{_points(swapped.effect, swapped.low, swapped.high)}"
    )


def _tried_on_pictures(pair: PairEvidence, name: str) -> str:
    """What interventions on pictures have to say where nothing is shown, as a sentence; nothing if not tried."""
    if pair.swapped.status == "measured":
        clause = _swapped(pair.swapped, name)
        return f" {clause[0].upper()}{clause[1:]}."
    return {
        "unstable": " Covering its place changes what pictures are called even where the concept stays.",
        "too_few": " Too few pictures show it, of this class or of others, to cover its place.",
        "not_applicable": " It has no place of its own that could be covered.",
        "not_readable": " The pictures could not be read again to cover its place.",
    }.get(pair.swapped.status, "")


def _agreeing(pair: PairEvidence, by_pull: bool, name: str) -> str:
    """The intervention that agrees with the gap: erasure where it does, else that on pictures."""
    if by_pull:
        return _erased(pair.erased_pull)
    if swaps_agree(pair):
        return _swapped(pair.swapped, name)
    return _erased(pair.erased_recall) if agrees_by_counts(pair) else _erased_margin(pair.transferred_margin)


def flagged(
    inputs: EvidenceInput, lead: JudgedPair, others: Sequence[PairEvidence], other: PairEvidence | None = None
) -> str:
    """'The model calls a picture "waterbird" largely because of water (scene): without it …'.

    Args:
        inputs: What was judged.
        lead: The concept that leads, and its gap that was shown.
        others: Other concepts that the class relies on.
        other: The same concept by the other source: the manifest's attribute for a word, or the reverse.
    """
    pair, gap, name = lead.pair, lead.gap, inputs.class_names[lead.pair.class_idx]
    how_much = "largely" if gap.effect >= 0.4 else "in good part" if gap.effect >= 0.2 else "partly"
    if lead.with_swaps:
        shown = (
            f"{_recall(gap)}, too few pictures to show it by themselves, but together with two interventions they do: "
            f"{_agreeing(pair, False, name)}; {_swapped(pair.swapped, name)}"
        )
    elif lead.by_swaps_alone:
        few = (
            f"only {pair.recall.n_absent:,} of its pictures are" if pair.recall.n_absent else "none of its pictures is"
        )
        shown = f"shown by intervention only, as {few} without it; {_swapped(pair.swapped, name)}"
    else:
        seen = _pull(gap, name) if lead.by_pull else _recall(gap)
        shown = f"{seen}; {_agreeing(pair, lead.by_pull, name)}"
    said = "" if lead.by_swaps_alone else _other(inputs, other, lead.by_pull)
    sentence = (
        f'The model calls a picture "{name}" {how_much} because of {named(inputs, pair)}: {shown}'
        f"{_words(inputs, pair)}{'; ' if said else ''}{said}."
    )
    if others:
        sentence += f" It also relies on {_list([named(inputs, one) for one in others])}."
    return sentence


def suspect(
    inputs: EvidenceInput,
    pair: PairEvidence,
    gap: Gap,
    by_pull: bool,
    supported: bool,
    missing: Missing,
    other: PairEvidence | None = None,
) -> str:
    """What passes the screen, what could not be decided, and how many pictures of what would decide it."""
    name, concept = inputs.class_names[pair.class_idx], named(inputs, pair)
    if pair.by_words and pair.words is not None:
        start = (
            f'{concept} carries {percent(pair.words.share)} of the words for "{name}" '
            f"(others {percent(pair.words.share_elsewhere)})"
        )
    else:
        start = f'{concept} goes with "{name}" in the data (AUC {_auc(pair)})'
    said = _other(inputs, other, by_pull)
    # where neither source has enough pictures one of them says so
    by_other = f" {said[0].upper()}{said[1:]}." if said and gap.status == "measured" else ""
    by_other += _tried_on_pictures(pair, name)
    fitted = (pair.erased_pull, pair.transferred_pull) if by_pull else (pair.erased_recall, pair.transferred_recall)
    tried = [one for one in fitted if one.status == "measured"]
    if gap.status == "too_few":
        found = f"only {gap.n_absent:,} of its pictures are without it and {gap.n_present:,} with it"
    elif by_pull:
        found = _pull(gap, name)
    else:
        found = _recall(gap)
    if gap.status == "measured" and gap.low > 0 and not tried:
        sentence = f"{start}, and {found}; erasure could not be tried, so reliance is neither shown nor excluded."
        return sentence + by_other
    if gap.status == "measured" and gap.low > 0 and not supported:
        weaker = min(tried, key=lambda one: one.effect)
        sentence = f"{start}, and {found}; but {_erased(weaker)}, so something that goes with it may be what is used."
        return sentence + by_other
    undecided = f"{start}, but {found}: reliance is neither shown nor excluded"
    whose, wanted = (" of other classes", missing[2:]) if by_pull else ("", missing[:2])
    if None in wanted:
        return f"{undecided}; the encoder's own errors would hide it in any number of pictures.{by_other}"
    sides = [f"{n:,} more pictures{whose} {side} it" for n, side in zip(wanted, ("with", "without"), strict=True) if n]
    if not sides:
        return f"{undecided}, the effect lies near what is tolerated.{by_other}"
    return f"{undecided}. Missing: {_list(sides)}.{by_other}"


def clean(
    inputs: EvidenceInput,
    name: str,
    n: int,
    tested: int,
    dismissed: Sequence[PairEvidence],
    detectable: float | None,
    rate: float,
) -> str:
    """What was tried and the smallest effect that could have been seen."""
    sentence = f'No context concept was found to decide "{name}" ({n:,} pictures, {tested:,} concepts tested).'
    if dismissed:
        them = "it" if len(dismissed) == 1 else "them"
        names = _list([named(inputs, pair) for pair in dismissed[:3]])
        sentence += f" {names[0].upper()}{names[1:]} stood out, but reliance on {them} was excluded."
    if detectable is not None:
        whose = "" if dismissed else " for half of them"
        sentence += f" A gap of {_points(detectable)} would have been shown{whose}."
    if rate >= NEAR_PERFECT:
        sentence += f" {percent(rate)} are recognised: pictures that the model was trained on hide gaps."
    return sentence


def no_model(inputs: EvidenceInput, name: str, ranked: Sequence[PairEvidence], measured: Measured) -> str:
    """State: the data alone were audited; what goes with the class most comes first."""
    if not ranked:
        return f'No model was examined. In the data no context concept goes with "{name}".'
    by_concept = {pair.concept_idx: pair for pair in ranked}
    # a word and the attribute of its name are told once
    told = [pair for pair in ranked if inputs.same_as.get(pair.concept_idx) not in by_concept]
    c, v = told[0].class_idx, told[0].concept_idx
    inside, n = int(measured.n_with[c, v]), int(measured.n_known[c, v])
    outside, rest = int(measured.n_with[:, v].sum()) - inside, int(measured.n_known[:, v].sum()) - n
    sentence = (
        f'No model was examined. In the data {named(inputs, told[0])} is present in {_rate(inside, n)} of "{name}" '
        f"and in {_rate(outside, rest)} other pictures (AUC {coefficient(told[0].auc[0])})"
    )
    agreeing = [pair for pair in ranked if inputs.same_as.get(pair.concept_idx) == v]
    if agreeing:
        sentence += f"; {_source(inputs, agreeing[0])} agrees (AUC {coefficient(agreeing[0].auc[0])})"
    more = [f"{named(inputs, pair)} {coefficient(pair.auc[0])}" for pair in told[1 : 1 + _MORE_IN_DATA]]
    return f"{sentence}." + (f" Next: {_list(more)}." if more else "")
