"""Shared videos, and each server's showcase channel."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    CursorResult,
    Index,
    Integer,
    Row,
    Table,
    and_,
    delete,
    func,
    select,
    update,
)

from bot.domain.share import Share
from bot.domain.task import Task
from bot.store.column_types import BigId, UtcDateTime
from bot.store.engines.base import Lock
from bot.store.engines.dialect import insert_into, unindexed, upsert
from bot.store.repository import Repository
from bot.store.tables import IS_DELETED, metadata, tasks

shares = Table(
    "shares",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("task_id", BigId, nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("tried_at", UtcDateTime, nullable=False),
    Column("posted_at", UtcDateTime),
    Column("posted_in", BigInteger),
    Column("message_id", BigInteger),
    Column("stars", Integer, nullable=False),
    Column("counted_at", UtcDateTime),
    Index("shares_place", "task_id", "channel_id", unique=True),
    Index("shares_guild", "guild_id", "posted_at"),
    Index("shares_message", "message_id"),
    sqlite_autoincrement=True,  # never reuses ids: buttons and nonces carry them
)

showcases = Table(
    "showcases",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, nullable=False),
)

_COLUMN_OF = {"prompt_hidden": "hidden", "attempted_at": "tried_at", "post_channel_id": "posted_in"}
"""Fields of Share whose columns have older names."""
_FIELD_OF = {column: field for field, column in _COLUMN_OF.items()}

_SHOWN = and_(tasks.c.deleted.is_(False), tasks.c.forgotten.is_(False))


class ShareRepository(Repository):
    """Creates, changes and finds shares. A part of :class:`bot.store.Store`."""

    async def reserve(
        self, task: Task, guild_id: int, channel_id: int, now: datetime, *, hidden: bool
    ) -> tuple[Share, bool] | None:
        """Create the share of a task in a channel, or find it; return it and whether it is new.

        Returns None and writes nothing if the task's result was deleted, so a deletion always finds every share.
        """
        wanted = {
            "task_id": task.id,
            "guild_id": guild_id,
            "channel_id": channel_id,
            "user_id": task.order.user_id,
            "hidden": hidden,
            "tried_at": now,
            "stars": 0,
        }
        here = select(shares).where(shares.c.task_id == task.id, shares.c.channel_id == channel_id)
        there = select(tasks.c.id).where(tasks.c.id == task.id, _SHOWN).with_for_update()
        async with self._database.write_transaction(Lock.SHARES) as connection:
            if (await connection.execute(there)).one_or_none() is None:
                return None
            add = insert_into(connection, shares).values(wanted).on_conflict_do_nothing()
            new = (await connection.execute(add.returning(shares.c.id))).one_or_none() is not None
            row = (await connection.execute(here)).one()
            return _to_share(row), new

    async def update(self, share: Share, **changes: object) -> Share:
        """Write `changes` of the share's fields; return the new share."""
        await self.update_all([share.id], **changes)
        return share.model_copy(update=changes)

    async def update_all(self, share_ids: Collection[int], **changes: object) -> None:
        """Write the same `changes` to many shares."""
        columns = {_COLUMN_OF.get(name, name): value for name, value in changes.items()}
        await self._write(update(shares).where(shares.c.id.in_(share_ids)).values(columns))

    async def remove(self, share_id: int) -> None:
        """Delete a share, if it exists."""
        await self._write(delete(shares).where(shares.c.id == share_id))

    async def get(self, share_id: int) -> Share | None:
        """Return the share, or None."""
        found = await self._read(select(shares).where(shares.c.id == share_id), _parse_shares)
        return found[0] if found else None

    async def list_for_task(self, task_id: int) -> list[Share]:
        """Return all shares of a task, oldest first."""
        query = select(shares).where(shares.c.task_id == task_id).order_by(shares.c.id)
        return await self._read(query, _parse_shares)

    async def find_by_message(self, guild_id: int, message_id: int) -> Share | None:
        """Return the share whose post is this message, or None."""
        here = and_(unindexed(shares.c.guild_id) == guild_id, shares.c.message_id == message_id)
        found = await self._read(select(shares).where(here), _parse_shares)
        return found[0] if found else None

    async def list_of_deleted_tasks(self, limit: int) -> list[Share]:
        """Return shares whose result was deleted, in random order, so a post that cannot be deleted blocks no other."""
        left = select(shares).join(tasks, unindexed(tasks.c.id) == shares.c.task_id).where(IS_DELETED)
        return await self._read(left.order_by(func.random()).limit(limit), _parse_shares)

    async def list_unconfirmed(self, limit: int) -> list[Share]:
        """Return the newest shares for which it is unknown whether the post was made."""
        unknown = select(shares).where(shares.c.message_id.is_(None))
        return await self._read(unknown.order_by(unindexed(shares.c.id).desc()).limit(limit), _parse_shares)

    async def list_posted(self, guild_id: int, since: datetime, limit: int) -> list[Share]:
        """Return the server's visible posts since then: most stars (as last counted) first, then newest."""
        there = and_(shares.c.guild_id == guild_id, shares.c.message_id.is_not(None), shares.c.posted_at >= since)
        shown = select(_SHOWN).where(tasks.c.id == shares.c.task_id).scalar_subquery()
        here = select(shares).where(there, shown.is_(True))
        ranked = here.order_by(shares.c.stars.desc(), shares.c.posted_at.desc())
        return await self._read(ranked.limit(limit), _parse_shares)

    async def get_showcase(self, guild_id: int) -> int | None:
        """Return the id of the server's showcase channel, or None."""
        query = select(showcases.c.channel_id).where(showcases.c.guild_id == guild_id)
        channel_id: int | None = await self._read_scalar(query)
        return channel_id

    async def set_showcase(self, guild_id: int, channel_id: int | None) -> None:
        """Set the server's showcase channel, or remove it (None)."""
        async with self._database.write_transaction() as connection:
            if channel_id is None:
                await connection.execute(delete(showcases).where(showcases.c.guild_id == guild_id))
                return
            await upsert(connection, showcases, {"guild_id": guild_id}, {"channel_id": channel_id})


def _parse_shares(result: CursorResult[Any]) -> list[Share]:
    return [_to_share(row) for row in result]


def _to_share(row: Row[tuple[object, ...]]) -> Share:
    return Share.model_validate({_FIELD_OF.get(name, name): value for name, value in row._mapping.items()})
