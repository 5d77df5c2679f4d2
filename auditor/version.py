"""Which auditor this is."""

from __future__ import annotations

import importlib.metadata


def auditor_version() -> str:
    """Version of the installed package."""
    try:
        return importlib.metadata.version("auditor")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
