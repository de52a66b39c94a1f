"""Draws the prompt as an overlay for the added part of the video."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LINES = 3
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_caption(prompt: str, width: int, height: int, path: Path) -> None:
    """Write a transparent PNG of `width` x `height` pixels with `prompt` near its bottom (blocking: use a thread).

    Uses Pillow's own font, because the machine may have none; missing glyphs are drawn as empty boxes.
    """
    image = Image.new("RGBA", (width, height))
    size = max(10, min(width, height) // 16)
    font = ImageFont.load_default(size)
    lines = _wrap(_strip_control_characters(prompt), font, width - 4 * size)
    if lines:
        _draw_lines(image, lines, font, size)
    image.save(path)


def _strip_control_characters(prompt: str) -> str:
    """One line without control characters, cut to what can be shown."""
    printable = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in prompt[:600])
    return " ".join(printable.split())


def _wrap(text: str, font: Font, width: int) -> list[str]:
    """Break into at most LINES lines of `width` pixels; long words are split, and excess text is dropped."""
    lines = [""]
    for word in text.split():
        for piece in _split_word(word, font, width):
            longer = f"{lines[-1]} {piece}".strip()
            if font.getlength(longer) <= width:
                lines[-1] = longer
            elif len(lines) == LINES:
                return [*lines[:-1], _shorten(lines[-1], font, width)]
            else:
                lines.append(piece)
    return [line for line in lines if line]


def _split_word(word: str, font: Font, width: int) -> list[str]:
    pieces = [""]
    for char in word:
        if pieces[-1] and font.getlength(pieces[-1] + char) > width:
            pieces.append("")
        pieces[-1] += char
    return pieces


def _shorten(line: str, font: Font, width: int) -> str:
    while line and font.getlength(f"{line}...") > width:
        line = line[:-1]
    return f"{line.rstrip()}..."


def _draw_lines(image: Image.Image, lines: list[str], font: Font, size: int) -> None:
    draw, (width, height) = ImageDraw.Draw(image), image.size
    step = round(size * 1.35)
    wide = max(font.getlength(line) for line in lines)
    top = height - size - step * len(lines)
    box = ((width - wide) / 2 - size, top - size * 0.5, (width + wide) / 2 + size, height - size * 0.6)
    draw.rounded_rectangle(box, radius=size * 0.6, fill=(12, 14, 24, 150))
    for row, line in enumerate(lines):
        position = (width / 2, top + step * row + step / 2)
        draw.text(position, line, font=font, anchor="mm", fill=(255, 255, 255, 240))
