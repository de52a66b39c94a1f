"""Where tasks are worked on: fetched, checked and rendered, so many at once, each with its quirks."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.sandbox.foxapi import ffmpeg
from bot.sandbox.foxapi.download import fetch
from bot.sandbox.foxapi.probe import UnusableClip, check, probe
from bot.sandbox.foxapi.quirks import Failure
from bot.sandbox.foxapi.render import Job, render
from bot.sandbox.foxapi.strict import check_strictly
from bot.sandbox.foxapi.tasks import Task

LENGTH_TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Rendering:
    """What was rendered, and the encoder's progress on the way."""

    percents: tuple[int, ...]
    film: bytes


RenderCache = dict[str, Rendering]
"""Renderings, by what they were made of."""


class RenderFailed(Exception):
    """The task is told to fail here."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


class RenderQueue:
    """Works on the tasks it is given until it is closed; `link` makes a result file's address."""

    def __init__(
        self,
        folder: Path,
        session: aiohttp.ClientSession,
        link: Callable[[Path], str],
        *,
        pace: float,
        at_once: int,
        reel: RenderCache | None,
    ) -> None:
        """With a `reel`, orders that differ in their prompt alone are rendered once, and then played back."""
        self._folder = folder
        self._session = session
        self._link = link
        self._pace = pace
        self._slots = asyncio.Semaphore(at_once)
        self._cache = reel
        self._working: set[asyncio.Task[None]] = set()

    def enqueue(self, task: Task) -> None:
        """Begin to work on `task` as soon as there is room."""
        working = asyncio.create_task(self._work(task))
        self._working.add(working)
        working.add_done_callback(self._working.discard)

    async def close(self) -> None:
        """Drop all work; returns when no ffmpeg of ours is left."""
        working = list(self._working)
        for work in working:
            work.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def _work(self, task: Task) -> None:
        if task.quirks.stuck:
            task.status = "processing"
            await asyncio.Event().wait()  # until the workshop is closed
        async with self._slots:
            task.status = "processing"
            if task.quirks.ends_cancelled:
                return task.cancel()
            try:
                task.complete(self._link(await self._make(task)))
            except RenderFailed as failing:
                task.fail(failing.failure.code, failing.failure.message)
            except UnusableClip as unfit:
                task.fail("invalid_parameters", str(unfit))
            except ffmpeg.FfmpegFailed:
                # What ffmpeg said names our own files, and is of no use to whoever sent the clip.
                task.fail("invalid_parameters", "the video is damaged or cannot be decoded")
            except OSError:
                task.fail("service_error", "rendering failed, please try again")
            return None

    async def _make(self, task: Task) -> Path:
        await _report_progress(task, 0)
        source, target = self._folder / f"{task.id}.source", self._folder / f"{task.id}.mp4"
        try:
            await fetch(self._session, task.request.video_url, source)
            clip = await probe(source)
            check(clip)
            if task.quirks.strict:
                await asyncio.to_thread(check_strictly, source, task.request.video_url)
            pace = self._pace * task.quirks.slower
            job = Job(source, clip, task.request.prompt, task.request.seconds, target, task.quirks.joined, pace)
            await self._render(job, task)
        finally:
            source.unlink(missing_ok=True)
        await _report_progress(task, 100)
        return target

    async def _render(self, job: Job, task: Task) -> None:
        key = await asyncio.to_thread(_compute_key, job) if self._cache is not None else ""
        if self._cache is not None and (known := self._cache.get(key)):
            for percent in known.percents:
                await _report_progress(task, percent)
            await asyncio.to_thread(job.target.write_bytes, known.film)
            return
        percents: list[int] = []

        async def on_percent(percent: int) -> None:
            percents.append(percent)
            await _report_progress(task, percent)

        await render(job, on_percent)
        # A clip that breaks off without a sign of it is noticed by what came of it.
        made = await probe(job.target)
        if abs(made.seconds - job.length) > LENGTH_TOLERANCE:
            raise UnusableClip("the video is damaged: it ends before its stated duration")
        if self._cache is not None:
            self._cache[key] = Rendering(tuple(percents), await asyncio.to_thread(job.target.read_bytes))


async def _report_progress(task: Task, percent: int) -> None:
    """Note the encoder's progress (it never goes back); stand still or fail where the task's quirks say so."""
    failure, pause = task.quirks.failure, task.quirks.pause
    if pause and percent >= pause.at and not pause.reached.is_set():
        task.progress = max(task.progress, pause.at)
        pause.reached.set()
        await pause.release.wait()
    if failure and percent >= failure.at:
        task.progress = max(task.progress, failure.at)
        raise RenderFailed(failure)
    task.progress = max(task.progress, percent)


def _compute_key(job: Job) -> str:
    with job.source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{digest} {job.seconds} {job.joined}"
