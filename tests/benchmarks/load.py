"""The load test: `python -m tests.benchmarks.load [--tasks 1 100 300] [--pending 10000] [--seconds 35] [--only bot]`.

It is not part of the test suite. The real bot runs as a process of its own against both fakes over sockets; so does, in
turn, the floor (tests/benchmarks/floor.py), a bare discord.py handler. Many members use /extend at once; FoxAPI takes
about `--seconds` per task (see tests/support/prerendered.py). Then a database with many running tasks is started
(tests/benchmarks/pending.py). Prints Markdown, with the date and the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.load_figures import Run, run_of, table
from tests.benchmarks.load_harness import bench_stage
from tests.benchmarks.load_process import running
from tests.benchmarks.pending import pending
from tests.support.clips import H264, Clips

MODULES = {"bot": "bot", "floor": "tests.benchmarks.floor"}
FEW = 20
FILM_SECONDS = 10
"""Of the film that FoxAPI serves: the clip's four and the ordered six."""


async def one_run(kind: str, tasks: int, clips: tuple[bytes, Path], seconds: float) -> Run:
    """Let `tasks` members use /extend at once with that bot, and wait for their films."""
    clip, film = clips
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with bench_stage(folder, film, seconds, seed=tasks) as stage:
            async with running(MODULES[kind], stage.environment(folder, tasks), folder) as process:
                await stage.online()
                stage.calls.clear()
                idle, before = process.memory(), process.cpu()
                watching = asyncio.create_task(process.watch())
                await stage.extend(clip, tasks)
                whole = await stage.all_delivered(90 + seconds * 2 + tasks * 0.15)
                await asyncio.sleep(1)  # what the bot does after a delivery is its work too
                cpu = process.cpu() - before
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
            if not whole:
                tail = (folder / "bot.log").read_text(errors="replace")[-3000:]
                print(f"{kind}, {tasks}: not all were delivered in time\n{tail}", file=sys.stderr)
            return run_of(kind, stage, cpu, idle, process.most)


async def both(tasks: Sequence[int], kinds: Sequence[str], clips: tuple[bytes, Path], seconds: float) -> list[Run]:
    """All runs, one after the other; the bot and its floor at once where they leave each other the cores."""
    runs: list[Run] = []
    for count in tasks:
        for together in [kinds] if count <= FEW else [[kind] for kind in kinds]:
            began = time.perf_counter()
            runs += await asyncio.gather(*(one_run(kind, count, clips, seconds) for kind in together))
            print(f"{count}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return runs


def made(folder: Path) -> tuple[bytes, Path]:
    """The clip that members attach (fit as it is), and the film that FoxAPI serves."""
    clips = Clips(folder)
    clip = clips.make("clip.mp4", 4, *H264, "-c:a", "aac", sound=True)
    return clip.read_bytes(), clips.make("film.mp4", FILM_SECONDS, *H264, "-c:a", "aac", sound=True)


def where() -> str:
    """When and on what this was measured."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    versions = f"Python {platform.python_version()}, Linux {platform.release()}"
    load = os.getloadavg()[0]
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} × {cpu}, {versions}, load before {load:.1f}"


def main() -> int:
    """Run it all and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load")
    parser.add_argument("--tasks", type=int, nargs="*", default=[1, 100, 300, 1000])
    parser.add_argument("--pending", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=35.0, help="what FoxAPI takes for a task, about")
    parser.add_argument("--only", choices=list(MODULES), help="measure this one alone")
    wanted = parser.parse_args()
    began, header = time.perf_counter(), where()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        clips = made(Path(name))
        kinds = [wanted.only] if wanted.only else list(MODULES)
        runs = asyncio.run(both(wanted.tasks, kinds, clips, wanted.seconds))
        told = asyncio.run(pending(wanted.pending, clips[1])) if wanted.pending else ""
    print(f"{header}; FoxAPI takes about {wanted.seconds:.0f} s.\n")
    if runs:
        print(table(runs))
    print(f"\n{told}\n\nThe whole took {(time.perf_counter() - began) / 60:.1f} minutes.")
    return 0 if all(run.delivered == run.tasks for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
