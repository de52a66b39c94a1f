"""Renders tasks: fetches and checks the clip, renders a limited number at once, and applies each task's quirks."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
    """A rendered video and the encoder's progress while it was made."""

    percents: tuple[int, ...]
    film: bytes


RenderCache = dict[str, Rendering]
"""Renderings by a key of the request, without its prompt."""


class RenderFailed(Exception):
    """The task's quirks say that it fails here."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


class Renderer(Protocol):
    """Completes or fails the tasks that it is given."""

    async def open(self) -> None:
        """Prepare before the first task."""

    def enqueue(self, task: Task) -> None:
        """Start `task` as soon as possible."""

    async def close(self) -> None:
        """Cancel all tasks."""


class RenderQueue:
    """A :class:`Renderer` that really renders; `link` makes the URL of a result file."""

    def __init__(
        self,
        folder: Path,
        session: aiohttp.ClientSession,
        link: Callable[[Path], str],
        *,
        pace: float,
        at_once: int,
        cache: RenderCache | None,
    ) -> None:
        """`at_once`: concurrent renderings. A `cache` renders requests that differ only in their prompt once."""
        self._folder = folder
        self._session = session
        self._link = link
        self._pace = pace
        self._slots = asyncio.Semaphore(at_once)
        self._cache = cache
        self._working: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Do nothing: there is nothing to prepare."""

    def enqueue(self, task: Task) -> None:
        """Start `task` as soon as a slot is free."""
        working = asyncio.create_task(self._run_task(task))
        self._working.add(working)
        working.add_done_callback(self._working.discard)

    async def close(self) -> None:
        """Cancel all tasks; returns once every ffmpeg process has ended."""
        working = list(self._working)
        for work in working:
            work.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def _run_task(self, task: Task) -> None:
        if task.quirks.stuck:
            task.status = "processing"
            await asyncio.Event().wait()  # until the queue is closed
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
                # ffmpeg's message contains local paths and does not help the caller.
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
        # A clip that is silently truncated shows in the length of the result.
        made = await probe(job.target)
        if abs(made.seconds - job.length) > LENGTH_TOLERANCE:
            raise UnusableClip("the video is damaged: it ends before its stated duration")
        if self._cache is not None:
            self._cache[key] = Rendering(tuple(percents), await asyncio.to_thread(job.target.read_bytes))


async def _report_progress(task: Task, percent: int) -> None:
    """Record the encoder's progress (never backwards); pause or fail where the task's quirks say so."""
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
