"""The tasks' rows, and members' notification settings."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, CursorResult, Select, Text, and_, cast, func, insert, or_, select, true

from bot.domain.limits import DailyLimits, GuildLimits, UsageSnapshot
from bot.domain.task import NotifyPreference, ReplyTarget, Task, TaskFilter, TaskRequest, TaskState
from bot.store.engines.base import Lock
from bot.store.engines.dialect import unindexed, upsert
from bot.store.engines.shielded import cancellable
from bot.store.lifecycle import add_runs, build_task_row, change_task, get_initial_values
from bot.store.repository import Repository
from bot.store.tables import IS_KEPT, UNSETTLED, in_state, preferences, tasks
from bot.store.task_rows import to_task
from bot.store.unreadable import parse_readable
from bot.store.usage import read_moderation, read_usage

_HAS_ENDED = unindexed(tasks.c.state).in_(TaskState.FINAL)
_IS_FINISHED = unindexed(tasks.c.state) == TaskState.DELIVERED

_NEWEST = (tasks.c.created_at.desc(), tasks.c.id.desc())

_BATCH_SIZE = 500

_SEARCHED = 2000
"""How many of a member's newest tasks a search looks at."""

_POLLS, _BETWEEN_POLLS = 22, 0.1
"""How often to look for an outcome that is being recorded, and the seconds between. Discord waits for three seconds."""

_IS_STARTED = and_(UNSETTLED, ~in_state(TaskState.QUEUED))


def _belongs_to(user_id: int, column: ColumnElement[int] = tasks.c.user_id) -> ColumnElement[bool]:
    """Whether a task is the member's, and neither anonymised nor to be deleted at their request."""
    return and_(column == user_id, tasks.c.forgotten.is_(False), tasks.c.message_id > 0)


class TaskRepository(Repository):
    """Creates, changes and finds tasks. A part of :class:`bot.store.Store`."""

    async def create(
        self, order: TaskRequest, place: ReplyTarget, now: datetime, policy: AdmissionPolicy, needs: int = 0
    ) -> Task:
        """Create a task, queued, if `policy` admits it, in one transaction. Raises the RequestRefused of the policy.

        `needs`: bytes that it needs in the working directory.
        """
        scope_id, user_id = order.scope_id, order.user_id
        async with self._database.write_transaction(Lock.SUBMISSION) as connection:
            moderation = await read_moderation(connection, scope_id, user_id)
            daily_limits = policy.daily_limits(moderation.limits)
            usage = await read_usage(connection, scope_id, user_id, moderation, daily_limits, now)
            granted = policy.check(moderation.limits, usage)
            if granted:
                await add_runs(connection, scope_id, user_id, -1)
            place = policy.with_guild_locale(moderation.limits, place)
            new = {**build_task_row(order, place, now, granted), "needs": needs}
            added = await connection.execute(insert(tasks).values(new).returning(tasks))
            return to_task(added.one())

    async def get(self, task_id: int) -> Task | None:
        """Return the task, or None. Raises RowUnreadable."""
        return await self._read_one(select(tasks).where(tasks.c.id == task_id))

    @cancellable
    async def wait_until_recorded(self, task_id: int) -> Task | None:
        """Return the task, but wait (less than three seconds) while its delivery is being recorded."""
        task = await self.get(task_id)
        for _ in range(_POLLS):
            if task is None or task.state is not TaskState.READY:
                break
            await asyncio.sleep(_BETWEEN_POLLS)
            task = await self.get(task_id)
        return task

    async def find_by_message(self, message_id: int) -> Task | None:
        """Return the task whose reply is this message, or None."""
        here = select(tasks).where(tasks.c.message_id == message_id, tasks.c.forgotten.is_(False))
        return await self._read_one(here)

    async def find_submitted(self, message_id: int) -> Task | None:
        """Return the task whose reply is this message, also if its creation is still being committed, or None."""
        async with self._database.write_transaction(Lock.SUBMISSION) as connection:
            row = (await connection.execute(select(tasks).where(tasks.c.message_id == message_id))).one_or_none()
            return to_task(row) if row else None

    async def list_unfinished(self) -> list[Task]:
        """Return every started task with something left to do (outcome and notification included), oldest first."""
        return await self._read(select(tasks).where(_IS_STARTED).order_by(unindexed(tasks.c.id)), parse_readable)

    async def list_for_member(self, user_id: int, limit: int) -> list[Task]:
        """Return the member's newest tasks, newest first."""
        is_theirs = and_(tasks.c.user_id == user_id, tasks.c.forgotten.is_(False), IS_KEPT)
        return await self._read(select(tasks).where(is_theirs).order_by(*_NEWEST).limit(limit), parse_readable)

    async def transition(self, task: Task, state: TaskState, now: datetime, **changes: object) -> Task:
        """Write the task's next state and `changes` of other fields; return the new row.

        Raises StaleRow if the row no longer has the state and the fencing token of `task`, and ValueError if a task may
        not go from its state to `state`.
        """
        if not task.state.can_become(state):
            raise ValueError(f"a task never goes from {task.state} to {state}")
        when = {} if state is task.state else {"changed_at": now, **get_initial_values(state)}
        return await self._change(task, {"state": state, **when, **changes})

    async def update(self, task: Task, **changes: object) -> Task:
        """Write `changes` of fields other than the state; return the new row. Raises StaleRow."""
        return await self._change(task, changes)

    async def get_visible(self, task_id: int) -> Task | None:
        """Return the task if it may be shown: None if its member deleted their data, or if it is gone."""
        task = await self.get(task_id)
        return None if task is None or task.is_erased else task

    async def list_unfinished_ids(self) -> set[int]:
        """Return the ids of the unfinished tasks, unreadable rows included."""
        return await self._read(select(tasks.c.id).where(_IS_STARTED), lambda rows: set(rows.scalars()))

    async def _read_one(self, query: Select[tuple[object, ...]]) -> Task | None:
        return await self._read(query, _parse_one)

    async def _change(self, task: Task, changes: dict[str, object]) -> Task:
        async with self._database.write_transaction() as connection:
            return await change_task(connection, task, changes)

    async def list_recent_durations(self, limit: int = 20) -> list[float]:
        """Return how many seconds FoxAPI took for each of the latest finished tasks."""
        done = and_(
            unindexed(tasks.c.state).in_((TaskState.READY, TaskState.DELIVERED)), tasks.c.rendered_at.is_not(None)
        )
        latest = select(tasks.c.sent_at, tasks.c.rendered_at).where(done)
        newest = latest.order_by(tasks.c.rendered_at.desc()).limit(limit)
        return await self._read(newest, lambda rows: [(row.rendered_at - row.sent_at).total_seconds() for row in rows])

    async def get_page(
        self, user_id: int, first: int, count: int, chosen: TaskFilter = TaskFilter.ALL
    ) -> Sequence[Task]:
        """Return `count` of the member's tasks from index `first` on: unfinished ones first, then newest first."""
        ended = _IS_FINISHED if chosen is TaskFilter.FINISHED else _HAS_ENDED
        is_unfinished = and_(
            UNSETTLED, in_state(*TaskState.UNFINISHED), _belongs_to(user_id, unindexed(tasks.c.user_id))
        )
        unfinished = select(tasks.c.id).where(is_unfinished).order_by(unindexed(tasks.c.id).desc())
        past = select(tasks).where(ended, _belongs_to(user_id)).order_by(*_NEWEST)
        async with self._database.read_transaction() as connection:
            ids = [] if chosen is TaskFilter.FINISHED else list(await connection.scalars(unfinished))
            here = ids[first : first + count]
            found = parse_readable(await connection.execute(select(tasks).where(tasks.c.id.in_(here)))) if here else []
            found.sort(key=lambda task: -task.id)
            if len(here) < count and chosen is not TaskFilter.RUNNING:
                rest = past.offset(max(0, first - len(ids))).limit(count - len(here))
                found += parse_readable(await connection.execute(rest))
        return found

    async def count(self, user_id: int, chosen: TaskFilter = TaskFilter.ALL) -> int:
        """Return how many such tasks the member has."""
        fits = {TaskFilter.ALL: true(), TaskFilter.RUNNING: ~_HAS_ENDED, TaskFilter.FINISHED: _IS_FINISHED}
        mine = select(func.count()).select_from(tasks).where(_belongs_to(user_id), fits[chosen])
        return int(await self._read_scalar(mine))

    async def search(self, user_id: int, words: str, limit: int) -> Sequence[Task]:
        """Return the member's newest tasks whose prompt contains `words`, or whose id begins with them.

        Autocompletion calls this at each key press, so it looks only at their newest 2,000 tasks.
        """
        words = words.replace("\0", "")  # PostgreSQL takes every other character
        newest = select(tasks).where(_belongs_to(user_id)).order_by(*_NEWEST).limit(_SEARCHED).subquery()
        prompt, number = newest.c.order["prompt"].as_string(), cast(newest.c.id, Text)
        fits = or_(prompt.icontains(words, autoescape=True), number.startswith(words, autoescape=True))
        order = (newest.c.created_at.desc(), newest.c.id.desc())
        return await self._read(select(newest).where(fits).order_by(*order).limit(limit), parse_readable)

    async def list_children(self, task_ids: Collection[int]) -> Sequence[Task]:
        """Return the tasks that extend the results of these tasks, oldest first."""
        later = select(tasks).where(tasks.c.parent_id.in_(task_ids), tasks.c.parent_id.is_not(None))
        return await self._read(later.order_by(unindexed(tasks.c.id)), parse_readable)

    async def list_with_keepable_video(self, task_ids: Collection[int]) -> set[int]:
        """Return the ids of the tasks whose video may be stored: delivered, and not deleted since."""
        wanted = and_(
            unindexed(tasks.c.state) == TaskState.DELIVERED,
            tasks.c.deleted.is_(False),
            tasks.c.forgotten.is_(False),
            tasks.c.message_id > 0,
        )
        asked, found = sorted(task_ids), set[int]()
        async with self._database.read_transaction() as connection:
            for start in range(0, len(asked), _BATCH_SIZE):
                these = tasks.c.id.in_(asked[start : start + _BATCH_SIZE])
                found.update(await connection.scalars(select(tasks.c.id).where(these, wanted)))
        return found

    async def get_notify_preference(self, user_id: int) -> NotifyPreference:
        """Return when the member wants to be notified."""
        query = select(preferences.c.notify).where(preferences.c.user_id == user_id)
        return NotifyPreference(await self._read_scalar(query) or NotifyPreference.AUTO)

    async def set_notify_preference(self, user_id: int, choice: NotifyPreference) -> None:
        """Store when the member wants to be notified."""
        async with self._database.write_transaction() as connection:
            await upsert(connection, preferences, {"user_id": user_id}, {"notify": choice.value})


def _parse_one(result: CursorResult[Any]) -> Task | None:
    row = result.one_or_none()
    return to_task(row) if row else None


class AdmissionPolicy(Protocol):
    """Decides inside the transaction whether a task is admitted."""

    def daily_limits(self, limits: GuildLimits | None) -> DailyLimits:
        """Return the daily limits, given what the server's moderators set (None: nothing)."""

    def check(self, limits: GuildLimits | None, usage: UsageSnapshot) -> bool:
        """Return whether the task uses up one of the member's extra runs. Raises RequestRefused."""

    def with_guild_locale(self, limits: GuildLimits | None, place: ReplyTarget) -> ReplyTarget:
        """Return the reply target with the language that the server reads."""
