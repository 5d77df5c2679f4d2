"""A history of releases as JSON: null where nothing was measured."""

from __future__ import annotations

import json
from dataclasses import asdict

from auditor.gate.release_history import ReleaseHistory

#: Grows when a field changes its meaning or goes; new fields alone do not count.
HISTORY_VERSION = 1


def render_history_json(history: ReleaseHistory) -> str:
    """The history as JSON text that any parser reads."""
    document = {"format": "auditor-history", "version": HISTORY_VERSION, **asdict(history)}
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
