"""Taking away what is to be kept no longer."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Column, ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.task import Task, TaskState
from bot.store.engines.base import Database, Lock
from bot.store.engines.dialect import unindexed
from bot.store.engines.shielded import shielded
from bot.store.shares import shares
from bot.store.tables import (
    HAS_TOKEN,
    IS_FORGOTTEN,
    IS_KEPT,
    deleted_usage,
    members,
    preferences,
    servers,
    tasks,
    to_columns,
)
from bot.store.unreadable import only_readable, readable
from bot.store.usage import DAY, in_last_day
from bot.store.usage_rows import add_usage_row, usage_rows_of

log = logging.getLogger(__name__)

_OVER = and_(unindexed(tasks.c.state).in_([state for state in TaskState if state.is_final]), tasks.c.told.is_(True))
_GONE = "(deleted)"
_REPORTED = timedelta(days=31)
"""/usage counts the tasks of so many days; until then a row goes on being counted, without its content."""
_BATCH = 500
"""Rows in one transaction, so that nobody waits long for the next one."""


class Retention:
    """Deletes for good."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @shielded
    async def delete_member(self, user_id: int, now: datetime) -> list[int]:
        """Delete a member's tasks and return their ids; the unfinished ones go when they have ended, at a sweep."""
        home, nothing_decided = -user_id, and_(members.c.blocked_at.is_(None), members.c.granted == 0)
        async with self._database.write_transaction(
            Lock.TURNS
        ) as connection:  # (for the sake of the order of their rows' locks)
            marked = update(tasks).where(tasks.c.user_id == user_id).values(forgotten=True).returning(tasks.c.id)
            task_ids = list(await connection.scalars(marked))
            await _delete_requested(connection, now)
            await connection.execute(delete(servers).where(servers.c.home == home))
            await connection.execute(delete(preferences).where(preferences.c.user_id == user_id))
            theirs = and_(members.c.user_id == user_id, members.c.reset_after == 0, nothing_decided)
            await connection.execute(delete(members).where(theirs))
        return sorted(task_ids)

    @shielded
    async def delete_due(self, now: datetime, grace: timedelta) -> None:
        """Delete what members wanted forgotten, and all of servers that the bot left longer than `grace` ago."""
        async with self._database.write_transaction(Lock.TURNS) as connection:
            await _delete_requested(connection, now)
            await connection.execute(delete(deleted_usage).where(deleted_usage.c.day < str((now - _REPORTED).date())))
            gone = select(servers.c.home).where(servers.c.left_at <= now - grace)
            for home in list(await connection.scalars(gone)):
                await _delete_guild(connection, home)

    async def delete_tokens(self, now: datetime) -> None:
        """Delete the tokens of replies that are over, once Discord no longer takes them."""
        last = 0
        while batch := await self._delete_some_tokens(now, last):
            last = batch[-1]

    async def expire(self, now: datetime, keep: timedelta) -> int:
        """Delete what finished tasks have left, `keep` after their end, and say how many that were.

        What is shared stays until it is taken back: its post, its buttons and the gallery need it.
        """
        # (Counted, for PostgreSQL would make a join of NOT EXISTS, and read all shares for it.)
        shared = select(func.count()).where(shares.c.task_id == tasks.c.id).scalar_subquery()
        old = and_(_OVER, tasks.c.ping_due.is_(False), shared == 0)
        # Whatever ended so long ago was started before that: said too, so that nothing younger is looked at.
        before = now - max(keep, _REPORTED)
        gone = and_(old, unindexed(tasks.c.changed_at) <= now - keep, tasks.c.created_at <= before)
        words = and_(old, tasks.c.changed_at <= now - keep, unindexed(tasks.c.created_at) > now - _REPORTED, IS_KEPT)
        return await self._expire(gone, tasks.c.created_at, empty=False) + await self._expire(
            words, tasks.c.changed_at, empty=True
        )

    async def _expire(self, which: ColumnElement[bool], oldest: Column[datetime], *, empty: bool) -> int:
        done = 0
        while batch := await self._expire_some(which, oldest, empty=empty):
            done += batch
        return done

    @shielded
    async def _delete_some_tokens(self, now: datetime, after: int) -> list[int]:
        """The ids of some replies that are over and may have a token, which is deleted if its time is up."""
        kept = and_(_OVER, tasks.c.ping_due.is_(False), HAS_TOKEN)
        some = select(tasks.c.id).where(kept, tasks.c.id > after).order_by(tasks.c.id).limit(_BATCH)
        async with self._database.read_transaction() as connection:
            ids = list(await connection.scalars(some))
        if not ids:
            return []
        async with self._database.write_transaction() as connection:
            found = only_readable(await connection.execute(select(tasks).where(kept, tasks.c.id.in_(ids))))
            for task in found:
                if task.place.token_expires_at <= now:
                    change = update(tasks).where(tasks.c.id == task.id, kept)
                    await connection.execute(change.values(to_columns({"place": task.place.without_token()})))
        return ids

    @shielded
    async def _expire_some(self, which: ColumnElement[bool], oldest: Column[datetime], *, empty: bool) -> int:
        async with self._database.write_transaction(Lock.SHARES) as connection:
            some = select(tasks.c.id).where(which).order_by(oldest).limit(_BATCH)
            ids = list(await connection.scalars(some))
            if empty:
                await _anonymise(connection, tasks.c.id.in_(ids))
            else:
                await connection.execute(delete(tasks).where(tasks.c.id.in_(ids)))
            return len(ids)


async def _delete_guild(connection: AsyncConnection, home: int) -> None:
    """Delete what is kept of a server that was left, but for what is still at work there."""
    await connection.execute(delete(tasks).where(tasks.c.home == home, _OVER))
    await connection.execute(delete(members).where(members.c.home == home))
    await connection.execute(delete(deleted_usage).where(deleted_usage.c.home == home))
    some = exists().where(tasks.c.home == home)
    await connection.execute(delete(servers).where(servers.c.home == home, ~some))


async def _delete_requested(connection: AsyncConnection, now: datetime) -> None:
    """Delete the rows that no limit counts any more, and empty the others (else deleting would renew one's day).

    Their server's moderators go on counting those that are deleted, without their member.
    """
    over = and_(IS_FORGOTTEN, _OVER)
    uncounted = and_(over, or_(unindexed(tasks.c.created_at) <= now - DAY, ~in_last_day(now)))
    for row in (await connection.execute(usage_rows_of(uncounted))).all():
        await add_usage_row(connection, row)
    await connection.execute(delete(tasks).where(uncounted))
    await _anonymise(connection, and_(over, unindexed(tasks.c.message_id) > 0))


async def _anonymise(connection: AsyncConnection, which: ColumnElement[bool]) -> None:
    """Leave nothing of them but what is counted."""
    ids = set(await connection.scalars(select(tasks.c.id).where(which)))
    if not ids:
        return
    found, faults = readable(await connection.execute(select(tasks).where(tasks.c.id.in_(ids))))
    for task in found:
        await connection.execute(update(tasks).where(tasks.c.id == task.id).values(to_columns(_anonymised(task))))
    if lost := ids - {task.id for task in found}:
        log.warning("the rows of the tasks %s cannot be read (%s), and are deleted", sorted(lost), "; ".join(faults))
        await connection.execute(delete(tasks).where(tasks.c.id.in_(lost)))


def _anonymised(task: Task) -> dict[str, Any]:
    order = {"prompt": _GONE, "source_url": "", "source_name": "", "parent_id": None, "parent_url": None}
    place = {"token": SecretStr(""), "channel_id": 0, "message_id": -task.id}
    return {
        "order": task.order.model_copy(update={**order, "channel_id": 0}),
        "place": task.place.model_copy(update=place),
        "parent_id": None,
        **dict.fromkeys(
            ("clip", "submitted", "note", "remote_id", "video_url", "result_url", "result", "film", "reason")
        ),
    }
