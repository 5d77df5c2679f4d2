"""Text on figures without an installed font: the face that comes with Pillow, another where it lacks letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageDraw, ImageFont

from reports.display import plain

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

#: Faces with more letters, by the names under which systems ship them; the first that can write a text is taken.
_WIDER_FACES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial Unicode.ttf",
    "NotoSansCJK-Regular.ttc",
    "segoeui.ttf",
    "msyh.ttc",
    "PingFang.ttc",
)


@lru_cache(maxsize=256)
def _face(name: str | None, size: int) -> Font | None:
    if name is None:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _has_letter(name: str | None, letter: str) -> bool:
    face = _face(name, 16)
    if face is None:
        return False
    drawn, missing = face.getmask(letter), face.getmask("\uffff")
    return letter.isspace() or drawn.size != missing.size or bytes(drawn) != bytes(missing)


def written(text: str, size: int) -> tuple[str, Font]:
    """The text as it can be written, and the face for it: the first that has most of its letters.

    Letters that the face lacks lose their accents or become "?": a figure never shows empty boxes.
    """
    letters = set(text)
    best: str | None = None
    most = -1
    for name in (None, *_WIDER_FACES):
        known = sum(_has_letter(name, letter) for letter in letters)
        if known > most:
            best, most = name, known
    face = _face(best, size) or ImageFont.load_default(size)
    return "".join(letter if _has_letter(best, letter) else _nearest(best, letter) for letter in text), face


def _nearest(name: str | None, letter: str) -> str:
    bare = [part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part)]
    return "".join(part if _has_letter(name, part) else "?" for part in bare)


def fitted(text: str, size: int, width: float) -> tuple[str, Font]:
    """A name as one line that is at most ``width`` pixels wide, cut with an ellipsis where it must be."""
    line, face = written(plain(text, 400), size)
    if face.getlength(line) <= width:
        return line, face
    kept = len(line)
    while kept and face.getlength(line[:kept].rstrip() + "…") > width:
        kept -= 1
    return line[:kept].rstrip() + "…", face


def write(
    draw: ImageDraw.ImageDraw,
    position: tuple[float, float],
    text: str,
    *,
    size: int,
    colour: str,
    width: float,
    right: bool = False,
) -> float:
    """Write one line with its baseline at ``position``; ``right`` ends it there. Returns its width in pixels."""
    line, face = fitted(text, size, width)
    draw.text(position, line, font=face, fill=colour, anchor="rs" if right else "ls")
    return float(face.getlength(line))
