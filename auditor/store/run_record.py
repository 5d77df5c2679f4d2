"""How an audit was made: the one row of table ``runs``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.config import GIVEN_PREDICTIONS, NO_MODEL


@dataclass(frozen=True, slots=True)
class Run:
    """How the audit was made. ``counts`` and ``versions`` hold nothing that differs between equal runs (no times)."""

    run_id: str
    created_at: str
    data_path: str
    data_digest: str
    model_spec: str
    model_digest: str
    encoder_spec: str
    encoder_digest: str
    vocabulary_digest: str
    config: Mapping[str, Any]
    config_digest: str
    versions: Mapping[str, str]
    counts: Mapping[str, int]
    seed: int
    class_names: tuple[str, ...]
    notices: tuple[str, ...] = field(default=())
    rules_digest: str | None = None  # of `auditor.rules_in_force`; None in an audit of an older schema
    thresholds: Mapping[str, float] = field(default_factory=dict)  # by name; empty where it is not known
    rejudged_from: RejudgedFrom | None = None  # None: the pictures went through the models for this audit

    @property
    def model_was_run(self) -> bool:
        """Whether there is a model that maps were drawn of and that others can be asked of."""
        return self.model_spec not in (NO_MODEL, GIVEN_PREDICTIONS)

    @property
    def data_alone(self) -> bool:
        """Whether no model was examined."""
        return self.model_spec == NO_MODEL

    @property
    def by_predictions_alone(self) -> bool:
        """Whether only a file says what pictures are called: there are no words and nothing was intervened on."""
        return self.model_spec == GIVEN_PREDICTIONS and self.config.get("features") is None


@dataclass(frozen=True, slots=True)
class RejudgedFrom:
    """The audit that was judged again, and the one that its features were extracted for.

    These are the same, unless the audit was rejudged itself.
    """

    run_id: str
    created_at: str
    auditor: str
    rules_digest: str | None
    extracted_run_id: str
    extracted_by: str  # version of auditor
