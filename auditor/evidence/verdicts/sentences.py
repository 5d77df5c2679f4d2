"""What is said of every verdict: a plain sentence for everybody, then its evidence, a line each, with n.

Each line begins with what it is evidence of, by its name in docs/glossary.md. All of them stand in docs/sentences.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from auditor.figures import coefficient, hundredths, percent, points, rate
from auditor.rules import (
    DELTA,
    EDITED_PULL,
    FILLED,
    NEAR_PERFECT,
    PRESENT,
    PULL_GAP,
    PULLED_DELTA,
    PULLED_SHARE,
    Rule,
)

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
_TAKEN_OUT = "Erasure: with it taken out of the features"
_OF_OTHERS_TAKEN_OUT = "Erasure: with what other classes show of it taken out of the features"


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said of a class: what everybody should know, the evidence for it, and what the reader can do.

    ``claim`` is a sentence without its full stop. ``evidence`` are whole lines that begin with what they are evidence
    of, by its name in docs/glossary.md ("Recall gap: …"). ``advice`` is whole sentences.
    """

    claim: str
    evidence: tuple[str, ...] = ()
    advice: str = ""

    @property
    def text(self) -> str:
        """All of it as one line of plain text."""
        return " ".join([f"{_capital(self.claim)}.", *self.evidence, *([self.advice] if self.advice else [])])

    def and_also(self, *lines: str) -> Sentence:
        """The same with more lines of evidence; those that are empty are left out."""
        return replace(self, evidence=(*self.evidence, *(line for line in lines if line)))

    @property
    def parts(self) -> tuple[str, str, str]:
        """Claim, evidence (a line each) and advice, each able to stand alone."""
        return f"{_capital(self.claim)}.", "\n".join(self.evidence), self.advice


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
    """What part of the evidence it is, by its word; an attribute has none."""
    concept = inputs.concepts[pair.concept_idx]
    if concept.column is not None:
        return ""
    name = inputs.class_names[pair.class_idx]
    if pair.words is None or pair.words.share < 0.005:
        return f'Share: none of the evidence for "{name}" reads as {concept.term}.'
    return (
        f'Share: {percent(pair.words.share)} of the evidence for "{name}" reads as {concept.term}, '
        f"in other classes {percent(pair.words.share_elsewhere)}."
    )


def _source(inputs: EvidenceInput, pair: PairEvidence) -> str:
    """Who says that it is there: "the manifest's scene = water"."""
    concept = inputs.concepts[pair.concept_idx]
    if concept.is_property:
        return f"the measured {concept.term}"
    if concept.by_example:
        return concept.term
    return f"the {'encoder' if concept.column is None else 'manifest'}'s {concept.term}"


def _other(inputs: EvidenceInput, other: PairEvidence | None, rule: Rule) -> str:
    """Whether another source agrees: "Second source: the manifest's scene = water agrees, 80 points [60, 91]."."""
    if other is None:
        return ""
    gap, source = other.recall, _source(inputs, other)
    least = DELTA
    if rule is PULL_GAP:
        gap = other.pull
    if rule is PULLED_SHARE and other.pulled_share is not None:
        gap, least = other.pulled_share, PULLED_DELTA
    if gap.status == "not_measurable":
        return f"Second source: in which pictures {source} is cannot be told."
    if gap.status == "too_few":
        return f"Second source: by {source} too few pictures have it, or lack it, to compare."
    write = percent if rule is PULLED_SHARE else _points
    agrees = "agrees" if gap.low > least else "does not agree"
    return f"Second source: {source} {agrees}, {write(gap.effect, gap.low, gap.high)}."


def recall_line(gap: Gap, concept: str = "it") -> str:
    """'Recall gap: without it 31 % [25, 38] of 212 are recognised, with it 96 % [95, 97] of 3,410'."""
    comparable = " comparable pictures" if gap.narrowed else ""
    return (
        f"Recall gap: without {concept} {_rate(gap.x_absent, gap.n_absent)}{comparable} are recognised, "
        f"with it {_rate(gap.x_present, gap.n_present)}"
    )


def pull_line(gap: Gap, class_name: str, concept: str = "it") -> str:
    """'Pull: pictures of other classes are called "cat" 22 points [18, 26] more often with it than without it (…)'."""
    return (
        f'Pull: pictures of other classes are called "{class_name}" {_points(gap.effect, gap.low, gap.high)} '
        f"more often with {concept} than without it ({gap.n_present:,} have it)"
    )


def _pulled(inputs: EvidenceInput, pair: PairEvidence, share: Gap) -> str:
    """What part of what is called the class is pulled, and of which classes."""
    name = inputs.class_names[pair.class_idx]
    n, whose = share.x_present, "other classes"
    if pair.sources is not None:
        n = pair.sources.n_pictures
        whose = _list(_first([f'"{inputs.class_names[k]}"' for k in pair.sources.class_idx], _MORE_SOURCES))
    return (
        f'Pulled share: of {share.n_present:,} pictures that are called "{name}" {n:,} are of {whose} and have it; '
        f"without it {percent(share.effect, share.low, share.high)} of all {share.n_present:,} would not be called so"
    )


def _by_chance(permuted: float | None, write: Callable[[float], str]) -> str:
    """What erasers take that were fitted to shuffled presence, in brackets; nothing where that was not asked."""
    return "" if permuted is None else f" (by chance {write(permuted)})"


def _erased(erasure: Erasure, rule: Rule | None = None) -> str:
    """What erasure took away; of a share in per cent."""
    write = percent if rule is PULLED_SHARE else _points
    whose = "share" if rule is PULLED_SHARE else "pull" if rule is PULL_GAP else "gap"
    taken = write(erasure.effect, erasure.low, erasure.high)
    return f"{_TAKEN_OUT}, the {whose} shrinks by {taken}{_by_chance(erasure.permuted, write)}"


def _erased_margin(margin: Erasure) -> str:
    """The same for what the transferred eraser takes of the margin."""
    return (
        f"{_OF_OTHERS_TAKEN_OUT}, {percent(margin.effect, margin.low, margin.high)} of what it adds to the margin "
        f"is gone{_by_chance(margin.permuted, percent)}"
    )


def _swapped(swapped: Intervention, name: str) -> str:
    """What covering its place with pictures of other classes changes."""
    left_out = f" ({swapped.n_unlike:,} left out, as none without it is alike)" if swapped.n_unlike else ""
    without = rate(swapped.called_without, swapped.n)
    return (
        f"Covering: with its place covered by other classes' pictures{left_out}, {without} trials "
        f'are still called "{name}" where those lack it and {percent(swapped.called)} where they have it: '
        f"{_points(swapped.effect, swapped.low, swapped.high)}"
    )


def _tried_on_pictures(pair: PairEvidence, name: str) -> str:
    """What interventions on pictures have to say where nothing is shown; nothing if not tried."""
    if pair.swapped.status == "measured":
        return f"{_swapped(pair.swapped, name)}."
    why = {
        "unstable": "it changes what pictures are called even where the concept stays, so it shows nothing.",
        "too_few": "not tried, as too few pictures show it, of this class or of others.",
        "copies_class": f'it would show nothing: in the other classes it is told where pictures look like "{name}", or '
        "by chance.",
        "control_failed": "it does not count here, as it moves pictures also with words that must do nothing.",
        "not_applicable": "not tried, as it has no place of its own.",
        "not_readable": "not tried, as the pictures could not be read again.",
        "not_tried_again": "not tried again, as these rules ask for other pictures.",
    }.get(pair.swapped.status)
    return "" if why is None else f"Covering: {why}"


def reliance_claim(lead_in: str, effect: float, on: str) -> str:
    """What everybody should know: what was seen, and how much the model relies on it."""
    how_much = "largely" if effect >= 0.4 else "in good part" if effect >= 0.2 else "partly"
    return f"{lead_in}: it relies {how_much} on {on}"


def flagged(
    inputs: EvidenceInput, lead: JudgedPair, others: Sequence[PairEvidence], other: PairEvidence | None = None
) -> Sentence:
    """'Without water (scene) the model recognises 17 % of "waterbird" pictures instead of 98 %: it relies …'.

    Args:
        inputs: What was judged.
        lead: The concept that leads, and its gap that was shown.
        others: Other concepts that the class relies on.
        other: The same concept by the other source: the manifest's attribute for a word, or the reverse.
    """
    pair, name = lead.pair, inputs.class_names[lead.pair.class_idx]
    claim = reliance_claim(_seen(inputs, lead), lead.gap.effect, inputs.concepts[pair.concept_idx].term)
    told = Sentence(claim, tuple(_shown(inputs, lead, name))).and_also(_words(inputs, pair))
    if lead.rule.kind != "intervention":
        told = told.and_also(_other(inputs, other, lead.rule))
    if others:
        told = told.and_also(f"It also relies on {_list([named(inputs, one) for one in others])}.")
        told = told.and_also(next((edit_sentences.tried(one, name) for one in others if edits_surely(one.edited)), ""))
    return told


def _seen(inputs: EvidenceInput, lead: JudgedPair) -> str:
    """What was seen of a reliance, by the rule that shows it, for a reader who knows none of this."""
    pair, gap, name = lead.pair, lead.gap, inputs.class_names[lead.pair.class_idx]
    concept = named(inputs, pair)
    if lead.rule is PULLED_SHARE:
        return (
            f'{percent(gap.effect)} of the pictures that the model calls "{name}" are of other classes and called so '
            f"because of {concept}"
        )
    if lead.rule is FILLED:
        return (
            f"With the place of {concept} covered, the model still calls {percent(pair.swapped.called_without)} "
            f'"{name}", instead of {percent(pair.swapped.called)} where it is covered by the same again'
        )
    if pair.edits is not None and lead.rule.kind == "intervention":
        return edit_sentences.edited_claim(pair.edits, pair.edited, lead.rule, name)
    if lead.by_pull:
        return (
            f"With {concept} the model calls {hundredths(gap.effect)} more of 100 pictures of other classes "
            f'"{name}" than without it'
        )
    return recognised(
        f"Without {concept}", name, gap.x_absent / max(gap.n_absent, 1), gap.x_present / max(gap.n_present, 1)
    )


def recognised(lead_in: str, name: str, now: float, otherwise: float) -> str:
    """'Without water (scene) the model recognises 17 % of "waterbird" pictures instead of 98 %'."""
    return f'{lead_in} the model recognises {percent(now)} of "{name}" pictures instead of {percent(otherwise)}'


def _shown(inputs: EvidenceInput, lead: JudgedPair, name: str) -> list[str]:
    """What shows it and the intervention that agrees, a line each."""
    pair = lead.pair
    if lead.rule is FILLED:
        few = (
            f"only {pair.recall.n_absent:,} of its pictures are" if pair.recall.n_absent else "none of its pictures is"
        )
        shown = replace(pair.swapped, effect=lead.gap.effect, low=lead.gap.low, high=lead.gap.high)
        return [f"Recall gap: not measured, as {few} without it.", f"{_swapped(shown, name)}."]
    observed = f"{recall_line(lead.gap)}{_picked(lead, pair.recall)}"
    if lead.rule is PULLED_SHARE:
        observed = _pulled(inputs, pair, lead.gap)
    elif lead.by_pull:
        observed = pull_line(lead.gap, name)
    if pair.edits is not None and edits_surely(pair.edited):
        edited = edit_sentences.edited_line(pair.edits, pair.edited, name)
        return [edited] if lead.rule.kind == "intervention" else [f"{observed}.", edited]
    if lead.together:
        few = "These are too few pictures to show it by themselves; together with two interventions they do."
        return [f"{observed}. {few}", f"{_erased_own(pair)}.", f"{_swapped(pair.swapped, name)}."]
    if lead.rule is PULLED_SHARE:
        return [f"{observed}.", f"{_erased(pair.erased_share, lead.rule)}."]
    if lead.by_pull:
        return [f"{observed}.", f"{_erased(pair.erased_pull, lead.rule)}."]
    agreeing = _swapped(pair.swapped, name) if lead.agreeing is FILLED else _erased_own(pair)
    return [f"{observed}.", f"{agreeing}."]


def _picked(lead: JudgedPair, observed: Gap) -> str:
    """The gap given that it was large enough to be told, where that moves it by a point."""
    gap = lead.gap
    if max(abs(gap.effect - observed.effect), abs(gap.low - observed.low), abs(gap.high - observed.high)) < _A_POINT:
        return ""
    return f"; as it was picked from many, it counts as {_points(gap.effect, gap.low, gap.high)}"


def _erased_own(pair: PairEvidence) -> str:
    """What erasure took of the class's own: of its recall where that agrees, else of the margin."""
    return _erased(pair.erased_recall) if agrees_by_counts(pair) else _erased_margin(pair.transferred_margin)


def fitted_erasers(pair: PairEvidence, rule: Rule) -> tuple[Erasure, Erasure]:
    """What the pooled and the transferred eraser take of what a rule measures: of a share, of a pull or of recall."""
    if rule is PULLED_SHARE:
        return pair.erased_share, pair.transferred_share
    if rule.whose == "others":
        return pair.erased_pull, pair.transferred_pull
    return pair.erased_recall, pair.transferred_recall


def suspect(inputs: EvidenceInput, lead: JudgedPair, missing: Missing, other: PairEvidence | None = None) -> Sentence:
    """What passes the screen, why it could not be decided, and how many pictures of what would decide it."""
    told, pair = _suspect(inputs, lead, missing, other), lead.pair
    if lead.may_be_core or pair.edits is None or not edits_pull(pair.edited):
        return told
    pulls = edit_sentences.edited_claim(pair.edits, pair.edited, EDITED_PULL, inputs.class_names[pair.class_idx])
    return replace(told, claim=f"{pulls}; whether it relies on that is open")


def _suspect(inputs: EvidenceInput, lead: JudgedPair, missing: Missing, other: PairEvidence | None) -> Sentence:
    pair, gap, by_pull = lead.pair, lead.gap, lead.by_pull
    name = inputs.class_names[pair.class_idx]
    screens = tuple(_screens(inputs, pair, name))
    # where neither source has enough pictures one of them says so
    second = _other(inputs, other, lead.rule) if gap.status == "measured" else ""
    if lead.may_be_core:
        lines = (*screens, *_shown(inputs, lead, name))
        why = f'that may be how "{name}" looks, and no shortcut'
        return _open(inputs, pair, why, lines).and_also(edit_sentences.may_be_core(pair), second)
    tried_on_pictures = _tried_on_pictures(pair, name), edit_sentences.tried(pair, name)
    fitted = fitted_erasers(pair, lead.rule)
    tried = [one for one in fitted if one.status == "measured"]
    if gap.status == "too_few":
        found = f"Recall gap: only {gap.n_absent:,} of its pictures are without it and {gap.n_present:,} with it."
    elif lead.rule is PULLED_SHARE:
        found = f"{_pulled(inputs, pair, gap)}."
    elif by_pull:
        found = f"{pull_line(gap, name)}."
    else:
        found = f"{recall_line(gap)}."
    lines = (*screens, found)
    if inputs.head is None:
        told = _open(inputs, pair, "there is no model to intervene on", lines)
        return told.and_also(second, *tried_on_pictures)
    if gap.status == "measured" and gap.low > 0 and not tried:
        silent = any(one.status == "not_told" for one in fitted)
        untried = "the features do not tell it in these pictures" if silent else "these pictures do not allow it"
        told = _open(inputs, pair, "there is a gap, but erasing the concept could not be tried", lines)
        return told.and_also(f"Erasure: not tried, as {untried}.", second, *tried_on_pictures)
    if gap.status == "measured" and gap.low > 0 and lead.agreeing is None and lead.rule.kind == "gap":
        weaker = min(tried, key=lambda one: one.effect)
        told = _open(inputs, pair, "something that goes with it may be what is used", lines)
        return told.and_also(f"{_erased(weaker, lead.rule)}.", second, *tried_on_pictures)
    of_others = by_pull and not edits_pull(pair.edited)  # its own say whether it gains
    whose, wanted = (" of other classes", missing[2:]) if of_others else ("", missing[:2])
    if None in wanted:
        why = "the encoder's own errors would hide it in any number of pictures"
        return _open(inputs, pair, why, lines).and_also(second, *tried_on_pictures)
    sides = [f"{n:,} more pictures{whose} {side} it" for n, side in zip(wanted, ("with", "without"), strict=True) if n]
    if not sides:
        why = "the effect lies near what is tolerated"
        return _open(inputs, pair, why, lines).and_also(second, *tried_on_pictures)
    why = "too few pictures lack it, or have it" if gap.status == "too_few" else "it takes more pictures to tell"
    told = _open(inputs, pair, why, lines).and_also(second, *tried_on_pictures)
    return replace(told, advice=f"Missing: {_list(sides)}.")


def _open(inputs: EvidenceInput, pair: PairEvidence, why: str, lines: tuple[str, ...]) -> Sentence:
    name, concept = inputs.class_names[pair.class_idx], named(inputs, pair)
    return Sentence(f'It is open whether the model relies on {concept} to call a picture "{name}": {why}', lines)


def _screens(inputs: EvidenceInput, pair: PairEvidence, name: str) -> Iterator[str]:
    """What speaks for a reliance without proving it."""
    if pair.by_words and pair.words is not None:
        yield _words(inputs, pair)
    elif pair.by_data and not (pair.edits is not None and edits_pull(pair.edited)):
        yield f'Association: in the data it goes with "{name}" (AUC {_auc(pair)}).'


def harmed(
    inputs: EvidenceInput, lead: JudgedPair, others: Sequence[PairEvidence], other: PairEvidence | None = None
) -> Sentence:
    """'With watermark (artifact) the model recognises 16 % of "cat" pictures instead of 98 % …', given back by erasure.

    Args:
        inputs: What was judged.
        lead: The concept that leads, and its loss (:mod:`auditor.evidence.verdicts.harm`).
        others: Other concepts that the class is harmed by.
        other: The same concept by the other source, as :func:`flagged` has it.
    """
    told = Sentence(_lost_claim(inputs, lead), _lost_lines(inputs, lead))
    told = told.and_also(_other(inputs, other, lead.rule))
    if others:
        told = told.and_also(f"It is also harmed by {_list([named(inputs, one) for one in others])}.")
    return told


def loses(inputs: EvidenceInput, lead: JudgedPair, other: PairEvidence | None = None) -> Sentence:
    """A sure loss that erasure does not give back."""
    told = Sentence(f"{_lost_claim(inputs, lead)}; whether that is the cause is open", (f"{_lost(lead)}.",))
    return told.and_also(f"{_not_given_back(lead.pair)}.", _other(inputs, other, lead.rule))


def with_losses(inputs: EvidenceInput, told: Sentence, losses: Sequence[JudgedPair]) -> Sentence:
    """What is told of a class, and the sure losses that its state does not tell."""
    for loss in losses[:_MORE_LOSSES]:
        claim = _lost_claim(inputs, loss)
        told = told.and_also(f"Loss: {claim[:1].lower()}{claim[1:]}.", _lost_lines(inputs, loss)[-1])
    return told


def shown_by_edits(inputs: EvidenceInput, judged: Sequence[JudgedPair]) -> list[str]:
    """What setting properties shows of a class of which nothing else is said: losses, and what may be its colour."""
    lines: list[str] = []
    for one in judged:
        pair, name = one.pair, inputs.class_names[one.pair.class_idx]
        if pair.edited_loss is not None:
            lines += _lost_lines(inputs, one)
        elif one.may_be_core and pair.edits is not None:
            lines.append(edit_sentences.edited_line(pair.edits, pair.edited, name))
    return lines[:_MORE_LOSSES]


def _lost_lines(inputs: EvidenceInput, loss: JudgedPair) -> tuple[str, ...]:
    """The rates that a loss is made of, and last the intervention that gives them back, or does not."""
    pair = loss.pair
    if pair.edited_loss is not None and pair.edits is not None:
        picked = _picked(loss, pair.recall)
        return (edit_sentences.edited_loss_line(pair.edits, pair.edited_loss, inputs.class_names, picked),)
    back = _given_back(loss.pair) if loss.state == "proven" else _not_given_back(loss.pair)
    return f"{_lost(loss)}.", f"{back}."


def _lost_claim(inputs: EvidenceInput, loss: JudgedPair) -> str:
    """'With watermark the model recognises 16 % of "cat" pictures instead of 98 %, and calls 84 % "dog"'."""
    gap, c, v = loss.gap, loss.pair.class_idx, loss.pair.concept_idx
    if loss.pair.edited_loss is not None and loss.pair.edits is not None:
        return edit_sentences.edited_loss_claim(loss.pair.edits, loss.pair.edited_loss, inputs.class_names[c])
    with_it, without = gap.x_present / max(gap.n_present, 1), gap.x_absent / max(gap.n_absent, 1)
    clause = recognised(f"With {named(inputs, loss.pair)}", inputs.class_names[c], with_it, without)
    there = (inputs.label_idx == c) & (inputs.presence[:, v] > PRESENT) & (inputs.predicted_idx >= 0)
    called = [
        n_witnesses(there & (inputs.predicted_idx == k), inputs.copies) if k != c else 0
        for k in range(len(inputs.class_names))
    ]
    taker = max(range(len(called)), key=lambda k: (called[k], inputs.class_names[k]))
    if 2 * called[taker] <= sum(called):
        return clause
    return f'{clause}, and calls {percent(called[taker] / gap.n_present)} "{inputs.class_names[taker]}"'


def _lost(loss: JudgedPair) -> str:
    gap = loss.gap
    comparable = " comparable pictures" if gap.narrowed else ""
    return (
        f"Loss: with it {_rate(gap.x_present, gap.n_present)} are recognised, "
        f"without it {_rate(gap.x_absent, gap.n_absent)}{comparable}"
    )


def _given_back(pair: PairEvidence) -> str:
    """What erasing the concept gives back, of the class's recall where that agrees, else of the margin."""
    if agrees_by_counts(pair):
        back = pair.erased_recall
        shown = _points(back.effect, back.low, back.high)
        return f"{_TAKEN_OUT}, {shown} of the loss come back{_by_chance(back.permuted, _points)}"
    back = pair.transferred_margin
    return (
        f"{_OF_OTHERS_TAKEN_OUT}, {percent(back.effect, back.low, back.high)} of what it costs the margin "
        f"comes back{_by_chance(back.permuted, percent)}"
    )


def _not_given_back(pair: PairEvidence) -> str:
    """What erasing the concept does not give back."""
    fitted = pair.erased_recall, pair.transferred_recall
    tried = [one for one in fitted if one.status == "measured"]
    if not tried:
        return "Erasure: it could not be tried, so the cause is not known"
    if any(one.status == "not_told" for one in fitted):
        return "Erasure: what the other pictures say of it does not tell it here, so the cause is not known"
    weaker = min(tried, key=lambda one: one.effect)
    shown = _points(weaker.effect, weaker.low, weaker.high)
    back = f"nothing of the loss comes back ({shown})" if weaker.effect < 0.005 else f"{shown} of the loss come back"
    return f"{_TAKEN_OUT}, {back}: something that goes with it may be the cause, or its pictures may only be harder"


def clean(
    inputs: EvidenceInput,
    name: str,
    n: int,
    tested: int,
    dismissed: Sequence[PairEvidence],
    claimed: Sequence[str],
    rate: float,
) -> Sentence:
    """What was tried, and what is claimed of it, a line each (`claim_sentences`)."""
    told = []
    if dismissed:
        them = "it" if len(dismissed) == 1 else "them"
        names = _list([named(inputs, pair) for pair in dismissed[:3]])
        told.append(f"Excluded: {names} stood out, but reliance on {them} was excluded.")
    told += claimed
    if rate >= NEAR_PERFECT:
        told.append(f"Recall: {percent(rate)} are recognised; pictures that the model was trained on would hide gaps.")
    return Sentence(
        f'The model was not found to rely on anything beside "{name}" itself ({n:,} pictures, {tested:,} concepts '
        "tested)",
        tuple(told),
    )


def no_model(inputs: EvidenceInput, name: str, ranked: Sequence[PairEvidence], measured: Measured) -> Sentence:
    """State: the data alone were audited; what goes with the class most comes first."""
    if not ranked:
        return Sentence(f'No model was examined; in the data no context concept goes with "{name}"')
    by_concept = {pair.concept_idx: pair for pair in ranked}
    # a word and the attribute of its name are told once, and so are a family and its members
    told_by = {**family_of(inputs.concepts), **inputs.same_as}
    told = [pair for pair in ranked if told_by.get(pair.concept_idx) not in by_concept]
    c, v = told[0].class_idx, told[0].concept_idx
    inside, n = int(measured.n_with[c, v]), int(measured.n_known[c, v])
    outside, rest = int(measured.n_with[:, v].sum()) - inside, int(measured.n_known[:, v].sum()) - n
    claim = f'No model was examined; in the data {named(inputs, told[0])} goes with "{name}"'
    line = (
        f'Association: {_rate(inside, n)} of "{name}" have it, and {_rate(outside, rest)} other pictures '
        f"(AUC {coefficient(told[0].auc[0])})"
    )
    agreeing = [pair for pair in ranked if inputs.same_as.get(pair.concept_idx) == v]
    if agreeing:
        line += f"; {_source(inputs, agreeing[0])} agrees (AUC {coefficient(agreeing[0].auc[0])})"
    more = [f"{named(inputs, pair)} {coefficient(pair.auc[0])}" for pair in told[1 : 1 + _MORE_IN_DATA]]
    return Sentence(claim, (f"{line}.",)).and_also(f"Next by AUC: {_list(more)}." if more else "")
