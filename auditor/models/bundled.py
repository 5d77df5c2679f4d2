"""Where the sample data lies: where its own wheel puts it, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

from auditor.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[1]
#: The wheel `auditor_sample_data` holds the first (sample_data/pyproject.toml), a checkout the second.
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
        f"sample data '{'/'.join(parts)}' not found in {_PACKAGE}: install the wheel auditor_sample_data as "
        "well, or in a checkout run python -m sample_data.build"
    )
