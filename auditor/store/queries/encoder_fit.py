"""Of which classes the encoder's words say something in the audited pictures."""

from __future__ import annotations

from auditor.concept_records import ClassFit
from auditor.store.queries.audit import Connection

_OF_CLASSES = "SELECT class_idx, class_name, n_words, n_copies, tells_context FROM encoder_fit ORDER BY class_idx"


def unfit_classes(connection: Connection) -> dict[int, ClassFit]:
    """The classes that the encoder sees in every word, by position; none in audits of a schema before 24."""
    found = (ClassFit(*row) for row in connection.execute(_OF_CLASSES).fetchall())
    return {fit.class_idx: fit for fit in found if not fit.tells_context}
