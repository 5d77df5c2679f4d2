"""Safe decoding of untrusted picture files to upright 8-bit RGB, and thumbnails."""

from __future__ import annotations

import hashlib
import io
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from auditor.errors import InputError
from auditor.inputs.picture_bytes import read_bytes
from auditor.inputs.picture_formats import kind_of_content, next_step, readable_formats, readable_words
from auditor.properties.file_facts import file_facts
from auditor.properties.measure import Value

#: Pictures of more pixels are refused before decoding (Pillow's own limit; 256 MiB as RGB).
MAX_PIXELS = 89_478_485
#: A strip of 1 x 80,000 pixels passes MAX_PIXELS, but resizing its short side to 224 would make 4 billion.
MAX_ASPECT_RATIO = 100
THUMBNAIL_QUALITY = 80

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {5, 6, 7, 8}
_DRAFTED = ("JPEG", "MPO")

# Pillow warns of odd metadata and near-bombs; each would cut through the progress bar once a picture. Done once at
# import, since warnings.catch_warnings swaps a global that other threads use. What matters is raised or checked below.
# (libtiff itself, in C, may still print a line on a corrupt compressed TIFF.)
warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
logging.getLogger("PIL").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """An upright RGB picture without metadata, the sha256 of the file's bytes, and the (width, height) it has there.

    ``image`` may be smaller than ``size``, see `read_image`. ``facts`` are what the file says of itself, see
    `auditor.properties.file_facts`. ``wide_peak`` is the lightest grey of a file with more than 8 bits of it, as a
    fraction of what its white is; None for all other files. ``see_through``: something lies on white.
    """

    image: Image.Image
    content_digest: str
    size: tuple[int, int]
    facts: Mapping[str, Value] = field(default_factory=dict)
    wide_peak: float | None = None
    see_through: bool = False


def read_image(path: Path, *, min_side: int | None = None) -> DecodedImage:
    """Decode the first frame of a file in one of `picture_formats.readable_formats`; safe to call from several threads.

    EXIF orientation is applied, transparency is laid on white, 16-bit grey is scaled to 8 bits (white stays white),
    32-bit grey only where its white is known (integers to 65535, floats to 1). Colour profiles are not applied.

    Args:
        path: The file.
        min_side: Short side that the caller needs: larger JPEGs may be decoded at 1/2, 1/4 or 1/8 of their size, but
            never to a shorter short side than this.

    Raises:
        InputError: a short reason, without the path: absent, empty, truncated, corrupt, no picture, or too large.
    """
    data = read_bytes(path)
    try:
        with Image.open(io.BytesIO(data), formats=readable_formats()) as opened:
            _refuse_oversized(*opened.size)
            full_size = opened.size
            if min_side is not None and opened.format in _DRAFTED:
                opened.draft(None, (min_side, min_side))
            opened.load()
            orientation = _orientation(opened)
            rgb, wide_peak, see_through = _as_rgb(opened)
            image = _upright(rgb, orientation)
    except InputError:
        raise
    except UnidentifiedImageError as error:
        kind = kind_of_content(data)
        told = f"; {next_step(kind)}" if kind else ""
        raise InputError(f"not a {readable_words()} picture{told}") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"more than {MAX_PIXELS:,} pixels") from error
    except Exception as error:  # Decoders fail on hostile bytes with nearly every type; one picture must not end a run.
        raise InputError(f"cannot be decoded: {_short(error)}") from error
    image.info = {}
    # Pillow turns TIFFs while loading, and only JPEGs were perhaps drafted, so only their full size is needed.
    sideways = orientation in _SIDEWAYS
    size = (full_size[1], full_size[0]) if sideways else full_size
    if opened.format not in _DRAFTED:
        size = image.size
    facts = file_facts(opened, len(data), size)
    return DecodedImage(image, hashlib.sha256(data).hexdigest(), size, facts, wide_peak, see_through)


def thumbnail_jpeg(image: Image.Image, *, longest_side: int = 160) -> bytes:
    """Return a JPEG without metadata whose longest side is at most so many pixels; small pictures are not enlarged."""
    scale = min(1.0, longest_side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    small.info = {}
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=THUMBNAIL_QUALITY)
    return buffer.getvalue()


def _refuse_oversized(width: int, height: int) -> None:
    # Not left to Image.MAX_IMAGE_PIXELS, which is global to the process and only warns up to twice its value.
    if width * height > MAX_PIXELS:
        raise InputError(f"{width} x {height} pixels, over the limit of {MAX_PIXELS:,}")
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise InputError(f"{width} x {height} pixels: one side is over {MAX_ASPECT_RATIO} times the other")


def _as_rgb(image: Image.Image) -> tuple[Image.Image, float | None, bool]:
    """The picture, the lightest grey of a wide one as a fraction of white, and whether it lies on white."""
    if image.mode.startswith("I") or image.mode == "F":
        grey, peak = _wide_grey(image)
        return grey.convert("RGB"), peak, False
    if image.has_transparency_data:
        over = image.convert("RGBA")
        on_white = Image.new("RGBA", image.size, "white")
        on_white.alpha_composite(over)
        return on_white.convert("RGB"), None, over.getchannel("A").histogram()[255] < over.width * over.height
    return image.convert("RGB"), None, False


def _wide_grey(image: Image.Image) -> tuple[Image.Image, float]:
    """8-bit grey from 16-bit or 32-bit grey, and its lightest as a fraction; Pillow clips everything over 255."""
    values = np.asarray(image).astype(np.float64)
    white = 1.0 if image.mode == "F" else 65535.0
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= white):
        raise InputError(f"32-bit grey outside 0 to {white:.0f}, where white is unknown; convert it to 8 or 16 bits")
    return Image.fromarray(np.rint(values * (255.0 / white)).astype(np.uint8)), float(values.max() / white)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation left after loading (Pillow turns TIFFs itself), 1 where EXIF is absent or broken."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # Broken metadata must not cost the picture.
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return " ".join(lines[0].split())[:100] if lines else type(error).__name__
