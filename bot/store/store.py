"""The store's face: what is asked of the rows, in this program's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Self

from sqlalchemy import Select, and_, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.store.catalogue import Catalogue
from bot.store.engine import opened
from bot.store.shares import Shares
from bot.store.tables import notes, task_of, tasks, values
from bot.store.uninterrupted import uninterrupted
from bot.task import Billed, Order, Place, State, Task

_AT_WORK = (State.PREPARING, State.SENDING, State.RENDERING)
_ENDS = tuple(state for state in State if state.ended)


class Moved(Exception):
    """The row is no longer in the state that the caller saw it in (it was cancelled, say): read it again."""


class Store:
    """All rows. Made by :meth:`open`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.catalogue = Catalogue(engine)
        self.shares = Shares(engine)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Hold the database at `url`, migrated, for this process alone; raises StoreUnusable."""
        async with opened(url) as engine:
            yield cls(engine)

    @uninterrupted
    async def add(self, order: Order, place: Place, now: datetime) -> Task:
        """Keep a new task, `queued`."""
        row = values(
            {
                "state": State.QUEUED,
                "user_id": order.user_id,
                "guild_id": order.guild_id,
                "order": order,
                "place": place,
                "created_at": now,
                "changed_at": now,
                "progress": 0,
                "head_ends": 0.0,
                "overdue": False,
                "billed": Billed.NO,
                "told": False,
            }
        )
        async with self._engine.begin() as connection:
            added = await connection.execute(insert(tasks).values(row).returning(tasks))
            return task_of(added.one())

    async def get(self, task_id: int) -> Task | None:
        """The task's row as it is now."""
        found = await self._read(select(tasks).where(tasks.c.id == task_id))
        return found[0] if found else None

    async def shown_at(self, message_id: int) -> Task | None:
        """The task whose reply is this message, if there is one."""
        found = await self._read(select(tasks).where(tasks.c.message_id == message_id))
        return found[0] if found else None

    async def unfinished(self) -> list[Task]:
        """Every task with something left to do, telling and notifying included, but for those in line; oldest first."""
        left = or_(tasks.c.state.not_in(_ENDS), tasks.c.told.is_(False), tasks.c.ping_due.is_(True))
        waiting = and_(tasks.c.state != State.QUEUED, left)
        return await self._read(select(tasks).where(waiting).order_by(tasks.c.id))

    async def of_member(self, user_id: int, limit: int) -> list[Task]:
        """The member's newest tasks, newest first."""
        return await self._read(
            select(tasks).where(tasks.c.user_id == user_id).order_by(tasks.c.id.desc()).limit(limit)
        )

    @uninterrupted
    async def claim(self, max_running: int, now: datetime) -> Task | None:
        """Take the first in line, now `preparing`, if fewer than `max_running` are at work; else None."""
        at_work = and_(tasks.c.state.in_(_AT_WORK), tasks.c.overdue.is_(False))
        async with self._engine.begin() as connection:
            running = await connection.scalar(select(func.count()).select_from(tasks).where(at_work))
            if (running or 0) >= max_running:
                return None
            first = select(func.min(tasks.c.id)).where(tasks.c.state == State.QUEUED).scalar_subquery()
            change = update(tasks).where(tasks.c.id == first).values(state=State.PREPARING, changed_at=now)
            claimed = (await connection.execute(change.returning(tasks))).one_or_none()
            return task_of(claimed) if claimed else None

    async def move(self, task: Task, state: State, now: datetime, **changes: object) -> Task:
        """Write the task's next state and other `changes` of its fields; return the new row.

        Raises Moved if the row is not in the state of `task` any more, ValueError if the state's order forbids it.
        """
        if not task.state.may_become(state):
            raise ValueError(f"a task never goes from {task.state} to {state}")
        when = {} if state is task.state else {"changed_at": now}
        return await self._change(task, {"state": state, **when, **changes})

    async def note(self, task: Task, **changes: object) -> Task:
        """Write other `changes` of the task's fields than its state; return the new row. Raises Moved."""
        return await self._change(task, changes)

    @uninterrupted
    async def _change(self, task: Task, changes: dict[str, object]) -> Task:
        same = and_(tasks.c.id == task.id, tasks.c.state == task.state)
        async with self._engine.begin() as connection:
            changed = await connection.execute(update(tasks).where(same).values(values(changes)).returning(tasks))
            row = changed.one_or_none()
            if row is None:
                raise Moved(f"task {task.id} is no longer {task.state}")
            return task_of(row)

    @uninterrupted
    async def recent_durations(self, limit: int = 20) -> list[float]:
        """How many seconds the latest finished tasks were at FoxAPI."""
        done = and_(tasks.c.state.in_((State.READY, State.DELIVERED)), tasks.c.rendered_at.is_not(None))
        newest = select(tasks.c.sent_at, tasks.c.rendered_at).where(done).order_by(tasks.c.id.desc()).limit(limit)
        async with self._reading() as connection:
            return [(end - start).total_seconds() for start, end in await connection.execute(newest)]

    @uninterrupted
    async def remembered(self, name: str) -> str | None:
        """A note that the bot made for itself."""
        async with self._reading() as connection:
            value: str | None = await connection.scalar(select(notes.c.value).where(notes.c.name == name))
            return value

    @uninterrupted
    async def remember(self, name: str, value: str) -> None:
        """Make, or make anew, a note."""
        note = upsert(notes).values(name=name, value=value)
        async with self._engine.begin() as connection:
            await connection.execute(note.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    @uninterrupted
    async def _read(self, query: Select[tuple[object, ...]]) -> list[Task]:
        async with self._reading() as connection:
            return [task_of(row) for row in await connection.execute(query)]

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            yield await connection.execution_options(reading=True)
