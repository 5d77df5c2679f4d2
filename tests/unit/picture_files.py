"""Pictures on disk, and why one is refused."""

from pathlib import Path

import pytest
from PIL import Image

from auditor.errors import InputError
from auditor.inputs.images import read_image


def saved(image: Image.Image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


def reason(path: Path, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        read_image(path, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name not in message
    assert "0x" not in message
    return message
