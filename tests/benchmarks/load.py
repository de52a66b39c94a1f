"""The load test: `python -m tests.benchmarks.load [--tasks 1 100 300] [--pending 10000] [--only bot]`.

It is not part of the test suite. The real bot runs in its own process against both fakes over sockets, and so does the
baseline (tests/benchmarks/naive.py), a bare discord.py handler. Many members use /extend at once; FoxAPI takes about
`--seconds` per task (tests/support/prerendered.py), reports progress in `--steps`, and estimates `--estimate` times the
real duration. Then the bot is started with many running tasks in its database (tests/benchmarks/pending.py). Prints
Markdown with the date and the machine.
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

from tests.benchmarks.load_figures import Run, format_table, summarize
from tests.benchmarks.load_harness import RenderProfile, bench_stage
from tests.benchmarks.load_process import run_process
from tests.benchmarks.pending import measure_pending
from tests.support.clips import H264, Clips

MODULES = {"bot": "bot", "naive": "tests.benchmarks.naive"}
FEW = 20
"""Tasks up to which the bot and the baseline run at the same time without competing for the cores."""
FILM_SECONDS = 10
"""Length of the film that FoxAPI serves: four seconds of the clip and six new ones."""


async def run_once(kind: str, tasks: int, clips: tuple[bytes, Path], profile: RenderProfile) -> Run:
    """Let `tasks` members use /extend at once with that program, and wait for their films."""
    clip, film = clips
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with bench_stage(folder, film, profile, seed=tasks) as stage:
            async with run_process(MODULES[kind], stage.environment(folder, tasks), folder) as process:
                await stage.wait_until_online()
                stage.calls.clear()
                idle, before = process.memory(), process.cpu()
                watching = asyncio.create_task(process.watch())
                await stage.extend(clip, tasks)
                completed = await stage.wait_until_delivered(90 + profile.seconds * 2 + tasks * 0.15)
                await asyncio.sleep(1)  # the bot's clean-up after a delivery counts too
                cpu = process.cpu() - before
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
            if not completed:
                tail = (folder / "bot.log").read_text(errors="replace")[-3000:]
                print(f"{kind}, {tasks}: not all films were delivered in time\n{tail}", file=sys.stderr)
            return summarize(kind, stage, cpu, idle, process.max_memory)


async def run_all(
    tasks: Sequence[int], kinds: Sequence[str], clips: tuple[bytes, Path], profile: RenderProfile
) -> list[Run]:
    """Run all sizes in order; for few tasks, run the bot and the baseline at the same time."""
    runs: list[Run] = []
    for count in tasks:
        for together in [kinds] if count <= FEW else [[kind] for kind in kinds]:
            began = time.perf_counter()
            runs += await asyncio.gather(*(run_once(kind, count, clips, profile) for kind in together))
            print(f"{count}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return runs


def make_clips(folder: Path) -> tuple[bytes, Path]:
    """Make the clip that members attach, which needs no conversion, and the film that FoxAPI serves."""
    clips = Clips(folder)
    clip = clips.make("clip.mp4", 4, *H264, "-c:a", "aac", sound=True)
    return clip.read_bytes(), clips.make("film.mp4", FILM_SECONDS, *H264, "-c:a", "aac", sound=True)


def describe_profile(profile: RenderProfile) -> str:
    """Describe how FoxAPI renders tasks."""
    estimate = (
        "no estimate and no progress" if profile.estimate is None else f"estimates {profile.estimate:g} times that"
    )
    return f"about {profile.seconds:g} s per task, {profile.steps} progress updates, {estimate}"


def describe_machine() -> str:
    """Describe the date and the machine."""
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
    """Run the benchmark and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load")
    parser.add_argument("--tasks", type=int, nargs="*", default=[1, 100, 300, 1000])
    parser.add_argument("--pending", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=35.0, help="seconds that FoxAPI takes for a task, about")
    parser.add_argument("--only", choices=list(MODULES), help="measure only this one")
    parser.add_argument("--steps", type=int, default=20, help="FoxAPI's progress updates per task; 1: none")
    parser.add_argument(
        "--estimate",
        type=float,
        default=1.0,
        help="FoxAPI's estimate relative to --seconds; 0: it tells neither an estimate nor progress",
    )
    args = parser.parse_args()
    profile = RenderProfile(args.seconds, args.steps, args.estimate or None)
    began, header = time.perf_counter(), describe_machine()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        clips = make_clips(Path(name))
        kinds = [args.only] if args.only else list(MODULES)
        runs = asyncio.run(run_all(args.tasks, kinds, clips, profile))
        summary = asyncio.run(measure_pending(args.pending, clips[1])) if args.pending else ""
    print(f"{header}; FoxAPI: {describe_profile(profile)}.\n")
    if runs:
        print(format_table(runs))
    print(f"\n{summary}\n\nThe benchmark took {(time.perf_counter() - began) / 60:.1f} minutes.")
    return 0 if all(run.delivered == run.tasks for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
