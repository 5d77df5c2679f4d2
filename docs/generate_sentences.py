"""Write docs/sentences.md, what a verdict may say, from hand-made records: ``python docs/generate_sentences.py``.

A test holds that the page is current and that every piece of a sentence in the source stands on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy import sparse

from auditor.concept_records import Contradiction, EncoderFit
from auditor.edit_records import LevelEdits, PictureEdit
from auditor.evidence.effects.edits import Edited, EditedLoss, not_edited
from auditor.evidence.effects.gaps import NOT_MEASURABLE, Gap
from auditor.evidence.effects.place_exchange import PlaceLoss
from auditor.evidence.effects.place_shares import PlaceScreen
from auditor.evidence.effects.pulled_share import Sources
from auditor.evidence.effects.reliance import NOT_IDENTIFIED, NOT_TOLD, Erasure
from auditor.evidence.effects.surroundings import PartAround
from auditor.evidence.effects.swapped_outputs import SwappedOutputs
from auditor.evidence.effects.swaps import Intervention, no_intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts import (
    claim_sentences,
    fit_sentences,
    place_losses,
    place_sentences,
    sentences,
    state_sentences,
    swapped_sentences,
    unnamed_sentences,
    unsupported_sentences,
)
from auditor.evidence.verdicts.clean_claim import CleanClaim, WeakestPoint
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.evidence.verdicts.place_leads import GridLead
from auditor.evidence.verdicts.sentences import Sentence
from auditor.evidence.verdicts.surroundings_leads import SurroundingsLead
from auditor.evidence.verdicts.swap_controls import Control
from auditor.place_grid import PLACES
from auditor.records import ClassConcept, Concept, LinearHead, Verdict
from auditor.rules import (
    EDITED_LOSS,
    EDITED_PULL,
    EDITED_RECALL,
    FILLED,
    PULL_GAP,
    PULLED_SHARE,
    RECALL_GAP,
    RECALL_LOSS,
    Rule,
)

PAGE = Path(__file__).with_name("sentences.md")
_HEADER = """\
# What a verdict may say

Made by `python docs/generate_sentences.py` from hand-made records; the words are in
`auditor/evidence/verdicts/*sentences.py`.

The first line is for everybody. What follows is its evidence, a line each, that begins with its name in the
[glossary](glossary.md); figures in brackets are 95 % intervals. In an audit's `sentence` all of it is one line.
"""

_CONCEPTS = (
    Concept("water", "water", "scene", members=("lake", "sea", "river", "pond", "harbour")),
    Concept("scene-water", "scene = water", "attribute", column="scene"),
    Concept("mark", "watermark by example", "artifact", column="watermark", by_example=True),
    Concept("jpeg", "JPEG quality = 30", "attribute", column="property:jpeg_quality"),
    *(Concept(word, word, "scene") for word in ("lake", "sea", "river", "pond", "harbour")),
)
_LABELS = np.array([0] * 4 + [1] * 2)
_THERE = np.zeros((6, len(_CONCEPTS)), np.float32)
_THERE[:4, :2] = 1
_INPUTS = EvidenceInput(
    image_ids=tuple("abcdef"),
    label_idx=_LABELS,
    predicted_idx=np.array([0, 1, 1, 1, 1, 1]),
    class_names=("waterbird", "landbird", "cat", "dog", "owl"),
    concepts=_CONCEPTS,
    shares=sparse.csr_array((6, len(_CONCEPTS)), dtype=np.float32),
    residuals=np.zeros(6, np.float32),
    presence=_THERE,
    embeddings=np.zeros((6, 2), np.float32),
    class_prompt_score=np.zeros((6, 5), np.float32),
    groups=None,
    head=LinearHead(np.zeros((5, 2), np.float32), np.zeros(5, np.float32)),
    head_chunks=lambda: [],
    seed=0,
)
_ALONE = replace(_INPUTS, head=None, head_chunks=None)
_NAME = "waterbird"
_GAP = Gap(0.65, 0.59, 0.71, 1e-9, 3274, 3410, 66, 212, narrowed=True)
_PULL = Gap(0.22, 0.18, 0.26, 1e-9, 80, 312, 20, 2000)
_SHARE = Gap(0.12, 0.09, 0.15, 1e-9, 260, 2000, 0, 2000)
_LOSS = Gap(0.58, 0.45, 0.68, 1e-9, 1, 4, 48, 50, narrowed=True)
_FEW = replace(_GAP, n_present=496, n_absent=4, low=-1.0, high=1.0, status="too_few")
_ERASED = Erasure(0.38, 0.33, 0.43, 3410, 212, p=0.005, permuted=0.001)
_SWAPPED = Intervention(0.5, 0.4, 0.6, 1e-9, 0.72, 0.22, 160, n_unlike=7)
_SET = Edited(Intervention(0.6, 0.5, 0.7, 1e-9, 0.8, 0.2, 100), Intervention(0.6, 0.5, 0.7, 1e-9, 0.7, 0.1, 100), 0, 0)
_BY_MARGIN = replace(
    _SET,
    recall=Intervention(0.02, -0.01, 0.05, 0.9, 0.99, 0.97, 100),
    margin=Intervention(1.4, 1.1, 1.7, 1e-9, 0.0, 0.0, 100),
)
_LOST = EditedLoss(
    Intervention(0.58, 0.45, 0.68, 1e-9, 0.96, 0.38, 50), 1, Intervention(0.56, 0.4, 0.7, 1e-9, 0.58, 0.02, 50), 1e-9
)
_EDITS = LevelEdits(PictureEdit("jpeg_quality", 30.0), None)
_PAIR = PairEvidence(
    class_idx=0,
    concept_idx=0,
    words=ClassConcept(0, _NAME, "water", "water", "scene", 0.412, 0.4, 0.43, 0.03, 13.7, 3500),
    auc=(0.93, 0.92, 0.94),
    by_words=True,
    by_data=True,
    recall=_GAP,
    pull=_PULL,
    pulled_share=_SHARE,
    sources=Sources((1, 2, 3, 4), 240, np.zeros((1, 5), np.bool_)),
    erased_recall=_ERASED,
    erased_pull=_ERASED,
    erased_share=replace(_ERASED, effect=0.1, low=0.08, high=0.12),
    transferred_margin=Erasure(0.39, 0.35, 0.42, 3410, 212, p=0.005, permuted=0.004),
)
_BY_COLUMN = replace(_PAIR, concept_idx=1, words=None)
_EDITED = replace(
    _BY_COLUMN, concept_idx=3, edits=_EDITS, edited=_SET, edited_around=_SET, by_words=False, by_data=False
)
_CLAIM = CleanClaim(
    tolerance=0.2,
    members=np.array([0, 1]),
    bounds=np.array([0.18, 0.12]),
    by_pull=np.zeros(2, np.bool_),
    of_column=np.array([False, True]),
    outside=(4, 5, 6, 7),
    fit=True,
)
_OPEN = replace(_CLAIM, bounds=np.array([0.56, 0.3]))
_POINT = WeakestPoint(0, False, x_with=85, n_with=85, x_without=12, n_without=15, more_with=0, more_without=57)
_FIT = EncoderFit(200, 180, 100, (45, 3, 0, 0, 0), (False, True, True, True, True), 0.71, 4,
                  tuple(Contradiction("fog", "clear weather", 9, 80, n) for n in (7, 5, 4, 1)))  # fmt: skip
_PLACE = GridLead(
    class_idx=0,
    n=80,
    rows=np.arange(4),
    place_idx=0,
    screen=PlaceScreen(*(np.full(len(PLACES), value) for value in (0.43, 0.07, 0.3, 0.5, 0.0, 9.0))),
    cut=0.2,
)
_AROUND = SurroundingsLead(class_idx=0, n=60, rows=np.arange(4), part=PartAround(0.57, 0.04, 0.47, 0.66, 1e-6))
_TAKEN = Intervention(0.5, 0.4, 0.6, 1e-9, 0.95, 0.45, 80)
_GIVEN = Intervention(0.55, 0.42, 0.65, 1e-9, 0.55, 0.0, 80)


def _proven(pair: PairEvidence, rule: Rule = RECALL_GAP, gap: Gap = _GAP, **how: object) -> JudgedPair:
    return JudgedPair(pair, "proven", rule, gap, 1.0, **how)  # type: ignore[arg-type]


def _open(pair: PairEvidence, rule: Rule = RECALL_GAP, gap: Gap = _FEW, **how: object) -> JudgedPair:
    return JudgedPair(pair, "open", rule, gap, 1.0, **how)  # type: ignore[arg-type]


def _flagged() -> Iterator[Sentence]:
    weak = replace(_PAIR, erased_recall=replace(_ERASED, effect=0.1, low=0.05, high=0.15))
    yield sentences.flagged(_INPUTS, _proven(_PAIR), [], _BY_COLUMN)
    yield sentences.flagged(_INPUTS, _proven(weak, gap=replace(_GAP, effect=0.3, low=0.2, high=0.4)), [_BY_COLUMN])
    yield sentences.flagged(_INPUTS, _proven(_PAIR, PULL_GAP, _PULL), [], replace(_BY_COLUMN, pull=_FEW))
    yield sentences.flagged(_INPUTS, _proven(_PAIR, PULLED_SHARE, _SHARE), [], _BY_COLUMN)
    by_sight = replace(_PAIR, concept_idx=2, words=None)
    yield sentences.flagged(_INPUTS, _proven(by_sight), [], replace(_PAIR, recall=replace(_GAP, low=-0.1)))
    yield sentences.flagged(_INPUTS, _proven(replace(_PAIR, words=None)), [], replace(by_sight, recall=NOT_MEASURABLE))
    yield sentences.flagged(
        _INPUTS, _proven(replace(_PAIR, swapped=_SWAPPED), agreeing=FILLED, together=True), [], _EDITED
    )
    for n in (3, 0):
        few = replace(_PAIR, recall=replace(_FEW, n_absent=n), swapped=_SWAPPED, partners=(4, 5, 6, 7))
        yield sentences.flagged(_INPUTS, _proven(few, FILLED, _SWAPPED.as_gap()), [])
    for rule in (EDITED_RECALL, EDITED_PULL):
        yield sentences.flagged(_INPUTS, _proven(_EDITED, rule, _SET.recall.as_gap()), [])
    yield sentences.flagged(_INPUTS, _proven(replace(_EDITED, edited=_BY_MARGIN), EDITED_PULL, _SET.pull.as_gap()), [])
    lettering = Concept("lettering-yes", "lettering = yes", "attribute", column="property:lettering")
    inputs = replace(_INPUTS, concepts=(*_CONCEPTS[:3], lettering, *_CONCEPTS[4:]))
    covered = LevelEdits(PictureEdit("lettering", "yes"), PictureEdit("lettering", "no"))
    yield sentences.flagged(inputs, _proven(replace(_EDITED, edits=covered), EDITED_RECALL, _SET.recall.as_gap()), [])


def _suspect() -> Iterator[Sentence]:
    yield sentences.suspect(_INPUTS, _open(_PAIR), (12, 107, 0, 0))
    yield sentences.suspect(_ALONE, _open(_PAIR), (12, 107, 0, 0))
    by_data = replace(_PAIR, by_words=False)
    yield sentences.suspect(_INPUTS, _open(by_data, gap=_GAP), (0, 0, 0, 0), _BY_COLUMN)
    unsure = replace(_GAP, low=-0.01)
    yield sentences.suspect(_INPUTS, _open(_PAIR, gap=unsure), (0, 107, 0, 0))
    yield sentences.suspect(_INPUTS, _open(_PAIR, gap=unsure), (0, 0, 0, 0))
    yield sentences.suspect(_INPUTS, _open(_PAIR, PULL_GAP, replace(_PULL, low=-0.01)), (0, 0, None, 9))
    yield sentences.suspect(_INPUTS, _open(_PAIR, PULL_GAP, replace(_PULL, low=-0.01)), (0, 0, 9, 0))
    untold = replace(_PAIR, erased_recall=NOT_IDENTIFIED, transferred_recall=NOT_TOLD)
    for pair in (untold, replace(untold, transferred_recall=NOT_IDENTIFIED)):
        yield sentences.suspect(_INPUTS, _open(pair, gap=_GAP), (0, 0, 0, 0))
    for around in (_SET, not_edited("too_few")):
        core = _open(replace(_EDITED, edited_around=around), EDITED_PULL, _SET.pull.as_gap(), may_be_core=True)
        yield sentences.suspect(_INPUTS, core, (0, 0, 0, 0))
    for status in ("unstable", "too_few", "copies_class", "control_failed", "not_applicable", "not_readable"):
        tried = replace(_PAIR, swapped=no_intervention(status))
        yield sentences.suspect(_INPUTS, _open(tried), (0, 107, 0, 0))
    tried = replace(_EDITED, swapped=no_intervention("not_tried_again"), edited=not_edited("not_tried_again"))
    yield sentences.suspect(_INPUTS, _open(tried), (0, 107, 0, 0))
    for status in ("too_few", "one_way", "not_readable"):
        yield sentences.suspect(_INPUTS, _open(replace(_EDITED, edited=not_edited(status))), (0, 107, 0, 0))
    few = replace(_SET, recall=no_intervention("too_few", 3))
    yield sentences.suspect(_INPUTS, _open(replace(_EDITED, edited=few)), (0, 107, 0, 0))


def _harmed() -> Iterator[Sentence]:
    pair = replace(_PAIR, recall=_LOSS)
    lost = replace(_proven(pair, RECALL_LOSS, _LOSS), strength=0.45)
    yield sentences.harmed(_INPUTS, lost, [_BY_COLUMN], replace(_BY_COLUMN, recall=_LOSS))
    weak = replace(pair, erased_recall=replace(_ERASED, effect=0.1, low=0.0, high=0.2, p=0.3))
    yield sentences.harmed(_INPUTS, replace(lost, pair=weak), [])
    for erased, transferred in (
        (replace(_ERASED, effect=0.02), NOT_IDENTIFIED),
        (replace(_ERASED, effect=-0.02), NOT_IDENTIFIED),
        (_ERASED, NOT_TOLD),
        (NOT_IDENTIFIED, NOT_IDENTIFIED),
    ):
        loss = replace(lost, pair=replace(pair, erased_recall=erased, transferred_recall=transferred))
        yield sentences.loses(_INPUTS, loss)
    by_edit = replace(lost, pair=replace(_EDITED, edited_loss=_LOST, recall=_LOSS), rule=EDITED_LOSS)
    yield sentences.harmed(_INPUTS, by_edit, [])
    yield sentences.with_losses(_INPUTS, state_sentences.trained_on("cat"), [lost, replace(lost, state="open")])


def _clean() -> Iterator[Sentence]:
    quiet = replace(_PAIR, recall=_FEW, pull=_FEW, pulled_share=None)
    seen = claim_sentences.detectable(0.27, of_half=True)
    claimed = [claim_sentences.bounded(_INPUTS, _CLAIM), *seen, claim_sentences.coverage(_INPUTS, _CLAIM)]
    yield sentences.clean(_INPUTS, _NAME, 500, 14, [], claimed, 0.93).and_also(
        *unsupported_sentences.unsupported(_INPUTS, [replace(quiet, concept_idx=v) for v in range(4)])
    )
    alone = replace(_CLAIM, outside=())
    yield sentences.clean(_INPUTS, _NAME, 500, 14, [_PAIR], [claim_sentences.coverage(_INPUTS, alone)], 0.999).and_also(
        *unsupported_sentences.unsupported(_INPUTS, [_PAIR, quiet]),
        *unsupported_sentences.unsupported(_INPUTS, [replace(_PAIR, erased_recall=replace(_ERASED, effect=0.02))]),
        *unsupported_sentences.unsupported(_INPUTS, [replace(one, recall=_FEW) for one in (_PAIR, _BY_COLUMN)]),
        *unsupported_sentences.unsupported(_ALONE, [replace(_PAIR, recall=_FEW, pull=_FEW)]),
        *unsupported_sentences.unsupported(_INPUTS, [replace(_BY_COLUMN, erased_recall=NOT_IDENTIFIED), _EDITED]),
    )
    examples = replace(_CLAIM, members=np.array([0, 2]))
    both = replace(_CLAIM, members=np.array([1, 2]), of_column=np.ones(2, np.bool_))
    by_example = replace(_CLAIM, members=np.array([2]), bounds=np.array([0.1]), of_column=np.ones(1, np.bool_))
    bounds = (claim_sentences.bounded(_INPUTS, one) for one in (examples, both, by_example))
    yield sentences.clean(_INPUTS, _NAME, 500, 14, [_PAIR, _BY_COLUMN], [*bounds], 0.93)


def _not_shown() -> Iterator[Sentence]:
    yield claim_sentences.not_shown(_INPUTS, _NAME, _OPEN, _POINT, 0.27)
    for change in (
        {"more_with": 5, "grouped": True},
        {"more_with": None},
        {"more_without": 0, "n_without": 0},
        {"by_pull": True},
    ):
        yield claim_sentences.not_shown(_INPUTS, _NAME, _OPEN, replace(_POINT, **change), None)
    none = replace(_CLAIM, members=_CLAIM.members[:0], bounds=_CLAIM.bounds[:0], of_column=_CLAIM.of_column[:0])
    yield claim_sentences.not_shown(_INPUTS, _NAME, none, None, None)
    words = replace(_CLAIM, members=np.array([0]), bounds=np.array([0.05]), of_column=np.zeros(1, np.bool_))
    for unfit in (replace(words, fit=False), replace(words, placed=0.25)):
        yield claim_sentences.not_shown(_INPUTS, _NAME, unfit, None, None)
    covered = claim_sentences.coverage(_INPUTS, replace(_CLAIM, told_apart=False))
    yield fit_sentences.not_told_apart(_FIT.of_class(0, _NAME), covered)
    yield claim_sentences.pulled(sentences.named(_INPUTS, _PAIR), _NAME, _SHARE)


def _not_analysed() -> Iterator[Sentence]:
    yield state_sentences.too_few_pictures(_NAME, 12, 20)
    yield state_sentences.never_predicted(_NAME, 140)
    yield state_sentences.at_chance(_NAME, 0.2)
    core = _open(_EDITED, EDITED_PULL, _SET.pull.as_gap(), may_be_core=True)
    yield state_sentences.at_chance(_NAME, 0.2).and_also(*sentences.shown_by_edits(_INPUTS, [core]))
    yield state_sentences.unexplained(_NAME, 0.93, 140)
    yield state_sentences.nothing_varies(_NAME, 10)
    yield state_sentences.not_measurable(sentences.named(_INPUTS, _PAIR), _NAME, 0.37, 0.41)
    yield state_sentences.trained_on(_NAME)
    yield state_sentences.may_be_trained_on(_NAME, 0.998)
    for other in (0, 1):
        called = SwappedOutputs(
            {0: 1, 1: 0} if other else {0: 1}, {0: (100, 2, 90), **({1: (90, 3, 80)} if other else {})}
        )
        yield swapped_sentences.looks_swapped(called, 0, _INPUTS.class_names)
    counts = SimpleNamespace(n_with=np.array([[95] * 9, [20] * 9]), n_known=np.array([[100] * 9, [100] * 9]))
    ranked = [_PAIR, replace(_PAIR, concept_idx=3), replace(_BY_COLUMN, auc=(0.9, 0.88, 0.92))]
    same = replace(_INPUTS, same_as={1: 0})
    yield sentences.no_model(same, _NAME, ranked, counts)  # type: ignore[arg-type]
    yield sentences.no_model(_INPUTS, _NAME, [], counts)  # type: ignore[arg-type]
    yield fit_sentences.data_not_told_apart(_FIT.of_class(0, _NAME))


def _places() -> Iterator[str | Sentence]:
    tried = replace(_PLACE, taken=_TAKEN, given=_GIVEN)
    yield place_sentences.place_sentence(_INPUTS, tried)
    yield place_sentences.place_sentence(_INPUTS, replace(tried, bar=0.01))
    yield place_sentences.place_sentence(_INPUTS, replace(tried, bar=0.01, p_object=0.001))
    for status in ("not_tried", "not_tried_again", "too_few", "not_readable", "unstable"):
        nothing = no_intervention(status)
        yield place_sentences.place_sentence(_INPUTS, replace(_PLACE, taken=nothing, given=nothing))
    clean = Verdict(0, _NAME, "clean", "none", None, None, None, "", 400)
    by_taken = replace(tried, given=replace(_GIVEN, p=1.0), bar=0.01)
    care = SwappedOutputs({0: 1, 1: 0}, {})
    around = replace(_AROUND, taken=_TAKEN, given=_GIVEN, bar=0.01)
    yield place_sentences.place_sentence(_INPUTS, around)
    by_surroundings = [replace(around, given=replace(_GIVEN, p=1.0)), replace(around, taken=replace(_TAKEN, p=1.0))]
    grid = [replace(tried, bar=0.01), replace(tried, place_idx=1, bar=0.01)]
    suspect = replace(clean, verdict="suspect", concept="JPEG quality = 30")
    for leads, before in (
        (grid, clean),
        ([by_taken], clean),
        (by_surroundings[:1], clean),
        (by_surroundings[1:], suspect),
        ([*grid[:1], around], clean),
    ):
        (told,) = place_sentences.with_places(_INPUTS, [before], leads, [[]], care)
        yield Sentence(told.claim.rstrip("."), tuple(told.numbers.splitlines()), told.advice)
    lost = PlaceLoss(0, replace(_TAKEN, called=0.98, called_without=0.35), _GIVEN, bar=0.01)
    of_another = replace(tried, class_idx=1, bar=0.01, losses=(lost,))
    for before in (clean, suspect, *place_sentences.with_places(_INPUTS, [clean], [by_taken], [[]])):
        (told,) = place_losses.with_place_losses(_INPUTS, [before], [of_another])
        yield Sentence(told.claim.rstrip("."), tuple(told.numbers.splitlines()), told.advice)


def _halves() -> Iterator[str]:
    yield unnamed_sentences.two_halves(_NAME, (39, 20), (39, 39), 0.34, 0.64)


def _notices() -> Iterator[str]:
    yield from fit_sentences.fit_notices(_FIT, _INPUTS.class_names)
    blind = replace(_FIT, n_copies=(0,) * 5, tells_context=(False,) * 5, n_doubted=0, contradictions=())
    yield from fit_sentences.fit_notices(blind, _INPUTS.class_names)
    many = {c: 20 - c for c in range(11)}
    names = tuple(f"class {c}" for c in range(21))
    yield swapped_sentences.swapped_notice(SwappedOutputs(many, dict.fromkeys(many, (10, 0, 9))), names)
    yield state_sentences.near_perfect(0.998, 2750)
    for copies in (True, False):
        yield state_sentences.control_failed(_INPUTS, Control(0, 0, copies, _SWAPPED))
    yield state_sentences.one_class_called(_NAME, 2750)
    terms = [concept.term for concept in _CONCEPTS[:6]]
    yield state_sentences.doubted(terms, 14)
    yield state_sentences.hardly_present(terms, 14, 10)


PARTS = {
    "Flagged": _flagged,
    "Suspect": _suspect,
    "Harmed, and losses": _harmed,
    "Clean": _clean,
    "Not shown": _not_shown,
    "Not analysed": _not_analysed,
    "Places": _places,
    "Halves without a name": _halves,
    "Notes on the whole audit": _notices,
}


def render_page() -> str:
    """The page: a part for every verdict, a paragraph with its lines for every sentence."""
    blocks = [_HEADER.rstrip("\n")]
    for title, told in PARTS.items():
        blocks.append(f"## {title}")
        blocks += [_block(one) for one in told()]
    return "\n\n".join(blocks) + "\n"


def _block(one: str | Sentence) -> str:
    if isinstance(one, str):
        return f"- {one}"
    claim, evidence, advice = one.parts
    return "\n".join([f"- **{claim}**", *(f"  - {line}" for line in (*evidence.splitlines(), advice) if line)])


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
