"""Small clips of every kind, made by ffmpeg on demand, and functions that inspect a finished video."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]

PICTURE = "testsrc2=s=160x120:r=30"
SOUND = "sine=f=440:r=44100"
_H264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
_BOTH = f"-f lavfi -i {PICTURE} -f lavfi -i {SOUND}"
_PQ = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc,format=yuv420p10le"
_HLG = "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc,format=yuv420p10le"
_X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none"

KINDS: dict[str, str] = {
    "h264.mp4": f"{_BOTH} {_H264} -c:a aac",
    "h264.mov": f"{_BOTH} {_H264} -c:a pcm_s16le",
    "hevc.mp4": f"{_BOTH} {_X265} -tag:v hvc1 -c:a aac",
    "pq10bit.mov": f"{_BOTH} -vf {_PQ} {_X265} -c:a aac",
    "hlg10bit.mp4": f"{_BOTH} -vf {_HLG} {_X265} -c:a aac",
    "av1.mkv": f"{_BOTH} -c:v libsvtav1 -preset 12 -svtav1-params lp=1 -c:a libopus",
    "vp8.webm": f"{_BOTH} -c:v libvpx -deadline realtime -c:a libvorbis",
    "vp9.webm": f"{_BOTH} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus",
    "prores.mov": f"{_BOTH} -c:v prores_ks -profile:v 4 -pix_fmt yuva444p10le -c:a pcm_s24le",
    "mpeg4.avi": f"{_BOTH} -c:v mpeg4 -bf 2 -c:a mp3",
    "moving.gif": "-f lavfi -i testsrc2=s=160x120:r=10",
    "portrait.mp4": f"-f lavfi -i testsrc2=s=120x160:r=25 {_H264}",
    "odd.mkv": "-f lavfi -i testsrc2=s=161x121:r=24 -c:v libx264 -preset ultrafast -pix_fmt yuv444p",
    "ntsc.mp4": f"-f lavfi -i testsrc2=s=160x120:r=30000/1001 {_H264}",
    "anamorphic.mp4": f"{_BOTH} -vf setsar=2/1 {_H264} -c:a aac",
    "variable.mkv": f"{_BOTH} -vf select='not(mod(n,3))+gt(n,30)' -fps_mode vfr {_H264} -c:a aac",
    "two_tracks.mkv": f"{_BOTH} -f lavfi -i sine=f=880 -map 0 -map 1 -map 2 {_H264} -c:a aac",
    "surround.mp4": f"-f lavfi -i {PICTURE} -f lavfi -i anoisesrc=a=0.1 {_H264} -c:a aac -ac 6",
    "late_sound.mkv": f"-f lavfi -i {PICTURE} -itsoffset 1 -f lavfi -i {SOUND} {_H264} -c:a aac",
    "stream.ts": f"{_BOTH} {_H264} -c:a aac",
    "flash.flv": f"{_BOTH} {_H264} -c:a aac",
}
"""File names and the ffmpeg arguments that make them; `-t` is added."""


def ffmpeg(*args: str | Path) -> bytes:
    """Run ffmpeg on our own clips and return its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *(str(arg) for arg in args)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=30)
    return done.stdout


def make(folder: Path, kind: str, seconds: float = 2.4) -> Path:
    """Return the clip of this kind; make it if it does not exist yet."""
    path = folder / kind
    if not path.exists():
        ffmpeg(*KINDS[kind].split(), "-t", str(seconds), "-threads", "1", path)
    return path


def make_rotated(folder: Path, degrees: int) -> Path:
    """Return a MOV with a rotation in its metadata, as phones make them."""
    path = folder / f"turned{degrees}.mov"
    if not path.exists():
        ffmpeg("-display_rotation", str(degrees), "-i", make(folder, "h264.mp4"), "-c", "copy", path)
    return path


def make_with_cover(folder: Path) -> Path:
    """Return an MP4 with a cover picture, which is a video stream too."""
    path, cover = folder / "cover.mp4", folder / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=600x600", "-frames:v", "1", cover)
    streams = ["-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic"]
    ffmpeg("-i", make(folder, "h264.mp4"), "-i", cover, *streams, path)
    return path


def make_numbered(path: Path, *, first: int, count: int, rate: int = 10, codec: str = "libx264") -> Path:
    """Make a gray clip without audio whose n-th frame is as bright as :func:`shade` says for `first` + n."""
    luma = f"geq=lum='40+mod((N+{first})*37,160)':cb=128:cr=128"
    source = f"color=s=64x64:r={rate},format=yuv420p,{luma}"
    ffmpeg("-f", "lavfi", "-i", source, "-frames:v", str(count), "-c:v", codec, "-crf", "5", "-threads", "1", path)
    return path


def compute_shade(number: int) -> int:
    """Return the brightness of frame `number`; neighbors differ widely."""
    return 40 + number * 37 % 160


def read_shades(path: Path) -> list[int]:
    """Return the brightness of each frame, as coded (16-235)."""
    crop = "extractplanes=y,crop=16:16,scale=1:1:flags=area"
    return list(ffmpeg("-i", path, "-map", "0:v", "-vf", crop, "-fps_mode", "passthrough", "-f", "rawvideo", "-"))


def find_beeps(path: Path) -> list[float]:
    """Return the moments, in seconds, at which audio begins after silence."""
    raw = ffmpeg("-i", path, "-map", "0:a", "-ac", "1", "-ar", "1000", "-f", "u8", "-")
    loud = [abs(sample - 128) > 8 for sample in raw]
    return [at / 1000 for at in range(len(loud)) if loud[at] and not any(loud[max(0, at - 100) : at])]
