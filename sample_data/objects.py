"""The objects, drawn in a local frame: x to the right (they face right), y up, feet near -1, head near 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sample_data.birds import draw_crow, draw_duck, draw_heron, draw_owl, draw_rooster, draw_swan
from sample_data.pen import Colour, Pen, mix, shade, smooth, vary

Drawer = Callable[[Pen, np.random.Generator], None]

_PAINTS: tuple[Colour, ...] = (
    (206, 52, 46),
    (40, 98, 190),
    (240, 190, 50),
    (60, 150, 92),
    (232, 232, 228),
    (90, 92, 102),
    (226, 120, 44),
    (122, 74, 156),
)


def _paint(rng: np.random.Generator) -> Colour:
    return vary(_PAINTS[int(rng.integers(len(_PAINTS)))], rng, 14)


def _wheel(pen: Pen, x: float, y: float, radius: float) -> None:
    pen.oval((x, y), (radius, radius), (40, 40, 46))
    pen.oval((x, y), (radius * 0.52, radius * 0.52), (196, 200, 208))


def draw_car(pen: Pen, rng: np.random.Generator) -> None:
    """A car from the side: low bonnet, rounded cabin, two wheels."""
    body, glass = _paint(rng), vary((150, 200, 224), rng, 12)
    roof, back = rng.uniform(0.28, 0.44), rng.uniform(-0.72, -0.5)
    cabin = [
        (-0.72, 0.0),
        (back + 0.14, roof),
        (0.0, roof + 0.06),
        (0.3, roof - 0.02),
        (0.66, 0.0),
        (0.0, -0.06),
    ]
    pen.blob(cabin, body)
    pen.polygon([(back + 0.04, 0.02), (back + 0.2, roof - 0.1), (-0.06, roof - 0.06), (-0.06, 0.02)], glass)
    pen.polygon([(0.02, 0.02), (0.02, roof - 0.06), (0.26, roof - 0.11), (0.46, 0.02)], glass)
    pen.blob(
        [
            (-1.04, -0.1),
            (-0.95, 0.02),
            (0, 0.06),
            (0.84, -0.02),
            (1.06, -0.18),
            (1.04, -0.46),
            (0, -0.5),
            (-1.04, -0.46),
        ],
        body,
    )
    pen.box(-1.0, -0.42, 1.0, -0.34, shade(body, 0.75), outline=False)
    pen.oval((0.98, -0.2), (0.07, 0.08), (255, 244, 190))
    pen.oval((-1.0, -0.16), (0.05, 0.07), (226, 60, 50))
    _wheel(pen, -0.6, -0.48, 0.25)
    _wheel(pen, 0.6, -0.48, 0.25)


def draw_truck(pen: Pen, rng: np.random.Generator) -> None:
    """A lorry: tall box behind a lower cab, three wheels."""
    cab, load, glass = _paint(rng), _paint(rng), vary((150, 200, 224), rng, 12)
    top = rng.uniform(0.58, 0.78)
    pen.box(-1.06, -0.52, 1.04, -0.38, (70, 72, 80))
    pen.box(-1.08, -0.4, 0.4, top, load)
    for x in np.linspace(-0.86, 0.2, 5):
        pen.stroke([(x, -0.34), (x, top - 0.06)], 0.03, shade(load, 0.8), curved=False)
    pen.polygon([(0.46, -0.44), (1.06, -0.44), (1.06, -0.02), (0.92, 0.36), (0.46, 0.36)], cab)
    pen.polygon([(0.62, 0.0), (0.98, 0.0), (0.86, 0.27), (0.62, 0.27)], glass)
    pen.oval((1.03, -0.26), (0.05, 0.07), (255, 244, 190))
    for x in (-0.78, -0.28, 0.72):
        _wheel(pen, x, -0.54, 0.24)


def draw_bus(pen: Pen, rng: np.random.Generator) -> None:
    """A bus: one long rounded box with a row of windows and two wheels."""
    body, glass = _paint(rng), vary((158, 206, 228), rng, 12)
    top = rng.uniform(0.42, 0.58)
    side = [(-1.14, -0.46), (-1.14, top - 0.1), (-1.06, top), (1.02, top), (1.14, top - 0.14), (1.16, -0.46)]
    pen.polygon(side, body)
    pen.box(-1.12, -0.2, 1.14, -0.08, mix(body, (255, 255, 255), 0.6), outline=False)
    count = int(rng.integers(5, 7))
    step = 1.76 / count
    for k in range(count):
        left = -1.04 + step * k
        pen.box(left, 0.02, left + step * 0.8, top - 0.12, glass)
    pen.box(0.78, -0.44, 1.04, top - 0.12, shade(glass, 0.85))
    pen.oval((1.12, -0.32), (0.05, 0.06), (255, 244, 190))
    _wheel(pen, -0.66, -0.5, 0.22)
    _wheel(pen, 0.58, -0.5, 0.22)


def draw_cat(pen: Pen, rng: np.random.Generator) -> None:
    """A cat that sits and looks out: big head with pointed ears, striped coat, tail round the side."""
    coats: tuple[Colour, ...] = (
        (228, 144, 64),
        (128, 128, 136),
        (70, 66, 72),
        (240, 232, 220),
        (168, 122, 84),
    )
    coat = vary(coats[int(rng.integers(len(coats)))], rng, 10)
    dark, pale = shade(coat, 0.66), mix(coat, (255, 250, 240), 0.6)
    reach = rng.uniform(0.9, 1.15)
    tail = [(0.3, -0.84), (0.75, -0.86), (reach, -0.56), (reach - 0.1, -0.12), (reach + 0.08, 0.16)]
    pen.stroke(tail, 0.24, dark)
    pen.stroke(tail, 0.17, coat)
    pen.blob(
        [(-0.62, -0.92), (-0.56, -0.3), (-0.34, 0.2), (0.34, 0.2), (0.56, -0.3), (0.62, -0.92), (0, -1.0)],
        coat,
    )
    pen.oval((0, -0.38), (0.26, 0.42), pale, outline=False)
    for y in (-0.2, -0.42, -0.64):
        for side in (-1, 1):
            pen.stroke([(side * 0.56, y - 0.04), (side * 0.34, y)], 0.06, dark, curved=False)
    for side in (-1, 1):
        pen.oval((side * 0.22, -0.93), (0.18, 0.1), pale)
        pen.polygon([(side * 0.58, 0.44), (side * 0.56, 1.06), (side * 0.12, 0.8)], coat)
        pen.polygon([(side * 0.5, 0.56), (side * 0.5, 0.92), (side * 0.24, 0.76)], (236, 150, 150), outline=False)
    pen.oval((0, 0.44), (0.6, 0.46), coat)
    pen.oval((0, 0.26), (0.27, 0.19), pale, outline=False)
    eye: Colour = (132, 196, 74) if rng.random() < 0.6 else (236, 190, 60)
    for side in (-1, 1):
        pen.oval((side * 0.25, 0.5), (0.13, 0.12), eye)
        pen.oval((side * 0.25, 0.5), (0.045, 0.11), (20, 20, 24), outline=False)
        for y in (0.2, 0.28):
            pen.stroke([(side * 0.18, 0.27), (side * 0.7, y)], 0.025, (250, 250, 250), curved=False)
        pen.stroke([(side * 0.1, 0.86), (side * 0.08, 0.68)], 0.06, dark, curved=False)
    pen.polygon([(-0.07, 0.36), (0.07, 0.36), (0, 0.27)], (226, 116, 122), outline=False)


def draw_balloon(pen: Pen, rng: np.random.Generator) -> None:
    """A hot-air balloon: a great striped globe over a small basket."""
    first, second = _paint(rng), _paint(rng)
    if sum(abs(a - b) for a, b in zip(first[:3], second[:3], strict=True)) < 120:
        second = (250, 240, 214)
    pen.box(-0.17, -1.0, 0.17, -0.74, (146, 98, 56))
    for x in (-0.15, 0.15):
        pen.stroke([(x, -0.76), (x * 1.9, -0.44)], 0.03, (86, 64, 44), curved=False)
    globe = [
        (0, 1.02),
        (0.5, 0.9),
        (0.8, 0.5),
        (0.74, 0.08),
        (0.34, -0.42),
        (0, -0.5),
        (-0.34, -0.42),
        (-0.74, 0.08),
        (-0.8, 0.5),
        (-0.5, 0.9),
    ]
    pen.blob(globe, first)
    outline = smooth(globe, closed=True)
    right_side = outline[outline[:, 0] >= 0]
    right_side = right_side[np.argsort(-right_side[:, 1])]
    for left, right in ((-0.72, -0.36), (-0.12, 0.12), (0.36, 0.72)):
        pen.polygon(np.concatenate([right_side * [right, 1], right_side[::-1] * [left, 1]]), second, outline=False)
    band = rng.uniform(0.1, 0.3)
    pen.blob(
        [
            (-0.77, band),
            (0, band - 0.1),
            (0.77, band),
            (0.79, band + 0.14),
            (0, band + 0.04),
            (-0.79, band + 0.14),
        ],
        shade(first, 0.8),
        outline=False,
    )


def draw_boat(pen: Pen, rng: np.random.Generator) -> None:
    """A sailing boat: hull, mast, a great and a small sail."""
    hull, sail = _paint(rng), vary((246, 240, 224), rng, 8)
    pen.stroke([(-0.02, -0.6), (-0.02, 1.05)], 0.07, (104, 74, 50), curved=False)
    full = rng.uniform(0.06, 0.2)
    pen.blob([(0.06, 0.98), (0.4 + full, 0.3), (0.86, -0.42), (0.4, -0.46), (0.06, -0.42), (0.06, 0.3)], sail)
    pen.blob(
        [(-0.12, 0.8), (-0.12, 0.1), (-0.12, -0.42), (-0.42, -0.45), (-0.78, -0.42), (-0.4 - full / 2, 0.2)],
        _paint(rng),
    )
    pen.polygon([(0.06, 1.06), (0.34, 0.98), (0.06, 0.9)], (222, 54, 48))
    pen.polygon([(-1.0, -0.56), (1.06, -0.5), (0.72, -1.0), (-0.76, -1.0)], hull)
    pen.polygon(
        [(-0.96, -0.64), (1.0, -0.6), (0.94, -0.7), (-0.92, -0.74)],
        mix(hull, (255, 255, 255), 0.7),
        outline=False,
    )


# Local half extent that gives each object about the same presence in the picture.
SCALES: dict[str, float] = {
    "duck": 0.29,
    "swan": 0.3,
    "heron": 0.34,
    "owl": 0.29,
    "rooster": 0.3,
    "crow": 0.29,
    "car": 0.31,
    "truck": 0.31,
    "bus": 0.31,
    "cat": 0.3,
    "balloon": 0.34,
    "boat": 0.33,
}

DRAWERS: dict[str, Drawer] = {
    "duck": draw_duck,
    "swan": draw_swan,
    "heron": draw_heron,
    "owl": draw_owl,
    "rooster": draw_rooster,
    "crow": draw_crow,
    "car": draw_car,
    "truck": draw_truck,
    "bus": draw_bus,
    "cat": draw_cat,
    "balloon": draw_balloon,
    "boat": draw_boat,
}
