"""Runs ffmpeg as a low-priority subprocess with a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe  # type: ignore[import-untyped]

MESSAGES_BYTES = 64 * 1024
PROGRESS_LINE = re.compile(rb"^out_time_us=(\d+)\s*$")

OnTime = Callable[[float], Awaitable[None]]


class FfmpegFailed(Exception):
    """ffmpeg failed or exceeded its time limit; the text is the end of its output."""


async def describe(path: Path, seconds: float = 10) -> str:
    """The output of `ffmpeg -i` for the file. ffmpeg's complaint about a missing output file is ignored."""
    async with asyncio.timeout(seconds), _run_process(["-protocol_whitelist", "file", "-i", path]) as (child, messages):
        output = await messages
        await child.wait()
    return output


async def run(arguments: Sequence[str | Path], seconds: float, on_time: OnTime | None = None) -> None:
    """Run ffmpeg within `seconds`, reporting the seconds of output to `on_time`; raises FfmpegFailed."""
    command = ["-v", "error", "-y", "-stats_period", "0.1", "-progress", "pipe:1", *arguments]
    try:
        async with asyncio.timeout(seconds), _run_process(command) as (child, messages):
            while child.stdout and (line := await child.stdout.readline()):
                if on_time and (found := PROGRESS_LINE.match(line)):
                    await on_time(int(found[1]) / 1_000_000)
            output, code = await messages, await child.wait()
    except TimeoutError as error:
        raise FfmpegFailed(f"ffmpeg did not finish within {seconds:.0f} s") from error
    if code != 0:
        raise FfmpegFailed(output.strip()[-500:] or f"ffmpeg exited with code {code}")


@contextlib.asynccontextmanager
async def _run_process(
    arguments: Sequence[str | Path],
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.Task[str]]]:
    """A running ffmpeg and a task with its stderr. The process is killed when the block ends, so wait for it inside."""
    child = await asyncio.create_subprocess_exec(
        get_ffmpeg_exe(),
        "-nostdin",
        "-hide_banner",
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    messages = asyncio.create_task(_read_tail(child.stderr))
    try:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # it may have exited already
                os.setpriority(os.PRIO_PROCESS, child.pid, 10)
        yield child, messages
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        await messages


async def _read_tail(stream: asyncio.StreamReader | None) -> str:
    kept = b""
    while stream and (part := await stream.read(8192)):
        kept = (kept + part)[-MESSAGES_BYTES:]
    return kept.decode(errors="replace")
