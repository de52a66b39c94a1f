"""The store's face: what is asked of the rows, in this program's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Protocol, Self

from sqlalchemy import ColumnElement, Select, and_, insert, or_, select

from bot.rules import Ceilings, Limits, Roofs, Usage
from bot.store.alone import PacesAlone, PausesAlone
from bot.store.attic import Attic
from bot.store.books import Books
from bot.store.catalogue import Catalogue
from bot.store.database import Database, Lock
from bot.store.dialect import unindexed, upsert
from bot.store.engine import opened
from bot.store.leases import Leases
from bot.store.lifecycle import Moved, add_runs, change_task, first_values, new_task
from bot.store.overview import Overview
from bot.store.paces import Paces
from bot.store.pauses import Pauses
from bot.store.servers import Servers
from bot.store.shares import Shares
from bot.store.tables import IS_KEPT, UNSETTLED, in_state, notes, task_of, tasks
from bot.store.turns import Lineup, lineup_of, take_back_slot, take_slot, take_turn
from bot.store.uninterrupted import uninterrupted
from bot.store.unreadable import only_readable
from bot.store.usage import PREPARED, ruling_of, usage_of
from bot.task import Order, Place, State, Task

_LOOKS, _BETWEEN_LOOKS = 22, 0.1
"""How often to look for the record of what a reply shows already, and the seconds between: Discord waits for three."""
_BEGUN = and_(UNSETTLED, ~in_state(State.QUEUED))


class Judge(Protocol):
    """Who decides, inside the transaction, whether a task may be kept."""

    def ceilings(self, limits: Limits | None) -> Ceilings:
        """The daily numbers that hold, given what the server's moderators set (None: nothing)."""

    def check(self, limits: Limits | None, usage: Usage) -> bool:
        """Raise Refused, or return whether one of the member's extra runs is used up."""

    def placed(self, limits: Limits | None, place: Place) -> Place:
        """Where the task's reply is, with the language in which it is written."""


class Store:
    """All rows. Made by :meth:`open`."""

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self.leases = Leases(database, lease)
        self.pauses = Pauses(database) if database.shared else PausesAlone(database)
        self.paces = Paces(database) if database.shared else PacesAlone(database)
        self.servers = Servers(self._database)
        self.books = Books(self._database)
        self.attic = Attic(self._database)
        self.catalogue = Catalogue(self._database)
        self.shares = Shares(self._database)
        self.overview = Overview(self._database)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, lease: float = 20) -> AsyncIterator[Self]:
        """Open the database at `url`, migrated; an SQLite file for this process alone. Raises StoreUnusable.

        `lease`: seconds after its last sign of life at which a process's tasks may go to others.
        """
        async with opened(url) as database:
            try:
                yield cls(database, lease)
            finally:
                await database.close()

    @property
    def alone(self) -> bool:
        """Whether no other process can be at work on these rows."""
        return not self._database.shared

    def signals(self, hear: Callable[[int | None], None]) -> AbstractAsyncContextManager[Callable[[int | None], None]]:
        """Between entering and leaving, `hear` is told what other processes tell, and what it yields tells them.

        Some of it may be lost, for instance while the database is away.
        """
        return self._database.signals(hear)

    @uninterrupted
    async def reserve(self, order: Order, place: Place, now: datetime, judge: Judge, needs: int = 0) -> Task:
        """Keep a new task, `queued`, if `judge` allows it: one transaction. Raises the judge's Refused.

        `needs`: bytes that it needs on the disk.
        """
        home, user = order.home, order.user_id
        async with self._database.writing(Lock.ORDERS) as connection:
            ruling = await ruling_of(connection, home, user)
            ceilings = judge.ceilings(ruling.limits)
            usage = await usage_of(connection, home, user, ruling, ceilings, now)
            granted = judge.check(ruling.limits, usage)
            if granted:
                await add_runs(connection, home, user, -1)
            new = {**new_task(order, judge.placed(ruling.limits, place), now, granted), "needs": needs}
            added = await connection.execute(insert(tasks).values(new).returning(tasks))
            return task_of(added.one())

    async def get(self, task_id: int) -> Task | None:
        """The task's row as it is now. Raises RowUnreadable."""
        return await self._read_one(select(tasks).where(tasks.c.id == task_id))

    async def visible(self, task_id: int) -> Task | None:
        """The task's row for whatever shows or sends something of it: None if its member deleted their data."""
        task = await self.get(task_id)
        return None if task is None or task.is_erased else task

    async def settled(self, task_id: int) -> Task | None:
        """The row; if its end is being shown just now, once that is written down. Takes less than three seconds."""
        task = await self.get(task_id)
        for _ in range(_LOOKS):
            if task is None or task.state is not State.READY:
                break
            await asyncio.sleep(_BETWEEN_LOOKS)
            task = await self.get(task_id)
        return task

    async def shown_at(self, message_id: int) -> Task | None:
        """The task whose reply is this message, if there is one."""
        here = select(tasks).where(tasks.c.message_id == message_id, tasks.c.forgotten.is_(False))
        return await self._read_one(here)

    async def unfinished(self) -> list[Task]:
        """Every task with something left to do, telling and notifying included, but for those in line; oldest first."""
        return await self._read(select(tasks).where(_BEGUN).order_by(unindexed(tasks.c.id)))

    @uninterrupted
    async def unfinished_ids(self) -> set[int]:
        """Their numbers, also of those whose rows cannot be read."""
        async with self._database.reading() as connection:
            return set(await connection.scalars(select(tasks.c.id).where(_BEGUN)))

    async def of_member(self, user_id: int, limit: int) -> list[Task]:
        """The member's newest tasks, newest first."""
        return await self._read(
            select(tasks)
            .where(tasks.c.user_id == user_id, tasks.c.forgotten.is_(False), IS_KEPT)
            .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
            .limit(limit)
        )

    @uninterrupted
    async def claim(self, roofs: Roofs, now: datetime, room: int | None = None) -> Task | None:
        """Take the next in line, now `preparing`, if there is a slot for that and `room` on the disk (None: any)."""
        if not await self._is_any(in_state(State.QUEUED)):
            return None
        async with self._database.writing(Lock.TURNS) as connection:
            return await take_turn(connection, roofs, room, now, self.leases.lease(), self.leases.aside)

    @uninterrupted
    async def give_slot(self, roofs: Roofs, server_running: int, now: datetime) -> Task | None:
        """Give the next prepared task, now `sending`, a running slot if one is free; its holder may send it at once.

        `server_running`: of servers that have set none.
        """
        if not await self._is_any(PREPARED):
            return None
        async with self._database.writing(Lock.TURNS) as connection:
            return await take_slot(connection, roofs, server_running, now, self.leases.aside)

    async def _is_any(self, which: ColumnElement[bool]) -> bool:
        """Whether any task is so: mostly nobody waits, and a look holds nobody up."""
        async with self._database.reading() as connection:
            return await connection.scalar(select(tasks.c.id).where(which).limit(1)) is not None

    @uninterrupted
    async def prepared(self, task: Task, roofs: Roofs, server_running: int, now: datetime, **changes: object) -> Task:
        """Write what was prepared; return the row: `sending` if a running slot is free for it, else it waits for one.

        Raises Moved.
        """
        async with self._database.writing(Lock.TURNS) as connection:
            row = await change_task(connection, task, {"prepared_at": now, "at_risk": False, **changes})
            return await take_slot(connection, roofs, server_running, now, self.leases.aside, only=row) or row

    @uninterrupted
    async def lineup(self, roofs: Roofs, server_running: int, now: datetime) -> Lineup:
        """Everything that tells who is next in line, and next but one."""
        async with self._database.reading() as connection:
            return await lineup_of(connection, roofs, server_running, now)

    async def in_line(self, ids: Collection[int]) -> list[Task]:
        """Those of these tasks that still stand in line, or wait for a running slot."""
        waits = or_(in_state(State.QUEUED), PREPARED)
        return await self._read(select(tasks).where(tasks.c.id.in_(ids), waits))

    async def move(self, task: Task, state: State, now: datetime, **changes: object) -> Task:
        """Write the task's next state and other `changes` of its fields; return the new row.

        Raises Moved if the row does not have the state and the fence of `task` any more, ValueError if the state's
        order forbids it.
        """
        if not task.state.may_become(state):
            raise ValueError(f"a task never goes from {task.state} to {state}")
        when = {} if state is task.state else {"changed_at": now, **first_values(state)}
        return await self._change(task, {"state": state, **when, **changes})

    async def note(self, task: Task, **changes: object) -> Task:
        """Write other `changes` of the task's fields than its state; return the new row. Raises Moved."""
        return await self._change(task, changes)

    @uninterrupted
    async def _change(self, task: Task, changes: dict[str, object]) -> Task:
        async with self._database.writing() as connection:
            return await change_task(connection, task, changes)

    @uninterrupted
    async def go_on(self, task: Task, roofs: Roofs, server_running: int, now: datetime) -> Task:
        """Let a task go on that only waited to be tried again; return its row, with `retry_at` while it has no slot.

        What is paid for, or only waits for a running slot, needs none. Raises Moved.
        """
        unprepared = task.state is State.PREPARING and task.prepared_at is None
        if not unprepared and (task.state is not State.SENDING or task.not_before is None):
            return await self._change(task, {"retry_at": None, "at_risk": task.state is State.READY})
        async with self._database.writing(Lock.TURNS) as connection:
            if row := await take_back_slot(connection, task, roofs, server_running, now, self.leases.aside):
                return row
        raise Moved(f"task {task.id} is no longer {task.state} under lease {task.fence}")

    @uninterrupted
    async def recent_durations(self, limit: int = 20) -> list[float]:
        """How many seconds the latest finished tasks were at FoxAPI."""
        done = and_(unindexed(tasks.c.state).in_((State.READY, State.DELIVERED)), tasks.c.rendered_at.is_not(None))
        latest = select(tasks.c.sent_at, tasks.c.rendered_at).where(done)
        newest = latest.order_by(tasks.c.rendered_at.desc()).limit(limit)
        async with self._database.reading() as connection:
            return [(end - start).total_seconds() for start, end in await connection.execute(newest)]

    @uninterrupted
    async def remembered(self, name: str) -> str | None:
        """A note that the bot made for itself."""
        async with self._database.reading() as connection:
            value: str | None = await connection.scalar(select(notes.c.value).where(notes.c.name == name))
            return value

    @uninterrupted
    async def remember(self, name: str, value: str) -> None:
        """Make, or make anew, a note."""
        async with self._database.writing() as connection:
            await upsert(connection, notes, {"name": name}, {"value": value})

    @uninterrupted
    async def _read(self, query: Select[tuple[object, ...]]) -> list[Task]:
        async with self._database.reading() as connection:
            return only_readable(await connection.execute(query))

    @uninterrupted
    async def _read_one(self, query: Select[tuple[object, ...]]) -> Task | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
            return task_of(row) if row else None
