"""Whether a file is whole: each track is held against what is said of itself, not against the longest one."""

from __future__ import annotations

from pathlib import Path

from bot.media.errors import Unfit
from bot.media.ffmpeg import Ffmpeg, Work
from bot.media.header import Header, complains
from bot.media.mp4_tracks import Mp4
from bot.media.packets import Stretch, stretches
from bot.phrase import say

_SIGNS = ("partial file", "File ended prematurely", "stream ends prematurely")
_SECONDS = 30.0
_LISTING_BYTES = 1 << 24


async def check_whole(
    ffmpeg: Ffmpeg, path: Path, header: Header, mp4: Mp4 | None, found: dict[int, Stretch], log: str
) -> None:
    """Raise Unfit if the end of `path` is missing. `found` was read of it, and ffmpeg said `log`."""
    readable, claimed = _ends(found), header.claims or 0.0
    if complains(log, *_SIGNS):
        raise _cut_off(max(claimed, readable), readable)
    if mp4 is not None and not mp4.fragmented:
        if mp4.cut_off:
            raise _cut_off(max(track.samples.seconds for track in mp4.tracks), readable)
        return  # all that its index names is there
    if _is_short(claimed, readable):
        readable = max(readable, await _longest_track(ffmpeg, path))
    if _is_short(claimed, readable):
        raise _cut_off(claimed, readable)


def _ends(found: dict[int, Stretch]) -> float:
    return max(stretch.end for stretch in found.values()) - min(stretch.start for stretch in found.values())


def _is_short(claimed: float, readable: float) -> bool:
    # Packets of unknown length make the sum a little short of the claim.
    return claimed - readable > max(0.5, claimed / 50)


async def _longest_track(ffmpeg: Ffmpeg, path: Path) -> float:
    """How far the longest track of any kind can be read; the claim may be that of subtitles or of a second sound."""
    everything = ["-map", "0", "-c", "copy", "-copy_unknown", "-f", "framecrc", "pipe:1"]
    ran = await ffmpeg.run(
        [*ffmpeg.source(path), *everything], seconds=_SECONDS, output_bytes=_LISTING_BYTES, work=Work.PROBE
    )
    found = stretches(ran.stdout)
    return _ends(found) if found else 0.0


def _cut_off(claimed: float, readable: float) -> Unfit:
    return Unfit(
        say(
            "That file is cut off: of {claimed} s only {readable} s can be read; upload it again.",
            claimed=f"{claimed:.1f}",
            readable=f"{readable:.1f}",
        )
    )
