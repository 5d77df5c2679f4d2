"""Where the photographs are, and what every test of them needs; it is skipped where that is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra 'offline'")

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "photos"
NEEDED = [
    pytest.mark.photos,
    pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photographs are not beside the checkout"),
]
FACTORY = f"{Path(__file__).parents[1] / 'photo_classifier.py'}:build"
