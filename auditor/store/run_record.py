"""How an audit was made: the one row of table ``runs``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
