"""Feed every parser of untrusted input with mutated inputs: `python -m tests.fuzz --seconds 600`.

Prints the number of inputs per parser and each exception that the parser does not document; then the exit code is 1.
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
_COGS = ("gallery", "limits.callbacks", "privacy", "sharing.buttons", "tasks.buttons", "tasks.cog", "tasks.delete")
_ROUND_SECONDS = 0.5
"""Each parser gets an equal share of the time, in turns."""
_SHOWN = 20


async def fuzz(targets: Mapping[str, Parser], seconds: float, seed: int) -> tuple[Counter[str], list[str]]:
    """Try inputs for `seconds`; return the number per parser and the tracebacks of unexpected exceptions."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    end, dice = time.monotonic() + seconds, random.Random(seed)  # noqa: S311 - for inputs
    while time.monotonic() < end and len(wrong) < _SHOWN:
        for name, parser in targets.items():
            over = time.monotonic() + min(_ROUND_SECONDS, seconds / len(targets))
            while True:
                counts[name] += 1
                try:
                    await asyncio.wait_for(parser(dice), 60)
                except Exception:  # finding these is the purpose of the program
                    wrong.append(f"{name}, input {counts[name]} of seed {seed}\n{traceback.format_exc()}")
                if time.monotonic() >= over or len(wrong) >= _SHOWN:
                    break
    return counts, wrong


async def fuzz_all(seconds: float, seed: int) -> tuple[Counter[str], list[str]]:
    """Fuzz all parsers."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return await fuzz(await _make_parsers(stack, folder), seconds, seed)


async def _make_parsers(stack: AsyncExitStack, folder: Path) -> dict[str, Parser]:
    for name in _COGS:  # registers their persistent buttons
        importlib.import_module(f"cogs.{name}")
    whole = [await asyncio.to_thread(make, folder, kind) for kind in _KINDS]
    server = await stack.enter_async_context(raw_server())
    downloader = await stack.enter_async_context(parsers.make_downloader(server))
    return {
        "links": parsers.make_link_parser(downloader, server, folder),
        "HTTP responses": parsers.make_http_parser(downloader, server, folder),
        "ffmpeg's listings": await parsers.make_listing_parser(whole),
        "packets": parsers.parse_packets,
        "video files": parsers.make_clip_parser(whole, folder),
        "FoxAPI's JSON": parsers.parse_fox_json,
        "Retry-After": parsers.parse_waits,
        "custom_ids": parsers.parse_custom_ids,
    }


def main() -> int:
    """Run the program from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    counts, wrong = asyncio.run(fuzz_all(chosen.seconds, chosen.seed))
    for name, count in counts.items():
        print(f"{name}: {count:,} inputs")
    print(*wrong, sep="\n")
    print(f"{len(wrong)} unexpected exceptions")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
