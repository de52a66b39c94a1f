"""Read what ffmpeg logs about a file that it opened: the container, the video stream, and whether there is sound."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_VIDEO = re.compile(
    r"Stream #0:\d+\S*: Video: (?P<codec>\w+)(?: \([^)]*\))*, (?P<pixels>\w+)(?:\((?P<colour>[^)]*)\))?"
    r".*?, (?P<width>\d+)x(?P<height>\d+)(?P<rest>.*)"
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself. Sizes are as shown, that is after the rotation."""

    codec: str
    pixels: str
    """The pixel format."""
    width: int
    height: int
    turned: int
    """Degrees, by which a player turns the picture."""
    aspect: Fraction
    """The width of a pixel as shown, in heights of a pixel."""
    matrix: str
    """How the colours are coded, such as bt709, or nothing if the file does not say."""
    transfer: str
    """How light becomes numbers, such as smpte2084, or nothing."""
    interlaced: bool
    """Whether its pictures are woven of two fields."""
    rate: float
    """Pictures per second on average, or 0 if the file does not say."""
    claims: float | None
    """Seconds that the longest stream should last, or None."""
    sound: bool
    streams: int
    family: tuple[str, ...]
    """All the names that ffmpeg's reader of this kind of file has."""
    brand: str | None
    """The major brand of an MP4 or MOV file."""


def described(log: str) -> Header | None:
    """The file that `log` describes as ffmpeg's first input, or None if there is no readable video in it."""
    text = log.partition("\nStream mapping:")[0]
    family = re.search(r"Input #0, (\S+), from ", text)
    video = next((found for found in _VIDEO.finditer(text) if "(attached pic)" not in found["rest"]), None)
    if family is None or video is None or video["codec"] in {"none", "unknown"}:
        return None
    width, height = int(video["width"]), int(video["height"])
    turned = _turned(text[video.end() :].partition("\n  Stream #0:")[0])
    matrix, transfer = _colour(video["colour"] or "")
    brand = re.search(r"\n    major_brand +: (.*)", text)
    return Header(
        codec=video["codec"],
        pixels=video["pixels"],
        width=height if turned % 180 else width,
        height=width if turned % 180 else height,
        turned=turned,
        aspect=_aspect(video["rest"], turned),
        matrix=matrix,
        transfer=transfer,
        interlaced=" first" in (video["colour"] or ""),
        rate=_rate(video["rest"]),
        claims=_claims(text),
        sound=re.search(r"\n  Stream #0:\S+: Audio: ", text) is not None,
        streams=text.count("\n  Stream #0:"),
        family=tuple(family[1].split(",")),
        brand=brand[1] if brand else None,
    )


def _turned(below: str) -> int:
    """The rotation noted in the lines `below` a stream's own, to the next quarter: players know no other."""
    turn = re.search(r"rotation of (-?[\d.]+) degrees", below)
    return round(float(turn[1]) / 90) * 90 % 360 if turn else 0


def _aspect(rest: str, turned: int) -> Fraction:
    """A pixel's shape after the rotation; what is missing or absurd counts as square."""
    ratio = re.search(r"SAR (\d+):(\d+)", rest)
    if ratio is None or int(ratio[1]) == 0 or int(ratio[2]) == 0:
        return Fraction(1)
    shape = Fraction(int(ratio[1]), int(ratio[2]))
    if not Fraction(1, 8) <= shape <= 8:
        return Fraction(1)
    return 1 / shape if turned % 180 else shape


def _colour(noted: str) -> tuple[str, str]:
    """Matrix and transfer: of `tv, bt2020nc/bt2020/smpte2084, progressive` the first and the third of the three.

    Three equal ones are written once.
    """
    three = re.search(r"([\w-]+)/[\w-]+/([\w-]+)", noted)
    if three is None:
        return ("bt709", "bt709") if "bt709" in noted else ("", "")
    return three[1].replace("unknown", ""), three[2].replace("unknown", "")


def _rate(rest: str) -> float:
    stated = re.search(r" ([\d.]+)(k?) fps", rest)
    return float(stated[1]) * (1000 if stated[2] else 1) if stated else 0.0


def _claims(text: str) -> float | None:
    claim = re.search(r"\n  Duration: (\d+):(\d\d):(\d\d\.\d+)", text)
    return int(claim[1]) * 3600 + int(claim[2]) * 60 + float(claim[3]) if claim else None
