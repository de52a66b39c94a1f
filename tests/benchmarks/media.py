"""`python -m tests.benchmarks.media`: what preparing costs beside plain ffmpeg, and what delivering costs in memory.

Prints its figures; ends with 1 if preparing takes more than 1.2 times as long as the plain command, or if the bot grows
with the size of what it delivers.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bot.media import Ffmpeg, ProbeResult, prepare, probe, probe_details
from bot.sandbox.bot_process import BotProcess
from bot.sandbox.faults import Faults, Hold
from tests.support.clips import Clips
from tests.support.harness import Harness, Json, on_stage
from tests.support.marked_clips import ffmpeg
from tests.support.table_clips import KINDS, make

ROUNDS = 5
MOST_RATIO = 1.2
RESULTS = 20
A_FILM = 10_000_000
"""Bytes: an upload of this size is no still."""
MOST_GROWTH = 100_000_000
"""Bytes by which the bot may grow while it moves 20 x 25 MB; the files together are five times as much."""


async def measure_preparing(folder: Path) -> bool:
    """Prepare a 40 s 1080p .mov and run the plain command, alternately; return whether the limit is kept."""
    source = await asyncio.to_thread(make, next(kind for kind in KINDS if kind.file == "large.mov"), folder)
    tool, ours, plain = Ffmpeg(), folder / "ours.mp4", folder / "plain.mp4"
    seen = await probe_details(tool, source)
    times: dict[Path, list[float]] = {ours: [], plain: []}
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await prepare(tool, source, ours)
        times[ours].append(time.perf_counter() - began)
        began = time.perf_counter()
        await asyncio.to_thread(ffmpeg, *_plain_args(source, seen), plain)
        times[plain].append(time.perf_counter() - began)
    began = time.perf_counter()
    await probe(tool, source)
    looked = time.perf_counter() - began
    print(
        f"Preparing {source.stat().st_size / 1e6:.0f} MB of 1080p, {seen.clip.seconds:.0f} s, {ROUNDS} rounds in turns:"
    )
    for name, path in (("prepare()", ours), ("plain ffmpeg", plain)):
        told = f"median {median(times[path]):.2f} s, best {min(times[path]):.2f} s; {path.stat().st_size / 1e6:.1f} MB"
        print(f"  {name}: {told}, SSIM {await asyncio.to_thread(_measure_ssim, path, source, seen):.4f}")
    ratio = median(one / other for one, other in zip(times[ours], times[plain], strict=True))
    best = min(times[ours]) / min(times[plain])
    print(f"  ratio {ratio:.2f} (median of pairs), {best:.2f} (best to best); a look alone takes {looked:.2f} s")
    return ratio <= MOST_RATIO


def _plain_args(source: Path, seen: ProbeResult) -> list[str | Path]:
    """Return the command of an ffmpeg expert for the same: same codec settings, and a seek to the cut."""
    return [
        *("-ss", f"{seen.video.end - 15:.3f}", "-i", source, "-t", "15", "-map", "0:v:0", "-map", "0:a:0"),
        *("-vf", "scale=1280:720:flags=bicubic", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18"),
        *("-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart"),
    ]


def _measure_ssim(made: Path, source: Path, seen: ProbeResult) -> float:
    """Return the SSIM of the frames to those of the source, scaled down losslessly; 1 is identical."""
    alike = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv,setpts=N"
    graph = f"[0:v]{alike}[a];[1:v]{alike},scale=1280:720:flags=bicubic,format=yuv420p[b];[b][a]ssim=stats_file=-"
    seek = ("-ss", f"{seen.video.end - 15:.3f}", "-t", "15")
    told = ffmpeg("-i", made, *seek, "-i", source, "-lavfi", graph, "-f", "null", "-")
    found = [float(each) for each in re.findall(rb"All:([\d.]+)", told)]
    return sum(found) / len(found)


class Memory:
    """The resident memory of a process, in bytes, sampled every 50 ms."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self.most = 0

    def now(self) -> int:
        found = re.search(r"VmRSS:\s+(\d+) kB", self._status.read_text())
        return int(found[1]) * 1024 if found else 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Record the maximum within the block."""
        self.most, stop = self.now(), threading.Event()

        def watch() -> None:
            while not stop.wait(0.05):
                self.most = max(self.most, self.now())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()


async def measure_delivering(folder: Path) -> bool:
    """Deliver 20 results of 25 MB at once; return whether the bot's memory stays small."""
    clips = Clips(folder)
    noise = folder / "noise.mp4"
    picture = ("-f", "lavfi", "-i", "color=gray:s=1280x720:r=25,noise=alls=14:allf=t", "-t", "3")
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "21", "-pix_fmt", "yuv420p")
    await asyncio.to_thread(ffmpeg, *picture, *codec, noise)
    async with on_stage(folder, clips, at_once=1, render_cache={}) as stage:
        stage.discord.world.guild.upload_limit = 50_000_000
        stage.kind = BotProcess
        async with stage.process(MAX_RUNNING=str(RESULTS)) as process:
            await process.start()
            await stage.ana.wait_event("bot", lambda it: it["online"] is True, timeout=30)
            await stage.until(stage.ana, await _extend(stage, clips.plain), "Finished")  # so that all is imported
            return await _deliver_at_once(stage, Memory(process.pid or 0), noise)


async def _deliver_at_once(stage: Harness, memory: Memory, noise: Path) -> bool:
    idle = memory.now()
    fetching, showing = Hold(), Hold()
    stage.fox.faults.add("GET", "^/results/", fetching, times=None)
    with memory.watched():
        replies = [await _extend(stage, noise) for _ in range(RESULTS)]
        await _wait_for_pending(stage.fox.faults, "GET", "^/results/")
    before, most_before = memory.now(), memory.most
    stage.discord.faults.add("PATCH", "/webhooks/", showing, times=None, at_least=A_FILM)
    fetching.release.set()
    with memory.watched():
        await _wait_for_pending(stage.discord.faults, "PATCH", "/webhooks/")
    fetched = memory.most
    showing.release.set()
    began = time.perf_counter()
    with memory.watched():
        done = [await stage.until(stage.ana, reply, "Finished", 120) for reply in replies]
    took = time.perf_counter() - began
    size = sum(int(each["attachments"][0]["size"]) for each in done)
    print(
        f"Delivering {RESULTS} results at once, {size / 1e6:.0f} MB together ({took:.1f} s); the bot's memory (VmRSS):"
    )
    told = [
        f"{name} {value / 1e6:.0f} MB"
        for name, value in (
            ("idle", idle),
            ("most while 20 clips are fetched and submitted", most_before),
            ("before", before),
            ("most while 20 results are fetched", fetched),
            ("most while 20 are uploaded", memory.most),
            ("after", memory.now()),
        )
    ]
    print(f"  {'; '.join(told)}")
    return max(most_before, fetched, memory.most) - idle < MOST_GROWTH and size > RESULTS * 20_000_000


async def _extend(stage: Harness, clip: Path) -> Json:
    return await stage.extend(stage.ana, clip, seconds=2)


async def _wait_for_pending(faults: Faults, method: str, path: str) -> None:
    """Wait until as many such calls as there are results are pending."""
    async with asyncio.timeout(240):
        while sum(not call.done for call in faults.matching(method, path)) < RESULTS:
            await asyncio.sleep(0.05)


def main() -> int:
    """Run both benchmarks; 0 if both are within bounds."""
    with tempfile.TemporaryDirectory(prefix="media-bench-") as folder:
        kept = [asyncio.run(part(Path(folder))) for part in (measure_preparing, measure_delivering)]
    print(f"{os.getloadavg()[0]:.1f} of {os.cpu_count()} cores in use at the end.")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
