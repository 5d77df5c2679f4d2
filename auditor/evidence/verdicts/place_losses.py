"""What a place that decides one class takes from the others: classes that are harmed by it."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.effects.after_selection import after_selection
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.place_exchange import PlaceLoss
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.place_leads import GridLead
from auditor.evidence.verdicts.place_sentences import by_place, told_besides
from auditor.evidence.verdicts.sentences import Sentence
from auditor.figures import percent, points, rate
from auditor.records import Verdict
from auditor.rules import MIN_CLASS, PLACE_LOSS


def with_place_losses(
    inputs: EvidenceInput, verdicts: Sequence[Verdict], leads: Sequence[GridLead]
) -> tuple[Verdict, ...]:
    """The verdicts, with classes harmed that surely lose pictures to a place which is shown to decide another class.

    Of classes that are flagged or harmed already, or have too few pictures for a verdict, it is told beside what is
    said of them; of places that the settings allow the class, nothing.

    Args:
        inputs: What was judged.
        verdicts: By class, with what rests on places.
        leads: Corners and edges that stand out.
    """
    found = []
    for verdict in verdicts:
        lost = [
            (lead, loss)
            for lead in leads
            for loss in lead.losses
            if loss.class_idx == verdict.class_idx and loss.is_shown and lead.proven_by is not None
            if (loss.class_idx, lead.place.concept_id) not in inputs.core_places
        ]
        if not lost:
            found.append(verdict)
            continue
        lost.sort(key=lambda one: -one[1].recall.low)
        lead, loss = lost[0]
        if verdict.verdict in ("flagged", "harmed") or verdict.n_images < MIN_CLASS:
            found.append(told_besides(verdict, _line(inputs, lead, loss)))
        else:
            found.append(_harmed(inputs, verdict, lead, loss))
    return tuple(found)


def _harmed(inputs: EvidenceInput, verdict: Verdict, lead: GridLead, loss: PlaceLoss) -> Verdict:
    told = Sentence(_claim(inputs, lead, loss), (_line(inputs, lead, loss),))
    if verdict.verdict == "suspect" and verdict.concept is not None:
        told = told.and_also(f"It may also rely on {verdict.concept}, which was neither shown nor excluded.")
    return by_place(verdict, "harmed", lead, told, PLACE_LOSS, _shown(loss))


def _shown(loss: PlaceLoss) -> Gap:
    """The loss, given that it was shown."""
    return after_selection(loss.recall.as_gap(), loss.bar)


def _claim(inputs: EvidenceInput, lead: GridLead, loss: PlaceLoss) -> str:
    taker, name, recall = inputs.class_names[lead.class_idx], inputs.class_names[loss.class_idx], loss.recall
    return (
        f'With what "{taker}" pictures show at the {lead.place.name} (place) the model recognises '
        f'{percent(recall.called_without)} of "{name}" pictures, and {percent(recall.called)} with its mirror image'
    )


def _line(inputs: EvidenceInput, lead: GridLead, loss: PlaceLoss) -> str:
    taker, recall, taken, gap = inputs.class_names[lead.class_idx], loss.recall, loss.taken, _shown(loss)
    return (
        f'Loss: with what "{taker}" pictures show at the {lead.place.name} (place) put into its pictures '
        f"{rate(recall.called_without, recall.n)} trials are recognised, with its mirror image "
        f"{percent(recall.called)}, a difference of {points(gap.effect, gap.low, gap.high, unit='points')}; "
        f'{percent(taken.called)} are called "{taker}" instead of {percent(taken.called_without)}.'
    )
