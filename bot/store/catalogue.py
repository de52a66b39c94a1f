"""Finding tasks again, and what members chose for themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, or_, select

from bot.store.database import Database
from bot.store.dialect import upsert
from bot.store.tables import task_of, tasks, wishes
from bot.store.uninterrupted import uninterrupted
from bot.task import Notify, State, Task

_ENDS = tuple(state for state in State if state.ended)


def _of(user_id: int) -> ColumnElement[bool]:
    """The member's tasks, but for those that they wanted forgotten, and those that were emptied."""
    return and_(tasks.c.user_id == user_id, tasks.c.forgotten.is_(False), tasks.c.message_id > 0)


class Catalogue:
    """A part of :class:`bot.store.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, user_id: int, first: int, count: int) -> Sequence[Task]:
        """`count` of the member's tasks after the first `first`: the unfinished, then the others, newest first."""
        ended = case((tasks.c.state.in_(_ENDS), 1), else_=0)
        mine = select(tasks).where(_of(user_id))
        return await self._read(mine.order_by(ended, tasks.c.id.desc()).offset(first).limit(count))

    @uninterrupted
    async def count(self, user_id: int) -> int:
        """How many tasks the member has."""
        async with self._database.reading() as connection:
            mine = select(func.count()).select_from(tasks).where(_of(user_id))
            return await connection.scalar(mine) or 0

    async def search(self, user_id: int, words: str, limit: int) -> Sequence[Task]:
        """The member's newest tasks whose prompt contains `words`, or whose number begins with them."""
        prompt, number = tasks.c.order["prompt"].as_string(), cast(tasks.c.id, Text)
        fits = or_(prompt.icontains(words, autoescape=True), number.startswith(words, autoescape=True))
        found = select(tasks).where(_of(user_id), fits)
        return await self._read(found.order_by(tasks.c.id.desc()).limit(limit))

    async def next_parts(self, task_ids: Collection[int]) -> Sequence[Task]:
        """The tasks that go on from the results of those, oldest first."""
        parent = tasks.c.order["parent_id"].as_integer()
        later = select(tasks).where(tasks.c.id > min(task_ids, default=0), parent.in_(task_ids))
        return await self._read(later.order_by(tasks.c.id))

    @uninterrupted
    async def worth_keeping(self, task_ids: Collection[int]) -> set[int]:
        """Those of the tasks whose film may be kept: delivered, and neither deleted nor forgotten since."""
        since = min(task_ids, default=0)  # what is kept is recent, and ids may be more than a query takes
        wanted = and_(
            tasks.c.id >= since,
            tasks.c.state == State.DELIVERED,
            tasks.c.deleted.is_(False),
            tasks.c.forgotten.is_(False),
            tasks.c.message_id > 0,
        )
        async with self._database.reading() as connection:
            return set(await connection.scalars(select(tasks.c.id).where(wanted))).intersection(task_ids)

    @uninterrupted
    async def notify(self, user_id: int) -> Notify:
        """When the member wants to be notified."""
        async with self._database.reading() as connection:
            chosen = await connection.scalar(select(wishes.c.notify).where(wishes.c.user_id == user_id))
            return Notify(chosen) if chosen else Notify.AUTO

    @uninterrupted
    async def set_notify(self, user_id: int, choice: Notify) -> None:
        """Keep what the member chose."""
        async with self._database.writing() as connection:
            await upsert(connection, wishes, {"user_id": user_id}, {"notify": choice.value})

    @uninterrupted
    async def _read(self, query: Select[tuple[object, ...]]) -> list[Task]:
        async with self._database.reading() as connection:
            return [task_of(row) for row in await connection.execute(query)]
