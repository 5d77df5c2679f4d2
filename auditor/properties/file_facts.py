"""What a picture's file says of how it was made: format, size, JPEG setting, camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from auditor.properties.measure import Value

_MAKE, _MODEL, _SOFTWARE = 0x010F, 0x0110, 0x0131
_LONGEST_TEXT = 60  # of EXIF, which may say anything
_SUBSAMPLINGS = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
#: Annex K of the JPEG standard (ITU-T T.81), luminance; libjpeg scales it by its quality.
_LUMINANCE = np.array(
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
        14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
        49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ]
)  # fmt: skip


def _tables() -> NDArray[np.int64]:
    """(100, 64) what libjpeg makes of the table at qualities 1 to 100."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)[:, None]
    scaled: NDArray[np.int64] = np.clip((_LUMINANCE * scale + 50) // 100, 1, 255)
    return scaled


_BY_QUALITY = _tables()


def file_facts(opened: Image.Image, n_bytes: int, size: tuple[int, int]) -> dict[str, Value]:
    """Facts of an opened picture; what its file does not say is left out.

    Args:
        opened: As Pillow opened it, after loading.
        n_bytes: Of the file.
        size: (width, height) that the picture has, upright.
    """
    width, height = size
    found: dict[str, Value] = {
        "format": str(opened.format),
        "mode": opened.mode,
        "width": float(width),
        "height": float(height),
        "aspect": width / height,
        "bytes_per_pixel": n_bytes / (width * height),
    }
    tables = getattr(opened, "quantization", None)
    if tables:
        found["jpeg_quality"] = float(quality_of(tables[min(tables)]))
        # a draft has decoded fewer blocks, but the components' sampling stays
        sampling = _SUBSAMPLINGS.get(JpegImagePlugin.get_sampling(opened))
        if sampling:
            found["jpeg_subsampling"] = sampling
    return found | _exif(opened)


def quality_of(table: list[int]) -> int:
    """The libjpeg quality whose luminance table is nearest to one of 64 numbers, in order of the picture's rows."""
    return int(np.abs(_BY_QUALITY - np.asarray(table)).sum(axis=1).argmin()) + 1


def _exif(opened: Image.Image) -> dict[str, Value]:
    try:
        exif = opened.getexif()
        make, model, software = (_readable(exif.get(tag)) for tag in (_MAKE, _MODEL, _SOFTWARE))
    except Exception:  # Broken metadata must not cost the picture.
        return {}
    camera = model if not make or model.startswith(make) else f"{make} {model}".strip()
    return {name: text for name, text in (("camera", camera), ("software", software)) if text}


def _readable(value: object) -> str:
    text = "".join(c for c in str(value or "") if c.isprintable())
    return " ".join(text.split())[:_LONGEST_TEXT]
