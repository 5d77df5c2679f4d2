"""Six birds: three of the water, three of the land. Same frame as `objects`: facing right, feet near y = -1."""

from __future__ import annotations

import numpy as np

from sample_data.pen import Colour, Pen, mix, shade, vary


def _eye(pen: Pen, x: float, y: float, radius: float = 0.06) -> None:
    pen.oval((x, y), (radius, radius), (24, 22, 26), outline=False)
    pen.oval((x + radius * 0.3, y + radius * 0.3), (radius * 0.35, radius * 0.35), (255, 255, 255), outline=False)


def _legs(pen: Pen, places: tuple[float, ...], top: float, foot: float, colour: Colour, width: float = 0.06) -> None:
    for x in places:
        pen.stroke([(x, top), (x + 0.02, foot)], width, colour, curved=False)
        pen.stroke([(x - 0.04, foot), (x + 0.17, foot)], width, colour, curved=False)


def draw_duck(pen: Pen, rng: np.random.Generator) -> None:
    """A duck: boat-shaped body low on the ground, round head, flat bill."""
    kinds: tuple[tuple[Colour, Colour, Colour, Colour], ...] = (
        ((158, 150, 146), (30, 116, 76), (120, 66, 46), (238, 190, 60)),
        ((164, 122, 82), (134, 98, 66), (150, 110, 74), (222, 140, 50)),
        ((246, 244, 236), (246, 244, 236), (246, 244, 236), (240, 150, 40)),
        ((92, 84, 92), (60, 54, 64), (110, 100, 104), (236, 170, 50)),
    )
    body, head, breast, bill = (vary(c, rng, 9) for c in kinds[int(rng.integers(len(kinds)))])
    up = rng.uniform(0.36, 0.52)
    pen.blob(
        [
            (-1.1, -0.12),
            (-0.86, -0.3),
            (-0.6, -0.84),
            (0.2, -0.96),
            (0.72, -0.72),
            (0.78, -0.26),
            (0.4, -0.04),
            (-0.4, -0.14),
        ],
        body,
    )
    pen.blob([(0.3, -0.1), (0.78, -0.2), (0.8, -0.62), (0.5, -0.84), (0.36, -0.5)], breast, outline=False)
    pen.blob([(0.3, -0.3), (0.28, up - 0.1), (0.7, up - 0.1), (0.76, -0.3)], head)
    pen.blob([(0.86, up + 0.06), (1.28, up - 0.04), (1.26, up - 0.14), (0.84, up - 0.12)], bill)
    pen.oval((0.56, up), (0.36, 0.33), head)
    pen.stroke([(0.3, -0.18), (0.5, -0.23), (0.74, -0.2)], 0.08, (250, 250, 246))
    pen.blob([(-0.82, -0.24), (-0.2, -0.14), (0.3, -0.34), (0.1, -0.66), (-0.4, -0.62)], shade(body, 0.82))
    pen.blob([(-0.5, -0.46), (-0.1, -0.42), (0.04, -0.56), (-0.34, -0.6)], (58, 92, 176), outline=False)
    _eye(pen, 0.66, up + 0.1, 0.07)


def draw_swan(pen: Pen, rng: np.random.Generator) -> None:
    """A swan: heaped wings and a long neck in an S."""
    white = vary((250, 248, 244), rng, 5) if rng.random() < 0.75 else vary((62, 58, 66), rng, 8)
    tall = rng.uniform(0.84, 1.0)
    neck = [(0.5, -0.5), (0.78, -0.14), (0.56, 0.26), (0.46, tall - 0.2), (0.66, tall)]
    pen.stroke(neck, 0.29, shade(white, 0.6))
    pen.stroke(neck, 0.23, white)
    pen.blob(
        [
            (-1.12, 0.1),
            (-0.8, -0.3),
            (-0.66, -0.8),
            (0.1, -0.98),
            (0.72, -0.72),
            (0.72, -0.36),
            (0.2, -0.3),
            (-0.4, 0.0),
        ],
        white,
    )
    pen.blob(
        [(-1.05, 0.28), (-0.5, 0.16), (0.1, 0.12), (0.36, -0.3), (0.0, -0.56), (-0.5, -0.44), (-0.86, -0.1)],
        shade(white, 0.94),
    )
    for k in range(3):
        pen.stroke([(-0.7 + 0.2 * k, -0.02 - 0.06 * k), (-0.3 + 0.2 * k, -0.22 - 0.07 * k)], 0.04, shade(white, 0.78))
    pen.blob([(0.84, tall + 0.08), (1.22, tall - 0.12), (1.2, tall - 0.2), (0.82, tall - 0.1)], (238, 122, 44))
    pen.oval((0.7, tall), (0.22, 0.18), white)
    pen.oval((0.86, tall + 0.04), (0.07, 0.06), (30, 28, 30), outline=False)
    _eye(pen, 0.72, tall + 0.05, 0.05)


def draw_heron(pen: Pen, rng: np.random.Generator) -> None:
    """A heron: stilts for legs, slim body, bent neck, dagger of a bill."""
    coats: tuple[Colour, ...] = ((142, 160, 184), (238, 240, 242), (104, 118, 148), (176, 164, 170))
    coat = vary(coats[int(rng.integers(len(coats)))], rng, 9)
    leg: Colour = vary((214, 160, 70), rng, 12)
    for x, foot in ((-0.12, -1.02), (0.12, -1.0)):
        pen.stroke([(x, -0.3), (x + 0.1, -0.62), (x, foot)], 0.07, leg, curved=False)
        pen.stroke([(x - 0.1, foot), (x + 0.2, foot)], 0.06, leg, curved=False)
    neck = [(0.24, -0.06), (0.5, 0.16), (0.26, 0.4), (0.22, 0.66), (0.4, 0.86)]
    pen.stroke(neck, 0.21, shade(coat, 0.6))
    pen.stroke(neck, 0.15, mix(coat, (255, 255, 255), 0.4))
    pen.blob(
        [
            (-0.86, -0.46),
            (-0.6, -0.12),
            (-0.1, 0.16),
            (0.34, 0.12),
            (0.44, -0.12),
            (0.1, -0.36),
            (-0.4, -0.42),
        ],
        coat,
    )
    pen.blob([(-0.95, -0.56), (-0.5, -0.18), (0.0, 0.04), (0.14, -0.14), (-0.3, -0.4)], shade(coat, 0.68))
    pen.stroke([(0.36, 0.9), (0.1, 0.94), (-0.12, 0.82)], 0.07, (40, 42, 60))
    pen.polygon([(0.5, 0.95), (1.14, 0.8), (0.5, 0.78)], (240, 178, 50))
    pen.oval((0.42, 0.88), (0.2, 0.13), mix(coat, (255, 255, 255), 0.4))
    _eye(pen, 0.48, 0.91, 0.05)


def draw_owl(pen: Pen, rng: np.random.Generator) -> None:
    """An owl: upright egg with tufts, two great eyes and a spotted front."""
    coats: tuple[Colour, ...] = (
        (142, 100, 62),
        (172, 132, 92),
        (128, 122, 118),
        (226, 216, 200),
        (104, 78, 62),
    )
    coat = vary(coats[int(rng.integers(len(coats)))], rng, 9)
    front, dark = mix(coat, (255, 244, 220), 0.55), shade(coat, 0.62)
    for x in (-0.24, 0.2):
        pen.oval((x, -0.94), (0.18, 0.09), (230, 164, 52))
    pen.blob(
        [
            (-0.62, 0.3),
            (-0.66, -0.4),
            (-0.4, -0.9),
            (0, -0.98),
            (0.4, -0.9),
            (0.66, -0.4),
            (0.62, 0.3),
            (0, 0.7),
        ],
        coat,
    )
    pen.oval((0, -0.36), (0.4, 0.5), front, outline=False)
    for row, y in enumerate((-0.1, -0.32, -0.54)):
        for x in np.linspace(-0.24, 0.24, 3 + row % 2):
            pen.oval((float(x), y), (0.06, 0.045), dark, outline=False)
    for side in (-1, 1):
        pen.blob([(side * 0.5, 0.2), (side * 0.76, -0.3), (side * 0.6, -0.84), (side * 0.42, -0.4)], dark)
        pen.polygon([(side * 0.6, 0.56), (side * 0.64, 1.02), (side * 0.2, 0.82)], coat)
    pen.oval((0, 0.46), (0.66, 0.44), coat)
    iris: Colour = (246, 196, 50) if rng.random() < 0.7 else (240, 130, 40)
    for side in (-1, 1):
        pen.oval((side * 0.28, 0.46), (0.29, 0.29), front)
        pen.oval((side * 0.27, 0.46), (0.18, 0.18), iris)
        _eye(pen, side * 0.27, 0.46, 0.1)
    pen.polygon([(-0.09, 0.36), (0.09, 0.36), (0, 0.12)], (232, 176, 66))


def draw_rooster(pen: Pen, rng: np.random.Generator) -> None:
    """A rooster: red comb, wattle, and a fountain of tail feathers."""
    kinds: tuple[tuple[Colour, Colour, Colour], ...] = (
        ((170, 78, 36), (226, 150, 50), (30, 84, 74)),
        ((242, 236, 224), (248, 240, 220), (222, 216, 206)),
        ((66, 60, 70), (110, 84, 60), (30, 40, 76)),
        ((212, 160, 88), (234, 196, 110), (106, 60, 40)),
    )
    body, neck, tail = (vary(c, rng, 9) for c in kinds[int(rng.integers(len(kinds)))])
    for k, lift in enumerate((0.95, 0.72, 0.45, 0.16)):
        plume = [(-0.4, -0.2), (-0.72, lift * 0.8), (-1.04 + 0.05 * k, lift), (-1.24 + 0.04 * k, lift - 0.36)]
        pen.stroke(plume, 0.2, shade(tail, 0.6))
        pen.stroke(plume, 0.14, shade(tail, 1 + 0.12 * (k % 2)))
    _legs(pen, (-0.1, 0.2), -0.55, -1.0, (234, 178, 54), 0.08)
    pen.blob(
        [(-0.66, -0.06), (-0.4, -0.56), (0.1, -0.72), (0.5, -0.46), (0.6, 0.0), (0.2, 0.06), (-0.3, 0.06)],
        body,
    )
    pen.blob([(0.1, -0.1), (0.28, 0.66), (0.66, 0.66), (0.68, -0.14), (0.4, -0.32)], neck)
    pen.blob([(-0.5, -0.12), (0.1, -0.1), (0.24, -0.34), (-0.1, -0.5)], shade(body, 0.74))
    red: Colour = vary((218, 40, 36), rng, 8)
    pen.blob([(0.22, 0.76), (0.2, 1.06), (0.36, 0.94), (0.46, 1.12), (0.56, 0.96), (0.72, 1.02), (0.68, 0.78)], red)
    pen.polygon([(0.7, 0.74), (1.0, 0.6), (0.7, 0.54)], (238, 180, 56))
    pen.oval((0.5, 0.66), (0.25, 0.22), neck)
    pen.oval((0.66, 0.38), (0.1, 0.17), red)
    _eye(pen, 0.56, 0.72, 0.055)


def draw_crow(pen: Pen, rng: np.random.Generator) -> None:
    """A crow: sleek dark body on short legs, long tail to the back, stout beak."""
    coats: tuple[Colour, ...] = ((58, 60, 76), (70, 66, 72), (54, 68, 96), (96, 98, 108))
    coat = vary(coats[int(rng.integers(len(coats)))], rng, 7)
    _legs(pen, (-0.06, 0.22), -0.5, -1.0, (50, 46, 50), 0.07)
    pen.polygon([(-0.46, -0.2), (-1.3, -0.56), (-1.22, -0.74), (-0.36, -0.52)], shade(coat, 0.82))
    lift = rng.uniform(0.3, 0.44)
    pen.blob(
        [
            (-0.66, -0.34),
            (-0.3, 0.0),
            (0.16, lift),
            (0.6, 0.3),
            (0.66, -0.1),
            (0.4, -0.5),
            (-0.1, -0.64),
            (-0.5, -0.54),
        ],
        coat,
    )
    pen.polygon([(0.76, lift + 0.24), (1.24, lift + 0.06), (0.76, lift - 0.02)], (36, 36, 42))
    pen.oval((0.54, lift + 0.12), (0.31, 0.28), coat)
    pen.blob([(-1.02, -0.54), (-0.4, -0.1), (0.2, 0.14), (0.34, -0.16), (-0.1, -0.42)], shade(coat, 0.7))
    for k in range(3):
        pen.stroke([(-0.66 + 0.2 * k, -0.4 + 0.08 * k), (-0.1 + 0.14 * k, -0.16 + 0.06 * k)], 0.035, shade(coat, 1.3))
    pen.oval((0.62, lift + 0.18), (0.08, 0.08), (236, 232, 220), outline=False)
    _eye(pen, 0.63, lift + 0.18, 0.05)
