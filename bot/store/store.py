"""The store's face: what is asked of the rows, in this program's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Protocol, Self

from sqlalchemy import ColumnElement, Select, and_, insert, or_, select

from bot.rules import DailyLimits, GuildLimits, OperatorLimits, UsageSnapshot
from bot.store.alone import LocalCircuitState, LocalTurns
from bot.store.attic import Retention
from bot.store.books import Reports
from bot.store.catalogue import TaskRepository
from bot.store.database import Database, Lock
from bot.store.dialect import unindexed, upsert
from bot.store.engine import open_database
from bot.store.leases import Leases
from bot.store.lifecycle import Moved, add_runs, change_task, first_values, new_task
from bot.store.overview import Overview
from bot.store.paces import SharedTurns
from bot.store.pauses import CircuitState
from bot.store.servers import Guilds
from bot.store.shares import ShareRepository
from bot.store.tables import IS_KEPT, UNSETTLED, in_state, notes, tasks, to_task
from bot.store.turns import QueueSnapshot, claim_next, queue_snapshot, take_back_slot, take_slot
from bot.store.uninterrupted import shielded
from bot.store.unreadable import only_readable
from bot.store.usage import PREPARED, moderation_row, usage_of
from bot.task import ReplyTarget, Task, TaskRequest, TaskState

_POLLS, _BETWEEN_POLLS = 22, 0.1
"""How often to look for the record of what a reply shows already, and the seconds between: Discord waits for three."""
_BEGUN = and_(UNSETTLED, ~in_state(TaskState.QUEUED))


class AdmissionPolicy(Protocol):
    """Who decides, inside the transaction, whether a task may be kept."""

    def daily_limits(self, limits: GuildLimits | None) -> DailyLimits:
        """The daily numbers that hold, given what the server's moderators set (None: nothing)."""

    def check(self, limits: GuildLimits | None, usage: UsageSnapshot) -> bool:
        """Raise Refused, or return whether one of the member's extra runs is used up."""

    def with_guild_locale(self, limits: GuildLimits | None, place: ReplyTarget) -> ReplyTarget:
        """Where the task's reply is, with the language in which it is written."""


class Store:
    """All rows. Made by :meth:`open`."""

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self.leases = Leases(database, lease)
        self.circuit_state = CircuitState(database) if database.shared else LocalCircuitState(database)
        self.shared_turns = SharedTurns(database) if database.shared else LocalTurns(database)
        self.guilds = Guilds(self._database)
        self.reports = Reports(self._database)
        self.retention = Retention(self._database)
        self.tasks = TaskRepository(self._database)
        self.shares = ShareRepository(self._database)
        self.overview = Overview(self._database)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, lease: float = 20) -> AsyncIterator[Self]:
        """Open the database at `url`, migrated; an SQLite file for this process alone. Raises StoreUnusable.

        `lease`: seconds after its last sign of life at which a process's tasks may go to others.
        """
        async with open_database(url) as database:
            try:
                yield cls(database, lease)
            finally:
                await database.close()

    @property
    def is_single_process(self) -> bool:
        """Whether no other process can be at work on these rows."""
        return not self._database.shared

    def notifications(
        self, on_notify: Callable[[int | None], None]
    ) -> AbstractAsyncContextManager[Callable[[int | None], None]]:
        """Between entering and leaving, `hear` is told what other processes tell, and what it yields tells them.

        Some of it may be lost, for instance while the database is away.
        """
        return self._database.notifications(on_notify)

    @shielded
    async def create(
        self, order: TaskRequest, place: ReplyTarget, now: datetime, policy: AdmissionPolicy, needs: int = 0
    ) -> Task:
        """Keep a new task, `queued`, if `judge` allows it: one transaction. Raises the judge's Refused.

        `needs`: bytes that it needs on the disk.
        """
        home, user = order.scope_id, order.user_id
        async with self._database.write_transaction(Lock.ORDERS) as connection:
            moderation = await moderation_row(connection, home, user)
            daily_limits = policy.daily_limits(moderation.limits)
            usage = await usage_of(connection, home, user, moderation, daily_limits, now)
            granted = policy.check(moderation.limits, usage)
            if granted:
                await add_runs(connection, home, user, -1)
            new = {**new_task(order, policy.with_guild_locale(moderation.limits, place), now, granted), "needs": needs}
            added = await connection.execute(insert(tasks).values(new).returning(tasks))
            return to_task(added.one())

    async def get(self, task_id: int) -> Task | None:
        """The task's row as it is now. Raises RowUnreadable."""
        return await self._read_one(select(tasks).where(tasks.c.id == task_id))

    async def visible(self, task_id: int) -> Task | None:
        """The task's row for whatever shows or sends something of it: None if its member deleted their data."""
        task = await self.get(task_id)
        return None if task is None or task.is_erased else task

    async def wait_until_recorded(self, task_id: int) -> Task | None:
        """The row; if its end is being shown just now, once that is written down. Takes less than three seconds."""
        task = await self.get(task_id)
        for _ in range(_POLLS):
            if task is None or task.state is not TaskState.READY:
                break
            await asyncio.sleep(_BETWEEN_POLLS)
            task = await self.get(task_id)
        return task

    async def find_by_message(self, message_id: int) -> Task | None:
        """The task whose reply is this message, if there is one."""
        here = select(tasks).where(tasks.c.message_id == message_id, tasks.c.forgotten.is_(False))
        return await self._read_one(here)

    async def unfinished(self) -> list[Task]:
        """Every task with something left to do, telling and notifying included, but for those in line; oldest first."""
        return await self._read(select(tasks).where(_BEGUN).order_by(unindexed(tasks.c.id)))

    @shielded
    async def unfinished_ids(self) -> set[int]:
        """Their numbers, also of those whose rows cannot be read."""
        async with self._database.read_transaction() as connection:
            return set(await connection.scalars(select(tasks.c.id).where(_BEGUN)))

    async def of_member(self, user_id: int, limit: int) -> list[Task]:
        """The member's newest tasks, newest first."""
        return await self._read(
            select(tasks)
            .where(tasks.c.user_id == user_id, tasks.c.forgotten.is_(False), IS_KEPT)
            .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
            .limit(limit)
        )

    @shielded
    async def claim(self, operator_limits: OperatorLimits, now: datetime, room: int | None = None) -> Task | None:
        """Take the next in line, now `preparing`, if there is a slot for that and `room` on the disk (None: any)."""
        if not await self._is_any(in_state(TaskState.QUEUED)):
            return None
        async with self._database.write_transaction(Lock.TURNS) as connection:
            return await claim_next(connection, operator_limits, room, now, self.leases.lease(), self.leases.aside)

    @shielded
    async def give_slot(self, operator_limits: OperatorLimits, server_running: int, now: datetime) -> Task | None:
        """Give the next prepared task, now `sending`, a running slot if one is free; its holder may send it at once.

        `server_running`: of servers that have set none.
        """
        if not await self._is_any(PREPARED):
            return None
        async with self._database.write_transaction(Lock.TURNS) as connection:
            return await take_slot(connection, operator_limits, server_running, now, self.leases.aside)

    async def _is_any(self, which: ColumnElement[bool]) -> bool:
        """Whether any task is so: mostly nobody waits, and a look holds nobody up."""
        async with self._database.read_transaction() as connection:
            return await connection.scalar(select(tasks.c.id).where(which).limit(1)) is not None

    @shielded
    async def prepared(
        self, task: Task, operator_limits: OperatorLimits, server_running: int, now: datetime, **changes: object
    ) -> Task:
        """Write what was prepared; return the row: `sending` if a running slot is free for it, else it waits for one.

        Raises Moved.
        """
        async with self._database.write_transaction(Lock.TURNS) as connection:
            row = await change_task(connection, task, {"prepared_at": now, "at_risk": False, **changes})
            return await take_slot(connection, operator_limits, server_running, now, self.leases.aside, only=row) or row

    @shielded
    async def snapshot(self, operator_limits: OperatorLimits, server_running: int, now: datetime) -> QueueSnapshot:
        """Everything that tells who is next in line, and next but one."""
        async with self._database.read_transaction() as connection:
            return await queue_snapshot(connection, operator_limits, server_running, now)

    async def queued(self, ids: Collection[int]) -> list[Task]:
        """Those of these tasks that still stand in line, or wait for a running slot."""
        waits = or_(in_state(TaskState.QUEUED), PREPARED)
        return await self._read(select(tasks).where(tasks.c.id.in_(ids), waits))

    async def transition(self, task: Task, state: TaskState, now: datetime, **changes: object) -> Task:
        """Write the task's next state and other `changes` of its fields; return the new row.

        Raises Moved if the row does not have the state and the fence of `task` any more, ValueError if the state's
        order forbids it.
        """
        if not task.state.can_become(state):
            raise ValueError(f"a task never goes from {task.state} to {state}")
        when = {} if state is task.state else {"changed_at": now, **first_values(state)}
        return await self._change(task, {"state": state, **when, **changes})

    async def update(self, task: Task, **changes: object) -> Task:
        """Write other `changes` of the task's fields than its state; return the new row. Raises Moved."""
        return await self._change(task, changes)

    @shielded
    async def _change(self, task: Task, changes: dict[str, object]) -> Task:
        async with self._database.write_transaction() as connection:
            return await change_task(connection, task, changes)

    @shielded
    async def resume(self, task: Task, operator_limits: OperatorLimits, server_running: int, now: datetime) -> Task:
        """Let a task go on that only waited to be tried again; return its row, with `retry_at` while it has no slot.

        What is paid for, or only waits for a running slot, needs none. Raises Moved.
        """
        unprepared = task.state is TaskState.PREPARING and task.prepared_at is None
        if not unprepared and (task.state is not TaskState.SUBMITTING or task.not_before is None):
            return await self._change(task, {"retry_at": None, "at_risk": task.state is TaskState.READY})
        async with self._database.write_transaction(Lock.TURNS) as connection:
            if row := await take_back_slot(connection, task, operator_limits, server_running, now, self.leases.aside):
                return row
        raise Moved(f"task {task.id} is no longer {task.state} under lease {task.fencing_token}")

    @shielded
    async def recent_durations(self, limit: int = 20) -> list[float]:
        """How many seconds the latest finished tasks were at FoxAPI."""
        done = and_(
            unindexed(tasks.c.state).in_((TaskState.READY, TaskState.DELIVERED)), tasks.c.rendered_at.is_not(None)
        )
        latest = select(tasks.c.sent_at, tasks.c.rendered_at).where(done)
        newest = latest.order_by(tasks.c.rendered_at.desc()).limit(limit)
        async with self._database.read_transaction() as connection:
            return [(end - start).total_seconds() for start, end in await connection.execute(newest)]

    @shielded
    async def get_note(self, name: str) -> str | None:
        """A note that the bot made for itself."""
        async with self._database.read_transaction() as connection:
            value: str | None = await connection.scalar(select(notes.c.value).where(notes.c.name == name))
            return value

    @shielded
    async def set_note(self, name: str, value: str) -> None:
        """Make, or make anew, a note."""
        async with self._database.write_transaction() as connection:
            await upsert(connection, notes, {"name": name}, {"value": value})

    @shielded
    async def _read(self, query: Select[tuple[object, ...]]) -> list[Task]:
        async with self._database.read_transaction() as connection:
            return only_readable(await connection.execute(query))

    @shielded
    async def _read_one(self, query: Select[tuple[object, ...]]) -> Task | None:
        async with self._database.read_transaction() as connection:
            row = (await connection.execute(query)).one_or_none()
            return to_task(row) if row else None
