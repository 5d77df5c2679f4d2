"""Draw a `Scene`. Pure function of the scene and the size: no global state, no files.

    >>> from dataclasses import replace
    >>> from sample_data.scene import Scene
    >>> picture = render(Scene("duck", "water", seed=7))
    >>> same_duck_on_sand = render(replace(Scene("duck", "water", seed=7), background="sand"))

Order: background, contact shadow, object, light, colour cast, blur, artifact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageFilter

from sample_data.artifacts import OVERLAYS
from sample_data.backgrounds import PAINTERS
from sample_data.extras import EXTRA_DRAWERS, EXTRA_PAINTERS, EXTRA_SCALES
from sample_data.objects import DRAWERS, SCALES
from sample_data.pen import Pen, gradient
from sample_data.scene import FloatArray, Scene

_FLOATING = ("balloon",)
_DRAWERS, _SCALES, _PAINTERS = DRAWERS | EXTRA_DRAWERS, SCALES | EXTRA_SCALES, PAINTERS | EXTRA_PAINTERS
_CASTS = {"red": (1.22, 0.76, 0.68), "blue": (0.66, 0.84, 1.28), "green": (0.74, 1.2, 0.7)}
_CAST_INKS = {"red": (236, 96, 60), "blue": (60, 110, 236), "green": (80, 210, 80)}
_CAST_SHARE = 0.16


def render(scene: Scene, size: int = 128) -> Image.Image:
    """Draw the scene.

    Args:
        scene: What to draw.
        size: Width and height in pixels; at least 32.

    Returns:
        RGB image. The same scene and size give the same pixels.
    """
    return finish(compose(scene, size), scene)


def compose(scene: Scene, size: int) -> FloatArray:
    """Object before background, as (size, size, 3) float32 in 0 .. 255: what `finish` makes a photograph of.

    Light, cast, quality and artifact play no part, so one composition serves every value of them.
    """
    fine = _fine_size(size)
    layer = _object_layer(scene, fine)
    image = _PAINTERS[scene.background](fine, scene.stream("background"))
    _contact(image, scene)
    image.paste(layer, (0, 0), layer)
    composed: FloatArray = np.asarray(image.resize((size, size), Image.Resampling.BOX)).astype(np.float32)
    return composed


def finish(composed: FloatArray, scene: Scene) -> Image.Image:
    """Light, colour cast, blur and artifact, in this order."""
    size = composed.shape[0]
    pixels = _apply_cast(veil(composed, scene.light), scene)
    image = Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
    if scene.quality == "blurred":
        image = image.filter(ImageFilter.GaussianBlur(float(scene.stream("quality").uniform(0.012, 0.016)) * size))
    return image if scene.artifact == "none" else _overlay(image, scene)


def object_mask(scene: Scene, size: int = 128) -> FloatArray:
    """Share of each pixel that the object covers, before artifacts: (size, size) float32 in 0 .. 1."""
    layer = _object_layer(scene, _fine_size(size)).getchannel("A")
    cover = np.asarray(layer.resize((size, size), Image.Resampling.BOX)).astype(np.float32)
    return cover / np.float32(255)


def backdrop(scene: Scene, size: int = 128) -> FloatArray:
    """The background alone: (size, size, 3) float32 in 0 .. 255."""
    image = _PAINTERS[scene.background](_fine_size(size), scene.stream("background"))
    return np.asarray(image.resize((size, size), Image.Resampling.BOX)).astype(np.float32)


def cut_outs(scene: Scene, grounds: Sequence[str], size: int = 128) -> FloatArray:
    """The object with what joins it to each ground, but no background: (grounds, size, size, 4) float32 in 0 .. 255.

    Colour is multiplied by cover already, so that ``cut[..., :3] + backdrop * (1 - cut[..., 3:] / 255)`` is what
    `compose` gives, but for rounding and for what averaging down does at the object's edge.
    """
    fine = _fine_size(size)
    layer = _object_layer(scene, fine)
    cuts = []
    for ground in grounds:
        seen = []
        for ink in (0, 255):
            image = Image.new("RGB", (fine, fine), (ink, ink, ink))
            _contact(image, replace(scene, background=ground))
            image.paste(layer, (0, 0), layer)
            seen.append(np.asarray(image.resize((size, size), Image.Resampling.BOX)).astype(np.float32))
        cuts.append(_premultiplied(*seen))
    return np.stack(cuts)


def overlay(scene: Scene, size: int = 128) -> FloatArray:
    """The artifact alone, as `cut_outs` gives the object."""
    seen = [
        np.asarray(_overlay(Image.new("RGB", (size, size), (ink, ink, ink)), scene)).astype(np.float32)
        for ink in (0, 255)
    ]
    return _premultiplied(*seen)


def _premultiplied(on_black: FloatArray, on_white: FloatArray) -> FloatArray:
    """Colour times cover, and cover, of what was drawn on black and on white."""
    cover = 255 - (on_white - on_black).mean(axis=2, keepdims=True)
    return np.concatenate([on_black, np.clip(cover, 0, 255)], axis=2)


def _fine_size(size: int) -> int:
    """Size at which shapes are drawn before averaging down."""
    if size < 32:
        raise ValueError(f"a scene needs at least 32 pixels, got {size}")
    return size * (3 if size < 96 else 2)


def _placement(scene: Scene) -> tuple[float, float, float]:
    """Centre (x, y) and scale of the object; its stream knows nothing of the object's kind."""
    rng = scene.stream("place")
    x = rng.uniform(0.4, 0.6)
    scale = _SCALES[scene.object] * rng.uniform(0.88, 1.12)
    foot = rng.uniform(0.8, 0.88)
    centre = rng.uniform(0.44, 0.52) if scene.object in _FLOATING else foot - scale
    return float(x), float(centre), float(scale)


def _object_layer(scene: Scene, fine: int) -> Image.Image:
    """The object alone on a transparent layer, lit from above."""
    rng = scene.stream("object")
    x, y, scale = _placement(scene)
    layer = Image.new("RGBA", (fine, fine), (0, 0, 0, 0))
    tilt = float(rng.uniform(-0.06, 0.06))
    pen = Pen(layer, (x, y), scale, flip=bool(rng.random() < 0.5), tilt=tilt, outline=0.045)
    _DRAWERS[scene.object](pen, rng)
    pixels = np.array(layer)
    rows = (np.arange(fine, dtype=np.float32) + 0.5) / fine
    lit = np.clip(1.12 - 0.3 * (rows - (y - scale)) / (2 * scale), 0.8, 1.14)[:, None, None]
    pixels[..., :3] = np.clip(pixels[..., :3] * lit, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def _contact(image: Image.Image, scene: Scene) -> None:
    """Join the object to the ground: rings on water, a shadow on land, nothing in the sky."""
    if scene.background == "sky" or scene.object in _FLOATING:
        return
    x, y, scale = _placement(scene)
    pen = Pen(image, (x, y + scale * (0.72 if scene.object in ("car", "truck", "bus") else 0.96)), scale)
    if scene.background == "water":
        for k, alpha in ((1.5, 60), (1.28, 80), (1.05, 110)):
            pen.oval((0, 0), (k, 0.2 * k), (222, 244, 255, alpha))
            pen.oval((0, 0), (k - 0.07, 0.2 * k - 0.05), (30, 96, 150, alpha))
        return
    for k in (1.1, 0.95, 0.8):
        pen.oval((0, -0.02), (k, 0.16 * k), (16, 18, 30, 40))


def veil(pixels: FloatArray, light: str) -> FloatArray:
    """Brighten, darken or veil pictures: (..., H, W, 3) in 0 .. 255."""
    if light == "bright":
        return pixels * np.float32(1.22) + np.float32(34)
    if light == "dim":
        return pixels * np.float32(0.54)
    if light == "fog":
        size = pixels.shape[-2]
        mist = gradient(size, [(0, (226, 228, 232)), (1, (206, 210, 216))])
        thickness = gradient(size, [(0, (146, 146, 146)), (1, (104, 104, 104))]) / np.float32(255)
        veiled: FloatArray = pixels * (1 - thickness) + mist * thickness
        return veiled
    return pixels


def _apply_cast(pixels: FloatArray, scene: Scene) -> FloatArray:
    """Tint the whole picture, as a filter before the lens would."""
    if scene.cast == "none":
        return pixels
    return tint(pixels, scene.cast, np.float32(scene.stream("cast").uniform(0.85, 1.1)))


def tint(pixels: FloatArray, cast: str, strength: FloatArray | np.float32) -> FloatArray:
    """Pictures (..., H, W, 3) with a colour cast of about strength 1."""
    gains = 1 + strength * (np.array(_CASTS[cast], np.float32) - 1)
    share = np.float32(_CAST_SHARE) * strength
    tinted: FloatArray = np.clip(pixels, 0, 255) * gains * (1 - share) + np.array(_CAST_INKS[cast], np.float32) * share
    return tinted


def _overlay(image: Image.Image, scene: Scene) -> Image.Image:
    """Lay the artifact over the finished photograph, super-sampled; pixels beside it stay as they are."""
    size = image.width
    fine = _fine_size(size)
    large = image.resize((fine, fine), Image.Resampling.NEAREST)
    OVERLAYS[scene.artifact](large, scene.stream("artifact"))
    return large.resize((size, size), Image.Resampling.BOX)
