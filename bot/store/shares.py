"""What is shared and where, kept; and each server's showcase."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    Row,
    Select,
    Table,
    and_,
    delete,
    func,
    select,
    update,
)

from bot.domain.share import Share
from bot.domain.task import Task
from bot.store.engines.base import Database, Lock
from bot.store.engines.dialect import insert_into, unindexed, upsert
from bot.store.engines.shielded import shielded
from bot.store.tables import IS_DELETED, BigId, UtcDateTime, metadata, tasks

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
    sqlite_autoincrement=True,  # ids never come back: buttons and nonces carry them
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


class ShareRepository:
    """A part of :class:`bot.store.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @shielded
    async def reserve(
        self, task: Task, guild_id: int, channel_id: int, now: datetime, *, hidden: bool
    ) -> tuple[Share, bool] | None:
        """Write down that the task is to be shared there, and whether that is new; there is one row for each place.

        None, and nothing is written, if the task's result was deleted: whoever deletes finds every share that is.
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
        """Write `changes` of the share's fields; return the new row."""
        await self.update_all([share.id], **changes)
        return share.model_copy(update=changes)

    @shielded
    async def update_all(self, share_ids: Collection[int], **changes: object) -> None:
        """Write the same `changes` into many rows."""
        columns = {_COLUMN_OF.get(name, name): value for name, value in changes.items()}
        async with self._database.write_transaction() as connection:
            await connection.execute(update(shares).where(shares.c.id.in_(share_ids)).values(columns))

    @shielded
    async def remove(self, share_id: int) -> None:
        """Forget a share, if it is there."""
        async with self._database.write_transaction() as connection:
            await connection.execute(delete(shares).where(shares.c.id == share_id))

    async def get(self, share_id: int) -> Share | None:
        """The row as it is now."""
        found = await self._read(select(shares).where(shares.c.id == share_id))
        return found[0] if found else None

    async def of_task(self, task_id: int) -> list[Share]:
        """All shares of a task, oldest first."""
        return await self._read(select(shares).where(shares.c.task_id == task_id).order_by(shares.c.id))

    async def find_by_message(self, guild_id: int, message_id: int) -> Share | None:
        """The share whose post this message is, if there is one."""
        here = and_(unindexed(shares.c.guild_id) == guild_id, shares.c.message_id == message_id)
        found = await self._read(select(shares).where(here))
        return found[0] if found else None

    async def of_deleted_tasks(self, limit: int) -> list[Share]:
        """Shares of results that were deleted, in no order: one that cannot be taken back stands in nobody's way."""
        left = select(shares).join(tasks, unindexed(tasks.c.id) == shares.c.task_id).where(IS_DELETED)
        return await self._read(left.order_by(func.random()).limit(limit))

    async def unconfirmed(self, limit: int) -> list[Share]:
        """The newest shares of which nobody knows whether they were posted."""
        unknown = select(shares).where(shares.c.message_id.is_(None))
        return await self._read(unknown.order_by(unindexed(shares.c.id).desc()).limit(limit))

    async def posted(self, guild_id: int, since: datetime, limit: int) -> list[Share]:
        """The server's posts since then: the most starred, as last counted, then the newest; no deleted ones."""
        there = and_(shares.c.guild_id == guild_id, shares.c.message_id.is_not(None), shares.c.posted_at >= since)
        shown = select(_SHOWN).where(tasks.c.id == shares.c.task_id).scalar_subquery()
        here = select(shares).where(there, shown.is_(True))
        return await self._read(here.order_by(shares.c.stars.desc(), shares.c.posted_at.desc()).limit(limit))

    @shielded
    async def showcase(self, guild_id: int) -> int | None:
        """The id of the server's showcase channel, if it has one."""
        async with self._database.read_transaction() as connection:
            query = select(showcases.c.channel_id).where(showcases.c.guild_id == guild_id)
            channel_id: int | None = await connection.scalar(query)
            return channel_id

    @shielded
    async def set_showcase(self, guild_id: int, channel_id: int | None) -> None:
        """Choose the server's showcase channel, or (None) have none."""
        async with self._database.write_transaction() as connection:
            if channel_id is None:
                await connection.execute(delete(showcases).where(showcases.c.guild_id == guild_id))
                return
            await upsert(connection, showcases, {"guild_id": guild_id}, {"channel_id": channel_id})

    @shielded
    async def _read(self, query: Select[tuple[object, ...]]) -> list[Share]:
        async with self._database.read_transaction() as connection:
            return [_to_share(row) for row in await connection.execute(query)]


def _to_share(row: Row[tuple[object, ...]]) -> Share:
    return Share.model_validate({_FIELD_OF.get(name, name): value for name, value in row._mapping.items()})
