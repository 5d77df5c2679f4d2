"""One plain sentence or two for every verdict. Percents and points without decimals; every figure with its n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from auditor.evidence.effects import significance
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.effects.swaps import Intervention
from auditor.evidence.effects.witnesses import n_witnesses
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence
from auditor.evidence.presence.families import family_of, most_shown
from auditor.evidence.verdicts import edit_sentences
from auditor.evidence.verdicts.agreement import agrees_by_counts, edits_pull, edits_surely
from auditor.evidence.verdicts.counterexamples import Missing
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.evidence.verdicts.swap_controls import Control
from auditor.figures import coefficient, percent, points, rate
from auditor.rules import DELTA, FILLED, MIN_KAPPA, NEAR_PERFECT, PRESENT, PULL_GAP, PULLED_DELTA, PULLED_SHARE, Rule

#: Concepts that one cannot be told from, and that are named.
_MORE_ALIKE = 3
#: Classes that are pulled, and named.
_MORE_SOURCES = 3
#: By less than this a gap is not corrected in words.
_A_POINT = 0.01
#: Concepts that go with a class after the leading one, and are named.
_MORE_IN_DATA = 4
#: Losses that are told beside what a class's state tells.
_MORE_LOSSES = 2


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said of a class: a claim, the numbers behind it, and what the reader can do.

    ``claim`` is without its full stop, ``joint`` is what leads from it to the numbers where both stand in one sentence;
    numbers and advice are whole sentences.
    """

    claim: str
    numbers: str = ""
    advice: str = ""
    joint: str = ". "

    @property
    def text(self) -> str:
        """All of it as plain text."""
        claimed = f"{self.claim}{self.joint}{self.numbers}" if self.numbers else f"{self.claim}."
        return f"{claimed} {self.advice}" if self.advice else claimed

    def and_also(self, sentence: str) -> Sentence:
        """The same with one more sentence after the numbers; nothing more where that is empty."""
        return replace(self, numbers=f"{self.numbers} {sentence}".strip()) if sentence else self

    @property
    def parts(self) -> tuple[str, str, str]:
        """Claim, numbers and advice, each able to stand alone."""
        numbers = f"but {self.numbers}" if self.joint == ", but " else self.numbers
        return _capital(f"{self.claim}."), _capital(numbers), self.advice


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _points(difference: float, low: float | None = None, high: float | None = None) -> str:
    """A difference of rates in prose: "38 points [21, 41]"."""
    return points(difference, low, high, unit="points")


def _rate(successes: int, trials: int) -> str:
    """A rate with Wilson's interval and its n: "31 % [25, 38] of 212"."""
    low, high = significance.wilson_interval(successes, trials)
    return rate(successes / max(trials, 1), trials, float(low), float(high))


def rate_of(successes: int, trials: int) -> str:
    """A rate with Wilson's interval and its n: "31 % [25, 38] of 212"; "none" without trials."""
    return _rate(successes, trials) if trials else "none"


def _auc(pair: PairEvidence) -> str:
    value, low, high = map(coefficient, pair.auc)
    return f"{value} [{low}, {high}]"


def named(inputs: EvidenceInput, pair: PairEvidence) -> str:
    """A concept with its kind and what it cannot be told from: "water (scene, indistinguishable here from waves)".

    A family names its members as well: "water (scene: lake, sea, river)".
    """
    concept = inputs.concepts[pair.concept_idx]
    partners = _first([inputs.concepts[v].term for v in pair.partners], _MORE_ALIKE)
    alike = f", indistinguishable here from {_list(partners)}" if partners else ""
    return f"{concept.term} ({concept.kind.replace('_', ' ')}{_members(inputs, pair)}{alike})"


def _members(inputs: EvidenceInput, pair: PairEvidence) -> str:
    """The members of a family, those first that most pictures of the class show; the rest are counted."""
    term = inputs.concepts[pair.concept_idx].term
    own = inputs.presence[inputs.label_idx == pair.class_idx]
    words = [inputs.concepts[v].term for v in most_shown(pair.concept_idx, inputs.concepts, own)]
    others = [word for word in words if word != term]  # "water (scene: water)" says nothing
    if len(others) > _MORE_ALIKE + 1:
        others = [*others[:_MORE_ALIKE], f"{len(others) - _MORE_ALIKE} more words"]
    return f": {', '.join(others)}" if others else ""


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _first(words: Sequence[str], most: int) -> list[str]:
    """The first of many words, and how many more there are."""
    return [*words] if len(words) <= most else [*words[:most], f"{len(words) - most} more"]


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
    if concept.is_property:
        return f"the measured {concept.term}"
    if concept.by_example:
        return concept.term
    return f"the {'encoder' if concept.column is None else 'manifest'}'s {concept.term}"


def _other(inputs: EvidenceInput, other: PairEvidence | None, rule: Rule) -> str:
    """Whether the other source of a concept agrees: "the manifest's scene = water agrees: 80 points [60, 91]"."""
    if other is None:
        return ""
    gap, source = other.recall, _source(inputs, other)
    least = DELTA
    if rule is PULL_GAP:
        gap = other.pull
    if rule is PULLED_SHARE and other.pulled_share is not None:
        gap, least = other.pulled_share, PULLED_DELTA
    if gap.status == "not_measurable":
        return f"{source} cannot be measured"
    if gap.status == "too_few":
        return f"{source} has too few pictures to say"
    write = percent if rule is PULLED_SHARE else _points
    shown = write(gap.effect, gap.low, gap.high)
    return f"{source} agrees: {shown}" if gap.low > least else f"{source} shows {shown} and so does not agree"


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


def _pulled(inputs: EvidenceInput, pair: PairEvidence, share: Gap) -> str:
    """What part of what is called the class is pulled, and of which classes, as a clause."""
    name = inputs.class_names[pair.class_idx]
    n, whose = share.x_present, "other classes"
    if pair.sources is not None:
        n = pair.sources.n_pictures
        whose = _list(_first([f'"{inputs.class_names[k]}"' for k in pair.sources.class_idx], _MORE_SOURCES))
    return (
        f'of {share.n_present:,} pictures that are called "{name}" {n:,} are of {whose} with it, and '
        f"{percent(share.effect, share.low, share.high)} of all {share.n_present:,} would not be called so without it"
    )


def _erased(erasure: Erasure, rule: Rule | None = None) -> str:
    """What erasure took away, as a clause; of a share in per cent."""
    write = percent if rule is PULLED_SHARE else _points
    permuted = "" if erasure.permuted is None else f" (permuted {write(erasure.permuted)})"
    taken = write(erasure.effect, erasure.low, erasure.high)
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
    left_out = f" ({swapped.n_unlike:,} left out, as none without it is alike)" if swapped.n_unlike else ""
    without = rate(swapped.called_without, swapped.n)
    return (
        f"with its place covered by other classes' pictures{left_out}, {without} trials "
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
        "copies_class": f' In the other classes it is told where pictures look like "{name}", or by chance: covering '
        "its place would show nothing of it.",
        "control_failed": " Covering places moves pictures here with words that must do nothing: it is not counted.",
        "not_applicable": " It has no place of its own that could be covered.",
        "not_readable": " The pictures could not be read again to cover its place.",
        "not_tried_again": " Covering its place was not tried again, as these rules ask for other pictures.",
    }.get(pair.swapped.status, "")


def flagged(
    inputs: EvidenceInput, lead: JudgedPair, others: Sequence[PairEvidence], other: PairEvidence | None = None
) -> Sentence:
    """'The model calls a picture "waterbird" largely because of water (scene): without it …'.

    Args:
        inputs: What was judged.
        lead: The concept that leads, and its gap that was shown.
        others: Other concepts that the class relies on.
        other: The same concept by the other source: the manifest's attribute for a word, or the reverse.
    """
    pair, gap, name = lead.pair, lead.gap, inputs.class_names[lead.pair.class_idx]
    how_much = "largely" if gap.effect >= 0.4 else "in good part" if gap.effect >= 0.2 else "partly"
    alone = lead.rule.kind == "intervention"
    said = "" if alone else _other(inputs, other, lead.rule)
    numbers = f"{_shown(inputs, lead, name)}{_words(inputs, pair)}{'; ' if said else ''}{said}."
    if others:
        numbers += f" It also relies on {_list([named(inputs, one) for one in others])}."
        numbers += next((edit_sentences.tried(one, name) for one in others if edits_surely(one.edited)), "")
    return Sentence(
        f'The model calls a picture "{name}" {how_much} because of {named(inputs, pair)}', numbers, joint=": "
    )


def _shown(inputs: EvidenceInput, lead: JudgedPair, name: str) -> str:
    """What shows it and the intervention that agrees, as clauses."""
    pair = lead.pair
    if lead.rule is FILLED:
        few = (
            f"only {pair.recall.n_absent:,} of its pictures are" if pair.recall.n_absent else "none of its pictures is"
        )
        shown = replace(pair.swapped, effect=lead.gap.effect, low=lead.gap.low, high=lead.gap.high)
        return f"shown by intervention only, as {few} without it; {_swapped(shown, name)}"
    if pair.edits is not None and edits_surely(pair.edited):
        edited = edit_sentences.edited_clause(pair.edits, pair.edited, name)
        if lead.rule.kind == "intervention":
            return edited
        if lead.rule is PULLED_SHARE:
            return f"{_pulled(inputs, pair, lead.gap)}; {edited}"
        observed = _pull(lead.gap, name) if lead.by_pull else f"{_recall(lead.gap)}{_picked(lead, pair.recall)}"
        return f"{observed}; {edited}"
    if lead.together:
        return (
            f"{_recall(lead.gap)}, too few pictures to show it by themselves, but together with two interventions they "
            f"do{_picked(lead, pair.recall)}: {_erased_own(pair)}; {_swapped(pair.swapped, name)}"
        )
    if lead.rule is PULLED_SHARE:
        return f"{_pulled(inputs, pair, lead.gap)}; {_erased(pair.erased_share, lead.rule)}"
    if lead.by_pull:
        return f"{_pull(lead.gap, name)}; {_erased(pair.erased_pull)}"
    agreeing = _swapped(pair.swapped, name) if lead.agreeing is FILLED else _erased_own(pair)
    return f"{_recall(lead.gap)}{_picked(lead, pair.recall)}; {agreeing}"


def _picked(lead: JudgedPair, observed: Gap) -> str:
    """The gap given that it was large enough to be told, where that moves it by a point, in brackets."""
    gap = lead.gap
    if max(abs(gap.effect - observed.effect), abs(gap.low - observed.low), abs(gap.high - observed.high)) < _A_POINT:
        return ""
    shown = _points(gap.effect, gap.low, gap.high)
    return f" (a gap of {shown}, corrected for having been picked from many tests)"


def _erased_own(pair: PairEvidence) -> str:
    """What erasure took of the class's own: of its recall where that agrees, else of the margin."""
    return _erased(pair.erased_recall) if agrees_by_counts(pair) else _erased_margin(pair.transferred_margin)


def suspect(inputs: EvidenceInput, lead: JudgedPair, missing: Missing, other: PairEvidence | None = None) -> Sentence:
    """What passes the screen, what could not be decided, and how many pictures of what would decide it."""
    pair, gap, by_pull = lead.pair, lead.gap, lead.by_pull
    name, concept = inputs.class_names[pair.class_idx], named(inputs, pair)
    if pair.by_words and pair.words is not None:
        claim = (
            f'{concept} carries {percent(pair.words.share)} of the words for "{name}" '
            f"(others {percent(pair.words.share_elsewhere)})"
        )
    elif pair.sure and not pair.by_data:
        claim = f'{concept} makes a large difference to "{name}"'
    elif pair.edits is not None and (edits_pull(pair.edited) or not pair.by_data):
        claim = f'Setting {concept} in pictures changes which are called "{name}"'
    else:
        claim = f'{concept} goes with "{name}" in the data (AUC {_auc(pair)})'
    said = _other(inputs, other, lead.rule)
    # where neither source has enough pictures one of them says so
    more = f" {_capital(said)}." if said and gap.status == "measured" else ""
    if lead.may_be_core:
        shown = _shown(inputs, lead, name)
        return Sentence(claim, f"{shown}; but {edit_sentences.may_be_core(pair, name)}.{more}", joint=", and ")
    more += _tried_on_pictures(pair, name) + edit_sentences.tried(pair, name)
    fitted = (pair.erased_pull, pair.transferred_pull) if by_pull else (pair.erased_recall, pair.transferred_recall)
    if lead.rule is PULLED_SHARE:
        fitted = pair.erased_share, pair.transferred_share
    tried = [one for one in fitted if one.status == "measured"]
    if gap.status == "too_few":
        found = f"only {gap.n_absent:,} of its pictures are without it and {gap.n_present:,} with it"
    elif lead.rule is PULLED_SHARE:
        found = _pulled(inputs, pair, gap)
    elif by_pull:
        found = _pull(gap, name)
    else:
        found = _recall(gap)
    if inputs.head is None:
        untried = f"{found}; there is no model to intervene on, so reliance is neither shown nor excluded."
        return Sentence(claim, f"{untried}{more}", joint=", and ")
    if gap.status == "measured" and gap.low > 0 and not tried:
        silent = (
            "the features do not tell it in these pictures, so " if any(f.status == "not_told" for f in fitted) else ""
        )
        joint = ":" if silent else ", so"
        untried = f"{found}; {silent}erasure could not be tried{joint} reliance is neither shown nor excluded."
        return Sentence(claim, f"{untried}{more}", joint=", and ")
    if gap.status == "measured" and gap.low > 0 and lead.agreeing is None and lead.rule.kind == "gap":
        weaker = min(tried, key=lambda one: one.effect)
        denied = f"{found}; but {_erased(weaker, lead.rule)}, so something that goes with it may be what is used."
        return Sentence(claim, f"{denied}{more}", joint=", and ")
    undecided = f"{found}: reliance is neither shown nor excluded"
    whose, wanted = (" of other classes", missing[2:]) if by_pull else ("", missing[:2])
    if None in wanted:
        hidden = f"{undecided}; the encoder's own errors would hide it in any number of pictures."
        return Sentence(claim, f"{hidden}{more}", joint=", but ")
    sides = [f"{n:,} more pictures{whose} {side} it" for n, side in zip(wanted, ("with", "without"), strict=True) if n]
    if not sides:
        return Sentence(claim, f"{undecided}, the effect lies near what is tolerated.{more}", joint=", but ")
    return Sentence(claim, f"{undecided}.{more}", f"Missing: {_list(sides)}.", joint=", but ")


def harmed(
    inputs: EvidenceInput, lead: JudgedPair, others: Sequence[PairEvidence], other: PairEvidence | None = None
) -> Sentence:
    """'"cat" is harmed by watermark (artifact): with it …', where erasure gives the loss back.

    Args:
        inputs: What was judged.
        lead: The concept that leads, and its loss (:mod:`auditor.evidence.verdicts.harm`).
        others: Other concepts that the class is harmed by.
        other: The same concept by the other source, as :func:`flagged` has it.
    """
    pair, name = lead.pair, inputs.class_names[lead.pair.class_idx]
    said = _other(inputs, other, lead.rule)
    numbers = f"{_lost(inputs, lead)}; {_given_back(pair)}{'; ' if said else ''}{said}."
    if others:
        numbers += f" It is also harmed by {_list([named(inputs, one) for one in others])}."
    return Sentence(f'"{name}" is harmed by {named(inputs, pair)}', numbers, joint=": ")


def loses(inputs: EvidenceInput, lead: JudgedPair, other: PairEvidence | None = None) -> Sentence:
    """A sure loss that erasure does not give back."""
    name = inputs.class_names[lead.pair.class_idx]
    said = _other(inputs, other, lead.rule)
    numbers = f"{_capital(_lost(inputs, lead))}; {_not_given_back(lead.pair)}."
    return Sentence(
        f'"{name}" is recognised less often with {named(inputs, lead.pair)}',
        f"{numbers} {_capital(said)}." if said else numbers,
    )


def with_losses(inputs: EvidenceInput, told: Sentence, losses: Sequence[JudgedPair]) -> Sentence:
    """What is told of a class, and the sure losses that its state does not tell."""
    more = []
    for loss in losses[:_MORE_LOSSES]:
        back = _given_back(loss.pair) if loss.state == "proven" else _not_given_back(loss.pair)
        also = "It also loses pictures to" if loss.state == "proven" else "It is recognised less often with"
        more.append(f"{also} {named(inputs, loss.pair)}: {_lost(inputs, loss)}; {back}.")
    return replace(told, numbers=" ".join([told.numbers, *more]).strip()) if more else told


def _lost(inputs: EvidenceInput, loss: JudgedPair) -> str:
    """'With it 38 % [30, 47] of 130 are recognised instead of …, and 58 % of them are called "vehicle"', as clauses."""
    gap, c, v = loss.gap, loss.pair.class_idx, loss.pair.concept_idx
    without = "on comparable pictures without it" if gap.narrowed else "without it"
    clause = (
        f"with it {_rate(gap.x_present, gap.n_present)} are recognised instead of {_rate(gap.x_absent, gap.n_absent)} "
        f"{without}"
    )
    there = (inputs.label_idx == c) & (inputs.presence[:, v] > PRESENT) & (inputs.predicted_idx >= 0)
    called = [
        n_witnesses(there & (inputs.predicted_idx == k), inputs.copies) if k != c else 0
        for k in range(len(inputs.class_names))
    ]
    taker = max(range(len(called)), key=lambda k: (called[k], inputs.class_names[k]))
    if 2 * called[taker] <= sum(called):
        return clause
    return f'{clause}, and {percent(called[taker] / gap.n_present)} are called "{inputs.class_names[taker]}"'


def _given_back(pair: PairEvidence) -> str:
    """What erasing the concept gives back, of the class's recall where that agrees, else of the margin, as a clause."""
    if agrees_by_counts(pair):
        back = pair.erased_recall
        permuted = "" if back.permuted is None else f" (permuted {_points(back.permuted)})"
        return f"erasing it from the features gives back {_points(back.effect, back.low, back.high)}{permuted}"
    back = pair.transferred_margin
    permuted = "" if back.permuted is None else f" (permuted {percent(back.permuted)})"
    return (
        "erasing from the features what it does in the other classes gives back "
        f"{percent(back.effect, back.low, back.high)} of the margin that is lost with it{permuted}"
    )


def _not_given_back(pair: PairEvidence) -> str:
    """What erasing the concept does not give back, as a clause."""
    fitted = pair.erased_recall, pair.transferred_recall
    tried = [one for one in fitted if one.status == "measured"]
    if not tried:
        return "erasure could not be tried, so the cause is not known"
    if any(one.status == "not_told" for one in fitted):
        return "what the other pictures say of it does not tell it here, so the cause is not known"
    weaker = min(tried, key=lambda one: one.effect)
    back = _points(weaker.effect, weaker.low, weaker.high)
    given = f"gives nothing back ({back})" if weaker.effect < 0.005 else f"gives back {back}"
    return (
        f"erasing it from the features {given}, so something that goes with it may be the cause: its pictures may "
        "only be harder"
    )


def clean(
    inputs: EvidenceInput,
    name: str,
    n: int,
    tested: int,
    dismissed: Sequence[PairEvidence],
    claimed: Sequence[str],
    rate: float,
) -> Sentence:
    """What was tried, and what is claimed of it in whole sentences (`claim_sentences`)."""
    claim = f'No context concept was found to decide "{name}" ({n:,} pictures, {tested:,} concepts tested)'
    told = []
    if dismissed:
        them = "it" if len(dismissed) == 1 else "them"
        names = _list([named(inputs, pair) for pair in dismissed[:3]])
        told.append(f"{_capital(names)} stood out, but reliance on {them} was excluded.")
    told += claimed
    if rate >= NEAR_PERFECT:
        told.append(f"{percent(rate)} are recognised: pictures that the model was trained on hide gaps.")
    return Sentence(claim, " ".join(told))


def no_model(inputs: EvidenceInput, name: str, ranked: Sequence[PairEvidence], measured: Measured) -> Sentence:
    """State: the data alone were audited; what goes with the class most comes first."""
    claim = "No model was examined"
    if not ranked:
        return Sentence(claim, f'In the data no context concept goes with "{name}".')
    by_concept = {pair.concept_idx: pair for pair in ranked}
    # a word and the attribute of its name are told once, and so are a family and its members
    told_by = {**family_of(inputs.concepts), **inputs.same_as}
    told = [pair for pair in ranked if told_by.get(pair.concept_idx) not in by_concept]
    c, v = told[0].class_idx, told[0].concept_idx
    inside, n = int(measured.n_with[c, v]), int(measured.n_known[c, v])
    outside, rest = int(measured.n_with[:, v].sum()) - inside, int(measured.n_known[:, v].sum()) - n
    numbers = (
        f'In the data {named(inputs, told[0])} is present in {_rate(inside, n)} of "{name}" '
        f"and in {_rate(outside, rest)} other pictures (AUC {coefficient(told[0].auc[0])})"
    )
    agreeing = [pair for pair in ranked if inputs.same_as.get(pair.concept_idx) == v]
    if agreeing:
        numbers += f"; {_source(inputs, agreeing[0])} agrees (AUC {coefficient(agreeing[0].auc[0])})"
    more = [f"{named(inputs, pair)} {coefficient(pair.auc[0])}" for pair in told[1 : 1 + _MORE_IN_DATA]]
    return Sentence(claim, f"{numbers}." + (f" Next: {_list(more)}." if more else ""))


# --- named states: why a class has no verdict, and what holds for the whole audit ----


def too_few_pictures(name: str, n: int, needed: int) -> Sentence:
    """State: fewer labelled pictures than two arms take."""
    return Sentence(f'"{name}" has {n:,} labelled pictures; {needed:,} are needed to compare any with any')


def never_predicted(name: str, n: int) -> Sentence:
    """State: no picture is called the class."""
    return Sentence(f'No picture is called "{name}", not one of its own {n:,}: there is no decision to explain')


def at_chance(name: str, rate: float) -> Sentence:
    """State: recall no better than the rate among other classes."""
    return Sentence(
        f'"{name}" is recognised in {percent(rate)} of its pictures, no more often than others are called it: '
        "at chance, gaps say nothing"
    )


def unexplained(name: str, residual: float, n: int) -> Sentence:
    """State: the phrases leave too much unexplained."""
    return Sentence(
        f'The words leave {percent(residual)} of what decides "{name}" unexplained ({n:,} pictures): '
        "the encoder may not know this domain, or the vocabulary lacks the words"
    )


def nothing_varies(name: str, least: int) -> Sentence:
    """State: no context concept is present in some pictures and absent from others."""
    return Sentence(
        f"No context concept is present in {least} pictures and absent from {least} others: "
        f'nothing about "{name}" can be compared'
    )


def not_measurable(concept: str, name: str, share: float, kappa: float | None) -> Sentence:
    """State: a concept leads the words, and whether it is in a picture cannot be told."""
    told_twice = f": presence told twice agrees with kappa {coefficient(kappa)}, {MIN_KAPPA} is needed"
    why = "" if kappa is None else told_twice
    return Sentence(
        f'{concept} carries {percent(share)} of the words for "{name}", '
        f"but the encoder cannot tell in which pictures it is{why}"
    )


def near_perfect(rate: float, n: int) -> str:
    """State of the audit: nearly everything is right."""
    return (
        f"{percent(rate, decimals=1)} of {n:,} pictures are recognised: if the model was trained on them, its gaps "
        "are hidden; audit pictures that it has not seen"
    )


def control_failed(inputs: EvidenceInput, control: Control) -> str:
    """State of the audit: interventions on pictures show something where there is nothing to show."""
    concept, name = inputs.concepts[control.concept_idx], inputs.class_names[control.class_idx]
    why = f'only goes with the look of "{name}"' if control.copies else f'does not go with "{name}"'
    shown = _points(control.swapped.effect, control.swapped.low, control.swapped.high)
    return (
        f"interventions on pictures ({FILLED.rule_id}) count for nothing here: covering the place of {concept.term}, "
        f"which {why}, moves what pictures are called by {shown} as well"
    )


def trained_on(name: str) -> Sentence:
    """State: nothing was found, on pictures that are named as training data."""
    return Sentence(
        f'Nothing was found on "{name}", but these pictures are named as training data: what a model was trained on '
        "hides its gaps",
        advice="Audit pictures that it has not seen.",
    )


def may_be_trained_on(name: str, rate: float) -> Sentence:
    """State: nothing was found where nearly everything is right, and nobody says that the pictures are new to it."""
    return Sentence(
        f'Nothing was found on "{name}", but {percent(rate, decimals=1)} of all pictures are recognised and nothing '
        "says that the model was not trained on them: that would hide its gaps",
        advice='Audit pictures that it has not seen, and name their split or folder "val" or "test".',
    )


def one_class_called(name: str, n: int) -> str:
    """State of the audit: all predictions are the same."""
    return f'all {n:,} pictures are called "{name}": there is no decision to audit'


def doubted(terms: Sequence[str], n: int) -> str:
    """State of the audit: concepts whose presence the encoder does not tell twice alike."""
    shown = ", ".join(terms[:5])
    return (
        f"presence of {len(terms):,} of {n:,} context concepts cannot be measured with this encoder (two halves of "
        f"the prompts, or the manifest or examples, disagree with it): {shown}{' …' if len(terms) > 5 else ''}"
    )


def hardly_present(terms: Sequence[str], n: int, least: int) -> str:
    """State of the audit: concepts that next to no picture shows."""
    shown = ", ".join(terms[:5])
    return (
        f"{len(terms):,} of {n:,} context concepts are present in fewer than {least} pictures: nothing is said of "
        f"them ({shown}{' …' if len(terms) > 5 else ''})"
    )
