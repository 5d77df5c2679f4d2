"""The eight backgrounds. Each fills the whole picture and draws from the background's stream alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from sample_data.pen import Colour, Pen, gradient, mix, noise, ridge, shade, to_image, vary, waves_line

Painter = Callable[[int, np.random.Generator], Image.Image]


def _frame(image: Image.Image) -> Pen:
    """A pen over the whole image: x from 0 to 1, y from 0 (top) down to -1 (bottom)."""
    return Pen(image, (0.0, 0.0), 1.0)


def _clouds(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float32]], rng: np.random.Generator, share: float) -> None:
    """Blend soft white clouds into the pixels, in place."""
    size = pixels.shape[0]
    cover = noise(size, rng, (3, 5), 4)
    alpha = np.clip((cover - (1 - share)) * 3.4, 0, 0.95)[..., None]
    lit = np.array([252, 252, 255], np.float32) - 34 * np.clip(noise(size, rng, (3, 4), 2) - 0.35, 0, 1)[..., None]
    pixels += alpha * (lit - pixels)


def paint_water(size: int, rng: np.random.Generator) -> Image.Image:
    """A lake under a pale sky with far hills, rows of waves and glitter."""
    horizon = rng.uniform(0.2, 0.34)
    near = vary((16, 74, 140), rng, 16)
    far = vary((84, 178, 208), rng, 16)
    sky = vary((188, 222, 242), rng, 12)
    pixels = gradient(size, [(0, shade(sky, 0.9)), (horizon, mix(sky, (255, 246, 226), 0.6))])
    ridge(pixels, waves_line(size, rng, horizon - 0.03, 0.03), vary((128, 152, 172), rng), (104, 140, 160))
    ridge(pixels, np.full(size, horizon), far, near)
    image = to_image(pixels)
    pen = _frame(image)
    level = horizon + 0.02
    while level < 1.02:
        depth = (level - horizon) / (1 - horizon)
        for _ in range(int(rng.integers(4, 7))):
            x, width = rng.uniform(-0.1, 1.0), (0.04 + 0.2 * depth) * rng.uniform(0.6, 1.4)
            crest = [(x, -level), (x + width * 0.5, -level + 0.012 * (0.3 + depth)), (x + width, -level)]
            pen.stroke(crest, 0.003 + 0.011 * depth, (226, 246, 255, int(rng.integers(70, 150))))
            pen.stroke([(a, b - 0.01 - 0.012 * depth) for a, b in crest], 0.004 + 0.01 * depth, (8, 40, 96, 70))
        level += 0.018 + 0.062 * depth * rng.uniform(0.8, 1.2)
    return image


def _conifer(pen: Pen, x: float, foot: float, height: float, colour: Colour) -> None:
    """A fir of four tiers, its foot at -foot."""
    width = height * 0.24
    pen.box(x - width * 0.12, -foot, x + width * 0.12, -foot + height * 0.2, (70, 50, 38))
    for tier in range(4):
        low = -foot + height * (0.12 + 0.2 * tier)
        half = width * (1 - 0.2 * tier)
        peak = low + height * 0.36
        pen.polygon(
            [(x - half, low), (x, low + height * 0.04), (x + half, low), (x, peak)],
            shade(colour, 0.86 + 0.08 * tier),
        )


def paint_forest(size: int, rng: np.random.Generator) -> Image.Image:
    """Firs in three misty rows and tall trunks over a dark floor."""
    leaf = vary((34, 92, 52), rng, 14)
    mist = vary((170, 202, 170), rng, 12)
    pixels = gradient(size, [(0, mix(leaf, mist, 0.65)), (0.5, mist), (1, mix(leaf, mist, 0.3))])
    image = to_image(pixels)
    for row, (foot, height, fade) in enumerate([(0.52, 0.46, 0.6), (0.6, 0.62, 0.34), (0.7, 0.8, 0.08)]):
        pen = _frame(image)
        count = 13 - 3 * row
        for place in rng.permutation(count):
            x = (place + rng.uniform(0.1, 0.9)) / count
            _conifer(pen, x, foot, height * rng.uniform(0.75, 1.2), mix(vary(leaf, rng, 10), mist, fade))
    pixels = np.asarray(image).astype(np.float32)
    floor = vary((62, 84, 44), rng, 10)
    ridge(pixels, waves_line(size, rng, 0.66, 0.015), floor, shade(floor, 0.5))
    image = to_image(pixels)
    pen = _frame(image)
    for x in [*rng.uniform(-0.02, 0.2, 1), *rng.uniform(0.8, 1.02, 1)]:
        bark = vary((84, 62, 46), rng, 10)
        half = rng.uniform(0.022, 0.036)
        pen.polygon([(x - half * 1.6, -0.8), (x - half, 0), (x + half, 0), (x + half * 1.6, -0.8)], bark)
        pen.polygon(
            [(x + half * 0.3, -0.8), (x + half * 0.3, 0), (x + half, 0), (x + half * 1.6, -0.8)],
            shade(bark, 0.7),
        )
    for _ in range(70):
        x, y = rng.random(), rng.uniform(0.68, 1.0)
        length, lean = rng.uniform(0.02, 0.05), rng.uniform(-0.02, 0.02)
        pen.stroke([(x, -y), (x + lean, -y + length)], 0.006, vary((72, 118, 52), rng, 22), curved=False)
    return image


def paint_sand(size: int, rng: np.random.Generator) -> Image.Image:
    """Dunes in warm layers with wind ripples."""
    sand = vary((232, 190, 122), rng, 12)
    horizon = rng.uniform(0.26, 0.38)
    sky = vary((160, 206, 232), rng, 12)
    pixels = gradient(size, [(0, sky), (horizon + 0.05, (252, 236, 206))])
    centre, rows = rng.uniform(0.1, 0.9), (np.arange(size) + 0.5) / size
    glow = np.exp(-((rows[None, :] - centre) ** 2 + (rows[:, None] - horizon * 0.5) ** 2) / 0.006)[..., None]
    pixels += (glow * 0.9).astype(np.float32) * (np.array([255, 250, 226], np.float32) - pixels)
    for layer in range(4):
        level = horizon + 0.15 * layer + rng.uniform(-0.02, 0.02)
        tone = shade(sand, 0.9 + 0.05 * layer)
        ridge(
            pixels,
            waves_line(size, rng, level, 0.035 + 0.012 * layer),
            mix(tone, (255, 244, 214), 0.35),
            shade(tone, 0.72),
        )
    image = to_image(pixels)
    pen = _frame(image)
    for _ in range(34):
        y = rng.uniform(horizon + 0.12, 1.0)
        x, width = rng.uniform(-0.1, 0.95), rng.uniform(0.08, 0.26)
        bend = rng.uniform(0.004, 0.014)
        pen.stroke([(x, -y), (x + width / 2, -y + bend), (x + width, -y)], 0.005, (150, 104, 56, 80))
        pen.stroke(
            [(x, -y - 0.007), (x + width / 2, -y + bend - 0.007), (x + width, -y - 0.007)],
            0.005,
            (255, 236, 196, 90),
        )
    return image


def paint_snow(size: int, rng: np.random.Generator) -> Image.Image:
    """White fields under white peaks, small firs with snow, falling flakes."""
    sky = vary((176, 196, 222), rng, 12)
    pixels = gradient(size, [(0, sky), (0.45, (226, 234, 246))])
    image = to_image(pixels)
    pen = _frame(image)
    for _ in range(3):
        x, height, half = rng.random(), rng.uniform(0.2, 0.36), rng.uniform(0.2, 0.34)
        peak = -0.46 + height
        rock = vary((132, 148, 176), rng, 8)
        pen.polygon([(x - half, -0.47), (x, peak), (x + half, -0.47)], rock)
        pen.polygon([(x, peak), (x + half, -0.47), (x + half * 0.2, -0.47)], shade(rock, 0.84))
        cap = [(0, 1), (-0.42, 0.52), (-0.2, 0.6), (-0.05, 0.46), (0.14, 0.62), (0.38, 0.56)]
        pen.polygon([(x + half * a, -0.47 + height * b) for a, b in cap], (248, 251, 255))
    pixels = np.asarray(image).astype(np.float32)
    ridge(pixels, waves_line(size, rng, 0.44, 0.012), (238, 243, 252), (214, 226, 244))
    image = to_image(pixels)
    pen = _frame(image)
    for x in rng.random(5):
        foot, height = rng.uniform(0.45, 0.54), rng.uniform(0.12, 0.22)
        _conifer(pen, x, foot, height, vary((74, 106, 104), rng, 8))
        pen.polygon(
            [
                (x - height * 0.1, -foot + height * 0.62),
                (x, -foot + height),
                (x + height * 0.1, -foot + height * 0.62),
            ],
            (246, 250, 255),
        )
    pixels = np.asarray(image).astype(np.float32)
    for level in (0.6, 0.78):
        ridge(pixels, waves_line(size, rng, level, 0.03), (252, 254, 255), (206, 220, 242))
    image = to_image(pixels)
    pen = _frame(image)
    for x, y, radius in zip(rng.random(60), rng.random(60), rng.uniform(0.004, 0.011, 60), strict=True):
        pen.oval((x, -y), (radius, radius), (255, 255, 255, 215))
    return image


def paint_grass(size: int, rng: np.random.Generator) -> Image.Image:
    """Rolling meadows with blades and flowers under a small sky."""
    green = vary((112, 190, 66), rng, 14)
    horizon = rng.uniform(0.22, 0.34)
    pixels = gradient(size, [(0, vary((142, 202, 240), rng, 10)), (horizon, (224, 240, 246))])
    _clouds(pixels, rng, 0.45)
    for layer in range(4):
        tone = mix(shade(green, 1.0 - 0.06 * layer), (196, 224, 150), 0.4 - 0.12 * layer)
        ridge(pixels, waves_line(size, rng, horizon + 0.13 * layer, 0.035), tone, shade(tone, 0.72))
    image = to_image(pixels)
    pen = _frame(image)
    for _ in range(6):
        x, y, r = rng.random(), horizon + rng.uniform(0.0, 0.05), rng.uniform(0.014, 0.03)
        pen.oval((x, -y + r), (r * 1.2, r), vary((78, 142, 62), rng, 12))
    heights = np.sort(rng.uniform(horizon + 0.1, 1.05, 210))
    for y in heights:
        x, depth = rng.random(), (y - horizon) / (1 - horizon)
        length, lean = (0.016 + 0.06 * depth) * rng.uniform(0.7, 1.3), rng.uniform(-0.03, 0.03) * depth
        blade = vary(shade(green, rng.uniform(0.6, 1.15)), rng, 10)
        pen.stroke([(x, -y), (x + lean, -y + length)], 0.003 + 0.006 * depth, blade, curved=False)
    petals: list[Colour] = [(255, 226, 84), (255, 255, 255), (236, 120, 150)]
    for _ in range(16):
        x, y = rng.random(), rng.uniform(horizon + 0.2, 1.0)
        r = 0.005 + 0.01 * (y - horizon)
        pen.oval((x, -y), (r, r), petals[int(rng.integers(3))])
    return image


def paint_city(size: int, rng: np.random.Generator) -> Image.Image:
    """Two rows of buildings with windows behind a road."""
    sky = vary((196, 204, 220), rng, 14)
    image = to_image(gradient(size, [(0, sky), (0.6, (248, 230, 212))]))
    pen = _frame(image)
    foot = 0.62
    x = -0.05
    while x < 1.0:
        width, top = rng.uniform(0.06, 0.12), rng.uniform(0.1, 0.34)
        pen.box(x, -foot, x + width, -top, mix(vary((150, 160, 184), rng, 8), sky, 0.35))
        x += width
    x = rng.uniform(-0.1, 0)
    walls: list[Colour] = [(140, 118, 112), (104, 116, 138), (166, 150, 136), (122, 130, 140), (150, 104, 92)]
    while x < 1.0:
        width, top = rng.uniform(0.13, 0.22), rng.uniform(0.06, 0.4)
        wall = vary(walls[int(rng.integers(len(walls)))], rng, 12)
        pen.box(x, -foot, x + width, -top, wall)
        pen.box(x + width * 0.86, -foot, x + width, -top, shade(wall, 0.76))
        pen.box(x - 0.004, -top - 0.014, x + width + 0.004, -top, shade(wall, 0.7))
        columns = int(rng.integers(3, 5))
        step = width * 0.84 / columns
        y = top + 0.04
        while y < foot - 0.05:
            for column in range(columns):
                left = x + step * (column + 0.28)
                glass: Colour = (255, 226, 150) if rng.random() < 0.3 else (78, 98, 126)
                pen.box(left, -y - 0.032, left + step * 0.52, -y, glass)
            y += 0.062
        x += width + rng.uniform(0.0, 0.015)
    road = vary((96, 98, 106), rng, 8)
    pixels = np.asarray(image).astype(np.float32)
    ridge(pixels, np.full(size, foot), (186, 182, 176), (176, 172, 168))
    ridge(pixels, np.full(size, foot + 0.05), shade(road, 1.08), shade(road, 0.8))
    image = to_image(pixels)
    pen = _frame(image)
    offset = rng.uniform(0, 0.3)
    for k in range(-1, 4):
        left = offset + 0.3 * k
        pen.polygon([(left, -0.84), (left + 0.17, -0.84), (left + 0.15, -0.81), (left + 0.02, -0.81)], (240, 236, 214))
    return image


def paint_sky(size: int, rng: np.random.Generator) -> Image.Image:
    """Nothing but blue sky and clouds."""
    blue = vary((64, 142, 226), rng, 14)
    pixels = gradient(size, [(0, shade(blue, 0.84)), (0.55, blue), (1, mix(blue, (232, 244, 255), 0.62))])
    _clouds(pixels, rng, rng.uniform(0.46, 0.56))
    image = to_image(pixels)
    for _ in range(int(rng.integers(2, 4))):
        puffs = Image.new("L", (size, size), 0)
        draw = ImageDraw.Draw(puffs)
        x, y, width = rng.uniform(0.0, 1.0), rng.uniform(0.08, 0.92), rng.uniform(0.12, 0.2)
        for k in range(7):
            share = (k + 0.5) / 7
            radius = width * (0.16 + 0.26 * np.sin(np.pi * share)) * rng.uniform(0.8, 1.15)
            cx, cy = x + (share - 0.5) * 2 * width, y - radius * 0.5
            draw.ellipse([(v * size) for v in (cx - radius, cy - radius, cx + radius, cy + radius * 0.8)], fill=235)
        soft = puffs.resize((size // 4, size // 4), Image.Resampling.BOX).resize((size, size), Image.Resampling.BICUBIC)
        white = to_image(gradient(size, [(max(y - width * 0.4, 0.0), (255, 255, 255)), (y + 0.05, (214, 226, 242))]))
        image.paste(white, (0, 0), soft)
    return image


def paint_night(size: int, rng: np.random.Generator) -> Image.Image:
    """Stars, a milky band and a moon over dark hills."""
    deep = vary((14, 18, 50), rng, 6)
    pixels = gradient(size, [(0, deep), (0.6, mix(deep, (50, 48, 110), 0.7)), (1, mix(deep, (84, 70, 130), 0.55))])
    haze = np.clip(noise(size, rng, (2, 3), 3) - 0.45, 0, 1)[..., None]
    pixels += haze * np.array([70, 60, 130], np.float32)
    image = to_image(pixels)
    pen = _frame(image)
    for x, y, glow in zip(rng.random(110), rng.random(110) ** 1.2, rng.random(110) ** 3, strict=True):
        radius = 0.003 + 0.006 * glow
        pen.oval((x, -y), (radius, radius), (255, 250, 226, int(150 + 100 * glow)))
    x, y, radius = rng.uniform(0.08, 0.92), rng.uniform(0.08, 0.24), rng.uniform(0.05, 0.085)
    for halo in (2.0, 1.6, 1.3):
        pen.oval((x, -y), (radius * halo, radius * halo), (255, 246, 210, 22))
    pen.oval((x, -y), (radius, radius), (250, 244, 214))
    if rng.random() < 0.5:
        pen.oval((x + radius * 0.45, -y + radius * 0.2), (radius * 0.85, radius * 0.85), (*deep, 255))
    else:
        pen.oval((x - radius * 0.3, -y + radius * 0.2), (radius * 0.22, radius * 0.22), (226, 218, 186))
        pen.oval((x + radius * 0.3, -y - radius * 0.3), (radius * 0.16, radius * 0.16), (226, 218, 186))
    pixels = np.asarray(image).astype(np.float32)
    ridge(pixels, waves_line(size, rng, 0.7, 0.04), (34, 36, 78), (24, 26, 60))
    ridge(pixels, waves_line(size, rng, 0.82, 0.03), (24, 26, 58), (12, 14, 36))
    return to_image(pixels)


PAINTERS: dict[str, Painter] = {
    "water": paint_water,
    "forest": paint_forest,
    "sand": paint_sand,
    "snow": paint_snow,
    "grass": paint_grass,
    "city": paint_city,
    "sky": paint_sky,
    "night": paint_night,
}
