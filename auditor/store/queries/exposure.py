"""What the gap of a class would cost where its concept is more, or less, frequent than in the audited pictures."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.deployment import ExpectedLoss, expected_loss
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection


def expected_losses(connection: Connection) -> dict[int, ExpectedLoss]:
    """By class, where the settings say how frequent its leading concept is and a gap of its recall was told."""
    config = queries.run(connection).config
    exposure, follows = config.get("exposure") or {}, config.get("severity_by_exposure") is True
    if not isinstance(exposure, Mapping) or not exposure:  # the settings of a foreign audit
        return {}
    found = {}
    for verdict in queries.verdicts(connection):
        subgroups = queries.subgroups(connection, verdict.class_idx)
        loss = expected_loss(verdict, subgroups, exposure, severity_follows=follows)
        if loss is not None:
            found[verdict.class_idx] = loss
    return found
