"""Clips of many kinds, made by ffmpeg once per test run, by the process that asks first."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]
from PIL import Image

PICTURE = "testsrc2=size=160x90:rate=12"
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1")


class Clips:
    """Each attribute is a file, made on first access; `folder` may be shared with other processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def plain(self) -> Path:
        """3 s of H.264 with audio, an MP4: conforms as it is."""
        return self.make("plain.mp4", 3, *H264, "-c:a", "aac", sound=True)

    @cached_property
    def one_second(self) -> Path:
        return self.make("short.mp4", 1, *H264)

    @cached_property
    def sixteen_seconds(self) -> Path:
        return self.make("long.mp4", 16, *H264)

    @cached_property
    def forty_seconds(self) -> Path:
        """A phone's recording: a .mov, too long for FoxAPI, with audio."""
        return self.make("long.mov", 40, *H264, "-c:a", "aac", sound=True)

    @cached_property
    def gif(self) -> Path:
        return self.make("loop.gif", 3, "-r", "5")

    @cached_property
    def uneven_gif(self) -> Path:
        """Three frames of 1, 2 and 3 s."""
        shades = [Image.new("RGB", (120, 90), (60 * number, 90, 200)) for number in range(3)]
        made = io.BytesIO()
        shades[0].save(made, "GIF", save_all=True, append_images=shades[1:], duration=[1000, 2000, 3000], loop=0)
        return self._written("uneven.gif", made.getvalue())

    @cached_property
    def odd_handler(self) -> Path:
        """Like `plain`, but its handler's name looks like a rotation."""
        name = "handler_name=rotation of 1.2.3 degrees"
        return self.make("handler.mp4", 3, *H264, "-c:a", "aac", "-metadata:s:v:0", name, sound=True)

    @cached_property
    def mov(self) -> Path:
        return self.make("phone.mov", 3, *H264)

    @cached_property
    def webm(self) -> Path:
        return self.make("screen.webm", 3, "-c:v", "libvpx", "-deadline", "realtime", "-threads", "1")

    @cached_property
    def cut_off(self) -> Path:
        """An MP4 whose index refers to more than the file contains."""
        whole = self.make("whole.mp4", 3, *H264, "-movflags", "+faststart").read_bytes()
        return self._written("cut.mp4", whole[: len(whole) * 2 // 3])

    @cached_property
    def text(self) -> Path:
        return self._written("text.mp4", b"I am a text, whatever my name says.\n" * 40)

    @cached_property
    def empty(self) -> Path:
        return self._written("empty.mp4", b"")

    def make(self, name: str, seconds: float, *codec: str, sound: bool = False) -> Path:
        """Encode the test picture, with a tone if `sound`; an existing file is reused."""
        tone = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100") if sound else ()
        command = [ffmpeg(), "-v", "error", "-y", "-f", "lavfi", "-i", PICTURE, *tone, "-t", str(seconds), *codec]
        path = self._folder / hashlib.sha256(repr(command).encode()).hexdigest()[:12] / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder) as workshop:
                made = Path(workshop) / name
                subprocess.run([*command, str(made)], check=True, timeout=30)
                made.replace(path)  # atomically, so that no other process sees half a clip
        return path

    def _written(self, name: str, content: bytes) -> Path:
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(content)
        return Path(file.name).replace(self._folder / name)


def ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def seconds_of(video: bytes | Path, folder: Path) -> float:
    """Return the duration that a video file states."""
    path = video if isinstance(video, Path) else folder / "measured.mp4"
    if isinstance(video, bytes):
        path.write_bytes(video)
    told = subprocess.run([ffmpeg(), "-hide_banner", "-i", str(path)], capture_output=True, check=False, timeout=20)
    found = re.search(rb"Duration: (\d+):(\d+):([\d.]+)", told.stderr)
    assert found, told.stderr
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
