"""Draws the layers of the sample clips as PNG files, backmost first."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
FINE = 2  # shapes are drawn at this scale and downscaled, which smooths their edges


def draw_sunrise(folder: Path) -> list[Path]:
    """Sky (640 x 720, night above day), sun, two clouds, far and near hills."""
    sky = draw_gradient(
        640, 720, [(0.0, (88, 160, 214)), (0.3, (250, 205, 150)), (0.5, (236, 120, 90)), (1.0, (24, 22, 66))]
    )
    # The crop starts in the lower, dark half and slides to the upper, bright one.
    layers = [
        sky,
        draw_glowing_disc(180, 34, (255, 236, 170), (255, 190, 90)),
        draw_cloud(260, 84, (255, 226, 204, 150)),
        draw_cloud(220, 64, (255, 214, 196, 120)),
        draw_ridge(720, 170, (70, 52, 96), lambda x: 60 + 26 * math.sin(x / 90) + 12 * math.sin(x / 37 + 1)),
        draw_ridge(720, 115, (26, 22, 48), lambda x: 46 + 20 * math.sin(x / 120 + 2) + 7 * math.sin(x / 29)),
    ]
    return _save(layers, folder)


def draw_sea(folder: Path) -> list[Path]:
    """Night sky with moon and stars, far wave, boat, middle wave, near wave (waves are twice as wide as the frame)."""
    sky = draw_gradient(640, 360, [(0.0, (10, 14, 42)), (0.6, (48, 60, 116)), (1.0, (120, 116, 160))])
    draw = ImageDraw.Draw(sky)
    for number in range(70):
        # Multiples of irrational numbers are evenly scattered and the same at every start.
        x, y, size = (number * 0.754877 % 1) * 640, (number * 0.569840 % 1) * 200, 0.5 + number * 0.381966 % 1
        draw.ellipse((x - size / 2, y - size / 2, x + size, y + size), fill=(255, 255, 240))
    moon = draw_glowing_disc(170, 26, (255, 252, 232), (190, 200, 255))
    sky.paste(moon, (430, 10), moon)
    layers = [
        sky,
        draw_wave(164, (44, 74, 132), 80, 7),
        draw_boat(),
        draw_wave(150, (28, 54, 108), 64, 9),
        draw_wave(110, (14, 32, 76), 128, 12),
    ]
    return _save(layers, folder)


def draw_balloon(folder: Path) -> list[Path]:
    """Afternoon sky (portrait), far cloud, mountains, balloon, near clouds."""
    sky = draw_gradient(360, 640, [(0.0, (54, 120, 200)), (0.6, (150, 205, 236)), (1.0, (255, 234, 206))])
    peaks = draw_ridge(
        440, 280, (92, 122, 160), lambda x: 90 - 70 * abs(math.sin(x / 70 + 0.6)) + 10 * math.sin(x / 17)
    )
    layers = [
        sky,
        draw_cloud(280, 96, (255, 255, 255, 170)),
        peaks,
        draw_hot_air_balloon(),
        draw_cloud(560, 190, (255, 255, 255, 215)),
    ]
    return _save(layers, folder)


def draw_gradient(width: int, height: int, stops: list[tuple[float, Colour]]) -> Image.Image:
    """Draw a vertical gradient; each stop is a fraction of the height and its colour."""
    column = Image.new("RGB", (1, height))
    for y in range(height):
        share = y / (height - 1)
        (low, above), (high, below) = next(pair for pair in pairwise(stops) if pair[0][0] <= share <= pair[1][0])
        part = (share - low) / (high - low)
        red, green, blue = (round(a + (b - a) * part) for a, b in zip(above, below, strict=True))
        column.putpixel((0, y), (red, green, blue))
    return column.resize((width, height))


def draw_glowing_disc(side: int, radius: int, colour: Colour, glow: Colour) -> Image.Image:
    """Draw a disc with a glow in the middle of a transparent square."""
    image = Image.new("RGBA", (side * FINE, side * FINE), (*glow, 0))
    draw, middle = ImageDraw.Draw(image), side * FINE / 2
    for step in range(40):
        reach = middle * (1 - step / 40)
        draw.ellipse((middle - reach, middle - reach, middle + reach, middle + reach), fill=(*glow, 3 + 2 * step))
    reach = radius * FINE
    draw.ellipse((middle - reach, middle - reach, middle + reach, middle + reach), fill=(*colour, 255))
    return _downscale(image)


def draw_cloud(width: int, height: int, colour: tuple[int, int, int, int]) -> Image.Image:
    """Draw a soft cloud of ellipses that fades out before the edges."""
    image = Image.new("RGBA", (width, height), (*colour[:3], 0))
    draw = ImageDraw.Draw(image)
    for number in range(9):
        share = (number + 1) / 10
        reach = height * (0.1 + 0.18 * math.sin(math.pi * share))
        x, y = width * (0.14 + 0.72 * share), height * (0.56 - 0.08 * math.sin(7 * number))
        draw.ellipse((x - reach * 1.5, y - reach, x + reach * 1.5, y + reach), fill=colour)
    return image.filter(ImageFilter.GaussianBlur(height / 18))


def draw_ridge(width: int, height: int, colour: Colour, top: Callable[[float], float]) -> Image.Image:
    """Draw hills: everything below `top` (pixels from the upper edge at each x), lighter towards the ground."""
    mask = Image.new("L", (width * FINE, height * FINE))
    line = [(x * FINE, top(x) * FINE) for x in range(0, width + 4, 4)]
    ImageDraw.Draw(mask).polygon([*line, (width * FINE, height * FINE), (0, height * FINE)], fill=255)
    red, green, blue = (min(255, round(part * 1.5)) for part in colour)
    image = draw_gradient(width, height, [(0.0, colour), (1.0, (red, green, blue))]).convert("RGBA")
    image.putalpha(_downscale(mask))
    return image


def draw_wave(height: int, colour: Colour, length: int, depth: float) -> Image.Image:
    """Draw water under a sine of `length` pixels, 1,280 pixels wide, with a bright crest."""
    crest = 2 * math.pi / length
    image = draw_ridge(1280, height, colour, lambda x: 14 + depth * math.sin(x * crest))
    light = ImageDraw.Draw(image)
    line = [(x, 14 + depth * math.sin(x * crest)) for x in range(0, 1284, 4)]
    red, green, blue = (min(255, part + 60) for part in colour)
    light.line(line, fill=(red, green, blue, 200), width=2)
    return image


def draw_boat() -> Image.Image:
    """Draw a small sailing boat, 120 x 110 pixels."""
    image = Image.new("RGBA", (120 * FINE, 110 * FINE))
    draw = ImageDraw.Draw(image)
    shapes: list[tuple[list[tuple[int, int]], Colour]] = [
        ([(58, 6), (58, 78), (18, 78)], (236, 232, 222)),
        ([(63, 14), (63, 78), (98, 78)], (214, 92, 74)),
        ([(59, 2), (62, 2), (62, 86), (59, 86)], (70, 48, 40)),
        ([(8, 84), (112, 84), (94, 106), (28, 106)], (104, 60, 44)),
    ]
    for points, colour in shapes:
        draw.polygon([(x * FINE, y * FINE) for x, y in points], fill=(*colour, 255))
    return _downscale(image)


def draw_hot_air_balloon() -> Image.Image:
    """Draw a striped balloon with its basket, 150 x 220 pixels."""
    image = Image.new("RGBA", (150 * FINE, 220 * FINE))
    draw = ImageDraw.Draw(image)
    colours: list[Colour] = [(222, 74, 66), (250, 222, 160)]
    for stripe in range(6):
        # Ever narrower ellipses in alternating colours look like gores.
        half = 70 * (1 - stripe / 6)
        outline = [_compute_outline_point(half, turn / 40) for turn in range(81)]
        draw.polygon([(x * FINE, y * FINE) for x, y in outline], fill=(*colours[stripe % 2], 255))
    for x in (62, 88):
        draw.line(
            [(x * FINE, 150 * FINE), ((75 + (x - 75) * 0.8) * FINE, 190 * FINE)], fill=(70, 50, 40, 255), width=FINE
        )
    draw.rounded_rectangle((63 * FINE, 188 * FINE, 87 * FINE, 208 * FINE), 4 * FINE, fill=(120, 78, 48, 255))
    return _downscale(image)


def _compute_outline_point(half: float, turn: float) -> tuple[float, float]:
    """A point of a balloon's outline of half-width `half`; `turn` goes from 0 to 2 around it, starting at the top."""
    angle = math.pi * turn
    drop = -math.cos(angle)
    narrowing = 1.0 if drop < 0 else 1 - 0.55 * drop**2
    return 75 + half * math.sin(angle) * narrowing, 78 + (74 if drop < 0 else 80) * drop


def _downscale(image: Image.Image) -> Image.Image:
    return image.resize((image.width // FINE, image.height // FINE), Image.Resampling.LANCZOS)


def _save(layers: list[Image.Image], folder: Path) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(len(layers))]
    for layer, path in zip(layers, paths, strict=True):
        layer.save(path, compress_level=1)
    return paths
