"""Which levels of measured properties are set in which pictures, and what comes of it for each class (E6).

A picture that was edited for one class says what it is called for all of them, so edits are drawn by level and not by
class. No class has more than :data:`MAX_PICTURES` pictures go through the model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from auditor.edit_records import control_of
from auditor.evidence.effects.edits import (
    NOT_READABLE,
    EditAnswers,
    Edited,
    EditedPictures,
    EditPictures,
    edited_effects,
    edited_loss,
    not_edited,
)
from auditor.evidence.effects.erased_outcome import called_with_margin
from auditor.evidence.effects.kept_scores import from_parts
from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.effects.swaps import InterventionStatus
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence
from auditor.evidence.verdicts.agreement import edits_surely
from auditor.evidence.verdicts.many_tests import family_sizes
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.records import BoolArray, FloatArray, IntArray, Progress
from auditor.rules import DELTA, EDITED_PART, MARGIN_DELTA, MIN_EDITED

#: Pictures of a class that go through the model: so many for proof, the others for the curves.
MAX_PICTURES, FOR_PROOF = 500, 300
#: Levels that are tried in an audit.
MAX_LEVELS = 6
#: Pictures of a class at one level; more would take other levels' places and add little.
_MOST_AT_LEVEL = 150
#: Pictures of all classes that nothing is asked of, at one level.
_OTHERS = 400
#: What an edit with the object's place left as it is takes: the edited picture, and the map that says where that is.
_PASSES_KEPT = 2
#: Levels that room is kept for to be asked so. Few show anything, and without pictures none does (decision 0045).
_KEPT_LEVELS = 2


def edit_pairs(
    inputs: EvidenceInput,
    measured: Measured,
    judged: Sequence[Sequence[JudgedPair]],
    edit: EditPictures,
    progress: Progress,
) -> None:
    """Fill in E6 of the pairs of a measured property that data or gaps let through, each class's most promising first.

    Each level is set in half of its pictures first. Where some levels may be shown, these have what the others leave.
    Where a change of the whole frame's colour or light shows something, it is asked again with the object's place left
    as it is: such a property may be the object's own.
    """
    asked = _asked(inputs, judged)
    measured.set_levels += asked
    if asked:
        measured.margins = _margins_as_they_are(inputs)
    n_tried: dict[tuple[int, bool], int] = defaultdict(int)
    for pairs in asked.values():
        for pair in pairs:
            n_tried[pair.class_idx, pair.by_data] += 1
    sizes = {c: family_sizes(inputs, measured, c) for c, _ in n_tried}
    for v, pairs in asked.items():
        for pair in pairs:  # what the family's pairs have for edits is shared by those that are edited
            pair.edited_part = EDITED_PART * float(sizes[pair.class_idx][v]) / n_tried[pair.class_idx, pair.by_data]
    evenly = pictures_at_level(len(asked), sum(inputs.edits[v].whole_frame for v in asked))
    first, most = evenly // 2, evenly
    pictures: dict[int, EditedPictures] = {}
    for done, v in enumerate(asked, start=1):
        _set_level(inputs, measured, v, asked[v], [first], edit, pictures)
        progress("evidence: edited pictures", done, 2 * len(asked))
    going_on = [v for v, pairs in asked.items() if any(_may_be_shown(pair) for pair in pairs)] or list(asked)
    if len(going_on) < len(asked):  # they have what the others leave
        again = _PASSES_KEPT * min(sum(inputs.edits[v].whole_frame for v in going_on), _KEPT_LEVELS)
        room = FOR_PROOF - first * (len(asked) - len(going_on))
        most = max(evenly, min(_MOST_AT_LEVEL, room // (len(going_on) + again)))
    for done, v in enumerate(going_on, start=2 * len(asked) - len(going_on) + 1):
        _set_level(inputs, measured, v, asked[v], [most, evenly], edit, pictures)
        progress("evidence: edited pictures", done, 2 * len(asked))
    for v in pictures:
        _losses(inputs, measured, v, asked[v], pictures[v])
    left = FOR_PROOF - most * len(going_on) - first * (len(asked) - len(going_on))
    rooms = ((most, left), (evenly, FOR_PROOF - evenly * len(asked)))
    _around_objects(inputs, measured, asked, rooms, edit, progress)


def _around_objects(
    inputs: EvidenceInput,
    measured: Measured,
    asked: Mapping[int, Sequence[PairEvidence]],
    rooms: Sequence[tuple[int, int]],
    edit: EditPictures,
    progress: Progress,
) -> None:
    """Ask again with the object's place left as it is where colour or light of the whole frame shows something.

    ``rooms``: pictures of a class at one level, and how many are left for all of these; first what today's rules ask
    for, then what an audit may have that is judged again.
    """
    shown = [
        v
        for v, pairs in asked.items()
        if inputs.edits[v].whole_frame and any(edits_surely(pair.edited) for pair in pairs)
    ]
    for done, v in enumerate(shown, start=1):
        most = [min(most, left // (_PASSES_KEPT * len(shown))) for most, left in rooms]
        kept = _set_in(inputs, measured, v, asked[v], most, edit, keep_object=True)
        for pair in asked[v]:
            pair.edited_around = _effects(inputs, kept, pair.class_idx)
        progress("evidence: edited around the object", done, len(shown))


def _set_level(
    inputs: EvidenceInput,
    measured: Measured,
    v: int,
    pairs: Sequence[PairEvidence],
    most: Sequence[int],
    edit: EditPictures,
    pictures: dict[int, EditedPictures],
) -> None:
    """Set a level in so many pictures of every class that it is asked for, among them those of before."""
    found = _set_in(inputs, measured, v, pairs, most, edit)
    if isinstance(found, EditedPictures):
        pictures[v] = found
    elif v in pictures:
        return
    for pair in pairs:
        pair.edited = _effects(inputs, found, pair.class_idx)


def _set_in(
    inputs: EvidenceInput,
    measured: Measured,
    v: int,
    pairs: Sequence[PairEvidence],
    most: Sequence[int],
    edit: EditPictures,
    *,
    keep_object: bool = False,
) -> EditedPictures | InterventionStatus:
    """Pictures with a level and without it, so many of every class that it is asked for.

    ``most`` has what is asked for, and then what an audit may have that is judged again: each level had the same number
    of pictures before decision 0083.
    """
    found: EditedPictures | InterventionStatus = "not_tried"
    for n in most:
        wanted = pictures_of_each(inputs, _classes(pairs), n)
        found = _in_both(inputs, measured, v, wanted, edit, keep_object=keep_object)
        if found != "not_tried_again":
            break
    return found


def _may_be_shown(pair: PairEvidence) -> bool:
    """Whether the first pictures leave a chance: both changes are as large as those that are shown, or these are few.

    A level is only ever given up by this, never shown, so the test of those that go on needs no correction for it.
    """
    recall, pull = pair.edited.recall, pair.edited.pull
    own = recall.effect > DELTA or pair.edited.margin.effect > MARGIN_DELTA
    gains = (recall, own), (pull, pull.effect > DELTA)
    return all(one.status == "too_few" or (one.status == "measured" and enough) for one, enough in gains)


def pictures_at_level(n_levels: int, n_whole_frame: int) -> int:
    """Pictures of a class that each of so many levels is set in, with room to ask some again around the object."""
    again = _PASSES_KEPT * min(n_whole_frame, _KEPT_LEVELS)
    return min(_MOST_AT_LEVEL, FOR_PROOF // (n_levels + again)) if n_levels else 0


def _classes(pairs: Sequence[PairEvidence]) -> set[int]:
    return {pair.class_idx for pair in pairs}


def _effects(inputs: EvidenceInput, pictures: EditedPictures | InterventionStatus, c: int) -> Edited:
    if isinstance(pictures, str):
        return not_edited(pictures)
    return edited_effects(pictures, c, len(inputs.class_names))


def _losses(
    inputs: EvidenceInput,
    measured: Measured,
    v: int,
    pairs: Sequence[PairEvidence],
    pictures: EditedPictures,
) -> None:
    """What the other classes lose by a level to those that are shown to rely on it; of several takers the surest."""
    for pair in pairs:
        if not edits_surely(pair.edited):
            continue
        for c in range(len(inputs.class_names)):
            loss = None if c == pair.class_idx else edited_loss(pictures, c, pair.class_idx)
            known = measured.edited_losses.get((c, v))
            if loss is not None and (known is None or loss.p < known.p):
                measured.edited_losses[c, v] = loss


def _asked(inputs: EvidenceInput, judged: Sequence[Sequence[JudgedPair]]) -> dict[int, list[PairEvidence]]:
    """Levels that are tried, and the pairs that each is tried for.

    First the most promising of every class, then every second: names, and not positions, decide between equals.
    """
    ranked: list[tuple[int, tuple[float, float], str, PairEvidence]] = []
    for of_class in judged:
        mine = [
            j
            for j in of_class
            if j.pair.concept_idx in inputs.edits and j.pair.screened and j.state in ("proven", "open")
        ]
        mine.sort(key=lambda j: (_promise(j), inputs.concepts[j.pair.concept_idx].concept_id))
        ranked += [(i, _promise(j), inputs.class_names[j.pair.class_idx], j.pair) for i, j in enumerate(mine)]
    chosen: dict[int, list[PairEvidence]] = {}
    for *_, pair in sorted(ranked, key=lambda one: one[:3]):
        if pair.concept_idx in chosen or len(chosen) < MAX_LEVELS:
            chosen.setdefault(pair.concept_idx, []).append(pair)
    return chosen


def _promise(judged: JudgedPair) -> tuple[float, float]:
    """By which pairs are asked for first, the smallest: the surest gap, then what the data associate.

    Many levels go with a class of pictures whatever the model learnt (sea is smooth), and those of balanced pictures
    go with none.
    """
    gaps = [gap for gap in (judged.pair.recall, judged.pair.pull) if gap.status == "measured"]
    return -max(0.0, *(gap.low for gap in gaps)) if gaps else 0.0, -judged.strength


def pictures_of_each(inputs: EvidenceInput, asked: set[int], most: int, others: int = _OTHERS) -> list[int]:
    """Of each class how many pictures are edited: of those that nothing is asked of as many as make the others."""
    n_classes = len(inputs.class_names)
    elsewhere = min(most, -(-others // max(n_classes - 1, 1)))
    return [most if c in asked else elsewhere for c in range(n_classes)]


def _in_both(
    inputs: EvidenceInput,
    measured: Measured,
    v: int,
    most: Sequence[int],
    edit: EditPictures,
    *,
    keep_object: bool = False,
) -> EditedPictures | InterventionStatus:
    """Pictures with the level and without it, those first that lack it; or the state that prevents it.

    Where an edit goes one way only the other side gives none.
    """
    edits = inputs.edits[v]
    known, present = measured.known[:, v] & (inputs.predicted_idx >= 0), measured.present[:, v]
    rows, before, after, margins, lacking = [], [], [], [], []
    status: InterventionStatus = "too_few"
    left = list(most)
    for is_given, asked in ((True, edits.given), (False, edits.taken)):
        if asked is None:
            continue
        wanted = replace(asked, keep_object=keep_object)
        control = control_of(wanted)
        passes = 1 if control is None else 2
        most_now = [n // passes for n in left]
        drawn = drawn_pictures(inputs, known & (present != is_given), most_now, inputs.concepts[v].concept_id)
        answers = edit(wanted, drawn.tolist()) if drawn.size else EditAnswers(drawn, drawn)
        if answers is None:
            return "not_tried_again"
        called = answers.called
        if drawn.size and (called < 0).all():
            status = "not_readable" if (called == NOT_READABLE).any() else "one_way"
        done = called >= 0
        for c, n in enumerate(np.bincount(inputs.label_idx[drawn[done]], minlength=len(left)).tolist()):
            left[c] -= passes * n
        was, margin_was = inputs.predicted_idx[drawn], measured.margins[drawn]
        if control is not None and done.any():
            compared = edit(control, drawn[done].tolist())
            if compared is None:
                return "not_tried_again"
            was[done], margin_was[done] = compared.called, from_parts(compared.margin)
            done &= was >= 0
        rows.append(drawn[done])
        before.append(was[done])
        after.append(called[done])
        margins.append(np.stack([margin_was, from_parts(answers.margin)], axis=1)[done])
        lacking.append(np.full(int(done.sum()), is_given))
    row, given = np.concatenate(rows), np.concatenate(lacking)
    if row.size < MIN_EDITED:
        return status
    first, became, margin = np.concatenate(before), np.concatenate(after), np.concatenate(margins)
    return EditedPictures(
        rows=row,
        label_idx=inputs.label_idx[row],
        with_level=np.where(given, became, first),
        without_level=np.where(given, first, became),
        groups=row if inputs.groups is None else inputs.groups[row],
        margins=np.where(given[:, None], margin[:, ::-1], margin),
    )


def _margins_as_they_are(inputs: EvidenceInput) -> FloatArray:
    """(N,) margins of the labels of all pictures; 0 without a label."""
    found = np.zeros(len(inputs.image_ids), np.float32)
    for rows, _, logits in inputs.head_chunks() if inputs.head_chunks is not None else ():
        found[rows] = called_with_margin(logits.copy(), inputs.label_idx[rows])[1]
    return found


def drawn_pictures(inputs: EvidenceInput, among: BoolArray, most: Sequence[int], salt: str) -> IntArray:
    """Rows of labelled pictures, up to so many of each class, by the hash of the pictures' ids."""
    keys = hashed(f"{inputs.seed}\x00{salt}\x00{image_id}" for image_id in inputs.image_ids)
    order = np.argsort(keys, kind="stable")
    chosen = [order[(among & (inputs.label_idx == c))[order]][:n] for c, n in enumerate(most) if n > 0]
    return np.concatenate(chosen).astype(np.int64) if chosen else np.zeros(0, np.int64)
