"""A diff of two releases as JSON: versioned, described by ``diff.schema.json``, null where nothing was measured."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from auditor.gate.releases import Change, ReleaseDiff

#: Grows when a field changes its meaning or goes; new fields alone do not count.
DIFF_VERSION = 1
DIFF_SCHEMA_PATH = Path(__file__).with_name("diff.schema.json")


def diff_json(diff: ReleaseDiff) -> dict[str, Any]:
    """The diff as plain dictionaries, lists, strings and finite numbers."""
    document = {
        "format": "auditor-diff",
        "version": DIFF_VERSION,
        "counts": {change: diff.count(change) for change in get_args(Change)},
        **asdict(diff),
    }
    listed: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))  # tuples become lists
    return listed


def render_diff_json(diff: ReleaseDiff) -> str:
    """The diff as JSON text that any parser reads."""
    return json.dumps(diff_json(diff), indent=2, ensure_ascii=False, allow_nan=False)
