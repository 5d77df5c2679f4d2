"""Which picture formats are read, told by what a file holds: a name may be missing, or wrong.

Formats that only some installations can decode (AVIF by Pillow, HEIC by the extra ``heic``) are read where they can be.
What is no picture that can be read has a kind, by which it is counted, and a next step.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image, features

from auditor.figures import counted
from auditor.regular_files import require_regular

#: Taken for pictures by their name, whatever they hold: one that cannot be decoded is a failure, and counted as that.
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
#: The only decoders that files may reach; a .jpg that holds something else (PDF, EPS, …) is refused.
_FORMATS = {
    "JPEG": "JPEG",
    "PNG": "PNG",
    "WEBP": "WebP",
    "GIF": "GIF",
    "BMP": "BMP",
    "TIFF": "TIFF",
    "PPM": "PPM",
    "AVIF": "AVIF",
    "HEIF": "HEIC",
}
#: TIFF files whose first picture is a small preview: read as TIFF they would be something else than was meant.
_CAMERA_RAW = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".nef"),
    *(".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srw", ".x3f"),
)
_KIND_OF_SUFFIX = {
    **dict.fromkeys((".dcm", ".dicom"), "DICOM"),
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    **dict.fromkeys((".jp2", ".j2k", ".jpx", ".jpf"), "JPEG 2000"),
    ".avif": "AVIF",
    **dict.fromkeys(_CAMERA_RAW, "camera raw"),
}
_NEXT_STEP = {
    "AVIF": "AVIF needs Pillow 11.3 or newer",
    "HEIC": "HEIC is read with pip install 'auditor[heic]'",
    "DICOM": "convert DICOM to PNG or TIFF, with the window that the model was trained on",
    "JPEG 2000": "convert JPEG 2000 to PNG or TIFF",
    "camera raw": "develop camera raw to TIFF or JPEG",
}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
#: Bytes that tell a kind.
_HEAD = 132
#: Kinds that a message names.
_NAMED = 5


@functools.cache
def readable_formats() -> tuple[str, ...]:
    """Pillow's names of the formats that can be decoded here."""
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.init()
    # Without its library Pillow knows AVIF by name only.
    return tuple(name for name in _FORMATS if name in Image.OPEN and (name != "AVIF" or features.check("avif")))


def readable_words() -> str:
    """The formats as a message names them: "JPEG, PNG or TIFF"."""
    *most, last = (_FORMATS[name] for name in readable_formats())
    return f"{', '.join(most)} or {last}"


def holds_picture(path: Path) -> bool:
    """Whether a file is meant as a picture: by its name, else by what its first bytes say; nothing is decoded."""
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return True
    if suffix in _CAMERA_RAW:
        return False
    try:
        require_regular(path)
        with Image.open(path, formats=readable_formats()):
            return True
    except Image.DecompressionBombError:
        return True  # a picture: refused, and counted, where it would be decoded
    except Exception:  # headers of hostile files fail with nearly every type
        return False


def kind_of(path: Path) -> str:
    """What a file that is no readable picture is: DICOM, HEIC …, else its suffix, else "without a suffix"."""
    try:
        require_regular(path)
        with path.open("rb") as file:
            told = kind_of_content(file.read(_HEAD))
    except OSError:
        told = None
    suffix = path.suffix.lower()
    named = suffix if re.fullmatch(r"\.[a-z0-9_]{1,10}", suffix) else "without a suffix" if not suffix else "other"
    return told or _KIND_OF_SUFFIX.get(suffix, named)


def kind_of_content(data: bytes) -> str | None:
    """The kind that a file's first bytes tell, of those with a next step of their own; None for all others."""
    if data[128:132] == b"DICM":
        return "DICOM"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "HEIC"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return "AVIF"
    if data.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return "JPEG 2000"
    return None


def next_step(kind: str) -> str:
    """What to do with pictures of a kind that is not read."""
    if kind in (_FORMATS[name] for name in readable_formats()):
        return f"{kind} is read here, and these are damaged: save them again"
    return _NEXT_STEP.get(kind, "convert what is a picture to PNG or JPEG")


def left_out_line(kinds: Mapping[str, int], n_files: int) -> str:
    """How many files are no pictures that can be read, by kind, most first, and what to do.

    Args:
        kinds: Files by :func:`kind_of`.
        n_files: All files that were looked at.
    """
    most_first = sorted(kinds.items(), key=lambda one: (-one[1], one[0]))
    named = ", ".join(f"{n:,} {kind}" for kind, n in most_first[:_NAMED])
    rest = sum(n for _, n in most_first[_NAMED:])
    more = f" and {rest:,} of {counted(len(most_first) - _NAMED, 'more kind')}" if rest else ""
    steps = "; ".join(dict.fromkeys(next_step(kind) for kind, _ in most_first[:_NAMED]))
    return (
        f"{sum(kinds.values()):,} of {n_files:,} files are no pictures that can be read, and are left out: "
        f"{named}{more}; {steps}"
    )
