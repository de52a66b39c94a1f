"""Leases: which process works on which task, renewed by heartbeats and taken over when these stop.

Each process has a row in `processes` with the time until which it counts as alive. A task's row names its holder and
the fencing token of its lease. A process that finds another one's time expired deletes that row; a process without a
row is dead. Its tasks may then be claimed by others, each with the next fencing token. If the process was only slow or
paused, it finds its row gone, and its writes under the old token change nothing (TaskRepository.transition).

Times are the database's, because the machines' clocks may differ. Only whether this process may still trust its own
lease is decided by its monotonic clock, counted from before each heartbeat, so that it errs on the early side.
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

from sqlalchemy import ColumnElement, Select, and_, case, delete, false, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import ExtendBotError
from bot.domain.task import Task, TaskState
from bot.store.engines.base import Database
from bot.store.engines.dialect import DatabaseClock, insert_into, unindexed
from bot.store.repository import Repository
from bot.store.tables import UNSETTLED, in_state, processes, singleton_duties, tasks
from bot.store.unreadable import SetAsideTasks

log = logging.getLogger(__name__)

_BATCH_SIZE = 100

_SAFE_FRACTION = 0.75
"""After this fraction of a lease without a heartbeat, a process no longer trusts it."""

_STARTED = tuple(state for state in TaskState.UNFINISHED if state is not TaskState.QUEUED)

SUSPECT_FROM = 2
"""From this many crashes on, a task is suspected to be their cause."""


def monotonic_seconds() -> float:
    """Return seconds that also pass while the process is stopped and, where supported, while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class LeaseExpired(ExtendBotError):
    """The process may have lost its leases, so it must start nothing until a heartbeat succeeds."""


class Leases(Repository):
    """The leases of this process. A part of :class:`bot.store.Store`."""

    def __init__(self, database: Database, seconds: float, clock: Callable[[], float] = monotonic_seconds) -> None:
        """`seconds`: how long a process counts as alive after its last heartbeat."""
        super().__init__(database)
        self.seconds = seconds
        self._monotonic = clock
        self._valid_until = float("-inf")
        self._failed_at = float("-inf")
        """When a heartbeat last failed: the other processes' heartbeats may have failed too."""
        self.process_id = ""
        """This process's id, from :meth:`register` on."""
        self.set_aside = SetAsideTasks()
        self.process_count = 1
        """How many processes shared the work at the last heartbeat, this one included."""
        self.query_share = 1.0
        """This process's part of all queries to FoxAPI, by the tasks that it held at the last heartbeat."""

    @property
    def is_valid(self) -> bool:
        """Whether no other process can have taken over this one's tasks. A single process is always valid."""
        return not self._database.shared or self._monotonic() < self._valid_until

    def ensure_valid(self) -> None:
        """Raise LeaseExpired unless the lease is valid."""
        if not self.is_valid:
            raise LeaseExpired("this process has sent no heartbeat in time")

    async def register(self) -> None:
        """Join the processes, under a new id."""
        me, began = uuid4().hex, self._monotonic()
        row = {"id": me, "name": f"{socket.gethostname()}:{os.getpid()}", "alive_until": DatabaseClock() + self.seconds}
        async with self._database.write_transaction() as connection:
            if not self._database.shared:  # the file lock proves that the last process is dead
                await connection.execute(delete(processes))
            await connection.execute(insert(processes).values(row))
        self.process_id, self._valid_until = me, began + self.seconds * _SAFE_FRACTION

    async def send_heartbeat(self) -> bool:
        """Renew the leases; return False if they are lost, and this process must :meth:`register` again.

        A single process writes nothing.
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
                    await self._read_shares(connection)
        except Exception:
            self._failed_at = self._monotonic()
            raise
        self._valid_until = began + self.seconds * _SAFE_FRACTION if alive else float("-inf")
        return alive

    async def _read_shares(self, connection: AsyncConnection) -> None:
        self.process_count = await connection.scalar(select(func.count()).select_from(processes)) or 1
        held = select(func.count(), func.count().filter(tasks.c.holder == self.process_id))
        total, own = (await connection.execute(held.where(in_state(TaskState.RENDERING)))).one()
        # Plus one: a process without tasks must be able to query its first one before the next heartbeat.
        self.query_share = (own + 1) / (total + self.process_count)

    async def unregister(self) -> None:
        """Leave the processes: this one's tasks are free at once, and this does not count as a crash."""
        self._valid_until = float("-inf")
        mine = and_(UNSETTLED, tasks.c.holder == self.process_id, tasks.c.at_risk.is_(True))
        async with self._database.write_transaction() as connection:
            await connection.execute(update(tasks).where(mine).values(at_risk=False))
            await connection.execute(delete(processes).where(processes.c.id == self.process_id))

    async def claim_orphaned(self, running_ids: Collection[int]) -> list[Task]:
        """Claim some unsettled tasks that no living process holds, queued ones excepted.

        `running_ids`: the tasks that this process works on. It also gets tasks that it holds unknowingly, because the
        response to an earlier claim was lost.
        """
        if not await self._has_orphans(running_ids):
            return []
        free = select(tasks.c.id).where(_is_orphaned()).order_by(unindexed(tasks.c.id)).limit(_BATCH_SIZE)
        async with self._database.write_transaction() as connection:
            if self._may_prune:
                await self._prune_stalled(connection)
            while True:
                ids = list(await connection.scalars(free.with_for_update(skip_locked=True, of=tasks)))
                ids = ids or await self._find_untracked(connection, running_ids)
                # Checked again under the row locks: another process may have claimed one in between.
                is_free = or_(_is_orphaned(), tasks.c.holder == self.process_id)
                change = update(tasks).where(tasks.c.id.in_(ids), is_free, self.is_registered())
                change = change.values(**self.get_lease_values(), **self._build_crash_changes())
                taken = await self.set_aside.read_all(connection, change, ids) if ids else []
                if taken or self.set_aside.ids.isdisjoint(ids):
                    return taken

    async def acquire_duty(self, name: str) -> bool:
        """Acquire a singleton duty; return whether this process holds it now. It keeps the duty while it is alive."""
        if not self._database.shared:
            return True
        free = or_(
            singleton_duties.c.holder == self.process_id, singleton_duties.c.holder.not_in(select(processes.c.id))
        )
        async with self._database.write_transaction() as connection:
            mine = insert_into(connection, singleton_duties).values(name=name, holder=self.process_id)
            mine = mine.on_conflict_do_update(index_elements=["name"], set_={"holder": self.process_id}, where=free)
            return (await connection.execute(mine.returning(singleton_duties.c.name))).one_or_none() is not None

    def is_registered(self) -> ColumnElement[bool]:
        """Return the condition that this process was not taken for dead; otherwise it must claim nothing."""
        if not (self._database.shared and self.process_id):
            return true()
        return select(processes.c.id).where(processes.c.id == self.process_id).exists()

    def select_shares(self) -> Select[int, int]:
        """Return the query for how many started tasks there are, and how many of them this process works on."""
        counts = select(func.count(), func.count().filter(tasks.c.holder == self.process_id))
        return counts.where(in_state(*_STARTED), tasks.c.overdue.is_(False))

    def get_lease_values(self) -> dict[str, Any]:
        """Return the columns of a claimed task's lease. The holder is NULL if this process's row is gone."""
        me = select(processes.c.id).where(processes.c.id == self.process_id).scalar_subquery()
        return {"holder": me, "fence": tasks.c.fence + 1}

    def _build_crash_changes(self) -> dict[str, Any]:
        """Return the changes that count a crash of the task's last holder.

        A suspect must take a slot again (scheduling.take_back_slot), where it waits until no other suspect runs.
        """
        holder_died = and_(tasks.c.at_risk.is_(True), or_(tasks.c.holder.is_(None), tasks.c.holder != self.process_id))
        crashes = case((holder_died, tasks.c.crashes + 1), else_=tasks.c.crashes)
        is_unprepared = and_(tasks.c.state == TaskState.PREPARING, tasks.c.prepared_at.is_(None))
        is_suspect = and_(is_unprepared, crashes >= SUSPECT_FROM)
        waits = or_(is_suspect, tasks.c.retry_at.is_not(None))
        is_risky = and_(or_(is_unprepared, tasks.c.state == TaskState.READY), ~waits)
        return {
            "crashes": crashes,
            "at_risk": case((is_risky, true()), else_=false()),
            # `changed_at` is in the past, so it waits only for its slot.
            "retry_at": case((is_suspect, func.coalesce(tasks.c.retry_at, tasks.c.changed_at)), else_=tasks.c.retry_at),
            # Only a row that was set aside and then repaired is overdue before it renders.
            "overdue": and_(tasks.c.overdue, tasks.c.state.not_in((TaskState.PREPARING, TaskState.SUBMITTING))),
        }

    @property
    def _may_prune(self) -> bool:
        return self._database.shared and self._monotonic() - self._failed_at > self.seconds

    async def _has_orphans(self, running_ids: Collection[int]) -> bool:
        """Return whether there may be tasks to claim. Usually there are none, and a read takes no lock."""
        async with self._database.read_transaction() as connection:
            if self._may_prune and await connection.scalar(select(processes.c.id).where(self._is_stalled()).limit(1)):
                return True
            free = await connection.scalar(select(tasks.c.id).where(_is_orphaned()).limit(1))
            return free is not None or bool(await self._find_untracked(connection, running_ids))

    def _is_stalled(self) -> ColumnElement[bool]:
        return and_(processes.c.alive_until < DatabaseClock(), processes.c.id != self.process_id)

    async def _prune_stalled(self, connection: AsyncConnection) -> None:
        """Delete the processes whose heartbeats have stopped."""
        for name in await connection.scalars(delete(processes).where(self._is_stalled()).returning(processes.c.name)):
            log.warning("process %s has stopped sending heartbeats: others take over its tasks", name)

    async def _find_untracked(self, connection: AsyncConnection, running_ids: Collection[int]) -> list[int]:
        """Find some tasks that this process holds but does not work on."""
        # Filtered here: thousands of ids in a statement would cost more than reading thousands of ids.
        mine = select(tasks.c.id).where(UNSETTLED, ~in_state(TaskState.QUEUED), tasks.c.holder == self.process_id)
        found = (task_id for task_id in await connection.scalars(mine) if task_id not in self.set_aside.ids)
        return list(islice((task_id for task_id in found if task_id not in running_ids), _BATCH_SIZE))


def _is_orphaned() -> ColumnElement[bool]:
    living = select(processes.c.id)
    return and_(UNSETTLED, ~in_state(TaskState.QUEUED), or_(tasks.c.holder.is_(None), tasks.c.holder.not_in(living)))
