"""Finding tasks again, and what members chose for themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, or_, select

from bot.store.database import Database
from bot.store.dialect import unindexed, upsert
from bot.store.tables import UNSETTLED, in_state, preferences, tasks
from bot.store.uninterrupted import shielded
from bot.store.unreadable import only_readable
from bot.task import NotifyPreference, Task, TaskState

_UNFINISHED = tuple(state for state in TaskState if not state.is_final)
_HAS_ENDED = unindexed(tasks.c.state).not_in(_UNFINISHED)
_NEWEST = (tasks.c.created_at.desc(), tasks.c.id.desc())
_AT_ONCE = 500
_SEARCHED = 2000


def _of(user_id: int, column: ColumnElement[int] = tasks.c.user_id) -> ColumnElement[bool]:
    """The member's tasks, but for those that they wanted forgotten, and those that were emptied."""
    return and_(column == user_id, tasks.c.forgotten.is_(False), tasks.c.message_id > 0)


class TaskRepository:
    """A part of :class:`bot.store.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @shielded
    async def page(self, user_id: int, first: int, count: int) -> Sequence[Task]:
        """`count` of the member's tasks after the first `first`: the unfinished, then the others, newest first."""
        going_on = and_(UNSETTLED, in_state(*_UNFINISHED), _of(user_id, unindexed(tasks.c.user_id)))
        open_ones = select(tasks.c.id).where(going_on).order_by(unindexed(tasks.c.id).desc())
        past = select(tasks).where(_HAS_ENDED, _of(user_id)).order_by(*_NEWEST)
        async with self._database.read_transaction() as connection:
            ids = list(await connection.scalars(open_ones))
            here = ids[first : first + count]
            found = only_readable(await connection.execute(select(tasks).where(tasks.c.id.in_(here)))) if here else []
            found.sort(key=lambda task: -task.id)
            if len(here) < count:
                rest = past.offset(max(0, first - len(ids))).limit(count - len(here))
                found += only_readable(await connection.execute(rest))
        return found

    @shielded
    async def count(self, user_id: int) -> int:
        """How many tasks the member has."""
        async with self._database.read_transaction() as connection:
            mine = select(func.count()).select_from(tasks).where(_of(user_id))
            return await connection.scalar(mine) or 0

    async def search(self, user_id: int, words: str, limit: int) -> Sequence[Task]:
        """The member's newest tasks whose prompt contains `words`, or whose number begins with them.

        Asked at each key that is pressed, so it looks at their newest thousands only.
        """
        words = words.replace("\0", "")  # PostgreSQL takes any character but this
        newest = select(tasks).where(_of(user_id)).order_by(*_NEWEST).limit(_SEARCHED).subquery()
        prompt, number = newest.c.order["prompt"].as_string(), cast(newest.c.id, Text)
        fits = or_(prompt.icontains(words, autoescape=True), number.startswith(words, autoescape=True))
        order = (newest.c.created_at.desc(), newest.c.id.desc())
        return await self._read(select(newest).where(fits).order_by(*order).limit(limit))

    async def children(self, task_ids: Collection[int]) -> Sequence[Task]:
        """The tasks that go on from the results of those, oldest first."""
        later = select(tasks).where(tasks.c.parent_id.in_(task_ids), tasks.c.parent_id.is_not(None))
        return await self._read(later.order_by(unindexed(tasks.c.id)))

    @shielded
    async def with_keepable_video(self, task_ids: Collection[int]) -> set[int]:
        """Those of the tasks whose film may be kept: delivered, and neither deleted nor forgotten since."""
        wanted = and_(
            unindexed(tasks.c.state) == TaskState.DELIVERED,
            tasks.c.deleted.is_(False),
            tasks.c.forgotten.is_(False),
            tasks.c.message_id > 0,
        )
        asked, found = sorted(task_ids), set[int]()
        async with self._database.read_transaction() as connection:
            for start in range(0, len(asked), _AT_ONCE):
                these = tasks.c.id.in_(asked[start : start + _AT_ONCE])
                found.update(await connection.scalars(select(tasks.c.id).where(these, wanted)))
        return found

    @shielded
    async def notify_preference(self, user_id: int) -> NotifyPreference:
        """When the member wants to be notified."""
        async with self._database.read_transaction() as connection:
            chosen = await connection.scalar(select(preferences.c.notify).where(preferences.c.user_id == user_id))
            return NotifyPreference(chosen) if chosen else NotifyPreference.AUTO

    @shielded
    async def set_notify_preference(self, user_id: int, choice: NotifyPreference) -> None:
        """Keep what the member chose."""
        async with self._database.write_transaction() as connection:
            await upsert(connection, preferences, {"user_id": user_id}, {"notify": choice.value})

    @shielded
    async def _read(self, query: Select[tuple[object, ...]]) -> list[Task]:
        async with self._database.read_transaction() as connection:
            return only_readable(await connection.execute(query))
