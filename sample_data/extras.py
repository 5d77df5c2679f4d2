"""Objects, backgrounds and surfaces that no bundled picture shows: held back for benchmarks.

They follow those of the bundled data in every list (`scene.EXTRA`), so no stream of an older value changes.
"""

from __future__ import annotations

import itertools

import numpy as np
from PIL import Image

from sample_data.backgrounds import Painter
from sample_data.objects import Drawer
from sample_data.pen import Colour, Pen, gradient, mix, noise, ridge, shade, to_image, vary, waves_line
from sample_data.scene import FloatArray

SURFACES = ("none", "planks", "tiles", "carpet")
_SURFACE_TOP = 0.7  # where a surface begins, in shares of the picture from above


def _frame(image: Image.Image) -> Pen:
    return Pen(image, (0.0, 0.0), 1.0)


def _one_of(colours: tuple[Colour, ...], rng: np.random.Generator, spread: float = 12) -> Colour:
    return vary(colours[int(rng.integers(len(colours)))], rng, spread)


def draw_fish(pen: Pen, rng: np.random.Generator) -> None:
    """A fish: spindle with a forked tail, fins above and below, bands."""
    body = _one_of(((240, 140, 50), (80, 150, 200), (210, 80, 110), (120, 170, 90)), rng)
    reach = rng.uniform(0.5, 0.62)
    pen.blob([(-0.55, 0.0), (-1.15, 0.5), (-0.98, 0.0), (-1.15, -0.5)], shade(body, 0.8))
    pen.blob([(-0.3, 0.3), (0.0, reach + 0.25), (0.4, 0.3)], shade(body, 0.86))
    pen.blob([(-0.1, -0.3), (0.05, -reach - 0.15), (0.35, -0.3)], shade(body, 0.86))
    pen.blob([(-0.7, 0.0), (-0.2, 0.42), (0.4, 0.44), (0.98, 0.06), (0.4, -0.42), (-0.2, -0.4)], body)
    for x in (-0.28, 0.06):
        pen.blob([(x, 0.34), (x + 0.14, 0.34), (x + 0.1, -0.34), (x - 0.04, -0.34)], (250, 246, 236), outline=False)
    pen.oval((0.6, 0.1), (0.11, 0.11), (250, 250, 250))
    pen.oval((0.63, 0.1), (0.05, 0.05), (20, 20, 26), outline=False)


def draw_turtle(pen: Pen, rng: np.random.Generator) -> None:
    """A turtle: domed shell with plates, four stubs, a head to the right."""
    shell = _one_of(((96, 120, 60), (120, 96, 62), (70, 110, 96)), rng)
    skin = vary((150, 176, 96), rng, 12)
    rise = rng.uniform(0.4, 0.58)
    for x in (-0.6, -0.2, 0.3, 0.62):
        pen.oval((x, -0.78), (0.17, 0.22), skin)
    pen.stroke([(0.6, -0.5), (0.86, -0.34), (1.0, -0.16)], 0.24, skin)
    pen.oval((1.02, -0.08), (0.22, 0.17), skin)
    pen.oval((1.1, -0.02), (0.05, 0.05), (20, 20, 26), outline=False)
    pen.polygon([(-1.02, -0.62), (-1.24, -0.76), (-0.86, -0.74)], skin)
    pen.blob([(-0.96, -0.66), (-0.7, 0.06), (0.0, rise), (0.66, 0.04), (0.88, -0.66), (0.0, -0.72)], shell)
    for x, y, r in ((-0.44, -0.24, 0.2), (0.0, 0.04, 0.24), (0.42, -0.26, 0.2), (0.0, -0.46, 0.18)):
        corner = np.arange(6) * np.pi / 3
        pen.polygon(np.stack([x + r * np.cos(corner), y + r * np.sin(corner)], 1), shade(shell, 1.25))


def draw_mushroom(pen: Pen, rng: np.random.Generator) -> None:
    """A mushroom: pale stem under a spotted cap."""
    cap = _one_of(((206, 44, 38), (190, 120, 60), (150, 80, 150)), rng)
    wide = rng.uniform(0.86, 1.02)
    pen.blob([(-0.26, 0.1), (-0.34, -0.94), (0.34, -0.94), (0.26, 0.1)], (240, 230, 210))
    pen.blob([(-0.36, -0.14), (0.0, -0.06), (0.36, -0.14), (0.0, -0.28)], (226, 214, 190))
    pen.blob([(-wide, 0.04), (-wide * 0.72, 0.66), (0.0, 0.98), (wide * 0.72, 0.66), (wide, 0.04), (0.0, -0.04)], cap)
    for x, y, r in ((-0.5, 0.36, 0.13), (0.02, 0.66, 0.15), (0.48, 0.4, 0.12), (-0.1, 0.22, 0.1), (0.3, 0.16, 0.07)):
        pen.oval((x, y), (r, r * 0.85), (252, 246, 236), outline=False)


def draw_tent(pen: Pen, rng: np.random.Generator) -> None:
    """A ridge tent with an open door and guy lines."""
    cloth = _one_of(((226, 150, 40), (60, 130, 110), (190, 70, 60), (80, 110, 170)), rng)
    lean = rng.uniform(0.1, 0.24)
    for side in (-1.24, 1.24):
        pen.stroke([(side * 0.6, 0.1), (side, -0.98)], 0.035, (90, 80, 70), curved=False)
    pen.polygon([(lean, 0.86), (1.06, -0.96), (0.1, -0.96)], shade(cloth, 0.72))
    pen.polygon([(lean, 0.86), (-1.06, -0.96), (0.5, -0.96)], cloth)
    pen.polygon([(lean - 0.1, 0.46), (-0.5, -0.96), (0.16, -0.96)], (44, 38, 40))
    pen.polygon([(lean - 0.1, 0.46), (-0.5, -0.96), (-0.72, -0.96)], mix(cloth, (255, 255, 255), 0.4))
    pen.stroke([(lean, 0.86), (lean, 1.04)], 0.05, (110, 84, 60), curved=False)


def draw_bicycle(pen: Pen, rng: np.random.Generator) -> None:
    """A bicycle from the side: two thin wheels, a frame, saddle and handlebar."""
    paint = _one_of(((210, 50, 50), (40, 120, 190), (60, 150, 80), (240, 180, 40)), rng)
    lift = rng.uniform(0.36, 0.5)
    turn = np.linspace(0, 2 * np.pi, 25)
    for x in (-0.62, 0.62):
        pen.stroke(np.stack([x + 0.46 * np.cos(turn), -0.5 + 0.46 * np.sin(turn)], 1), 0.09, (40, 40, 46), curved=False)
        for k in range(3):
            dx, dy = 0.42 * np.cos(k * np.pi / 3 + 0.3), 0.42 * np.sin(k * np.pi / 3 + 0.3)
            pen.stroke([(x - dx, -0.5 - dy), (x + dx, -0.5 + dy)], 0.025, (170, 174, 182), curved=False)
    for line in (
        [(-0.62, -0.5), (-0.28, lift - 0.14), (0.44, lift - 0.06), (0.0, -0.52), (-0.62, -0.5)],
        [(-0.36, lift + 0.1), (0.0, -0.52)],
        [(0.62, -0.5), (0.4, lift + 0.24)],
    ):
        pen.stroke(line, 0.1, paint, curved=False)
    pen.stroke([(-0.56, lift + 0.12), (-0.18, lift + 0.12)], 0.14, (50, 40, 36), curved=False)
    pen.stroke([(0.4, lift + 0.24), (0.66, lift + 0.34), (0.72, lift + 0.16)], 0.09, (60, 60, 66))


def draw_airplane(pen: Pen, rng: np.random.Generator) -> None:
    """An aeroplane from the side: tube with windows, a swept wing, a tail."""
    hull = vary((238, 240, 244), rng, 8)
    accent = _one_of(((40, 90, 180), (210, 60, 50), (40, 140, 110), (240, 160, 40)), rng)
    tail = rng.uniform(0.5, 0.66)
    pen.polygon([(-0.9, 0.1), (-1.16, tail), (-0.92, tail), (-0.5, 0.12)], accent)
    pen.blob([(-1.1, 0.12), (-0.6, 0.24), (0.7, 0.22), (1.16, 0.0), (0.7, -0.18), (-0.6, -0.1)], hull)
    pen.polygon([(-0.8, 0.06), (-1.2, -0.1), (-1.0, -0.12), (-0.55, 0.0)], shade(hull, 0.8))
    for x in np.linspace(-0.5, 0.6, 7):
        pen.oval((float(x), 0.08), (0.045, 0.05), (90, 130, 170), outline=False)
    pen.polygon([(0.86, 0.16), (1.04, 0.08), (0.84, 0.06)], (90, 130, 170), outline=False)
    pen.polygon([(0.3, -0.04), (-0.3, -0.66), (-0.56, -0.66), (-0.22, -0.04)], shade(hull, 0.82))
    pen.oval((0.02, -0.32), (0.2, 0.09), accent)


def paint_canyon(size: int, rng: np.random.Generator) -> Image.Image:
    """Red walls in layers on both sides of a gap, dry ground."""
    rock = vary((176, 84, 52), rng, 12)
    image = to_image(gradient(size, [(0, vary((120, 180, 226), rng, 10)), (0.6, (244, 224, 196))]))
    pen = _frame(image)
    for side in (-1, 1):
        for depth in range(3):
            edge = 0.5 + side * (0.12 + 0.1 * (2 - depth)) + rng.uniform(-0.03, 0.03)
            top = 0.3 - 0.11 * depth + rng.uniform(-0.03, 0.03)
            wall = mix(shade(rock, 1 - 0.1 * depth), (244, 214, 190), 0.4 - 0.2 * depth)
            outer = 1.1 if side > 0 else -0.1
            pen.polygon([(edge, -0.75), (edge + side * 0.04, -top), (outer, -top + 0.04), (outer, -0.75)], wall)
            for level in np.linspace(top + 0.06, 0.7, 5):
                line = [(edge + side * 0.03, -level), (outer, -level - 0.02)]
                pen.stroke(line, 0.012, shade(wall, 0.8), curved=False)
    pixels = np.asarray(image).astype(np.float32)
    ridge(pixels, waves_line(size, rng, 0.68, 0.02), shade(rock, 1.25), shade(rock, 0.8))
    image = to_image(pixels)
    pen = _frame(image)
    for _ in range(26):
        x, y = rng.random(), rng.uniform(0.72, 1.0)
        r = 0.006 + 0.016 * (y - 0.7) * rng.uniform(0.6, 1.6) * 3
        pen.oval((x, -y), (r * 1.4, r), shade(rock, rng.uniform(0.55, 0.9)))
    return image


def paint_room(size: int, rng: np.random.Generator) -> Image.Image:
    """An indoor wall with a window and a picture, skirting, a floor of one colour."""
    tints: tuple[Colour, ...] = ((226, 206, 176), (190, 206, 200), (214, 190, 196), (204, 204, 214))
    wall, floor = _one_of(tints, rng, 8), vary((150, 112, 84), rng, 12)
    image = to_image(gradient(size, [(0, wall), (0.64, shade(wall, 0.92)), (0.65, floor), (1, shade(floor, 0.78))]))
    pen = _frame(image)
    pen.box(0.0, -0.68, 1.0, -0.64, (244, 240, 232))
    left = rng.uniform(0.05, 0.16) if rng.random() < 0.5 else rng.uniform(0.6, 0.7)
    pen.box(left, -0.42, left + 0.26, -0.08, (250, 248, 242))
    pen.box(left + 0.02, -0.4, left + 0.24, -0.1, (150, 196, 230))
    pen.box(left + 0.12, -0.4, left + 0.14, -0.1, (250, 248, 242))
    pen.box(left + 0.02, -0.26, left + 0.24, -0.24, (250, 248, 242))
    other = 0.62 if left < 0.5 else 0.12
    pen.box(other, -0.34, other + 0.2, -0.14, (90, 66, 48))
    pen.box(other + 0.02, -0.32, other + 0.18, -0.16, _one_of(((120, 150, 120), (190, 150, 110), (110, 120, 160)), rng))
    return image


def paint_bricks(size: int, rng: np.random.Generator) -> Image.Image:
    """A brick wall over a pavement."""
    brick, mortar = vary((170, 82, 62), rng, 12), vary((206, 198, 186), rng, 8)
    image = to_image(gradient(size, [(0, mortar), (1, shade(mortar, 0.92))]))
    pen = _frame(image)
    height, width = rng.uniform(0.052, 0.062), rng.uniform(0.13, 0.16)
    row = 0
    top = 0.0
    while top < 0.76:
        x = -width * (0.5 if row % 2 else 0.0)
        while x < 1.0:
            pen.box(x + 0.006, -top - height + 0.006, x + width - 0.006, -top - 0.006, vary(brick, rng, 16))
            x += width
        top, row = top + height, row + 1
    pixels = np.asarray(image).astype(np.float32)
    ridge(pixels, np.full(size, 0.76), (168, 166, 162), (140, 138, 136))
    return to_image(pixels)


def _floor_x(column: int, y: float, top: float) -> float:
    """Where the edge of a column of tiles lies at this height: columns widen towards the viewer."""
    return 0.5 + (column / 8 - 0.5) * (1 + 1.2 * (y - top) / (1 - top))


def surface_layer(name: str, rng: np.random.Generator, size: int) -> FloatArray:
    """What the object stands on, over the background and under the object: (size, size, 4) as `render.cut_outs`."""
    fine = size * 3
    image = Image.new("RGB", (fine, fine))
    pen = _frame(image)
    top = _SURFACE_TOP + rng.uniform(-0.02, 0.02)
    if name == "planks":
        wood = vary((176, 126, 78), rng, 14)
        pen.box(0, -1, 1, -top, shade(wood, 0.6))
        for k in range(-6, 14):
            near, far = 0.14 * k - 0.3, 0.5 + (0.14 * k - 0.8) * 0.45
            tone = vary(shade(wood, rng.uniform(0.85, 1.15)), rng, 6)
            pen.polygon([(near + 0.01, -1), (far + 0.004, -top), (far + 0.059, -top), (near + 0.13, -1)], tone)
    elif name == "tiles":
        light, dark = vary((232, 230, 224), rng, 8), vary((70, 84, 100), rng, 12)
        rows = np.array([0, 0.16, 0.36, 0.62, 1.0]) * (1 - top) + top
        for r, (far, near) in enumerate(itertools.pairwise(rows.tolist())):
            for k in range(-4, 12):
                corners = [(_floor_x(x, y, top), -y) for x, y in ((k, far), (k + 1, far), (k + 1, near), (k, near))]
                pen.polygon(corners, light if (r + k) % 2 else dark)
    else:
        ground = _one_of(((150, 40, 60), (60, 70, 130), (50, 110, 90)), rng)
        pen.box(0, -1, 1, -top, ground)
        for y in np.linspace(top + 0.05, 0.97, 4):
            for x in np.linspace(0.06, 0.94, 9):
                r = 0.014 + 0.03 * (y - top)
                pen.oval((float(x), -float(y)), (r * 1.5, r), (236, 200, 120))
        pen.box(0, -top - 0.018, 1, -top, (236, 200, 120))
    grain = 1 + 0.06 * (noise(fine, rng, (12, 12), 2) - 0.5)[..., None]
    colour = np.clip(np.asarray(image).astype(np.float32) * grain, 0, 255)
    cover = np.zeros((fine, fine, 1), np.float32)
    cover[round(top * fine) :] = 255
    joined: FloatArray = np.concatenate([colour * cover / 255, cover], axis=2).astype(np.float32)
    return np.asarray(joined.reshape(size, 3, size, 3, 4).mean(axis=(1, 3)))


EXTRA_DRAWERS: dict[str, Drawer] = {
    "fish": draw_fish,
    "turtle": draw_turtle,
    "mushroom": draw_mushroom,
    "tent": draw_tent,
    "bicycle": draw_bicycle,
    "airplane": draw_airplane,
}
EXTRA_SCALES: dict[str, float] = {
    "fish": 0.3,
    "turtle": 0.31,
    "mushroom": 0.29,
    "tent": 0.31,
    "bicycle": 0.32,
    "airplane": 0.33,
}
EXTRA_PAINTERS: dict[str, Painter] = {"canyon": paint_canyon, "room": paint_room, "bricks": paint_bricks}
