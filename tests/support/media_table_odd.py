"""Rows of the media table for nonconforming clips: what becomes of each, and whether a strict service accepts it."""

from __future__ import annotations

import asyncio
import fnmatch
import re
import resource
import time
from collections.abc import Sequence
from pathlib import Path

from bot.foxapi import FoxAPI
from bot.media import Ffmpeg, UnusableVideo, find_problems, prepare, probe_details
from bot.sandbox.foxapi import FoxServer
from tests.support.odd_clips import ODD, Odd, make_odd

HEAD = "| clip | verdict | to FoxAPI | SSIM | prepared in, CPU | a strict service |"


async def print_odd_table(patterns: Sequence[str], tool: Ffmpeg, api: FoxAPI, fox: FoxServer, folder: Path) -> int:
    """Print a row for each odd clip whose name matches one of `patterns`; return how many rows are out of bounds."""
    names = [name for name in ODD if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    missed = 0
    if names:
        print(f"\n{HEAD}\n|{'---|' * HEAD.count(' | ')}---|")
    for name in names:
        cells, good = await _make_row(name, ODD[name], tool, api, fox, folder)
        missed += not good
        print(f"| {' | '.join([name, *cells])}{'' if good else ' **missed**'} |", flush=True)
    return missed


async def _make_row(
    name: str, odd: Odd, tool: Ffmpeg, api: FoxAPI, fox: FoxServer, folder: Path
) -> tuple[list[str], bool]:
    source, fit = await asyncio.to_thread(make_odd, folder, name), folder / "fit.mp4"
    began, used = time.perf_counter(), _cpu_seconds()
    try:
        seen = await probe_details(tool, source)
        has_problems = bool(await find_problems(tool, source, seen))
        done = await prepare(tool, source, fit)
    except UnusableVideo as refusal:
        return [f"refused: “{refusal.message}”"], bool(odd.refused) and odd.refused in str(refusal.message)
    took = f"{time.perf_counter() - began:.2f} s, {_cpu_seconds() - used:.2f} s"
    ssim = await _measure_ssim(tool, source, fit) if odd.size == (seen.clip.width, seen.clip.height) else "–"
    remuxed = ssim == "1.000"
    taken = await api.submit("the sun comes out", await api.upload(fit, "task-1.mp4"), 2)
    await asyncio.wait_for(fox.tasks[taken.remote_id].ended.wait(), 120)
    status = fox.tasks[taken.remote_id].status
    shape = f"{done.clip.width}x{done.clip.height}, {done.clip.seconds:.2f} s, {done.clip.video_codec}"
    verdict = f"{'remuxed' if remuxed else 'converted'}: {done.note}"
    good = has_problems and not odd.refused and status == "completed"
    return [verdict, shape, ssim, took, "accepts it" if status == "completed" else "refuses it"], good


async def _measure_ssim(tool: Ffmpeg, source: Path, fit: Path) -> str:
    """Return the structural similarity of the prepared clip to the end of the source."""
    graph = "[0:V:0]reverse,settb=1/1000,setpts=N[a];[1:V:0]reverse,settb=1/1000,setpts=N[b];[a][b]ssim=shortest=1"
    ran = await tool.run(
        [*tool.build_input_args(source), *tool.build_input_args(fit), "-filter_complex", graph, "-f", "null", "-"],
        seconds=60,
    )
    values = re.findall(r"All:([\d.]+)", ran.stderr)
    return f"{float(values[-1]):.3f}" if values else "–"


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
