"""The clips of the media table: every kind that people send, with marks that say where each frame belongs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.support.marked_clips import build_beep_source, build_frame_source, ffmpeg

LONG = 17.4
"""Seconds of most clips: above FoxAPI's 15, so that there is a head and a cut."""
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1"
_PQ = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc,format=yuv420p10le"
_HLG = "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc,format=yuv420p10le"
_PHONE = "settb=1/90000,setpts='(N+0.4*sin(N*1.7))/30/TB'"
_SCREEN = "select='not(mod(floor(n/40),2))+not(mod(n,20))'"
_TURN = {90: "transpose=1", 180: "hflip,vflip", 270: "transpose=2"}


@dataclass(frozen=True)
class Kind:
    """One row: the clip's description, and the arguments that make it."""

    name: str
    file: str
    codec: str
    seconds: float = LONG
    size: str = "320x180"
    rate: str = "30"
    filters: str = ""
    sound: str = "-c:a aac"
    """How the audio is encoded; empty: no audio."""
    more: str = ""
    spoil: Callable[[bytes], bytes] | None = None
    turn: int = 0
    """Degrees by which a player has to rotate the video."""
    refused: str = ""
    """Words of the sentence with which it must be refused; empty: it must be accepted."""
    fit: bool = False
    """Whether it must be submitted to FoxAPI unchanged."""
    late: float = 0.0
    """Seconds by which the audio begins late."""

    @property
    def even(self) -> bool:
        """Whether all its frames last equally long (in fragments, ffmpeg makes the first one longer)."""
        return "vfr" not in self.more and "frag" not in self.more

    @property
    def frames_per_second(self) -> Fraction:
        return Fraction(self.rate)


def make(kind: Kind, folder: Path) -> Path:
    """Encode the clip."""
    path = folder / kind.file
    filters = ",".join(each for each in (kind.filters, _TURN.get(kind.turn, "")) if each)
    reading: list[str] = [
        "-f",
        "lavfi",
        "-i",
        build_frame_source(kind.size, kind.rate) + (f",{filters}" if filters else ""),
    ]
    if kind.sound:
        offset = ["-itsoffset", str(kind.late)] if kind.late else []
        reading += [*offset, "-f", "lavfi", "-i", build_beep_source()]
    written = folder / f"upright-{kind.file}" if kind.turn else path
    ffmpeg(*reading, *kind.more.split(), *kind.codec.split(), *kind.sound.split(), "-t", str(kind.seconds), written)
    if kind.turn:
        ffmpeg("-display_rotation", str(kind.turn), "-i", written, "-c", "copy", path)
        written.unlink()
    if kind.spoil:
        path.write_bytes(kind.spoil(path.read_bytes()))
    return path


def _first(share: float) -> Callable[[bytes], bytes]:
    return lambda whole: whole[: int(len(whole) * share)]


_VP8, _VP9 = "-c:v libvpx -deadline realtime -b:v 1M", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 1M"
_AV1 = "-c:v libsvtav1 -preset 12 -svtav1-params lp=1"
_PRORES = "-c:v prores_ks -profile:v 2 -pix_fmt yuv422p10le"
_TWO_TRACKS = f"-f lavfi -i {build_beep_source(3000)} -map 0 -map 1 -map 2"
_FRONT = "-movflags +faststart"

KINDS = (
    Kind("MP4, H.264, 6 s", "fit.mp4", X264, 6, fit=True),
    Kind("MP4, HEVC, 6 s", "fit-hevc.mp4", X265, 6, fit=True),
    Kind("MP4, AV1, 6 s", "fit-av1.mp4", _AV1, 6, fit=True),
    Kind("MP4, H.264, 15 s", "fit15.mp4", X264, 15, fit=True),
    Kind("MOV, H.264, 6 s", "short.mov", X264, 6),
    Kind("MP4, H.264", "h264.mp4", X264),
    Kind("MOV, H.264, PCM sound", "h264.mov", X264, sound="-c:a pcm_s16le"),
    Kind("MKV, H.264, 24 fps", "h264.mkv", X264, rate="24"),
    Kind("MP4, HEVC 8 bit", "hevc8.mp4", X265),
    Kind("MOV, HEVC 10 bit", "hevc10.mov", f"{X265} -pix_fmt yuv420p10le"),
    Kind("MOV, HEVC HDR (PQ)", "pq.mov", X265, filters=_PQ),
    Kind("MP4, HEVC HDR (HLG)", "hlg.mp4", X265, filters=_HLG),
    Kind("WebM, VP8, Vorbis", "vp8.webm", _VP8, sound="-c:a libvorbis"),
    Kind("WebM, VP9, Opus", "vp9.webm", _VP9, sound="-c:a libopus"),
    Kind("MKV, AV1, Opus", "av1.mkv", _AV1, sound="-c:a libopus"),
    Kind("MOV, ProRes 422", "prores.mov", _PRORES, sound="-c:a pcm_s24le"),
    Kind("AVI, MPEG-4, MP3", "mpeg4.avi", "-c:v mpeg4 -b:v 2M -bf 2", sound="-c:a libmp3lame"),
    Kind("AVI, H.264, PCM", "h264.avi", f"{X264} -bf 2", sound="-c:a pcm_s16le"),
    Kind("GIF, 10 fps", "moving.gif", "", rate="10", sound=""),
    Kind("turned by 90°", "turned90.mov", X264, size="180x320", turn=90),
    Kind("turned by 180°", "turned180.mov", X264, turn=180),
    Kind("turned by 270°", "turned270.mp4", X264, size="180x320", turn=270),
    Kind("portrait", "portrait.mp4", X264, size="180x320", rate="25"),
    Kind("odd size, 4:4:4", "odd.mkv", "-c:v libx264 -preset ultrafast -pix_fmt yuv444p", size="321x181"),
    Kind("anamorphic 2:1", "wide.mp4", X264, filters="setsar=2/1"),
    Kind("29.97 fps", "ntsc.mp4", X264, rate="30000/1001"),
    Kind("120 fps", "fast.mp4", X264, rate="120"),
    Kind("VFR, phone's jitter", "phone.mov", X264, filters=_PHONE, more="-fps_mode vfr -enc_time_base 1/90000"),
    Kind("VFR, screen recording", "screen.webm", _VP9, filters=_SCREEN, sound="-c:a libopus", more="-fps_mode vfr"),
    Kind("VFR, screen recording", "screen.mp4", X264, filters=_SCREEN, more="-fps_mode vfr"),
    Kind("no sound", "mute.mov", X264, sound=""),
    Kind("two audio tracks", "two.mkv", X264, more=_TWO_TRACKS),
    Kind("5.1 sound", "surround.mp4", X264, sound="-c:a aac -ac 6"),
    Kind("sound 1 s late", "late.mkv", X264, late=1.0),
    Kind("MPEG-TS", "stream.ts", X264),
    Kind("FLV", "flash.flv", X264),
    Kind("MP4 in fragments", "parts.mp4", X264, more="-movflags frag_keyframe+empty_moov"),
    Kind("WebM without index or length", "live.webm", _VP8, sound="-c:a libopus", more="-live 1"),
    Kind("MOV of 40 s, 180p", "forty.mov", X264, 40),
    Kind("MOV of 40 s, 1080p", "large.mov", f"{X264} -b:v 12M", 40, size="1920x1080"),
    Kind("MP4 of 10:00", "ten.mp4", X264, 600, size="192x108"),
    Kind("1.5 s", "brief.mp4", X264, 1.5, refused="2 to 15 s"),
    Kind("10:30", "endless.mp4", X264, 630, size="192x108", rate="5", refused="the limit is 10 minutes"),
    Kind("cut off MP4", "cut.mp4", X264, more=_FRONT, spoil=_first(0.6), refused="cut off"),
    Kind("cut off MOV (index lost)", "cut.mov", X264, spoil=_first(0.9), refused="cut off"),
    Kind("cut off WebM", "cut.webm", _VP8, sound="-c:a libvorbis", spoil=_first(0.6), refused="cut off"),
)
