"""Taking away what is to be kept no longer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Row, and_, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.database import Database, Lock
from bot.store.shares import shares
from bot.store.tables import members, servers, task_of, tasks, values, wishes
from bot.store.uninterrupted import uninterrupted
from bot.store.usage import DAY, lately
from bot.task import Place, State, Task

_OVER = and_(tasks.c.state.in_(tuple(state for state in State if state.ended)), tasks.c.told.is_(True))
_GONE = "(deleted)"
_REPORTED = timedelta(days=31)
"""/usage counts the tasks of so many days; until then a row goes on being counted, without its content."""
_BATCH = 500
"""Rows in one transaction, so that nobody waits long for the next one."""


class Attic:
    """Deletes for good."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def forget(self, user_id: int, now: datetime) -> list[int]:
        """Delete a member's tasks and return their ids; the unfinished ones go when they have ended, at a sweep."""
        home, nothing_decided = -user_id, and_(members.c.blocked_at.is_(None), members.c.granted == 0)
        async with self._database.writing(Lock.TURNS) as connection:  # (for the sake of the order of their rows' locks)
            marked = update(tasks).where(tasks.c.user_id == user_id).values(forgotten=True).returning(tasks.c.id)
            task_ids = list(await connection.scalars(marked))
            await _sweep_forgotten(connection, now)
            await connection.execute(delete(servers).where(servers.c.home == home))
            await connection.execute(delete(wishes).where(wishes.c.user_id == user_id))
            theirs = and_(members.c.user_id == user_id, members.c.reset_after == 0, nothing_decided)
            await connection.execute(delete(members).where(theirs))
        return sorted(task_ids)

    @uninterrupted
    async def sweep(self, now: datetime, grace: timedelta) -> None:
        """Delete what members wanted forgotten, and all of servers that the bot left longer than `grace` ago."""
        async with self._database.writing(Lock.TURNS) as connection:
            await _sweep_forgotten(connection, now)
            left = select(servers.c.home).where(servers.c.left_at <= now - grace)
            await connection.execute(delete(tasks).where(tasks.c.home.in_(left), _OVER))
            await connection.execute(delete(members).where(members.c.home.in_(left)))
            still = select(tasks.c.home)
            await connection.execute(
                delete(servers).where(servers.c.left_at <= now - grace, servers.c.home.not_in(still))
            )

    async def delete_tokens(self, now: datetime) -> None:
        """Delete the tokens of replies that are over, once Discord no longer takes them."""
        last = 0
        while batch := await self._delete_some_tokens(now, last):
            last = batch[-1]

    async def retire(self, now: datetime, keep: timedelta) -> int:
        """Delete what finished tasks have left, `keep` after their end, and say how many that were.

        What is shared stays until it is taken back: its post, its buttons and the gallery need it.
        """
        shared = exists().where(shares.c.task_id == tasks.c.id)
        old = and_(_OVER, tasks.c.ping_due.is_(False), tasks.c.changed_at <= now - keep, ~shared)
        uncounted = tasks.c.created_at <= now - _REPORTED
        return await self._retire(and_(old, uncounted), empty=False) + await self._retire(
            and_(old, ~uncounted, tasks.c.message_id > 0), empty=True
        )

    async def _retire(self, which: ColumnElement[bool], *, empty: bool) -> int:
        done = 0
        while batch := await self._retire_some(which, empty=empty):
            done += batch
        return done

    @uninterrupted
    async def _delete_some_tokens(self, now: datetime, after: int) -> list[int]:
        """The ids of some replies that are over and have a token, which is deleted if its time is up."""
        kept = and_(_OVER, tasks.c.ping_due.is_(False), tasks.c.place["token"].as_string() != "")
        some = select(tasks.c.id).where(kept, tasks.c.id > after).order_by(tasks.c.id).limit(_BATCH)
        async with self._database.reading() as connection:
            ids = list(await connection.scalars(some))
        async with self._database.writing() as connection:
            rows = await connection.execute(select(tasks.c.id, tasks.c.place).where(kept, tasks.c.id.in_(ids)))
            for task_id, place in [(task_id, Place.model_validate(place)) for task_id, place in rows]:
                if place.token_ends <= now:
                    change = update(tasks).where(tasks.c.id == task_id, kept)
                    await connection.execute(change.values(values({"place": place.without_token()})))
        return ids

    @uninterrupted
    async def _retire_some(self, which: ColumnElement[bool], *, empty: bool) -> int:
        async with self._database.writing(Lock.SHARES) as connection:
            rows = (await connection.execute(select(tasks).where(which).order_by(tasks.c.id).limit(_BATCH))).all()
            if empty:
                await _empty(connection, rows)
            else:
                await connection.execute(delete(tasks).where(tasks.c.id.in_([row.id for row in rows])))
            return len(rows)


async def _sweep_forgotten(connection: AsyncConnection, now: datetime) -> None:
    """Delete the rows that no limit counts any more, and empty the others (else deleting would renew one's day)."""
    forgotten = and_(tasks.c.forgotten.is_(True), _OVER)
    await connection.execute(delete(tasks).where(forgotten, or_(tasks.c.created_at <= now - DAY, ~lately(now))))
    await _empty(connection, (await connection.execute(select(tasks).where(forgotten, tasks.c.message_id > 0))).all())


async def _empty(connection: AsyncConnection, rows: Iterable[Row[Any]]) -> None:
    """Leave nothing of them but what is counted."""
    for row in rows:
        emptied = values(_emptied(task_of(row)))
        await connection.execute(update(tasks).where(tasks.c.id == row.id).values(emptied))


def _emptied(task: Task) -> dict[str, Any]:
    order = {"prompt": _GONE, "source_url": "", "source_name": "", "parent_id": None, "parent_url": None}
    place = {"token": SecretStr(""), "channel_id": 0, "message_id": -task.id}
    return {
        "order": task.order.model_copy(update={**order, "channel_id": 0}),
        "place": task.place.model_copy(update=place),
        **dict.fromkeys(
            ("clip", "submitted", "note", "remote_id", "video_url", "result_url", "result", "film", "reason")
        ),
    }
