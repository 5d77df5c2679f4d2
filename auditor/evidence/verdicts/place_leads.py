"""Fixed places: classes whose evidence lies at one corner or edge of their pictures, and whether that decides them.

No word is asked. A place at which a class's maps have more of their evidence than at its mirror images, and more than
the maps of the other classes, is a lead (:mod:`auditor.evidence.effects.place_shares`). It is proven where exchanging
it between pictures of the class and of others changes what both are called, more than exchanging its mirror images
does (:mod:`auditor.evidence.effects.place_exchange`); a lead alone says nothing against a class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.effects.place_exchange import Exchange, PlaceSwap, given, losses_to, taken_away
from auditor.evidence.effects.place_likeness import Look, p_shows_object
from auditor.evidence.effects.place_shares import PlaceScreen, screen_places
from auditor.evidence.effects.swaps import no_intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.place_lead import PlaceLead
from auditor.place_cells import CELLS
from auditor.place_grid import PLACES, GridPlace, mirrored
from auditor.records import BoolArray, FloatArray, IntArray, Progress
from auditor.rules import (
    ALPHA,
    MIN_ARM,
    NULL_ALPHA,
    PLACE_EXCESS,
    PLACE_GIVEN,
    PLACE_SHARE,
    PLACE_SHOWN,
    PLACE_TAKEN,
    PRESENT,
    SCREEN_LIFT,
    Rule,
)

#: Places of an audit, and of a class, that are exchanged.
MAX_PLACES, _PLACES_OF_CLASS = 8, 2
#: Exchanges of a place either way: each takes two changed pictures through the model.
N_EXCHANGES = 80
#: At most so often the same picture of the class takes part, either way.
_MOST_OF_ONE = 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GridLead(PlaceLead):
    """A corner or edge that holds more of a class's evidence than it should.

    Attributes:
        place_idx: Position in `auditor.place_grid.PLACES`.
        screen: What was measured of the class's maps.
        cut: Share of a picture's evidence from which on it shows the place.
        p_object: Of "to the encoder the place makes no more difference than its mirror images", where it was asked.
    """

    place_idx: int
    screen: PlaceScreen
    cut: float
    p_object: float | None = None

    @property
    def place(self) -> GridPlace:
        """A corner, the middle of an edge, or an edge."""
        return PLACES[self.place_idx]

    @property
    def rules(self) -> tuple[Rule, Rule, Rule]:
        """Compared with mirror images."""
        return PLACE_SHARE, PLACE_TAKEN, PLACE_GIVEN

    @property
    def share(self) -> tuple[float, float, float]:
        """Mean share of the evidence."""
        p, elsewhere, screen = self.place_idx, self.share_elsewhere, self.screen
        return float(screen.share[p]), float(screen.low[p]) + elsewhere, float(screen.high[p]) + elsewhere

    @property
    def share_elsewhere(self) -> float:
        """In the other classes."""
        return float(self.screen.share_elsewhere[self.place_idx])

    @property
    def p_share(self) -> float:
        """Of "its mirror images would hold as much"."""
        return float(self.screen.p[self.place_idx])

    @property
    def shows_object(self) -> bool:
        """Whether the place decides for the encoder as well."""
        return self.p_object is not None and self.p_object <= NULL_ALPHA


def find_places(
    inputs: EvidenceInput, exchange: Exchange | None, progress: Progress, look: Look | None = None
) -> list[GridLead]:
    """The leads of all classes, by class, with what exchanging them changed.

    Args:
        inputs: What is judged; without ``places`` there are none.
        exchange: Carries out exchanges; None, and none is tried.
        progress: Called with (stage, done, total).
        look: Asks the encoder of the same exchanges; None, and whatever decides counts as no object.
    """
    if inputs.places is None or inputs.head is None:
        return []
    found = [lead for c in range(len(inputs.class_names)) for lead in _leads_of(inputs, inputs.places, c)]
    # names and not positions decide between equals: relabelling classes changes nothing
    found.sort(key=lambda lead: (-float(lead.screen.low[lead.place_idx]), inputs.class_names[lead.class_idx]))
    if exchange is not None:
        tried = found[:MAX_PLACES]
        bar = ALPHA / (2 * max(len(tried), 1))
        for at, lead in enumerate(tried):
            found[at] = _seen(inputs, replace(_exchanged(inputs, inputs.places, lead, exchange), bar=bar), look)
            progress("evidence: places", at + 1, len(tried))
        found = _with_bars(found)
    return sorted(found, key=lambda lead: (lead.class_idx, lead.proven_by is None))


def _with_bars(leads: Sequence[GridLead]) -> list[GridLead]:
    """The leads, with what other classes lose to them corrected for all losses that were measured."""
    bar = ALPHA / max(sum(loss.is_measured for lead in leads for loss in lead.losses), 1)
    return [replace(lead, losses=tuple(replace(loss, bar=bar) for loss in lead.losses)) for lead in leads]


def _leads_of(inputs: EvidenceInput, places: FloatArray, c: int) -> Iterator[GridLead]:
    """Places of a class that stand out, the clearest first; none that shares a cell with a clearer or a core one."""
    right = right_with_map(inputs, places)
    own, others = right & (inputs.label_idx == c), []
    for k in range(len(inputs.class_names)):
        rows = np.flatnonzero(right & (inputs.label_idx == k))
        if k != c and rows.size >= MIN_ARM:
            others.append(_by_group(places[rows], inputs, rows))
    rows = np.flatnonzero(own)
    here = _by_group(places[rows], inputs, rows)
    if not others or len(here) < MIN_ARM:
        return
    # the class's name and not its position: relabelling classes changes nothing
    seed = int(hashed([f"{inputs.seed}\x00{inputs.class_names[c]}\x00places"])[0])
    screen = screen_places(here, others, np.random.default_rng(seed))
    taken: BoolArray = np.zeros(CELLS.shape[1], np.bool_)
    for place in PLACES:
        if (c, place.concept_id) in inputs.core_places:
            taken |= place.cells
    n_found = 0
    for p in np.argsort(-screen.statistic, kind="stable").tolist():
        lifted = screen.share[p] >= SCREEN_LIFT * screen.share_elsewhere[p]
        if screen.p[p] > ALPHA or screen.low[p] <= PLACE_EXCESS or not lifted or (taken & PLACES[p].cells).any():
            continue
        taken |= PLACES[p].cells
        shares = places @ CELLS[p]
        cut = float(np.quantile(shares[right & ~own], PLACE_SHOWN))
        showing = np.flatnonzero(own & (shares > cut))
        ids = np.array([inputs.image_ids[row] for row in showing], dtype=np.str_)
        yield GridLead(
            class_idx=c,
            n=len(here),
            rows=showing[np.lexsort((ids, -shares[showing]))],
            place_idx=p,
            screen=screen,
            cut=cut,
        )
        n_found += 1
        if n_found == _PLACES_OF_CLASS:
            return


def right_with_map(inputs: EvidenceInput, places: FloatArray) -> BoolArray:
    """Pictures with a map that are called what they are: their maps are of their own class."""
    known = np.isfinite(places).all(axis=1)
    return np.asarray(known & (inputs.label_idx >= 0) & (inputs.label_idx == inputs.predicted_idx))


def _by_group(shares: FloatArray, inputs: EvidenceInput, rows: IntArray) -> FloatArray:
    """Shares (n, 9) of independent pictures: the mean of each group."""
    if inputs.groups is None:
        return shares
    _, group = np.unique(inputs.groups[rows], return_inverse=True)
    sums = np.zeros((int(group.max(initial=-1)) + 1, shares.shape[1]))
    np.add.at(sums, group, shares)
    return np.asarray(sums / np.bincount(group)[:, None], dtype=np.float32)


def _exchanged(inputs: EvidenceInput, places: FloatArray, lead: GridLead, exchange: Exchange) -> GridLead:
    """The lead with what exchanging its place changed, both ways."""
    swaps = choose_exchanges(inputs, places, lead)
    if not swaps:
        few = no_intervention("too_few", int(lead.rows.size))
        return replace(lead, taken=few, given=few)
    n = len(swaps) // 2
    called = exchange(swaps)
    if called is None:
        again = no_intervention("not_tried_again")
        return replace(lead, taken=again, given=again)
    if not (called >= 0).any():
        gone = no_intervention("not_readable")
        return replace(lead, taken=gone, given=gone)
    return replace(
        lead,
        taken=taken_away(called[:n], swaps[:n], inputs.groups),
        given=given(called[n:], swaps[n:], inputs.groups),
        losses=losses_to(called[n:], swaps[n:], inputs.label_idx, inputs.groups),
    )


def _seen(inputs: EvidenceInput, lead: GridLead, look: Look | None) -> GridLead:
    """A lead that is shown to decide, with whether it does so for the encoder as well."""
    if look is None or inputs.places is None or lead.decided_by is None:
        return lead
    swaps = choose_exchanges(inputs, inputs.places, lead)
    found = look(swaps)
    return (
        lead if found is None else replace(lead, p_object=p_shows_object(found, swaps, inputs.label_idx, inputs.groups))
    )


def choose_exchanges(inputs: EvidenceInput, places: FloatArray, lead: GridLead) -> list[PlaceSwap]:
    """Which pictures exchange a place, by the hash of their ids; none where either side has too few.

    Pictures of the class that show the place meet pictures of the other classes that do not, each of these once before
    any comes again; the first half take the place away, the other half give it. A group never meets itself.
    """
    c, p = lead.class_idx, lead.place_idx
    away = (inputs.label_idx != c) & (places @ CELLS[p] <= lead.cut)
    partners = np.flatnonzero(right_with_map(inputs, places) & away)
    if min(lead.rows.size, partners.size) < MIN_ARM:
        return []
    salt = f"{inputs.seed}\x00{inputs.class_names[c]}\x00{PLACES[p].concept_id}"
    keys = hashed(f"{salt}\x00{image_id}" for image_id in inputs.image_ids)
    shown, others = by_key(lead.rows, keys), by_turns(partners, inputs, keys)
    groups = inputs.group_codes
    mirrors, met = mirrored(p), []
    for i in range(min(N_EXCHANGES, _MOST_OF_ONE * shown.size)):
        own, other = int(shown[i % shown.size]), int(others[i % others.size])
        if groups[own] != groups[other]:
            met.append((mirrors[i % len(mirrors)], own, other))
    return [
        *(PlaceSwap(c, p, mirror, own, other) for mirror, own, other in met),
        *(PlaceSwap(c, p, mirror, other, own) for mirror, own, other in met),
    ]


def by_key(rows: IntArray, keys: NDArray[np.uint64]) -> IntArray:
    """Pictures in the order of their keys."""
    return rows[np.argsort(keys[rows], kind="stable")]


def by_turns(rows: IntArray, inputs: EvidenceInput, keys: NDArray[np.uint64]) -> IntArray:
    """Pictures one class after the other, so that a big class has no larger part than a small one."""
    rows = by_key(rows, keys)
    labels = inputs.label_idx[rows]
    turn = np.zeros(rows.size, dtype=np.int64)
    for k in np.unique(labels):
        turn[labels == k] = np.arange(int((labels == k).sum()))
    return rows[np.lexsort((keys[rows], turn))]


def place_presence(inputs: EvidenceInput, leads: Sequence[GridLead]) -> dict[str, FloatArray]:
    """By place (N,) how far pictures show it, above :data:`PRESENT` where they do; NaN where nothing is known.

    Known of the pictures that are called a class with this lead: a map is of the class that its picture is called.
    """
    found: dict[str, FloatArray] = {}
    if inputs.places is None:
        return found
    for lead in leads:
        shares = inputs.places @ CELLS[lead.place_idx]
        known = np.isfinite(shares) & (inputs.predicted_idx == lead.class_idx)
        presence = found.setdefault(lead.place.concept_id, np.full(len(shares), np.nan, np.float32))
        above = PRESENT + (1 - PRESENT) * (shares - lead.cut) / max(1 - lead.cut, 1e-6)
        below = PRESENT * shares / max(lead.cut, 1e-6)
        presence[known] = np.where(shares > lead.cut, above, below)[known]
    return found
