"""What is put into photographs: the same picture with it and without it, made by this benchmark and not by the product.

Every edit takes a square photograph and gives one of the same size; what differs between the two values of a context is
the context and nothing else. A context that has no counterpart of its own ("watermark") is compared with the photograph
as it is; a scene with another scene, on either of which the same photograph lies.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from benchmarks.photographs.pools import Side

#: Pixels of a side. The classifier sees the centre, seven eighths of it.
SIZE = 256
_SEEN = 16
_OBJECT = 0.55  # side of the photograph that lies on a scene

Edit = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True, slots=True)
class Context:
    """One thing that pictures have (``value``) or have not (``other``)."""

    name: str
    column: str  # of the manifest
    value: str
    other: str
    words: tuple[str, ...]  # terms of the default vocabulary that say the same as ``value``
    other_words: tuple[str, ...]  # and as ``other``
    side: Side
    edit: Edit | None = None  # None: the photograph lies on a scene
    scenes: tuple[str, str] = ("", "")  # labels of the scenes that it lies on with ``value`` and with ``other``

    @property
    def is_scene(self) -> bool:
        """Whether the photograph is laid on another one."""
        return self.edit is None


def version(
    context: Context | None, present: bool, photo: Image.Image, key: str, scenes: Sequence[Image.Image]
) -> Image.Image:
    """A photograph with the context or without it.

    Args:
        context: None for the photograph as it is.
        present: Whether the context is there.
        photo: (SIZE, SIZE) RGB.
        key: What the place of a mark is drawn by: the same for both values.
        scenes: The two scenes that it may lie on, that of ``value`` first.
    """
    if context is None:
        return photo
    if context.edit is None:
        return _laid_on(photo, scenes[0 if present else 1])
    seed = hashlib.sha256(f"{context.name}\x00{key}".encode()).digest()
    return context.edit(photo, np.random.default_rng(list(seed[:8]))) if present else photo


def square(photo: Image.Image) -> Image.Image:
    """(SIZE, SIZE) RGB from the centre of a photograph."""
    return ImageOps.fit(photo.convert("RGB"), (SIZE, SIZE), Image.Resampling.BICUBIC)


def _laid_on(photo: Image.Image, scene: Image.Image) -> Image.Image:
    side = round(_OBJECT * SIZE)
    found = scene.copy()
    found.paste(photo.resize((side, side), Image.Resampling.BICUBIC), ((SIZE - side) // 2, (SIZE - side) // 2))
    return found


def _watermark(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """White letters, half transparent, three times across."""
    layer = Image.new("RGBA", photo.size, (0, 0, 0, 0))
    draw, font = ImageDraw.Draw(layer), ImageFont.load_default(34)
    for y in (60, 128, 196):
        draw.text((int(rng.integers(20, 60)), y - 20), "PREVIEW", font=font, fill=(255, 255, 255, 150))
    return Image.alpha_composite(photo.convert("RGBA"), layer).convert("RGB")


def _date_stamp(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Orange digits at the lower right, as cameras had them."""
    found = photo.copy()
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(90, 100))
    place = SIZE - _SEEN - 118, SIZE - _SEEN - 34
    ImageDraw.Draw(found).text(
        place, f"{day:02} {month:02} '{year}", font=ImageFont.load_default(24), fill=(255, 140, 0)
    )
    return found


def _token(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A red disc with a white ring in one of the corners."""
    found, side = photo.copy(), 52
    corners = [(_SEEN + 4, _SEEN + 4), (SIZE - _SEEN - side - 4, _SEEN + 4)]
    x, y = corners[int(rng.integers(2))]
    draw = ImageDraw.Draw(found)
    draw.ellipse((x, y, x + side, y + side), fill=(220, 30, 40))
    draw.ellipse((x + 13, y + 13, x + side - 13, y + side - 13), outline=(255, 255, 255), width=5)
    return found


def _border(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    """Black on all sides, twelve pixels of it in what the classifier sees."""
    found = Image.new("RGB", photo.size)
    inner = _SEEN + 12
    found.paste(photo.crop((inner, inner, SIZE - inner, SIZE - inner)), (inner, inner))
    return found


def _grey(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    return photo.convert("L").convert("RGB")


def _dark(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    return photo.point(lambda value: value * 0.3)


def _cast(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    """Yellow, as under a lamp."""
    tinted = np.asarray(photo, np.float32) * np.array([1.1, 0.9, 0.45], np.float32)
    return Image.fromarray(np.clip(tinted, 0, 255).astype(np.uint8))


def _blur(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    return photo.filter(ImageFilter.GaussianBlur(3))


def _compressed(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=6)
    return Image.open(stream).convert("RGB")


def _mark(name: str, column: str, words: tuple[str, ...], side: Side, edit: Edit) -> Context:
    return Context(name, column, "yes", "no", words, (), side, edit)


CONTEXTS = (
    Context(
        "snow against sea",
        "place",
        "snow",
        "sea",
        ("snow", "snowy landscape", "ice", "ski slope", "mountain"),
        ("sea", "water", "beach", "harbour", "lake"),
        "open",
        scenes=("glacier", "sea"),
    ),
    _mark("watermark", "watermark", ("watermark", "text caption", "website address"), "open", _watermark),
    _mark("border", "border", ("border", "black frame"), "open", _border),
    _mark("greyscale", "greyscale", ("black and white", "grey"), "open", _grey),
    _mark("colour cast", "tinted", ("colour cast", "yellow", "sepia", "golden"), "open", _cast),
    _mark("compression", "compressed", ("JPEG artifacts", "low resolution"), "open", _compressed),
    Context(
        "forest against street",
        "place",
        "forest",
        "street",
        ("forest", "jungle", "tree", "park"),
        ("street", "city", "highway", "crosswalk"),
        "held-back",
        scenes=("forest", "street"),
    ),
    _mark("date stamp", "date stamp", ("timestamp", "text caption"), "held-back", _date_stamp),
    _mark("token", "token", ("sticker", "logo"), "held-back", _token),
    _mark("darkness", "dark", ("underexposed", "dim light", "night"), "held-back", _dark),
    _mark("blur", "blurred", ("blur", "motion blur", "shallow focus"), "held-back", _blur),
)
