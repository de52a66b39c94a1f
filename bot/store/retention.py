"""Deletes data at a member's request, and after its retention time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Column, ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.task import Task, TaskState
from bot.store.engines.base import Lock
from bot.store.engines.dialect import unindexed
from bot.store.engines.shielded import cancellable, shielded
from bot.store.repository import Repository
from bot.store.shares import shares
from bot.store.tables import (
    HAS_TOKEN,
    IS_FORGOTTEN,
    IS_KEPT,
    deleted_usage,
    members,
    name_log_note,
    notes,
    preferences,
    servers,
    tasks,
)
from bot.store.task_rows import to_columns
from bot.store.unreadable import parse_readable, parse_rows
from bot.store.usage import DAY, in_last_day
from bot.store.usage_rows import add_usage_row, select_usage_rows

log = logging.getLogger(__name__)

_IS_OVER = and_(unindexed(tasks.c.state).in_(TaskState.FINAL), tasks.c.told.is_(True))
_DELETED_PROMPT = "(deleted)"
_REPORTED = timedelta(days=31)
"""How far back /usage counts. An anonymised row is kept for as long."""
_BATCH = 500
"""Rows of one transaction, so that no other transaction waits long."""


class Retention(Repository):
    """Deletes for good. A part of :class:`bot.store.Store`."""

    async def delete_member(self, user_id: int, now: datetime) -> list[int]:
        """Delete a member's data; return their tasks' ids. :meth:`delete_due` deletes unfinished tasks later."""
        scope_id, is_unmoderated = -user_id, and_(members.c.blocked_at.is_(None), members.c.granted == 0)
        # Lock.QUEUE, so that all transactions lock these rows in one order.
        async with self._database.write_transaction(Lock.QUEUE) as connection:
            marked = update(tasks).where(tasks.c.user_id == user_id).values(forgotten=True).returning(tasks.c.id)
            task_ids = list(await connection.scalars(marked))
            await _delete_requested(connection, now)
            await connection.execute(delete(servers).where(servers.c.home == scope_id))
            await connection.execute(delete(preferences).where(preferences.c.user_id == user_id))
            has_no_settings = and_(members.c.user_id == user_id, members.c.reset_after == 0, is_unmoderated)
            await connection.execute(delete(members).where(has_no_settings))
        return sorted(task_ids)

    async def delete_due(self, now: datetime, grace: timedelta) -> None:
        """Delete what members asked to delete, and all data of servers that the bot left longer than `grace` ago."""
        async with self._database.write_transaction(Lock.QUEUE) as connection:
            await _delete_requested(connection, now)
            await connection.execute(delete(deleted_usage).where(deleted_usage.c.day < str((now - _REPORTED).date())))
            gone = select(servers.c.home).where(servers.c.left_at <= now - grace)
            for scope_id in list(await connection.scalars(gone)):
                await _delete_guild(connection, scope_id)

    @cancellable
    async def delete_tokens(self, now: datetime) -> None:
        """Delete the interaction tokens of settled tasks, once they have expired."""
        last = 0
        while batch := await self._delete_some_tokens(now, last):
            last = batch[-1]

    @cancellable
    async def expire(self, now: datetime, keep: timedelta) -> int:
        """Delete or anonymise settled tasks `keep` after their end; return how many these were.

        A shared task is kept while its share exists, because its post, its buttons and the gallery need it.
        """
        # A count, because PostgreSQL would turn NOT EXISTS into a join and read all shares.
        share_count = select(func.count()).where(shares.c.task_id == tasks.c.id).scalar_subquery()
        old = and_(_IS_OVER, tasks.c.ping_due.is_(False), share_count == 0)
        # A task that ended before then was also created before then; saying so keeps younger rows from being read.
        before = now - max(keep, _REPORTED)
        gone = and_(old, unindexed(tasks.c.changed_at) <= now - keep, tasks.c.created_at <= before)
        words = and_(old, tasks.c.changed_at <= now - keep, unindexed(tasks.c.created_at) > now - _REPORTED, IS_KEPT)
        return await self._expire(gone, tasks.c.created_at, empty=False) + await self._expire(
            words, tasks.c.changed_at, empty=True
        )

    async def _expire(self, condition: ColumnElement[bool], oldest: Column[datetime], *, empty: bool) -> int:
        done = 0
        while batch := await self._expire_some(condition, oldest, empty=empty):
            done += batch
        return done

    @shielded
    async def _delete_some_tokens(self, now: datetime, after: int) -> list[int]:
        """Delete the expired tokens of some settled tasks after the id `after`; return the ids that were looked at."""
        has_token = and_(_IS_OVER, tasks.c.ping_due.is_(False), HAS_TOKEN)
        some = select(tasks.c.id).where(has_token, tasks.c.id > after).order_by(tasks.c.id).limit(_BATCH)
        async with self._database.read_transaction() as connection:
            ids = list(await connection.scalars(some))
        if not ids:
            return []
        async with self._database.write_transaction() as connection:
            found = parse_readable(await connection.execute(select(tasks).where(has_token, tasks.c.id.in_(ids))))
            for task in found:
                if task.place.token_expires_at <= now:
                    change = update(tasks).where(tasks.c.id == task.id, has_token)
                    await connection.execute(change.values(to_columns({"place": task.place.without_token()})))
        return ids

    @shielded
    async def _expire_some(self, condition: ColumnElement[bool], oldest: Column[datetime], *, empty: bool) -> int:
        async with self._database.write_transaction(Lock.SHARES) as connection:
            some = select(tasks.c.id).where(condition).order_by(oldest).limit(_BATCH)
            ids = list(await connection.scalars(some))
            if empty:
                await _anonymise(connection, tasks.c.id.in_(ids))
            else:
                await connection.execute(delete(tasks).where(tasks.c.id.in_(ids)))
            return len(ids)


async def _delete_guild(connection: AsyncConnection, scope_id: int) -> None:
    """Delete the data of a server that the bot left, except for unfinished tasks."""
    await connection.execute(delete(tasks).where(tasks.c.home == scope_id, _IS_OVER))
    await connection.execute(delete(members).where(members.c.home == scope_id))
    await connection.execute(delete(deleted_usage).where(deleted_usage.c.home == scope_id))
    await connection.execute(delete(notes).where(notes.c.name == name_log_note(scope_id)))
    some = exists().where(tasks.c.home == scope_id)
    await connection.execute(delete(servers).where(servers.c.home == scope_id, ~some))


async def _delete_requested(connection: AsyncConnection, now: datetime) -> None:
    """Delete the requested rows that no limit counts any more, and anonymise the others.

    Deleting a row that still counts would reset the member's 24 hours. The totals of deleted rows are kept for /usage,
    without the member.
    """
    over = and_(IS_FORGOTTEN, _IS_OVER)
    uncounted = and_(over, or_(unindexed(tasks.c.created_at) <= now - DAY, ~in_last_day(now)))
    for row in (await connection.execute(select_usage_rows(uncounted))).all():
        await add_usage_row(connection, row)
    await connection.execute(delete(tasks).where(uncounted))
    await _anonymise(connection, and_(over, unindexed(tasks.c.message_id) > 0))


async def _anonymise(connection: AsyncConnection, condition: ColumnElement[bool]) -> None:
    """Remove everything from the rows but what is counted."""
    ids = set(await connection.scalars(select(tasks.c.id).where(condition)))
    if not ids:
        return
    found, faults = parse_rows(await connection.execute(select(tasks).where(tasks.c.id.in_(ids))))
    for task in found:
        await connection.execute(update(tasks).where(tasks.c.id == task.id).values(to_columns(_anonymised(task))))
    if lost := ids - {task.id for task in found}:
        log.warning(
            "the rows of tasks %s cannot be read (%s), so they are deleted",
            sorted(lost),
            "; ".join(faults),
        )
        await connection.execute(delete(tasks).where(tasks.c.id.in_(lost)))


def _anonymised(task: Task) -> dict[str, Any]:
    order = {"prompt": _DELETED_PROMPT, "source_url": "", "source_name": "", "parent_id": None, "parent_url": None}
    place = {"token": SecretStr(""), "channel_id": 0, "message_id": -task.id}
    return {
        "order": task.order.model_copy(update={**order, "channel_id": 0}),
        "place": task.place.model_copy(update=place),
        "parent_id": None,
        **dict.fromkeys(
            ("clip", "submitted", "note", "remote_id", "video_url", "result_url", "result", "film", "reason")
        ),
    }
