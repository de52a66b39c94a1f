"""Run ffmpeg as a bounded child process, because it reads untrusted files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]

from bot.i18n.text import tr
from bot.media.errors import TookTooLong, UnusableVideo

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif,avi,mpegts,flv"
"""The demuxers that may be used. Playlists, image sequences and scripts, which refer to other files, are excluded."""
MAX_PIXELS = 8192 * 8192
MAX_STREAMS = 64
_TOO_MUCH = tr("That video needs too much time or memory. Try a shorter or smaller one.")
_OUT_OF_MEMORY = "Cannot allocate memory"
"""The system's message (ENOMEM), which ffmpeg logs."""
_STDERR_HEAD, _STDERR_TAIL = 1 << 18, 1 << 14
_SHELL = Path("/bin/sh")
# A limit that the system does not support is skipped; the others and the time limit of run() still apply.
_BOUNDED = 'for limit in v t f; do ulimit -$limit "$1" 2>/dev/null; shift; done; exec "$@"'


class Purpose(StrEnum):
    """The purpose of a run, for the metrics."""

    PROBE = "probe"
    THUMBNAIL = "still"
    PREPARE = "prepare"
    JOIN = "join"
    COMPRESS = "fit"
    OTHER = "other"


def _ignore_run(purpose: Purpose, seconds: float) -> None:
    """The default observer: does nothing."""


@dataclass(frozen=True, slots=True)
class FfmpegResult:
    """The result of a run. A long `stderr` is shortened to its beginning and its end."""

    code: int
    stdout: bytes
    stderr: str


class Ffmpeg:
    """The ffmpeg program. At most `max_processes` run at the same time; further runs wait."""

    def __init__(
        self,
        program: str | None = None,
        *,
        max_processes: int | None = None,
        threads: int = 2,
        memory_bytes: int = 3 << 30,
        file_bytes: int = 1 << 30,
        on_run: Callable[[Purpose, float], None] = _ignore_run,
    ) -> None:
        """`program` defaults to the one that imageio-ffmpeg finds or brings. The limits apply to each run.

        `on_run` is called at the end of each run with its purpose and its duration in seconds.
        Raises RuntimeError if there is no ffmpeg.
        """
        self.program = str(shutil.which(program or imageio_ffmpeg.get_ffmpeg_exe()) or "")
        if not self.program:
            raise RuntimeError("There is no ffmpeg program; install imageio-ffmpeg or ffmpeg.")
        self.threads = threads
        self._memory = memory_bytes
        self._file = file_bytes
        self._slots = asyncio.Semaphore(max_processes or os.cpu_count() or 1)
        self._on_run = on_run
        self.running = 0
        """The number of running processes."""

    def build_input_args(self, path: Path, *options: str) -> list[str]:
        """Return arguments that read `path` as an input, whatever its name, and only if it is a single video file."""
        return [
            *("-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS, "-max_streams", str(MAX_STREAMS)),
            *("-max_pixels", str(MAX_PIXELS), "-threads", str(self.threads), *options, "-i", f"file:{path}"),
        ]

    async def run(
        self, args: Sequence[str], *, seconds: float, output_bytes: int = 1 << 16, purpose: Purpose = Purpose.OTHER
    ) -> FfmpegResult:
        """Run ffmpeg with `args` and wait for its end. The wait for a free slot does not count towards `seconds`.

        Raises :class:`TookTooLong` if it takes longer, and :class:`UnusableVideo` if it writes more than `output_bytes`
        to its standard output or exceeds its memory limit. When this returns, raises or is cancelled, the process is
        gone.
        """
        async with self._slots:
            with self._track_run(purpose):
                process = await asyncio.create_subprocess_exec(
                    *self._build_command(args, seconds),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    env={"LC_ALL": "C"},
                    start_new_session=True,  # a process group of its own, so that its children can be killed too
                )
                ended = asyncio.gather(
                    _read_stdout(process, output_bytes), _read_stderr(process.stderr), process.wait()
                )
                try:
                    async with asyncio.timeout(seconds):
                        stdout, stderr, code = await asyncio.shield(ended)
                except TimeoutError:
                    raise TookTooLong(_TOO_MUCH) from None
                finally:
                    _kill(process)
                    await asyncio.wait([ended])
        if len(stdout) > output_bytes:
            raise UnusableVideo(_TOO_MUCH)
        if code < 0 or (code != 0 and _OUT_OF_MEMORY in stderr):  # killed by a limit, or crashed because of one
            raise UnusableVideo(_TOO_MUCH)
        return FfmpegResult(code, stdout, stderr)

    @contextlib.contextmanager
    def _track_run(self, purpose: Purpose) -> Iterator[None]:
        began = time.monotonic()
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._on_run(purpose, time.monotonic() - began)

    async def has_filters(self, *names: str) -> bool:
        """Whether this ffmpeg was built with all of these filters."""
        result = await self.run(["-filters"], seconds=10)
        known = {
            fields[1] for line in result.stdout.decode(errors="replace").splitlines() if len(fields := line.split()) > 2
        }
        return known.issuperset(names)

    def _build_command(self, args: Sequence[str], seconds: float) -> list[str]:
        command = [self.program, "-nostdin", "-hide_banner", "-nostats", "-filter_threads", str(self.threads), *args]
        if not _SHELL.exists():
            return command
        cpu_seconds = int(seconds * self.threads * 2) + 1  # decoding and encoding use `threads` each
        limits = [str(self._memory >> 10), str(cpu_seconds), str(self._file >> 9)]
        return [str(_SHELL), "-c", _BOUNDED, "sh", *limits, *command]


async def _read_stdout(process: asyncio.subprocess.Process, max_bytes: int) -> bytes:
    """Read the process's standard output. If it exceeds `max_bytes`, kill the process and return slightly more."""
    assert process.stdout is not None  # noqa: S101 - we asked for a pipe
    output = bytearray()
    while chunk := await process.stdout.read(1 << 16):
        if len(output) <= max_bytes:
            output += chunk
        else:
            _kill(process)
    return bytes(output)


async def _read_stderr(stream: asyncio.StreamReader | None) -> str:
    """Read `stream` to its end and return its beginning and its end."""
    assert stream is not None  # noqa: S101 - we asked for a pipe
    head, tail = bytearray(), bytearray()
    while chunk := await stream.read(1 << 14):
        room = _STDERR_HEAD - len(head)
        head += chunk[:room]
        tail = (tail + chunk[room:])[-_STDERR_TAIL:]
    return (head + tail).decode(errors="replace")


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
