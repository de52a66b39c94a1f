"""The runner: the owner of all jobs. It lets tasks in as slots become free, and survives its own end."""

from __future__ import annotations

import asyncio
import logging

from bot.news import TaskEnded
from bot.runner.bell import Bell
from bot.runner.housekeeping import keep_house, sweep
from bot.runner.job import Job
from bot.runner.keeping import tidy
from bot.runner.line import Line
from bot.runner.pause import Gaps
from bot.runner.tools import Tools
from bot.store import DOUBTFUL_UP_TO
from bot.task import State, Task

log = logging.getLogger(__name__)


class Runner:
    """Works on every unfinished task while :meth:`run` runs."""

    def __init__(self, tools: Tools, bell: Bell) -> None:
        self._tools = tools
        self._bell = bell
        self._jobs: dict[int, Job] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._line = Line(tools)
        self._begun = False

    async def run(self) -> None:
        """Take up what an earlier run left, then new tasks as they come; ends only by cancellation.

        Then every job is abandoned at a safe point: what it had not written down is done again or, if it was the
        paid request, waited for and otherwise left to be found as unclear.
        """
        try:
            unfinished = await self._tools.store.unfinished()
            doubtful = int(await self._tools.store.remembered(DOUBTFUL_UP_TO) or 0)
            await tidy(self._tools, {task.id for task in unfinished})
            for task in unfinished:
                log.info("task %d goes on from %s", task.id, task.state)
                self._start(task, doubtful=task.id <= doubtful)
            self._own(asyncio.create_task(keep_house(self._tools), name="keep house"))
            self._bell.ring()
            await self._answer_bell()
        finally:
            for running in self._running:
                running.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _answer_bell(self) -> None:
        gaps = Gaps(self._tools.random, self._tools.patience.first_gap)
        while True:
            # A slot may become free without a word: one whose task is no longer followed is kept for some minutes.
            ids = await self._bell.wait(self._tools.patience.line if self._line else None)
            try:
                for task_id in ids & self._jobs.keys():
                    self._jobs[task_id].nudge()
                unknown = ids - self._jobs.keys()
                if unknown or self._line or not self._begun:  # else nobody waits to be let in
                    await self._let_in()
                in_line = [task_id for task_id in unknown - self._jobs.keys() if await self._is_in_line(task_id)]
                await self._line.look(in_line)
                self._begun = True
                gaps.reset()
            except Exception:
                log.exception("could not look for tasks; trying again")
                await asyncio.sleep(gaps.next())
                self._bell.ring()
                for task_id in ids:
                    self._bell.ring(task_id)

    async def _is_in_line(self, task_id: int) -> bool:
        """Whether a task that has no job stands in line; if it ended there, see to that."""
        task = await self._tools.store.get(task_id)
        if task and task.state.ended and not task.told:
            self._start(task)
        return bool(task and task.state is State.QUEUED)

    async def _let_in(self) -> None:
        while task := await self._claim():
            log.info("task %d %s", task.id, task.state)
            self._tools.screen.show(task, None)
            self._start(task)

    async def _claim(self) -> Task | None:
        tools = self._tools
        return await tools.store.claim(tools.roofs, tools.server_running, tools.now())

    def _start(self, task: Task, *, doubtful: bool = False) -> None:
        self._jobs[task.id] = job = Job(self._tools, task, self._bell, doubtful=doubtful)
        self._own(asyncio.create_task(self._work(job, task.id), name=f"task {task.id}"))

    def _own(self, running: asyncio.Task[None]) -> None:
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def _work(self, job: Job, task_id: int) -> None:
        try:
            await job.run()
        finally:
            del self._jobs[task_id]
            self._bell.ring()
        if not job.told_before:
            self._tools.news.tell(TaskEnded(job.task, job.completed_at))
        if job.task.forgotten:
            await sweep(self._tools)
