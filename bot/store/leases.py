"""Which process works on which task: leases, renewed by signs of life and taken over when these have stopped.

A process is a row of `processes`, which says until when it counts as alive; a task names its holder and the number of
its lease, the fence. Whoever finds a process whose time is over deletes its row: that, and nothing else, is what death
means. Its tasks may then be taken by others, each with the next fence. A process that was only slow, or paused, finds
its row gone, and every write of a task with a fence that is no longer the row's changes nothing (Store.move).

Time is the database's clock: those of the machines may differ. Only whether this process may still be sure of itself
is told by its own steady clock, counted from before the sign of life was given, so that it doubts too early at worst.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, case, delete, false, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.task import Task, TaskState
from bot.store.engines.base import Database
from bot.store.engines.dialect import DatabaseClock, insert_into, unindexed
from bot.store.engines.shielded import shielded
from bot.store.tables import UNSETTLED, in_state, processes, singleton_duties, tasks
from bot.store.unreadable import SetAside

log = logging.getLogger(__name__)

_AT_ONCE = 100

_SAFE_FRACTION = 0.75
"""From this part of a lease on a process is not sure of itself any more."""

SUSPECT_FROM = 2
"""After so many crashes a task may well be what they come from."""


def monotonic_seconds() -> float:
    """Seconds that go on while the process is stopped and, where the system counts that, while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class LeaseExpired(Exception):
    """The process may have been taken for dead: it takes on nothing until it knows."""


class Leases:
    """One process's part in the work. A part of :class:`bot.store.Store`."""

    def __init__(self, database: Database, seconds: float, steady: Callable[[], float] = monotonic_seconds) -> None:
        """`seconds`: how long a process counts as alive after its last sign of life."""
        self._database = database
        self.seconds = seconds
        self._monotonic = steady
        self._valid_until = float("-inf")
        self._disturbed_at = float("-inf")
        """When the database last did not answer: then the others' signs of life may not have come through either."""
        self.process_id = ""
        """This process, from :meth:`register` until it is taken for dead."""
        self.aside = SetAside()
        self.process_count = 1
        """How many processes shared the work at the last sign of life, this one counted."""

    @property
    def is_valid(self) -> bool:
        """Whether nobody can have taken over what this process holds. Alone on a file, nobody ever does."""
        return not self._database.shared or self._monotonic() < self._valid_until

    def ensure_valid(self) -> None:
        """Raise NotSure unless it is."""
        if not self.is_valid:
            raise LeaseExpired("this process has not given a sign of life in time")

    @shielded
    async def register(self) -> None:
        """Begin to take part, under a name that nobody had before."""
        me, began = uuid4().hex, self._monotonic()
        row = {"id": me, "name": f"{socket.gethostname()}:{os.getpid()}", "alive_until": DatabaseClock() + self.seconds}
        async with self._database.write_transaction() as connection:
            if not self._database.shared:  # then whoever had the file before is dead
                await connection.execute(delete(processes))
            await connection.execute(insert(processes).values(row))
        self.process_id, self._valid_until = me, began + self.seconds * _SAFE_FRACTION

    @shielded
    async def heartbeat(self) -> bool:
        """Give a sign of life; False: it came too late, all is lost, and this process may :meth:`register` anew.

        Alone on a file nobody would look at it.
        """
        if not self._database.shared:
            return True
        began = self._monotonic()
        mine = (
            update(processes)
            .where(processes.c.id == self.process_id)
            .values(alive_until=DatabaseClock() + self.seconds)
        )
        try:
            async with self._database.write_transaction() as connection:
                alive = (await connection.execute(mine.returning(processes.c.id))).one_or_none() is not None
                if alive:
                    self.process_count = await connection.scalar(select(func.count()).select_from(processes)) or 1
        except Exception:
            self._disturbed_at = self._monotonic()
            raise
        self._valid_until = began + self.seconds * _SAFE_FRACTION if alive else float("-inf")
        return alive

    @shielded
    async def unregister(self) -> None:
        """Take part no longer: what this process holds is free at once, and nobody takes this for a crash."""
        self._valid_until = float("-inf")
        mine = and_(UNSETTLED, tasks.c.holder == self.process_id, tasks.c.at_risk.is_(True))
        async with self._database.write_transaction() as connection:
            await connection.execute(update(tasks).where(mine).values(at_risk=False))
            await connection.execute(delete(processes).where(processes.c.id == self.process_id))

    @shielded
    async def claim_orphaned(self, at_work: Collection[int]) -> list[Task]:
        """Take over some tasks with something left to do that no living process holds, but for those in line.

        `at_work`: what this process works on. It also gets what it holds without knowing (an answer was lost).
        """
        if not await self._is_some(at_work):
            return []
        free = select(tasks.c.id).where(_orphaned()).order_by(unindexed(tasks.c.id)).limit(_AT_ONCE)
        async with self._database.write_transaction() as connection:
            if self._may_bury:
                await self._prune_stalled(connection)
            while True:
                ids = list(await connection.scalars(free.with_for_update(skip_locked=True, of=tasks)))
                ids = ids or await self._untracked(connection, at_work)
                # Asked once more, now that nobody else can change these rows: one may have been taken in between.
                still = or_(_orphaned(), tasks.c.holder == self.process_id)
                change = update(tasks).where(tasks.c.id.in_(ids), still)
                change = change.values(**self.lease(), **self._after_crash())
                taken = await self.aside.read_all(connection, change, ids) if ids else []
                if taken or self.aside.ids.isdisjoint(ids):
                    return taken

    @shielded
    async def acquire_duty(self, name: str) -> bool:
        """Whether this process is the one that does what only one must do; whoever asks first is, while it lives."""
        if not self._database.shared:
            return True
        free = or_(
            singleton_duties.c.holder == self.process_id, singleton_duties.c.holder.not_in(select(processes.c.id))
        )
        async with self._database.write_transaction() as connection:
            mine = insert_into(connection, singleton_duties).values(name=name, holder=self.process_id)
            mine = mine.on_conflict_do_update(index_elements=["name"], set_={"holder": self.process_id}, where=free)
            return (await connection.execute(mine.returning(singleton_duties.c.name))).one_or_none() is not None

    def lease(self) -> dict[str, Any]:
        """What is written into a task's row that this process takes: nobody's, if it was taken for dead meanwhile."""
        me = select(processes.c.id).where(processes.c.id == self.process_id).scalar_subquery()
        return {"holder": me, "fence": tasks.c.fence + 1}

    def _after_crash(self) -> dict[str, Any]:
        """What is noted of a task whose last holder may have died of it.

        A suspect goes on by taking a slot (turns.take_back_slot), where it waits until no other one is under way.
        """
        died = and_(tasks.c.at_risk.is_(True), or_(tasks.c.holder.is_(None), tasks.c.holder != self.process_id))
        crashes = case((died, tasks.c.crashes + 1), else_=tasks.c.crashes)
        unprepared = and_(tasks.c.state == TaskState.PREPARING, tasks.c.prepared_at.is_(None))
        suspect = and_(unprepared, crashes >= SUSPECT_FROM)
        waits = or_(suspect, tasks.c.retry_at.is_not(None))
        risky = and_(or_(unprepared, tasks.c.state == TaskState.READY), ~waits)
        return {
            "crashes": crashes,
            "at_risk": case((risky, true()), else_=false()),
            # `changed_at` is in the past: it waits for nothing but its slot.
            "retry_at": case((suspect, func.coalesce(tasks.c.retry_at, tasks.c.changed_at)), else_=tasks.c.retry_at),
            # Only a row that was set aside, and is mended now, is overdue before it renders.
            "overdue": and_(tasks.c.overdue, tasks.c.state.not_in((TaskState.PREPARING, TaskState.SUBMITTING))),
        }

    @property
    def _may_bury(self) -> bool:
        return self._database.shared and self._monotonic() - self._disturbed_at > self.seconds

    async def _is_some(self, at_work: Collection[int]) -> bool:
        """Whether there may be something to take: mostly there is nothing, and a look holds nobody up."""
        async with self._database.read_transaction() as connection:
            if self._may_bury and await connection.scalar(select(processes.c.id).where(self._is_late()).limit(1)):
                return True
            free = await connection.scalar(select(tasks.c.id).where(_orphaned()).limit(1))
            return free is not None or bool(await self._untracked(connection, at_work))

    def _is_late(self) -> ColumnElement[bool]:
        return and_(processes.c.alive_until < DatabaseClock(), processes.c.id != self.process_id)

    async def _prune_stalled(self, connection: AsyncConnection) -> None:
        """Declare dead who gave no sign of life for too long."""
        for name in await connection.scalars(delete(processes).where(self._is_late()).returning(processes.c.name)):
            log.warning("process %s is taken for dead: others go on with its tasks", name)

    async def _untracked(self, connection: AsyncConnection, at_work: Collection[int]) -> list[int]:
        """Some that this process holds and does not work on."""
        # Told apart here: thousands of ids in a statement would cost more than thousands of rows of one number.
        mine = select(tasks.c.id).where(UNSETTLED, ~in_state(TaskState.QUEUED), tasks.c.holder == self.process_id)
        found = (task_id for task_id in await connection.scalars(mine) if task_id not in self.aside.ids)
        return list(islice((task_id for task_id in found if task_id not in at_work), _AT_ONCE))


def _orphaned() -> ColumnElement[bool]:
    living = select(processes.c.id)
    return and_(UNSETTLED, ~in_state(TaskState.QUEUED), or_(tasks.c.holder.is_(None), tasks.c.holder.not_in(living)))
