"""Named read-only SQL: the gap of every class on every concept, and what pictures of one class are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.gate.gap_change import plain_gap
from auditor.records import FOUND
from auditor.rules import MIN_ARM, PRESENT, RECALL_GAP
from auditor.store.queries.audit import Connection, records

# Concepts of which a finding tells something, so that the audit kept in which pictures they are. Members of a family
# stand behind it, unless a verdict names them or each is asked for.
_COUNTED = f"""
WITH known AS (
    SELECT DISTINCT concept_id FROM findings
    WHERE $words OR concept_id IN (SELECT concept_id FROM verdicts WHERE list_contains($found, verdict))
       OR concept_id NOT IN (SELECT unnest(members) FROM concept_families
                                       WHERE concept_id IN (SELECT concept_id FROM findings))
),
measured AS (
    SELECT class_idx, concept_id, effect, low, high, status FROM findings WHERE rule_id = '{RECALL_GAP.rule_id}'
),
counted AS (
    SELECT class_idx, concept_id, any_value(concept) AS concept,
           coalesce(max(n) FILTER (present), 0) AS n_with, max(n_correct) FILTER (present) AS right_with,
           coalesce(max(n) FILTER (NOT present), 0) AS n_without, max(n_correct) FILTER (NOT present) AS right_without
    FROM subgroups WHERE concept_id IN (SELECT concept_id FROM known) GROUP BY class_idx, concept_id
),
cells AS (
    SELECT c.*, m.status, v.verdict IS NOT NULL AS leads,
           if(v.rule_id = '{RECALL_GAP.rule_id}', v.effect, m.effect) AS effect,
           if(v.rule_id = '{RECALL_GAP.rule_id}', v.effect_low, m.low) AS low,
           if(v.rule_id = '{RECALL_GAP.rule_id}', v.effect_high, m.high) AS high,
           least(n_with, n_without) < {MIN_ARM} AS few
    FROM counted c
    LEFT JOIN measured m USING (class_idx, concept_id)
    LEFT JOIN (SELECT * FROM verdicts WHERE list_contains($found, verdict)) v USING (class_idx, concept_id)
)
"""  # noqa: S608 (constants)
_COLUMNS = f"""
{_COUNTED}
SELECT concept_id, any_value(concept), count(*) OVER (),
       bool_or(concept_id IN (SELECT concept_id FROM concept_families))
FROM cells
GROUP BY concept_id
HAVING count(right_without) > 0 OR count(right_with) > 0
ORDER BY count(*) FILTER (leads) DESC,
         max(abs(coalesce(effect, right_with / nullif(n_with, 0) - right_without / nullif(n_without, 0))))
             FILTER (NOT few) DESC NULLS LAST,
         concept_id
LIMIT $limit OFFSET $start
"""  # noqa: S608 (a constant)
_CELLS = f"""
{_COUNTED}
SELECT class_idx, concept_id, n_with, right_with, n_without, right_without, status, effect, low, high, leads
FROM cells
WHERE list_contains($classes, class_idx) AND list_contains($concepts, concept_id)
"""  # noqa: S608 (a constant)
_HAS_FAMILIES = """
SELECT count(*) > 0 FROM concept_families WHERE concept_id IN (SELECT concept_id FROM findings)
"""
_CALLED_BY_SIDE = """
SELECT c.presence > $present AS present, p.predicted_name, count(*) AS n
FROM predictions p JOIN concept_presence c USING (image_id)
WHERE p.label_idx = $class_idx AND c.concept_id = $concept_id AND p.predicted_name IS NOT NULL
GROUP BY ALL ORDER BY present, n DESC, p.predicted_name
"""

_CALLED = """
SELECT label_idx, predicted_idx, count(*) FROM predictions
WHERE label_idx IS NOT NULL AND predicted_idx IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class MatrixColumn:
    """A concept of the matrix; ``total`` is the number of columns that there are."""

    concept_id: str
    concept: str
    total: int
    is_family: bool


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """The gap of one class on one concept: recall with it less recall without it, with its 95 % interval.

    That of the verdict where it rests on it; that of the finding where one was measured, on comparable pictures; else
    that of the plain counts. ``gap`` is None with too few pictures in an arm, and where presence or the gap could not
    be measured (``status`` says why then).
    """

    class_idx: int
    concept_id: str
    n_with: int
    right_with: int | None
    n_without: int
    right_without: int | None
    gap: float | None
    low: float | None
    high: float | None
    status: str
    leads: bool  # the verdict names it

    @property
    def is_sure(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def matrix_columns(connection: Connection, *, words: bool, limit: int, start: int = 0) -> list[MatrixColumn]:
    """A part of the concepts that gaps are known of: those that lead most classes first, then by their largest gap.

    Args:
        connection: an open audit.
        words: every word by itself; else a family stands for its words.
        limit: at most so many.
        start: so many are left out before.
    """
    parameters = {"words": words, "found": list(FOUND), "limit": limit, "start": start}
    return [MatrixColumn(*row) for row in connection.execute(_COLUMNS, parameters).fetchall()]


def matrix_cells(
    connection: Connection, class_idx: Sequence[int], concept_ids: Sequence[str]
) -> dict[tuple[int, str], MatrixCell]:
    """The cells of some classes and concepts, by both; pairs that were never counted are left out."""
    parameters = {"words": True, "found": list(FOUND), "classes": list(class_idx), "concepts": list(concept_ids)}
    found = {}
    for c, concept_id, n1, x1, n0, x0, status, *effect, leads in connection.execute(_CELLS, parameters).fetchall():
        gap, low, high = effect if status == "measured" else (None, None, None)
        if status is None and x1 is not None and x0 is not None:
            plain = plain_gap((x1, x0), (n1, n0))
            status = "too_few" if plain is None else "counted"
            gap, low, high = (None, None, None) if plain is None else (plain.effect, plain.low, plain.high)
        found[c, concept_id] = MatrixCell(c, concept_id, n1, x1, n0, x0, gap, low, high, status or "too_few", leads)
    return found


@dataclass(frozen=True, slots=True)
class CalledOnSide:
    """How many pictures of a class, with a concept or without it, are called one class."""

    present: bool
    called: str
    n: int


def called_by_side(connection: Connection, class_idx: int, concept_id: str) -> list[CalledOnSide]:
    """What a class's pictures are called without a concept and with it, most first; empty where that is not kept."""
    parameters = {"class_idx": class_idx, "concept_id": concept_id, "present": PRESENT}
    return records(connection.execute(_CALLED_BY_SIDE, parameters), CalledOnSide)


def has_families(connection: Connection) -> bool:
    """Whether families of words stand for their members."""
    ((found,),) = connection.execute(_HAS_FAMILIES).fetchall()
    return bool(found)


def called(connection: Connection) -> dict[tuple[int, int], int]:
    """Number of pictures by (label, what they are called); of those that have both."""
    return {(label, predicted): n for label, predicted, n in connection.execute(_CALLED).fetchall()}
