"""What stops a release, one card a class: a picture that carries the concept, one that breaks it, two bars, a sentence.

No Streamlit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.gate.decision import GateDecision
from auditor.gate.decision_words import worst_first
from auditor.records import FOUND, Finding, Verdict
from auditor.rules import fails_with, rule_of, shown_by_others
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.chosen_pictures import LISTS, Choice
from auditor.store.queries.picture_lists import Among
from reports.display import plain
from reports.page import class_evidence
from reports.page.pictures import PictureBudget, Sizes
from reports.page.records import Arm, Tile
from reports.page.sections import Extent, SectionPictures, anchors, sentence_parts

#: One picture a side; what is called the concept and the channel groups are for the class's own view.
_EXTENT, _BUDGET = Extent(1, 0, 0, 0, Sizes()), 1_000_000
#: Bars are of the same comparison as the gap where their difference is the gap, but for rounding.
_ROUNDING = 0.015


@dataclass(frozen=True, slots=True)
class CardPicture:
    """A picture of a card, and what it stands for: "with water"."""

    tile: Tile
    title: str


@dataclass(frozen=True, slots=True)
class FindingCard:
    """A class and what it rests on.

    Attributes:
        verdict: of the class.
        opening: its sentence.
        by_pull: other classes' pictures show it.
        n_compared: pictures that its effect compares; None for an intervention.
        pictures: one that carries the concept, then one that breaks it, as far as there are any.
        arms: recognised with the concept and without it, where their difference is the gap that is told.
        among: the list of pictures that decides the matter.
    """

    verdict: Verdict
    opening: str
    by_pull: bool
    n_compared: int | None
    pictures: tuple[CardPicture, ...]
    arms: tuple[Arm, ...]
    among: Among


def worst_classes(decision: GateDecision | None, verdicts: Sequence[Verdict], limit: int) -> list[int]:
    """The classes that stop the release, worst first, then others with something to tell, as far as there is room."""
    by_name = {verdict.class_name: verdict for verdict in verdicts}
    items = [] if decision is None else [item for item in worst_first(decision) if item.level == "error"]
    stopping = [by_name[item.class_name] for item in items if item.class_name in by_name]
    told = [
        one for one in (*stopping, *verdicts) if one.verdict in FOUND or (one.verdict != "clean" and one.concept_id)
    ]
    return list(dict.fromkeys(one.class_idx for one in told))[:limit]


def deciding_list(verdict: Verdict) -> Choice:
    """Which pictures decide on a class: those that break its concept, those that carry what harms it, or the pulled."""
    if shown_by_others(verdict.rule_id):
        return "pulled"
    return "carrying" if fails_with(verdict.rule_id) else "breaking"


def finding_cards(connection: Connection, verdicts: Sequence[Verdict]) -> list[FindingCard]:
    """Cards of some classes, in their order."""
    pictures = SectionPictures(connection, verdicts, anchors(verdicts), _EXTENT, PictureBudget(_BUDGET, _EXTENT.sizes))
    return [_card(connection, verdict, pictures) for verdict in verdicts]


def _card(connection: Connection, verdict: Verdict, pictures: SectionPictures) -> FindingCard:
    c = verdict.class_idx
    by_pull = shown_by_others(verdict.rule_id)
    findings = [one for one in queries.findings(connection, c) if one.concept_id == verdict.concept_id]
    examples = queries.counterexamples(connection, c)
    subgroups = [] if examples else queries.subgroups(connection, c)
    pictures.begin_section(verdict)
    return FindingCard(
        verdict=verdict,
        opening=sentence_parts(verdict)[0],
        by_pull=by_pull,
        n_compared=_compared(findings, verdict),
        pictures=tuple(_pictures(verdict, pictures, by_pull=by_pull)),
        arms=_same_comparison(class_evidence.arms(verdict, examples, subgroups), verdict),
        among=LISTS[deciding_list(verdict)],
    )


def _pictures(verdict: Verdict, pictures: SectionPictures, *, by_pull: bool) -> Iterable[CardPicture]:
    """One that carries the concept, then one that breaks it; where the concept harms, the one with it is the second."""
    concept = plain(verdict.concept or "", 30)
    titles = {
        "with": f"with {concept}",
        "without": f"without {concept}",
        "pulled": f"another class, with {concept}",
        "words": "",
    }
    sides = {group.side: group for group in pictures.tile_groups(verdict, by_pull=by_pull) if group.tiles}
    harms = not by_pull and fails_with(verdict.rule_id)
    order = ("with", "pulled") if by_pull else ("without", "with") if harms else ("with", "without", "words")
    return [CardPicture(sides[side].tiles[0], titles[side]) for side in order if side in sides][:2]


def _same_comparison(arms: Sequence[Arm], verdict: Verdict) -> tuple[Arm, ...]:
    """The two arms, if the gap that is told is their difference.

    A gap of comparable pictures alone is another one, and two bars that contradict the figure above them help nobody.
    """
    told = verdict.effect if verdict.verdict == "harmed" else verdict.gap
    rates = [arm.rate for arm in arms if arm.rate is not None]
    if told is None or len(arms) != 2 or len(rates) != 2 or abs(abs(rates[0] - rates[1]) - abs(told)) > _ROUNDING:
        return ()
    return tuple(arms)


def _compared(findings: Sequence[Finding], verdict: Verdict) -> int | None:
    rule = rule_of(verdict.rule_id)
    if rule is None or rule.kind == "intervention":
        return None
    return next((finding.n_images for finding in findings if finding.rule_id == rule.rule_id), None)
