"""Worker: owns all jobs, starts tasks as slots become free, and takes over what no other process works on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bot.domain.events import TaskEnded
from bot.domain.task import Task
from bot.store import UNVERIFIED_UP_TO, LeaseExpired, Leases
from bot.worker.current_row import LeaseLost
from bot.worker.job import Job
from bot.worker.queue_positions import QueuePositions
from bot.worker.resources import JobResources
from bot.worker.retention import clean_up, delete_expired, run_retention
from bot.worker.throttle import Backoff
from bot.worker.wakeups import Wakeups

log = logging.getLogger(__name__)


_POSITIONS_DUTY = "line"
"""The singleton duty of showing queue positions."""

_LONGEST_PAUSE = 4.0
"""Seconds, before jitter, between two scans while they fail. A notification ends the wait."""

_PER_LEASE = 4
"""Heartbeats in the duration of a lease."""


class Worker:
    """Works on unfinished tasks while :meth:`run` runs: on all that no other process works on."""

    def __init__(self, resources: JobResources, wakeups: Wakeups) -> None:
        self._resources = resources
        self._wakeups = wakeups
        self._jobs: dict[int, Job] = {}
        self._working: set[asyncio.Task[None]] = set()
        """The asyncio tasks that run the jobs."""
        self._queue_positions = QueuePositions(resources, lambda task_id: task_id in self._jobs)
        self._next_full_scan = float("-inf")
        """When to look again for orphaned tasks; a slot that became free needs a look at the queue alone."""
        self._next_extra = float("-inf")
        """When to claim a task again although this process has its share."""
        self._unverified_up_to = 0
        """Tasks up to this id come from a restored backup, so their rows may be out of date."""

    async def run(self) -> None:
        """Resume what an earlier run or another process left, then work on new tasks, until cancelled.

        Then every job is abandoned at a safe point: what it had not recorded is done again later, except the paid
        request, whose response is waited for and which otherwise becomes unclear.
        """
        resources = self._resources
        await self._start_with_retry(resources.store.leases.register)
        heartbeats = asyncio.create_task(send_heartbeats(resources.store.leases, self._abandon_jobs), name="heartbeats")
        retention = asyncio.create_task(run_retention(resources), name="retention")
        try:
            await self._start_with_retry(self._read_state)
            self._wakeups.notify_local()
            await self._run_loop()
        finally:
            # Heartbeats end last: until the jobs have ended, other processes must not take over their tasks.
            for tasks in ((retention, *self._working), (heartbeats,)):
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await self._unregister()

    async def _read_state(self) -> None:
        """Learn what an earlier run or other processes left."""
        resources = self._resources
        self._unverified_up_to = int(await resources.store.get_note(UNVERIFIED_UP_TO) or 0)
        await clean_up(resources)
        await resources.circuit_breaker.refresh()

    async def _start_with_retry(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work`, however long the database is away: it may be restarted in the moment in which the bot starts."""
        backoff = Backoff(self._resources.random, self._resources.timeouts.first_gap, most=_LONGEST_PAUSE)
        while True:
            try:
                return await work()
            except Exception as error:
                log.warning("could not start to work, trying again: %s", error)
                await asyncio.sleep(backoff.next())

    async def _run_loop(self) -> None:
        timeouts, ids = self._resources.timeouts, set[int]()
        backoff = Backoff(self._resources.random, timeouts.first_gap, most=_LONGEST_PAUSE)
        gap = timeouts.queue_scan
        while True:
            # Also without a notification: one may get lost, a slot may become free silently, another process may die.
            ids |= await self._wakeups.wait(gap)
            try:
                await self._scan(ids)
            except Exception as error:
                # With a traceback at first: an outage of the database fails each scan in the same way.
                fault = gap == timeouts.queue_scan and not isinstance(error, LeaseExpired)
                log.warning("could not scan for tasks, trying again: %s", error, exc_info=fault)
                gap = backoff.next()
            else:
                ids.clear()
                backoff.reset()
                gap = timeouts.queue_scan

    async def _scan(self, ids: set[int]) -> None:
        """Start, resume and notify jobs; `ids`: of the tasks whose rows changed."""
        store = self._resources.store
        for task_id in ids & self._jobs.keys():
            self._jobs[task_id].notify_changed()
        store.leases.ensure_valid()
        if not store.is_single_process:
            await self._resources.circuit_breaker.refresh()
        unknown, now = ids - self._jobs.keys(), asyncio.get_running_loop().time()
        is_full = bool(unknown) or now >= self._next_full_scan
        if is_full:
            await self._resume_orphaned()
            self._next_full_scan = now + self._resources.timeouts.queue_scan
        prepared = {task_id for task_id, job in self._jobs.items() if job.task.waits}
        if is_full or self._queue_positions or prepared:  # otherwise no task is known to wait
            await self._give_slots()
            await self._start_queued()
        new = (unknown - self._jobs.keys()) | (ids & prepared)
        if (is_full or new) and await store.leases.acquire_duty(_POSITIONS_DUTY):
            await self._queue_positions.refresh([task.id for task in await store.queue.list_queued(new)])

    async def _resume_orphaned(self) -> None:
        """Resume the tasks that no process works on."""
        while claimed := await self._resources.store.leases.claim_orphaned(self._jobs.keys()):
            for task in claimed:
                log.info("task %d resumes from %s", task.id, task.state)
                self._start(task, unverified=task.id <= self._unverified_up_to)

    async def _give_slots(self) -> None:
        """Give free running slots to prepared tasks, also to those of other processes."""
        resources = self._resources
        while task := await resources.store.queue.give_slot(
            resources.operator_limits, resources.server_running, resources.now()
        ):
            log.info("task %d has a running slot", task.id)
            if job := self._jobs.get(task.id):
                job.notify_changed()
            else:
                self._wakeups.broadcast(task.id)

    async def _start_queued(self) -> None:
        """Start to prepare queued tasks while there are preparation slots, and room on the disk.

        Several processes take about equally many. Now and then this one takes one more: the others may not be able to.
        """
        resources, clock = self._resources, asyncio.get_running_loop().time
        while True:
            leave = clock() < self._next_extra
            task = await resources.store.queue.claim(
                resources.operator_limits,
                resources.now(),
                await resources.workspaces.free_bytes(),
                leave_to_others=leave,
            )
            if not leave:
                self._next_extra = clock() + resources.timeouts.queue_scan
            if task is None:
                return
            with suppress(OSError):  # its job tries again, and logs it
                await resources.workspaces.create(task.id, task.needs)
            log.info("task %d %s", task.id, task.state)
            resources.reply_port.update(task, None)
            self._start(task)

    def _start(self, task: Task, *, unverified: bool = False) -> None:
        self._jobs[task.id] = job = Job(self._resources, task, self._wakeups, unverified=unverified)
        working = asyncio.create_task(self._work(job, task.id), name=f"task {task.id}")
        self._working.add(working)
        working.add_done_callback(self._working.discard)

    async def _work(self, job: Job, task_id: int) -> None:
        try:
            await job.run()
        except LeaseLost as lost:
            log.warning("%s: another process has taken it over", lost)
            self._resources.reply_port.release(task_id)
            with suppress(OSError):
                await self._resources.workspaces.drop_reservation(task_id)
            return
        finally:
            del self._jobs[task_id]
            self._wakeups.notify_local()
        if not job.already_reported:
            self._resources.events.publish(TaskEnded(job.task, job.completed_at))
        if job.task.deletion_requested:
            await delete_expired(self._resources)

    async def _abandon_jobs(self) -> None:
        """End all jobs, because other processes have taken their tasks over."""
        for task_id in self._jobs:
            self._resources.reply_port.release(task_id)
        await self._end_jobs()

    async def _end_jobs(self) -> None:
        for working in self._working:
            working.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _unregister(self) -> None:
        """Let other processes take over at once."""
        try:
            await self._resources.store.leases.unregister()
        except Exception as error:
            log.warning("could not unregister this process; others take over when its lease expires: %s", error)


async def send_heartbeats(leases: Leases, abandon: Callable[[], Awaitable[None]]) -> None:
    """Send heartbeats until cancelled. If the lease is lost, call `abandon`, which ends all work, and register anew."""
    while True:
        await asyncio.sleep(leases.seconds / _PER_LEASE)
        try:
            if not await leases.send_heartbeat():
                log.warning("this process was silent for too long: others took over its tasks, and it registers anew")
                await abandon()
                await leases.register()
        except Exception as error:
            log.warning("could not send a heartbeat: %s", error)
