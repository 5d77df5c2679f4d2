"""Where the bundled sample data lies: inside an installed wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

from auditor.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[1]
#: The wheel holds the first (pyproject.toml puts it there), a checkout the second.
_ROOTS = (_PACKAGE / "sample_data", _PACKAGE.parent / "sample_data" / "data")


def bundled_path(*parts: str) -> Path:
    """Path of a bundled file or folder.

    Args:
        parts: Names below the root of the sample data, such as ``"encoder", "encoder.json"``.

    Raises:
        InputError: neither an installed wheel nor a checkout has it.
    """
    for root in _ROOTS:
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise InputError(
        f"bundled sample data '{'/'.join(parts)}' not found in {_PACKAGE}: reinstall auditor, "
        "or in a checkout run python -m sample_data.build"
    )
