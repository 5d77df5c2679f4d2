"""All that is measured on pairs of class and context concept, before anything is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auditor.concept_records import EncoderFit
from auditor.edit_records import LevelEdits
from auditor.evidence.effects import significance
from auditor.evidence.effects.association import AssociationAuc, association_auc, class_concepts, present_counts
from auditor.evidence.effects.edits import NOT_EDITED, Edited, EditedLoss
from auditor.evidence.effects.encoder_fit import encoder_fit
from auditor.evidence.effects.gaps import NOT_MEASURABLE, Gap, pull_gap, recall_gap, strongest_value
from auditor.evidence.effects.plain_pull import may_be_pulled
from auditor.evidence.effects.pulled_share import Sources, pulled_share, pulled_sources
from auditor.evidence.effects.reliance import NOT_IDENTIFIED, Erasure, assign_folds
from auditor.evidence.effects.significance import PresentArms, TwoArms
from auditor.evidence.effects.strata import class_strata
from auditor.evidence.effects.swapped_outputs import SwappedOutputs, swapped_outputs
from auditor.evidence.effects.swaps import NOT_TRIED, Intervention
from auditor.evidence.effects.witnesses import witness_weights
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.presence.families import distinct, shown_by_kin
from auditor.records import BoolArray, ClassConcept, FloatArray, IntArray, Progress, Reason
from auditor.rules import (
    ASSOCIATION,
    DELTA,
    FEW_SOURCES,
    MIN_ARM,
    NOTABLE_P,
    PRESENT,
    PULLED_DELTA,
    SCREEN_AUC,
    SCREEN_EXCESS,
    SCREEN_LIFT,
    SCREEN_SHARE,
    SHARE,
)

#: What E3 measures of a pair: the fields of :class:`PairEvidence` that are erasures.
ERASURES = tuple(f"{by}_{what}" for what in ("recall", "pull", "share", "margin") for by in ("erased", "transferred"))


@dataclass(slots=True)
class PairEvidence:
    """What is known of one class and one context concept; ``q`` is filled in when all pairs are known."""

    class_idx: int
    concept_idx: int
    words: ClassConcept | None
    auc: tuple[float, float, float]
    by_words: bool
    by_data: bool
    recall: Gap = NOT_MEASURABLE
    pull: Gap = NOT_MEASURABLE
    pulled_share: Gap | None = None  # asked for where there are many other classes
    sources: Sources | None = None  # the classes that are pulled; None: all, or none
    erased_recall: Erasure = NOT_IDENTIFIED
    erased_pull: Erasure = NOT_IDENTIFIED
    transferred_recall: Erasure = NOT_IDENTIFIED
    transferred_pull: Erasure = NOT_IDENTIFIED
    erased_share: Erasure = NOT_IDENTIFIED
    transferred_share: Erasure = NOT_IDENTIFIED
    erased_margin: Erasure = NOT_IDENTIFIED  # part of the margin, see margin_loss
    transferred_margin: Erasure = NOT_IDENTIFIED
    few_pictures: bool = False  # erasers were fitted on few pictures a channel
    lost: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))  # rows with v, called c only as they are
    gained: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))  # rows without v, called c only erased
    swapped: Intervention = NOT_TRIED
    edits: LevelEdits | None = None  # of a level of a measured property that can be set in pictures
    edited: Edited = NOT_EDITED
    edited_around: Edited = NOT_EDITED  # with the object's place left as it is
    edited_part: float = 0.0  # of the pair's level, for E6
    edited_loss: EditedLoss | None = None  # what a loss is measured by, where it is one of a property
    partners: tuple[int, ...] = ()
    #: A notable gap of recall lets it through, whatever data and words say: pictures that were balanced on purpose hide
    #: the association. Of an attribute a pull does so too, its presence being no opinion.
    by_gap: bool = False
    is_property: bool = False  # a level of something that was measured of the pictures
    #: Whether its gap says nothing of the model until an intervention agrees: of a measured property always, of a word,
    #: whose presence is the encoder's opinion, wherever there is a model to intervene on.
    needs_support: bool = False
    #: A column with a sure and large gap, whatever interventions say of it.
    sure: bool = False
    #: Whether presence says more than the label does; not of a word where the encoder sees the class in most of them.
    readable: bool = True
    p: float = 1.0
    q: float = 1.0
    bar: float = 1.0  # largest p with which it would be shown, the others being what they are

    @property
    def screened_by(self) -> Reason:
        """The screen that lets it through, or would: the words where they do, else the data."""
        if self.by_words and self.words is not None:
            return Reason(SHARE.rule_id, self.words.share, self.words.share_low, self.words.share_high)
        return Reason(ASSOCIATION.rule_id, *self.auc)

    @property
    def screened(self) -> bool:
        """Whether something lets it through."""
        return self.suspicious or self.by_gap

    @property
    def suspicious(self) -> bool:
        """Whether a screen lets it through that never looks at a gap."""
        return self.by_words or self.by_data


@dataclass(slots=True, eq=False)
class Measured:
    """Counts and pairs of the whole audit; (C, V) arrays unless said otherwise."""

    class_concepts: list[ClassConcept]
    auc: AssociationAuc
    present: BoolArray  # (N, V)
    known: BoolArray  # (N, V) whether presence is known, and no other member of its family stands for a concept
    n_labelled: IntArray  # (C,)
    n_correct: IntArray  # (C,)
    n_known: IntArray
    n_known_correct: IntArray
    n_with: IntArray
    n_with_correct: IntArray
    measurable: BoolArray  # (V,) whether presence is known in any picture
    by_words: BoolArray  # E1 lets it through, whatever its kind
    by_data: BoolArray  # E2 does
    by_gap: BoolArray  # a notable gap does, see PairEvidence.by_gap
    fit: EncoderFit
    readable: BoolArray  # (C, V) see PairEvidence.readable
    pull_arms: IntArray  # pictures of other classes in the smaller arm
    swapped: SwappedOutputs | None  # classes whose labels and outputs look swapped
    pairs: list[PairEvidence] = field(default_factory=list)
    set_levels: list[int] = field(default_factory=list)  # levels of measured properties that were set in pictures
    #: (class, concept) of what a class loses by such a level, where another class is shown to rely on it
    edited_losses: dict[tuple[int, int], EditedLoss] = field(default_factory=dict)
    #: (N,) of the labels in the pictures as they are; empty until levels are set
    margins: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    of_losses: bool = False  # what is measured is absence, see :mod:`auditor.evidence.pairs.losses`
    n_without: IntArray = field(init=False)  # pictures of every class that are known to be without every concept

    def __post_init__(self) -> None:
        self.n_without = self.n_known - self.n_with


def testable(inputs: EvidenceInput, measured: Measured, c: int) -> IntArray:
    """Context concepts with enough pictures in both arms, for recall or for pull.

    Of losses those of measured properties are asked of the levels alone that were set in pictures.
    """
    arms = np.minimum(measured.n_with[c], measured.n_without[c])
    context = inputs.context_of(c)
    enough = (arms[context] >= MIN_ARM) | (measured.pull_arms[c, context] >= MIN_ARM)
    if measured.of_losses:
        is_property = np.array([inputs.concepts[v].is_property for v in context], dtype=np.bool_)
        enough = np.where(is_property, np.isin(context, measured.set_levels), enough)
    return np.asarray(context[enough], dtype=np.int64)


def measure(inputs: EvidenceInput, progress: Progress) -> Measured:
    """E1 and E2 of everything, then E4 of the pairs that pass a screen or show a notable gap."""
    labels, n_classes = inputs.label_idx, len(inputs.class_names)
    order = np.argsort(np.argsort(np.asarray(inputs.image_ids), kind="stable"), kind="stable").astype(np.int64)
    words = class_concepts(
        inputs.shares,
        inputs.predicted_idx,
        inputs.concepts,
        inputs.class_names,
        groups=inputs.groups,
        seed=inputs.seed,
        order=order,
    )
    progress("evidence: words", 1, 1)
    present, known = inputs.presence > PRESENT, np.isfinite(inputs.presence)
    measurable = np.asarray(known.any(axis=0))
    known &= ~shown_by_kin(inputs.presence, inputs.concepts)
    correct = inputs.predicted_idx == labels

    def counts(there: BoolArray, weight: BoolArray | None = None) -> IntArray:
        return present_counts(there, labels, n_classes, weight, copies=inputs.copies)

    everything = np.ones((labels.size, 1), dtype=np.bool_)
    n_with, n_without = counts(present), counts(known & ~present)
    n_with_correct = counts(present, correct)
    n_known = n_with + n_without
    auc = association_auc(inputs.presence, labels, n_classes, groups=inputs.groups, known=known)
    fit = encoder_fit(inputs.presence, inputs.class_prompt_score, labels, inputs.concepts, auc, inputs.kappa)
    of_column = np.array([concept.column is not None for concept in inputs.concepts], dtype=np.bool_)
    readable = np.array(fit.tells_context, dtype=np.bool_)[:, None] | of_column
    measured = Measured(
        class_concepts=words,
        auc=auc,
        present=present,
        known=known,
        n_labelled=counts(everything)[:, 0],
        n_correct=counts(everything, correct)[:, 0],
        n_known=n_known,
        n_known_correct=n_with_correct + counts(known & ~present, correct),
        n_with=n_with,
        n_with_correct=n_with_correct,
        measurable=measurable,
        by_words=_by_words(inputs, words, present, measurable),
        by_data=associated(auc, n_known, n_with) & readable,
        by_gap=np.zeros(n_known.shape, dtype=np.bool_),
        fit=fit,
        readable=readable,
        pull_arms=_pull_arms(n_known, n_with),
        swapped=swapped_outputs(labels, inputs.predicted_idx),
    )
    progress("evidence: association", 1, 1)
    _observed_gaps(inputs, measured, order, progress)
    return measured


def _pull_arms(n_known: IntArray, n_with: IntArray) -> IntArray:
    """Pictures of other classes in the smaller arm, over the classes that have both arms: (C, V)."""
    n_without = n_known - n_with
    both = (n_with > 0) & (n_without > 0)
    with_v, without_v = np.where(both, n_with, 0), np.where(both, n_without, 0)
    return np.asarray(np.minimum(with_v.sum(axis=0) - with_v, without_v.sum(axis=0) - without_v), dtype=np.int64)


def words_by_pair(inputs: EvidenceInput, words: Sequence[ClassConcept]) -> dict[tuple[int, int], ClassConcept]:
    """E1's records by class and concept."""
    by_id = {concept.concept_id: v for v, concept in enumerate(inputs.concepts)}
    return {(record.class_idx, by_id[record.concept_id]): record for record in words}


def carries_words(record: ClassConcept) -> bool:
    """Whether E1's share is large enough, and larger than in the other classes, to look into a concept."""
    return record.share >= SCREEN_SHARE and record.lift >= SCREEN_LIFT and record.share_low > record.share_elsewhere


def _by_words(
    inputs: EvidenceInput, words: Sequence[ClassConcept], present: BoolArray, measurable: BoolArray
) -> BoolArray:
    """Pairs (C, V) that E1 lets through."""
    n_classes = len(inputs.class_names)
    through = np.zeros((n_classes, len(inputs.concepts)), dtype=np.bool_)
    for (c, v), record in words_by_pair(inputs, words).items():
        through[c, v] = carries_words(record)
    # a concept that is not to be seen in the pictures that carry its word is a wrong word
    seen = present_counts(present, inputs.predicted_idx, n_classes, copies=inputs.copies)
    return through & ((seen >= MIN_ARM) | ~measurable)


def associated(auc: AssociationAuc, n_known: IntArray, n_with: IntArray) -> BoolArray:
    """Pairs (C, V) that E2 lets through."""
    return np.asarray((auc.low >= SCREEN_AUC) & (n_with >= MIN_ARM) & (_excess(n_known, n_with) >= SCREEN_EXCESS))


def _excess(n_known: IntArray, n_with: IntArray) -> NDArray[np.float64]:
    """How much more often a concept is present in a class than in the mean of the other classes: (C, V)."""
    seen = n_known > 0
    rate = n_with / np.maximum(n_known, 1)
    elsewhere = (rate.sum(axis=0) - rate) / np.maximum(seen.sum(axis=0) - seen, 1)
    return np.asarray(rate - elsewhere)


def values_of_kinds(inputs: EvidenceInput) -> dict[int, IntArray]:
    """For every context concept the strongest value (N,) of its kind, or of its column, in each picture."""
    kinds: dict[tuple[str, str | None], list[int]] = {}
    for v, concept in enumerate(inputs.concepts):
        if concept.is_context:
            kinds.setdefault((concept.kind, concept.column), []).append(v)
    values: dict[int, IntArray] = {}
    things = set(distinct(inputs.concepts, inputs.presence))
    for members in kinds.values():
        of_kind = [v for v in members if v in things]
        values.update(dict.fromkeys(members, strongest_value(inputs.presence, of_kind)))
    return values


def _observed_gaps(inputs: EvidenceInput, measured: Measured, order: IntArray, progress: Progress) -> None:
    """E4 of every context pair that passes a screen or whose plain gap is notable."""
    labels, predicted = inputs.label_idx, inputs.predicted_idx
    groups, copies = inputs.groups, inputs.copies
    words = words_by_pair(inputs, measured.class_concepts)
    values = values_of_kinds(inputs)
    recall_notable = notable_recall(measured)
    pull_notable = _notable_pulls(inputs, measured)
    n_sources = _n_sources(measured)
    n_classes = len(inputs.class_names)
    of_column = np.array([concept.column is not None for concept in inputs.concepts], dtype=np.bool_)
    folds = assign_folds(inputs.image_ids, groups, seed=inputs.seed)
    for c in range(n_classes):
        notable = recall_notable[c] | pull_notable[c]
        measured.by_gap[c] = np.where(of_column, notable, recall_notable[c])
        context = inputs.context_of(c)
        passes = measured.by_words[c] | measured.by_data[c] | notable
        chosen = set(context[passes[context]].tolist())
        # a word and the attribute of its name are told in one line, so both are measured
        chosen |= {v for pair in inputs.same_as.items() if chosen.intersection(pair) for v in pair}
        chosen.intersection_update(context.tolist())
        own, others = np.flatnonzero(labels == c), np.flatnonzero((labels >= 0) & (labels != c))
        own_groups = None if groups is None else groups[own]
        strata: list[IntArray] = []
        if chosen and own.size >= MIN_ARM:
            score, rows = inputs.class_prompt_score[own, c], inputs.embeddings[own]
            strata = class_strata(rows, score, order=order[own], groups=own_groups, seed=inputs.seed)
        for v in sorted(chosen):
            pair = PairEvidence(
                class_idx=c,
                concept_idx=v,
                words=words.get((c, v)),
                auc=measured.auc.of_pair(c, v),
                by_words=bool(measured.by_words[c, v]),
                by_data=bool(measured.by_data[c, v]),
                by_gap=bool(measured.by_gap[c, v]),
                is_property=inputs.concepts[v].is_property,
                needs_support=inputs.concepts[v].is_property or (not of_column[v] and inputs.head is not None),
                readable=bool(measured.readable[c, v]),
                edits=inputs.edits.get(v),
            )
            measured.pairs.append(pair)
            if not measured.measurable[v]:
                continue
            present, value = measured.present[:, v], values[v]
            seen = measured.known[own, v]
            mine, theirs = own[seen], others[measured.known[others, v]]
            pair.recall = recall_gap(
                present[mine],
                value[mine],
                predicted[mine] == c,
                strata=[stratum[seen] for stratum in strata],
                groups=None if groups is None else groups[mine],
                copies=None if copies is None else copies[mine],
            )
            pair.pull = pull_gap(
                present[theirs],
                value[theirs],
                predicted[theirs] == c,
                labels[theirs],
                groups=None if groups is None else groups[theirs],
                copies=None if copies is None else copies[theirs],
            )
            if n_sources[c, v] > FEW_SOURCES:
                _measure_share(inputs, measured, pair, theirs, value[theirs], folds[theirs])
        progress("evidence: gaps", c + 1, n_classes)


def _n_sources(measured: Measured) -> IntArray:
    """(C, V) classes other than each that have pictures with and without each concept."""
    both = (measured.n_with > 0) & (measured.n_without > 0)
    return np.asarray(both.sum(axis=0) - both, dtype=np.int64)


def _measure_share(
    inputs: EvidenceInput, measured: Measured, pair: PairEvidence, theirs: IntArray, value: IntArray, folds: IntArray
) -> None:
    """Fill in what part of the pictures called the class is pulled, and from where; ``theirs`` are other classes'."""
    c, v = pair.class_idx, pair.concept_idx
    copies = None if inputs.copies is None else inputs.copies[theirs]
    present, labels = measured.present[theirs, v], inputs.label_idx[theirs]
    called = inputs.predicted_idx[theirs] == c
    pair.pulled_share = pulled_share(
        present,
        value,
        called,
        labels,
        called_with_known(inputs, measured, c, v),
        groups=None if inputs.groups is None else inputs.groups[theirs],
        copies=copies,
    )
    pair.sources = pulled_sources(present, called, labels, folds, len(inputs.class_names), copies=copies)


def called_with_known(inputs: EvidenceInput, measured: Measured, c: int, v: int) -> float:
    """Labelled pictures that are called c and of which it is known whether v is there; copies are one."""
    among = (inputs.predicted_idx == c) & measured.known[:, v] & (inputs.label_idx >= 0)
    return float(witness_weights(among, inputs.copies).sum())


def notable_recall(measured: Measured) -> BoolArray:
    """Pairs (C, V) whose plain recall gap exceeds DELTA at an uncorrected level."""
    n0 = measured.n_without
    x0 = measured.n_known_correct - measured.n_with_correct
    arms = TwoArms.of(measured.n_with_correct[..., None], measured.n_with[..., None], x0[..., None], n0[..., None])
    return _surely_above(arms, np.minimum(measured.n_with, n0) >= MIN_ARM)


def _notable_pulls(inputs: EvidenceInput, measured: Measured) -> BoolArray:
    """Pairs (C, V) whose plain pull towards the class exceeds DELTA at an uncorrected level.

    Or, of columns and where the mean over many other classes hides it, whose plain share of what is called the class
    exceeds PULLED_DELTA. Of a word no pull is a screen (docs/decisions/0016), so it would be measured for nothing.
    """
    enough = measured.pull_arms >= MIN_ARM
    large = enough & may_be_pulled(
        measured.present,
        measured.known & ~measured.present,
        inputs.label_idx,
        inputs.predicted_idx,
        measured.n_with,
        measured.n_without,
        above=DELTA,
        copies=inputs.copies,
    )
    of_column = np.array([concept.column is not None for concept in inputs.concepts], dtype=np.bool_)
    shared = enough & of_column & (_n_sources(measured) > FEW_SOURCES)
    notable = np.zeros_like(large)
    for c in np.flatnonzero((large | shared).any(axis=1)):
        chosen = np.flatnonzero(large[c] | shared[c])
        notable[c, chosen] = _notable_pull(inputs, measured, int(c), chosen, shared[c, chosen])
    return notable


def _notable_pull(inputs: EvidenceInput, measured: Measured, c: int, chosen: IntArray, shared: BoolArray) -> BoolArray:
    """Of some concepts (V',) those with a notable pull towards class c, or share of what is called c where asked."""
    n_classes, copies = len(inputs.class_names), inputs.copies
    called = inputs.predicted_idx == c
    # a copy that is called otherwise has a say in what the picture is called
    rows = np.flatnonzero(called if copies is None else np.isin(copies, copies[called]))
    there, seen = measured.present[np.ix_(rows, chosen)], measured.known[np.ix_(rows, chosen)]
    x1, x0 = (
        present_counts(
            arm, inputs.label_idx[rows], n_classes, called[rows], copies=None if copies is None else copies[rows]
        )
        for arm in (there, seen & ~there)
    )
    sources = np.flatnonzero((np.arange(n_classes) != c) & (measured.n_labelled > 0))
    at = np.ix_(sources, chosen)
    arms = TwoArms.of(*(a.T for a in (x1[sources], measured.n_with[at], x0[sources], measured.n_without[at])))
    of_mean = _surely_above(arms, np.ones(chosen.size, dtype=np.bool_))
    asked = shared & ~of_mean
    if not asked.any():
        return of_mean
    n_called = (x1 + x0).sum(axis=0)
    of_present = PresentArms(*arms)
    reach = of_present.weights.sum(axis=-1) / np.maximum(n_called, 1)
    # above 1 nothing can lie: the pictures with the concept are too few to make such a share
    tested = np.minimum(PULLED_DELTA / np.maximum(reach, PULLED_DELTA), 1 - 1e-9)
    return of_mean | _surely_above(of_present, asked & (n_called >= MIN_ARM), tested)


def _surely_above(arms: TwoArms, enough: BoolArray, tested: NDArray[np.float64] | float = DELTA) -> BoolArray:
    """Whether differences exceed what is tested at an uncorrected level; those that do not at all are not tested."""
    with np.errstate(invalid="ignore"):  # nan without a stratum that has both arms
        above = enough & (significance.risk_difference(arms) > tested)
    some = type(arms)(*(a[above] for a in arms))
    above[above] = significance.p_above(some, np.broadcast_to(tested, above.shape)[above]) < NOTABLE_P
    return np.asarray(above, dtype=np.bool_)
