"""What a small install leaves out, as one line with the command that adds it (docs/decisions/0050-small-install.md)."""

from __future__ import annotations

#: Packages of the extra ``reports``, as they are imported.
REPORTS = frozenset({"PIL", "altair", "jinja2", "markupsafe", "numpy", "scipy", "vl_convert"})
#: Those that the extra ``run`` adds.
RUN = frozenset(
    {
        "faiss",
        "huggingface_hub",
        "open_clip",
        "pandas",
        "pyarrow",
        "safetensors",
        "sklearn",
        "starlette",
        "streamlit",
        "threadpoolctl",
        "timm",
        "torch",
        "torchvision",
    }
)
#: Commands that the extra ``reports`` makes whole; any other that lacks something needs ``run``.
_READING = ("diff", "gate", "history", "report")


def missing_package(command: str, error: ModuleNotFoundError) -> str | None:
    """What is missing, and how it is installed; None for a module that is no package of auditor's extras.

    Args:
        command: Name of the command that asked for it, such as "diff".
        error: As it was raised.
    """
    package = (error.name or "").partition(".")[0]
    if package not in REPORTS | RUN:
        return None
    extra = "reports" if package in REPORTS and command in _READING else "run"
    return f"{package} is not installed, which this needs and the gate alone does not: pip install 'auditor[{extra}]'"
