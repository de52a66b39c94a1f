"""A small picture of the days: one stacked bar each, for a phone's width and a dark or a light page. Pure, but slow.

Drawing takes some tens of milliseconds, so callers hand it to a thread. The picture holds digits only, for its font has
not every language's letters; what the colours mean is told beside it (SERIES).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 800, 456
"""Pixels. Discord shows it about 250 to 300 wide on a phone, a third of this: letters are three times their size."""
_FINE = 2
"""Everything is drawn this many times larger and then reduced, which smooths the edges."""
_LETTERS = 34
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 32, 48, 74
"""Room around the bars, for the letters."""

_CARD, _LINE, _FAINT = "#1e1f22", "#3a3c43", "#b5bac1"
SERIES = (
    ("delivered", "#3ba55d", "🟩"),
    ("failed", "#f0616d", "🟥"),
    ("unclear", "#f0b232", "🟨"),
    ("cancelled", "#949ba4", "⬜"),
    ("unfinished", "#7983f5", "🟦"),
)
"""What a bar is made of, from the bottom up: of a Tally the field, its colour, and what stands for it in a text."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: how many of each of SERIES there were, in that order."""

    day: date
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All of the day."""
        return sum(self.counts)


def chart(bars: Sequence[Bar]) -> bytes:
    """Draw the days, oldest first, as a PNG. At least one day is needed."""
    picture = Image.new("RGBA", (WIDTH * _FINE, HEIGHT * _FINE), (0, 0, 0, 0))
    pen = _Pen(picture)
    pen.box((0, 0, WIDTH, HEIGHT), _CARD, 28)
    top = ceiling(max(bar.total for bar in bars))
    _grid(pen, top)
    _bars(pen, bars, top)
    _dates(pen, bars)
    out = io.BytesIO()
    picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def ceiling(most: int) -> int:
    """The number at the top of the scale: at least `most`, even, and one that people read easily."""
    size = 1
    while True:
        for step in (2, 4, 6, 8, 10, 12, 16):
            if step * size >= most:
                return step * size
        size *= 10


class _Pen:
    """Draws in the picture's own pixels, whatever it is enlarged by."""

    def __init__(self, picture: Image.Image) -> None:
        self._draw = ImageDraw.Draw(picture)
        self._font = ImageFont.load_default(_LETTERS * _FINE)

    def box(self, at: Box, colour: str, radius: float = 0, *, round_foot: bool = True) -> None:
        left, top, right, foot = (each * _FINE for each in at)
        corners = (True, True, round_foot, round_foot)
        self._draw.rounded_rectangle((left, top, right - 1, foot - 1), radius * _FINE, colour, corners=corners)

    def text(self, at: tuple[float, float], words: str, colour: str, anchor: str) -> None:
        self._draw.text((at[0] * _FINE, at[1] * _FINE), words, colour, self._font, anchor)

    def width(self, words: str) -> float:
        return self._draw.textlength(words, self._font) / _FINE


def _grid(pen: _Pen, top: int) -> None:
    for part in (0, 1, 2):
        y = _height(part / 2)
        pen.box((_LEFT, y - 1, WIDTH - _RIGHT, y + 1), _LINE)
        pen.text((_LEFT - 18, y), f"{top * part // 2:,}", _FAINT, "rm")


def _height(share: float) -> float:
    """Where a bar of this share of the scale ends."""
    return HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP)


def _bars(pen: _Pen, bars: Sequence[Bar], top: int) -> None:
    room = _room(bars)
    width = min(room * 0.72, 64)
    for at, bar in enumerate(bars):
        left = _LEFT + room * at + (room - width) / 2
        foot = 0
        for count, (_, colour, _) in zip(bar.counts, SERIES, strict=True):
            if count:
                last = foot + count == bar.total
                box = (left, _height((foot + count) / top), left + width, _height(foot / top))
                radius = min(6, box[3] - box[1]) if last else 0
                pen.box(box, colour, radius, round_foot=False)
            foot += count


def _dates(pen: _Pen, bars: Sequence[Bar]) -> None:
    """The last day, and every seventh before it while there is room (every one of a week)."""
    room, last = _room(bars), len(bars) - 1
    step = 1 if len(bars) <= 7 else 7
    for at in range(last, -1, -step):
        words = f"{bars[at].day:%m-%d}"
        half = pen.width(words) / 2
        x = min(_LEFT + room * (at + 0.5), WIDTH - _RIGHT - half)
        if x - half > _LEFT - 60:
            pen.text((x, HEIGHT - _BOTTOM + 36), words, _FAINT, "mm")


def _room(bars: Sequence[Bar]) -> float:
    return (WIDTH - _LEFT - _RIGHT) / len(bars)
