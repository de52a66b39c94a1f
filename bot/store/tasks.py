"""Finding tasks again, and what members chose for themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, insert, or_, select

from bot.domain.limits import DailyLimits, GuildLimits, UsageSnapshot
from bot.domain.task import NotifyPreference, ReplyTarget, Task, TaskRequest, TaskState
from bot.store.engines.base import Database, Lock
from bot.store.engines.dialect import unindexed, upsert
from bot.store.engines.shielded import shielded
from bot.store.lifecycle import add_runs, change_task, first_values, new_task
from bot.store.tables import IS_KEPT, UNSETTLED, in_state, preferences, tasks, to_task
from bot.store.unreadable import only_readable
from bot.store.usage import moderation_row, usage_of

_UNFINISHED = tuple(state for state in TaskState if not state.is_final)

_HAS_ENDED = unindexed(tasks.c.state).not_in(_UNFINISHED)

_NEWEST = (tasks.c.created_at.desc(), tasks.c.id.desc())

_AT_ONCE = 500

_SEARCHED = 2000

_POLLS, _BETWEEN_POLLS = 22, 0.1
"""How often to look for the record of what a reply shows already, and the seconds between: Discord waits for three."""

_BEGUN = and_(UNSETTLED, ~in_state(TaskState.QUEUED))


def _of(user_id: int, column: ColumnElement[int] = tasks.c.user_id) -> ColumnElement[bool]:
    """The member's tasks, but for those that they wanted forgotten, and those that were emptied."""
    return and_(column == user_id, tasks.c.forgotten.is_(False), tasks.c.message_id > 0)


class TaskRepository:
    """A part of :class:`bot.store.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    async def of_member(self, user_id: int, limit: int) -> list[Task]:
        """The member's newest tasks, newest first."""
        return await self._read(
            select(tasks)
            .where(tasks.c.user_id == user_id, tasks.c.forgotten.is_(False), IS_KEPT)
            .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
            .limit(limit)
        )

    async def transition(self, task: Task, state: TaskState, now: datetime, **changes: object) -> Task:
        """Write the task's next state and other `changes` of its fields; return the new row.

        Raises StaleRow if the row does not have the state and the fence of `task` any more, ValueError if the state's
        order forbids it.
        """
        if not task.state.can_become(state):
            raise ValueError(f"a task never goes from {task.state} to {state}")
        when = {} if state is task.state else {"changed_at": now, **first_values(state)}
        return await self._change(task, {"state": state, **when, **changes})

    async def update(self, task: Task, **changes: object) -> Task:
        """Write other `changes` of the task's fields than its state; return the new row. Raises StaleRow."""
        return await self._change(task, changes)

    async def visible(self, task_id: int) -> Task | None:
        """The task's row for whatever shows or sends something of it: None if its member deleted their data."""
        task = await self.get(task_id)
        return None if task is None or task.is_erased else task

    @shielded
    async def unfinished_ids(self) -> set[int]:
        """Their numbers, also of those whose rows cannot be read."""
        async with self._database.read_transaction() as connection:
            return set(await connection.scalars(select(tasks.c.id).where(_BEGUN)))

    @shielded
    async def _read_one(self, query: Select[tuple[object, ...]]) -> Task | None:
        async with self._database.read_transaction() as connection:
            row = (await connection.execute(query)).one_or_none()
            return to_task(row) if row else None

    @shielded
    async def _change(self, task: Task, changes: dict[str, object]) -> Task:
        async with self._database.write_transaction() as connection:
            return await change_task(connection, task, changes)

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


class AdmissionPolicy(Protocol):
    """Who decides, inside the transaction, whether a task may be kept."""

    def daily_limits(self, limits: GuildLimits | None) -> DailyLimits:
        """The daily numbers that hold, given what the server's moderators set (None: nothing)."""

    def check(self, limits: GuildLimits | None, usage: UsageSnapshot) -> bool:
        """Raise Refused, or return whether one of the member's extra runs is used up."""

    def with_guild_locale(self, limits: GuildLimits | None, place: ReplyTarget) -> ReplyTarget:
        """Where the task's reply is, with the language in which it is written."""
