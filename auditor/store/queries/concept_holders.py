"""How many pictures show what goes with a class most, where no model was examined; without NumPy, as reports are."""

from __future__ import annotations

from auditor.store.queries.audit import Connection

_HOLDERS = """
WITH held AS (
    SELECT v.class_idx, v.n_images, coalesce(sum(s.n) FILTER (s.class_idx = v.class_idx), 0)::BIGINT AS own,
           coalesce(sum(s.n) FILTER (s.class_idx <> v.class_idx), 0)::BIGINT AS others
    FROM verdicts v LEFT JOIN subgroups s ON s.concept_id = v.concept_id AND s.present
    GROUP BY ALL
)
SELECT class_idx, own, n_images, others, (SELECT sum(n_images) FROM verdicts)::BIGINT - n_images FROM held
"""


def concept_holders(connection: Connection) -> dict[int, tuple[int, int, int, int]]:
    """By class its pictures with its leading concept, all of its pictures, and the same of the other classes."""
    rows = connection.execute(_HOLDERS).fetchall()
    return {c: (own, n_own, others, n_others) for c, own, n_own, others, n_others in rows}
