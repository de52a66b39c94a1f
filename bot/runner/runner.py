"""The runner: the owner of all jobs. It lets tasks in as slots become free, and survives its own end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from bot.news import TaskEnded
from bot.runner.bell import Bell
from bot.runner.holding import hold
from bot.runner.housekeeping import keep_house, sweep
from bot.runner.job import Job, Lost
from bot.runner.keeping import tidy
from bot.runner.line import Line
from bot.runner.pause import Gaps
from bot.runner.tools import Tools
from bot.store import DOUBTFUL_UP_TO, NotSure
from bot.task import Task

log = logging.getLogger(__name__)


_LINE = "line"
"""The duty to show to those in line where they stand."""


class Runner:
    """Works on unfinished tasks while :meth:`run` runs: on all that no other process works on."""

    def __init__(self, tools: Tools, bell: Bell) -> None:
        self._tools = tools
        self._bell = bell
        self._jobs: dict[int, Job] = {}
        self._working: set[asyncio.Task[None]] = set()
        """What runs the jobs."""
        self._line = Line(tools)
        self._thorough_at = float("-inf")
        """When to look again for what nobody told: a slot that is free needs a look at the line alone."""
        self._doubtful_up_to = 0
        """Of tasks with these numbers a restored backup may not know all."""

    async def run(self) -> None:
        """Take up what an earlier run or another process left, then new tasks; ends only by cancellation.

        Then every job is abandoned at a safe point: what it had not written down is done again or, if it was the
        paid request, waited for and otherwise left to be found as unclear.
        """
        tools = self._tools
        await tools.store.leases.join()
        beside = [
            asyncio.create_task(hold(tools.store.leases, self._let_go), name="hold"),
            asyncio.create_task(keep_house(tools), name="keep house"),
        ]
        try:
            self._doubtful_up_to = int(await tools.store.remembered(DOUBTFUL_UP_TO) or 0)
            await tidy(tools)
            await tools.pause.look()
            self._bell.hear()
            await self._answer_bell()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._end_jobs()
            await self._leave()

    async def _answer_bell(self) -> None:
        gaps = Gaps(self._tools.random, self._tools.patience.first_gap)
        while True:
            # Also when it does not ring: a slot may become free without a word, a process may die, a ring may get lost.
            ids = await self._bell.wait(self._tools.patience.line)
            try:
                await self._look(ids)
                gaps.reset()
            except Exception as error:
                log.warning(
                    "could not look for tasks, trying again: %s", error, exc_info=not isinstance(error, NotSure)
                )
                await asyncio.sleep(gaps.next())
                self._bell.hear()
                for task_id in ids:
                    self._bell.hear(task_id)

    async def _look(self, ids: set[int]) -> None:
        """Do what there is to do; `ids`: of the tasks that somebody said something of."""
        store = self._tools.store
        for task_id in ids & self._jobs.keys():
            self._jobs[task_id].nudge()
        store.leases.must_be_sure()
        if not store.alone:
            await self._tools.pause.look()
        unknown, now = ids - self._jobs.keys(), asyncio.get_running_loop().time()
        thorough = bool(unknown) or now >= self._thorough_at
        if thorough:
            await self._take_up()
            self._thorough_at = now + self._tools.patience.line
        prepared = {task_id for task_id, job in self._jobs.items() if job.task.waits}
        if thorough or self._line or prepared:  # else nobody is known to wait
            await self._give_slots()
            await self._let_in()
        new = (unknown - self._jobs.keys()) | (ids & prepared)
        if (thorough or new) and await store.leases.has_duty(_LINE):
            await self._line.look([task.id for task in await store.in_line(new)])

    async def _take_up(self) -> None:
        """Go on with what nobody works on."""
        while taken := await self._tools.store.leases.take(self._jobs.keys()):
            for task in taken:
                log.info("task %d goes on from %s", task.id, task.state)
                self._start(task, doubtful=task.id <= self._doubtful_up_to)

    async def _give_slots(self) -> None:
        """Give the running slots that are free to prepared tasks, whichever process has them."""
        tools = self._tools
        while task := await tools.store.give_slot(tools.roofs, tools.server_running, tools.now()):
            log.info("task %d has a running slot", task.id)
            if job := self._jobs.get(task.id):
                job.nudge()
            else:
                self._bell.carry(task.id)

    async def _let_in(self) -> None:
        """Begin to prepare tasks, as far as there are slots for that, and room."""
        tools = self._tools
        while task := await tools.store.claim(tools.roofs, tools.now(), await tools.folders.room()):
            with suppress(OSError):  # its job tries again, and says so
                await tools.folders.open(task.id, task.needs)
            log.info("task %d %s", task.id, task.state)
            tools.screen.show(task, None)
            self._start(task)

    def _start(self, task: Task, *, doubtful: bool = False) -> None:
        self._jobs[task.id] = job = Job(self._tools, task, self._bell, doubtful=doubtful)
        working = asyncio.create_task(self._work(job, task.id), name=f"task {task.id}")
        self._working.add(working)
        working.add_done_callback(self._working.discard)

    async def _work(self, job: Job, task_id: int) -> None:
        try:
            await job.run()
        except Lost as lost:
            log.warning("%s: it is another process's now", lost)
            self._tools.screen.forget(task_id)
            return
        finally:
            del self._jobs[task_id]
            self._bell.hear()
        if not job.told_before:
            self._tools.news.tell(TaskEnded(job.task, job.completed_at))
        if job.task.forgotten:
            await sweep(self._tools)

    async def _let_go(self) -> None:
        """All tasks are others' now."""
        for task_id in self._jobs:
            self._tools.screen.forget(task_id)
        await self._end_jobs()

    async def _end_jobs(self) -> None:
        for working in self._working:
            working.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _leave(self) -> None:
        """Let others go on at once."""
        try:
            await self._tools.store.leases.leave()
        except Exception as error:
            log.warning("could not say that this process ends; others will see that it is silent: %s", error)
