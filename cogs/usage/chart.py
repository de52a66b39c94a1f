"""Draws the daily chart: one stacked bar per day, readable on a phone and on a dark or light page. Pure, but slow.

Drawing takes tens of milliseconds, so callers run it in a thread. The image contains digits only, because its font
lacks the letters of many languages; the embed explains the colours (SERIES).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 800, 456
"""Pixels. Discord shows the image 250 to 300 pixels wide on a phone, so text is drawn three times as large."""
_SCALE = 2
"""Everything is drawn at this scale and then reduced, which smooths the edges."""
_FONT_SIZE = 34
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 32, 48, 74
"""Margins around the bars, for the labels."""

_BACKGROUND, _GRID, _LABEL = "#1e1f22", "#3a3c43", "#b5bac1"
SERIES = (
    ("delivered", "#3ba55d", "🟩"),
    ("failed", "#f0616d", "🟥"),
    ("unclear", "#f0b232", "🟨"),
    ("cancelled", "#949ba4", "⬜"),
    ("unfinished", "#7983f5", "🟦"),
)
"""The segments of a bar, from the bottom up: field of UsageRow, colour, and emoji in texts."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Bar:
    """One day's counts, in the order of SERIES."""

    day: date
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """The sum of the day's counts."""
        return sum(self.counts)


def draw_chart(bars: Sequence[Bar]) -> bytes:
    """Draw the days, oldest first and at least one, as a PNG."""
    image = Image.new("RGBA", (WIDTH * _SCALE, HEIGHT * _SCALE), (0, 0, 0, 0))
    pen = _Pen(image)
    pen.draw_box((0, 0, WIDTH, HEIGHT), _BACKGROUND, 28)
    top = round_up_scale(max(bar.total for bar in bars))
    _draw_grid(pen, top)
    _draw_bars(pen, bars, top)
    _draw_dates(pen, bars)
    out = io.BytesIO()
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def round_up_scale(most: int) -> int:
    """Round up to the top of the scale: at least `most`, even, and easy to read."""
    size = 1
    while True:
        for step in (2, 4, 6, 8, 10, 12, 16):
            if step * size >= most:
                return step * size
        size *= 10


class _Pen:
    """Draws in the image's final pixels, independent of the drawing scale."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self._font = ImageFont.load_default(_FONT_SIZE * _SCALE)

    def draw_box(self, at: Box, colour: str, radius: float = 0, *, round_bottom: bool = True) -> None:
        left, top, right, bottom = (each * _SCALE for each in at)
        corners = (True, True, round_bottom, round_bottom)
        self._draw.rounded_rectangle((left, top, right - 1, bottom - 1), radius * _SCALE, colour, corners=corners)

    def draw_text(self, at: tuple[float, float], text: str, colour: str, anchor: str) -> None:
        self._draw.text((at[0] * _SCALE, at[1] * _SCALE), text, colour, self._font, anchor)

    def measure(self, text: str) -> float:
        return self._draw.textlength(text, self._font) / _SCALE


def _draw_grid(pen: _Pen, top: int) -> None:
    for part in (0, 1, 2):
        y = _y_at(part / 2)
        pen.draw_box((_LEFT, y - 1, WIDTH - _RIGHT, y + 1), _GRID)
        pen.draw_text((_LEFT - 18, y), f"{top * part // 2:,}", _LABEL, "rm")


def _y_at(fraction: float) -> float:
    """Return the y coordinate of this fraction of the scale."""
    return HEIGHT - _BOTTOM - fraction * (HEIGHT - _BOTTOM - _TOP)


def _draw_bars(pen: _Pen, bars: Sequence[Bar], top: int) -> None:
    spacing = _bar_spacing(bars)
    width = min(spacing * 0.72, 64)
    for at, bar in enumerate(bars):
        left = _LEFT + spacing * at + (spacing - width) / 2
        bottom = 0
        for count, (_, colour, _) in zip(bar.counts, SERIES, strict=True):
            if count:
                last = bottom + count == bar.total
                box = (left, _y_at((bottom + count) / top), left + width, _y_at(bottom / top))
                radius = min(6, box[3] - box[1]) if last else 0
                pen.draw_box(box, colour, radius, round_bottom=False)
            bottom += count


def _draw_dates(pen: _Pen, bars: Sequence[Bar]) -> None:
    """Label the last day and every seventh day before it where it fits; in a single week, label every day."""
    spacing, last = _bar_spacing(bars), len(bars) - 1
    step = 1 if len(bars) <= 7 else 7
    for at in range(last, -1, -step):
        text = f"{bars[at].day:%m-%d}"
        half = pen.measure(text) / 2
        x = min(_LEFT + spacing * (at + 0.5), WIDTH - _RIGHT - half)
        if x - half > _LEFT - 60:
            pen.draw_text((x, HEIGHT - _BOTTOM + 36), text, _LABEL, "mm")


def _bar_spacing(bars: Sequence[Bar]) -> float:
    return (WIDTH - _LEFT - _RIGHT) / len(bars)
