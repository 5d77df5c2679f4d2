"""What is said of the encoder: how far its words can be trusted on these pictures, before any of them are."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.concept_records import ClassFit, EncoderFit
from auditor.evidence.verdicts.sentences import Sentence
from auditor.figures import coefficient, counted, percent
from auditor.rules import COPIES_AUC
from auditor.wording import quote

#: How what is said of an encoder that cannot tell context from class begins.
SEES_CLASS = "this encoder sees the class in every word"
#: Pairs of words that contradict each other, and classes, that are named.
_NAMED = 3
#: What a reader can do about it; whom `auditor doctor` itself tells so needs the first sentence alone.
WHAT_TO_DO = "Name what may matter in columns of a manifest, or take another encoder"
_ADVICE = f"{WHAT_TO_DO}: `auditor doctor --data DATA --encoder ENCODER` shows what one sees in these pictures."


def fit_notices(fit: EncoderFit, class_names: Sequence[str], *, advice: str = _ADVICE) -> list[str]:
    """What the reader of the whole audit must know first: the figures, and the classes of which words say nothing."""
    if not fit.n_pictures or not fit.n_words:
        return []
    unfit = [c for c, tells in enumerate(fit.tells_context) if not tells]
    told = [figures(fit, class_names)]
    if unfit:
        names = ", ".join(quote(class_names[c]) for c in unfit[:_NAMED])
        more = f" and {counted(len(unfit) - _NAMED, 'more class', 'more classes')}" if len(unfit) > _NAMED else ""
        told.append(
            f"this encoder sees the class in every word, so its words say nothing of {names}{more} and make no "
            f"suspects; columns of a manifest do. {advice}"
        )
    return told


def figures(fit: EncoderFit, class_names: Sequence[str]) -> str:
    """Recognised by name, words that copy a class, presence told twice, contradictions: one line."""
    worst = max(range(len(fit.n_copies)), key=lambda c: fit.n_copies[c])
    copies, words = fit.n_copies[worst], counted(fit.n_words, "context word")
    told = [
        f"how well the encoder sees these pictures: by the names of the classes alone it puts "
        f"{percent(fit.zero_shot)} of {counted(fit.n_pictures, 'picture')} into the right one",
        f"{copies:,} of {words} ({percent(copies / fit.n_words)}) by themselves tell {quote(class_names[worst])} from "
        f"the others, as if they were its name (AUC over {coefficient(COPIES_AUC)})"
        if copies
        else f"none of {words} tells a class by itself",
        f"asked twice whether something is in a picture it agrees with itself (median kappa {coefficient(fit.kappa)})",
    ]
    if fit.n_doubted:
        told.append(f"of {counted(fit.n_doubted, 'word')} it cannot tell in which pictures they are")
    if fit.contradictions:
        pairs = [
            f"{one.first} and {one.second} in {counted(one.n_both, 'picture')}" for one in fit.contradictions[:_NAMED]
        ]
        more = len(fit.contradictions) - _NAMED
        pairs += [counted(more, "more pair")] if more > 0 else []
        told.append(f"it contradicts itself: {', '.join(pairs)}")
    return "; ".join(told)


def sees_class(fit: ClassFit) -> str:
    """Why words say nothing of a class, as a part of a sentence."""
    return (
        f"{SEES_CLASS}: {fit.n_copies:,} of {counted(fit.n_words, 'context word')} tell it from the others "
        f"(AUC over {coefficient(COPIES_AUC)})"
    )


def not_told_apart(fit: ClassFit, covered: str) -> Sentence:
    """State: nothing was shown, and the encoder's words could not have found it."""
    return Sentence(f'Nothing was shown for "{fit.class_name}", but {_so_nothing(fit)}', (covered,), _ADVICE)


def data_not_told_apart(fit: ClassFit) -> Sentence:
    """The same of data alone."""
    told = f'No model was examined; no column goes with "{fit.class_name}" in the data, and {_so_nothing(fit)}'
    return Sentence(told, advice=_ADVICE)


def _so_nothing(fit: ClassFit) -> str:
    return f"{sees_class(fit)}, so words say nothing about it"
