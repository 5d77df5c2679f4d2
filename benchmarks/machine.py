"""Where and with what a figure was measured, and writing it down."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

_PACKAGES = (
    "auditor",
    "torch",
    "torchvision",
    "open_clip_torch",
    "timm",
    "numpy",
    "scipy",
    "scikit-learn",
    "faiss-cpu",
    "duckdb",
    "streamlit",
)


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, and versions."""
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def write_result(path: Path, result: dict[str, Any], *, reused: dict[str, int]) -> None:
    """Write a result with the command that gave it.

    Args:
        path: The JSON file.
        result: What was measured.
        reused: How many things of each sort an earlier run had left and this one only read: the seconds of a run
            that found its models made say nothing of making them. Empty where nothing outlives a run.
    """
    command = " ".join(
        ["python", "-m", *[Path(part).name if part.startswith("/") else part for part in sys.orig_argv[2:]]]
    )
    document = {"command": command, "machine": describe_machine(), "reused": reused, **result}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
