"""Folders and manifests on disk, and the one line that a wrong one gives."""

from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.inputs.dataset import load_dataset


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def failing(path: Path, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        load_dataset(path, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message
