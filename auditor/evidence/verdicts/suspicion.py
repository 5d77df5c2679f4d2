"""When something that is neither shown nor excluded makes a class suspect: when it says something about the model.

That a concept goes with a class in the pictures says nothing about what a model made of it: on photographs of two
classes it does so for whatever tells one from the other, in every model (decision 0036). Nor does a gap between
pictures of which the encoder says so and others: what looks typical of a class has its words, and is called it
(decision 0089).
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts.agreement import edits_pull, supported
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.rules import DELTA


def may_be_suspected(pair: PairEvidence) -> bool:
    """Whether the model, and not the data alone, speaks of a concept: its words, or a gap that something supports.

    A gap alone is one of the many gaps of many concepts, so the data must associate the concept as well, unless it is
    a column with a sure and large gap. Where somebody knows in which pictures the concept is (a column, examples), or
    nothing can be tried on a word without a model, it is enough that it is surely over DELTA; else an intervention must
    agree: a word is an opinion, and every class is recognised more often in sharp pictures. Words of an encoder that
    cannot tell context from the class say nothing.
    """
    if pair.sure:
        return True
    if not pair.readable:
        return False
    speaks = bool(supported(pair)) or (shows_gap(pair) and not pair.needs_support)
    return pair.by_words or (pair.by_data and speaks)


def makes_suspect(judged: JudgedPair) -> bool:
    """Whether a pair that is neither shown nor excluded makes its class suspect.

    So does what was shown of the whole frame's colour or light, and not with the object's place left as it is; and an
    edit that surely makes other classes' pictures be called the class (see ``edits_pull``).
    """
    if judged.state != "open":
        return False
    return judged.may_be_core or edits_pull(judged.pair.edited) or may_be_suspected(judged.pair)


def shows_gap(pair: PairEvidence) -> bool:
    """Whether a gap of recall, of pull or of share is over DELTA by its lower bound."""
    return any(surely_over(gap) for gap in (pair.recall, pair.pull, pair.pulled_share) if gap is not None)


def surely_over(gap: Gap) -> bool:
    """Whether a gap is over DELTA by its lower bound."""
    return gap.status == "measured" and gap.low > DELTA


def unsupported_pairs(judged: Sequence[JudgedPair]) -> list[JudgedPair]:
    """Open pairs that go with the class in the data and do not make it suspect, with a gap or without."""
    return [j for j in judged if j.state == "open" and j.pair.by_data and not makes_suspect(j)]
