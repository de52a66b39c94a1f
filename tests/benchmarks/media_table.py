"""`python -m tests.benchmarks.media_table`: process every kind of clip end to end, and measure the result.

Each clip is probed, prepared if necessary, submitted to the FoxAPI stand-in (which really renders, once as a joined
video and once as the new part alone), and joined to a film, with the bot's own code. Prints a Markdown table; exits
with 1 if anything is out of bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import fnmatch
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.domain.task import ResultKind, VideoInfo
from bot.foxapi import FoxAPI
from bot.media import Downloader, Ffmpeg, SourceClip, UnusableVideo, find_problems, join, prepare, probe, probe_details
from bot.sandbox.clock import Clock
from bot.sandbox.foxapi import FoxServer, Quirks
from tests.support.media_table_odd import print_odd_table
from tests.support.table_clips import KINDS, Kind, make
from tests.support.video_marks import Film, measure

ADDED = 3
"""Seconds by which each clip is extended."""
HEAD = (
    "| clip | size | verdict | prepared in | to FoxAPI | result | film in | film s | off by | sound ahead: last beep, "
    "end | frames late, maximum; repeated or lost | cut: frames, change there / near, brightness |"
)
SECONDS, SOUND, LOUD_END = 0.1, 0.05, 0.05


@dataclass
class Row:
    """The measurements of one clip; `missed` are the bounds that it exceeds."""

    kind: Kind
    cells: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def bound(self, kept: bool, words: str) -> None:
        if not kept:
            self.missed.append(words)


class Pipeline:
    """The bot's media code and the stand-in, connected as in the worker."""

    def __init__(self, tool: Ffmpeg, downloader: Downloader, api: FoxAPI, fox: FoxServer, folder: Path) -> None:
        self._tool, self._downloader, self._api, self._fox, self._folder = tool, downloader, api, fox, folder

    async def make_rows(self, kind: Kind) -> list[Row]:
        """Return a row for each way in which FoxAPI may answer; only one if the clip is refused."""
        source = await asyncio.to_thread(make, kind, self._folder)
        first = Row(kind, [kind.name, _mb(source)])
        try:
            clip = await probe(self._tool, source)
            submitted, head_ends, url = await self._submit(kind, first, source, clip)
        except UnusableVideo as refusal:
            first.bound(bool(kind.refused) and kind.refused in str(refusal.message), f"refused: {refusal.message}")
            first.cells.append(f"refused: “{refusal.message}”")
            return [first]
        first.bound(not kind.refused, "accepted")
        second = Row(kind, list(first.cells))
        kept = SourceClip(source, head_ends)
        for row, joined in ((first, True), (second, False)):
            result = await self._render(url, joined=joined)
            await self._join(row, kept, submitted, result, joined=joined)
        return [first, second]

    async def _submit(self, kind: Kind, row: Row, source: Path, clip: VideoInfo) -> tuple[VideoInfo, float, str]:
        """Return the submitted clip's description, its start in the source, and its URL."""
        if not await find_problems(self._tool, source, await probe_details(self._tool, source)):
            row.bound(kind.fit, "passed through")
            row.cells += ["passed through", "–", "as it is"]
            return clip, 0.0, await self._api.upload(source, "clip.mp4")
        fit = self._folder / "fit.mp4"
        began = time.perf_counter()
        done = await prepare(self._tool, source, fit)
        took = time.perf_counter() - began
        row.bound(not kind.fit, "prepared")
        row.bound(
            not await find_problems(self._tool, fit, await probe_details(self._tool, fit)), "prepared clip has problems"
        )
        shape = f"{done.clip.width}x{done.clip.height} at {done.clip.fps:g}, {done.clip.seconds:.2f} s"
        row.cells += [f"prepared: {done.note}", f"{took:.1f} s", f"{shape}, {_mb(fit)}"]
        return done.clip, done.head_seconds, await self._api.upload(fit, "clip.mp4")

    async def _render(self, address: str, *, joined: bool) -> Path:
        self._fox.next_quirks = Quirks(joined=joined)
        taken = await self._api.submit("the sun comes out", address, ADDED)
        await asyncio.wait_for(self._fox.tasks[taken.remote_id].ended.wait(), 120)
        remote = await self._api.get_task(taken.remote_id)
        if remote.url is None:
            raise RuntimeError(f"the stand-in failed it: {remote.message}")
        result = self._folder / f"result-{joined}.mp4"
        await self._downloader.fetch(remote.url, result)
        return result

    async def _join(self, row: Row, kept: SourceClip, submitted: VideoInfo, result: Path, *, joined: bool) -> None:
        into = self._folder / "film.mp4"
        began = time.perf_counter()
        made = await join(self._tool, kept, submitted, result, added=ADDED, kind=ResultKind.FILM, into=into)
        took = time.perf_counter() - began
        seen = await probe_details(self._tool, kept.path)
        ours = made.path == into
        head = (kept.head_seconds if joined else seen.clip.seconds) if ours else 0.0
        look_at_film = await probe_details(self._tool, made.path)
        film = await asyncio.to_thread(measure, row.kind, made.path, look_at_film, kept.path, seen, head, joined=joined)
        row.bound(made.was_joined == joined, "joined result not recognized")
        row.cells += ["joined" if joined else "new part", f"{took:.1f} s" if ours else "the result itself"]
        _add_cells(row, film, seen.clip.seconds + ADDED)


def _add_cells(row: Row, film: Film, expected: float) -> None:
    row.bound(abs(film.seconds - expected) <= SECONDS, "wrong length")
    row.cells += [f"{film.seconds:.2f}", f"{film.seconds - expected:+.3f}"]
    if film.sound_ahead is None:
        row.bound(not row.kind.sound, "no sound")
        row.cells.append("no sound")
    else:
        row.bound(abs(film.sound_ahead) <= SOUND and abs(film.sound_ends) <= LOUD_END, "sound off")
        row.cells.append(f"{film.sound_ahead * 1000:+.0f}, {film.sound_ends * 1000:+.0f} ms")
    row.bound(film.late <= film.may_be_late, "frames out of time")
    row.bound(not film.unmatched, "frames repeated or lost")
    row.cells.append(f"{film.late * 1000:.0f} ms; {'not even' if film.unmatched is None else film.unmatched}")
    if film.seam is None:
        row.cells.append("none")
        return
    row.bound(film.seam.good, "visible cut")
    row.cells.append(film.seam.told)


def _mb(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


async def print_table(patterns: Sequence[str], folder: Path) -> tuple[list[Row], int]:
    """Process all clips whose file name matches one of `patterns`; print each row when it is done.

    Returns the rows, and how many odd clips (see `tests.support.odd_clips`) are out of bounds.
    """
    print(f"{HEAD}\n|{'---|' * HEAD.count(' | ')}---|")
    rows: list[Row] = []
    async with FoxServer(Clock()) as fox:
        api = FoxAPI(fox.url, SecretStr(fox.key), "grok-imagine-video-extension")
        async with api, Downloader(trusted=frozenset({urlsplit(fox.url).netloc})) as downloader:
            pipeline = Pipeline(Ffmpeg(), downloader, api, fox, folder)
            for kind in KINDS:
                if any(fnmatch.fnmatch(kind.file, pattern) for pattern in patterns):
                    for row in await pipeline.make_rows(kind):
                        cells = [*row.cells, *[""] * (HEAD.count(" | ") + 1 - len(row.cells))]
                        cells[2] += f" **missed: {', '.join(row.missed)}**" if row.missed else ""
                        print(f"| {' | '.join(cells)} |", flush=True)
                        rows.append(row)
                    await asyncio.to_thread((folder / kind.file).unlink)
            odd = await print_odd_table(patterns, Ffmpeg(), api, fox, folder)
    return rows, odd


def main() -> int:
    """Print the table; 0 if all rows are within bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pattern", nargs="*", default=["*"], help="which clips: file names such as 'vp*'")
    patterns = parser.parse_args().pattern
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="media-table-") as folder:
        rows, odd = asyncio.run(print_table(patterns, Path(folder)))
    missed = sum(bool(row.missed) for row in rows) + odd
    load = f"{os.getloadavg()[0]:.1f} of {os.cpu_count()} cores in use at the end"
    print(f"\n{len(rows)} films and refusals in {time.perf_counter() - began:.0f} s, {missed} out of bounds; {load}.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
