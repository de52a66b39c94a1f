"""Parse ffmpeg's log: the container, the video stream, and whether there is audio.

ffmpeg prints the tags of its inputs between its own messages, some of them (language, key of a tag, name of a codec)
with their line breaks, so that a title can look like a stream. Its description of an output repeats all facts about
the streams, and :data:`STRIPPED` removes the tags from it. That description is found by a marker that no file can know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

STRIPPED = ("-map_metadata", "-1", "-map_metadata:s:v", "-1", "-map_metadata:s:a", "-1", "-map_chapters", "-1")
"""Output options that drop all metadata of the input."""
_VIDEO = re.compile(
    r"\n  Stream #0:0\S*: Video: (?P<codec>\w+)(?: \([^)\n]*\))*, (?P<pixels>\w+)(?:\((?P<color>[^)\n]*)\))?"
    r"[^\n]*?, (?P<width>\d{1,9})x(?P<height>\d{1,9})(?P<rest>[^\n]*)",
    re.ASCII,
)
_AUDIO = re.compile(r"\n  Stream #0:1\S*: Audio: ", re.ASCII)
_INPUT = re.compile(r"(?:^|\n)Input #0, ([\w,]{1,100}), from ", re.ASCII)
_DURATION = re.compile(r"\n  Duration: (?:N/A|(\d{1,6}):(\d\d):(\d\d\.\d{1,9})), ", re.ASCII)


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The header's statements about a file. Sizes are as displayed, after the rotation."""

    codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    """Degrees by which a player rotates the frames."""
    pixel_aspect: Fraction
    """The width of a displayed pixel, divided by its height."""
    matrix: str
    """The color matrix, such as bt709, or empty if the file does not state it."""
    transfer: str
    """The transfer characteristics, such as smpte2084, or empty."""
    interlaced: bool
    """Whether its frames consist of two fields."""
    rate: float
    """Average frames per second, or 0 if the file does not state it."""
    stated_seconds: float | None
    """The stated duration of the longest stream in seconds, or None."""
    sound: bool
    format_names: tuple[str, ...]
    """All the names of ffmpeg's demuxer for this kind of file."""


def build_marker_options(marker: str) -> tuple[str, ...]:
    """Options of the first output by which :func:`parse_stream_info` finds its description."""
    return (*STRIPPED, "-metadata", f"comment={marker}")


def parse_stream_info(log: str, marker: str) -> StreamInfo | None:
    """Parse the file that `log` describes: ffmpeg's first input, whose video (and audio) its first output copies.

    `marker` is the value passed to :func:`build_marker_options`. None if the file has no readable video.
    """
    before, _, after = log.partition(f"\n    comment         : {marker}\n")
    text = "\n" + after.partition("\nOutput #")[0]
    input_line, video = _INPUT.search(before), _VIDEO.search(text)
    if input_line is None or video is None or video["codec"] in {"none", "unknown"}:
        return None
    width, height = int(video["width"]), int(video["height"])
    if not width or not height:
        return None
    rotation = _parse_rotation(text[video.end() :].partition("\n  Stream #0:")[0])
    matrix, transfer = _parse_color(video["color"] or "")
    return StreamInfo(
        codec=video["codec"],
        pixel_format=video["pixels"],
        width=height if rotation % 180 else width,
        height=width if rotation % 180 else height,
        rotation=rotation,
        pixel_aspect=_parse_pixel_aspect(video["rest"], rotation),
        matrix=matrix,
        transfer=transfer,
        interlaced=" first" in (video["color"] or ""),
        rate=_parse_rate(video["rest"]),
        stated_seconds=_parse_duration(before.partition("\nInput #1, ")[0]),
        sound=_AUDIO.search(text) is not None,
        format_names=tuple(input_line[1].split(",")),
    )


def has_message(log: str, marker: str, *words: str) -> bool:
    """Whether ffmpeg logged a line with one of `words` when it opened the file or while it read it.

    The text between those two phases is skipped: it contains the inputs' tags.
    """
    opening, _, reading = log.partition(f"\n    comment         : {marker}\n")
    opening = _INPUT.split(opening, maxsplit=1)[0]
    if not any(word in text for text in (opening, reading) for word in words):
        return False  # nearly always, and much faster than the pattern
    alternatives = "|".join(map(re.escape, words))
    line = re.compile(rf"^\[[\w, /:#-]+ @ 0x[0-9a-f]+\] [^\n]*(?:{alternatives})", re.ASCII | re.MULTILINE)
    return any(line.search(text) for text in (opening, reading))


def _parse_rotation(below: str) -> int:
    """Parse the rotation in the lines `below` a stream's own, rounded to a quarter turn, as players do."""
    turn = re.search(r"\n +[Dd]isplay ?[Mm]atrix: rotation of (-?\d{1,6}\.\d+) degrees", below, re.ASCII)
    return round(float(turn[1]) / 90) * 90 % 360 if turn else 0


def _parse_pixel_aspect(rest: str, rotation: int) -> Fraction:
    """Parse the pixel aspect ratio after the rotation; missing or absurd ratios count as square."""
    ratio = re.search(r"SAR (\d{1,10}):(\d{1,10})", rest, re.ASCII)
    if ratio is None or int(ratio[1]) == 0 or int(ratio[2]) == 0:
        return Fraction(1)
    shape = Fraction(int(ratio[1]), int(ratio[2]))
    if not Fraction(1, 8) <= shape <= 8:
        return Fraction(1)
    return 1 / shape if rotation % 180 else shape


def _parse_color(noted: str) -> tuple[str, str]:
    """Parse matrix and transfer: the first and the third of `tv, bt2020nc/bt2020/smpte2084, progressive`.

    Three equal names are printed once.
    """
    three = re.search(r"([\w-]+)/[\w-]+/([\w-]+)", noted, re.ASCII)
    if three is None:
        return ("bt709", "bt709") if "bt709" in noted else ("", "")
    return three[1].replace("unknown", ""), three[2].replace("unknown", "")


def _parse_rate(rest: str) -> float:
    stated = re.search(r" (\d{1,9}(?:\.\d{1,9})?)(k?) fps", rest, re.ASCII)
    return float(stated[1]) * (1000 if stated[2] else 1) if stated else 0.0


def _parse_duration(text: str) -> float | None:
    """Parse the stated duration; if a tag imitates a second one, ignore both."""
    found = list(_DURATION.finditer(text))
    if len(found) != 1 or found[0][1] is None:
        return None
    hours, minutes, seconds = found[0].groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
