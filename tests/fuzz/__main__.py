"""Feed every parser that meets strangers with spoilt inputs: `python -m tests.fuzz.__main__ --seconds 600`.

Prints how many inputs each parser got, and each exception that is not the parser's own; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from tests.fuzz import parsers
from tests.fuzz.parsers import Parser
from tests.fuzz.server import raw_server
from tests.support.media_clips import make

_KINDS = ("h264.mp4", "h264.mov", "vp8.webm", "moving.gif", "variable.mkv", "mpeg4.avi", "stream.ts", "flash.flv")
_COGS = ("_buttons", "_deeds", "_delete", "_share_buttons", "gallery", "privacy", "tasks")
_ROUND_SECONDS = 0.5
"""Each parser gets as much time as every other, in turns."""
_SHOWN = 20


async def fuzz(tried: Mapping[str, Parser], seconds: float, seed: int) -> tuple[Counter[str], list[str]]:
    """Try inputs for that long; how many each parser got, and the tracebacks of what should not have come out."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    end, dice = time.monotonic() + seconds, random.Random(seed)  # noqa: S311 - for inputs
    while time.monotonic() < end and len(wrong) < _SHOWN:
        for name, parser in tried.items():
            over = time.monotonic() + min(_ROUND_SECONDS, seconds / len(tried))
            while True:
                counts[name] += 1
                try:
                    await asyncio.wait_for(parser(dice), 60)
                except Exception:  # what this program looks for
                    wrong.append(f"{name}, input {counts[name]} of seed {seed}\n{traceback.format_exc()}")
                if time.monotonic() >= over or len(wrong) >= _SHOWN:
                    break
    return counts, wrong


async def fuzz_all(seconds: float, seed: int) -> tuple[Counter[str], list[str]]:
    """The same of all parsers there are."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return await fuzz(await _parsers(stack, folder), seconds, seed)


async def _parsers(stack: AsyncExitStack, folder: Path) -> dict[str, Parser]:
    for name in _COGS:  # so that their buttons are known
        importlib.import_module(f"cogs.{name}")
    whole = [await asyncio.to_thread(make, folder, kind) for kind in _KINDS]
    server = await stack.enter_async_context(raw_server())
    downloader = await stack.enter_async_context(parsers.fetcher_for(server))
    return {
        "links": parsers.links(downloader, server, folder),
        "HTTP answers": parsers.http_answers(downloader, server, folder),
        "ffmpeg's listings": await parsers.listings(whole),
        "packets": parsers.packets,
        "video files": parsers.clips(whole, folder),
        "FoxAPI's JSON": parsers.fox_json,
        "Retry-After": parsers.waits,
        "custom_ids": parsers.custom_ids,
    }


def main() -> int:
    """Run it from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    counts, wrong = asyncio.run(fuzz_all(chosen.seconds, chosen.seed))
    for name, count in counts.items():
        print(f"{name}: {count:,} inputs")
    print(*wrong, sep="\n")
    print(f"{len(wrong)} exceptions that are not a parser's own")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
