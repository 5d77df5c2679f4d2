"""Pictures that lie in more than one split, as the same or nearly the same picture."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.store.queries.audit import Connection, records

_LEAKS = """
SELECT c.copy_group, i.image_id, i.path, i.split, i.label, c.same_content_as
FROM copies c
JOIN images i ON i.image_id = c.image_id
WHERE i.split IS NOT NULL AND c.copy_group IN (
    SELECT c.copy_group FROM copies c JOIN images i ON i.image_id = c.image_id
    GROUP BY c.copy_group HAVING count(DISTINCT i.split) > 1
)
ORDER BY c.copy_group, i.image_idx
"""


@dataclass(frozen=True, slots=True)
class Leak:
    """One picture of a set that lies in two splits or more; ``same_content_as`` as in the table ``copies``."""

    copy_group: int
    image_id: str
    path: str
    split: str
    label: str | None
    same_content_as: str


def leaks(connection: Connection) -> list[Leak]:
    """Set by set, each in the order of the data set; none in an audit of one split, or without copies."""
    return records(connection.execute(_LEAKS), Leak)
