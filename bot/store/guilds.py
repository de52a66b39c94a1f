"""What moderators decide, kept: a server's limits, and its members' blocks, extra runs and fresh starts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.limits import GuildLimits, MemberModeration
from bot.store.engines.base import Database
from bot.store.engines.dialect import upsert
from bot.store.engines.shielded import shielded
from bot.store.tables import members, servers, tasks


class Guilds:
    """Rows of servers and their members. A server without a row has the operator's defaults."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @shielded
    async def limits_of(self, home: int) -> GuildLimits | None:
        """The server's limits; None if it never set any."""
        async with self._database.read_transaction() as connection:
            return await _limits_of(connection, home)

    @shielded
    async def change(
        self, home: int, change: Callable[[GuildLimits | None], GuildLimits]
    ) -> tuple[GuildLimits | None, GuildLimits]:
        """Keep what `change` makes of the server's limits; return the old and the new ones.

        `change` is called inside the transaction, so that two changes at once are one after the other.
        """
        async with self._database.write_transaction(home) as connection:
            old = await _limits_of(connection, home)
            new = change(old)
            kept = {"limits": new.model_dump(mode="json"), "server_running": new.server_running}
            await _write_server(connection, home, kept)
            return old, new

    @shielded
    async def block(self, home: int, user_id: int, by: int, now: datetime) -> bool:
        """Block a member; False if they were blocked already."""
        async with self._database.write_transaction(home) as connection:
            if await _is_blocked(connection, home, user_id):
                return False
            await _write_member(connection, home, user_id, {"blocked_at": now, "blocked_by": by})
            return True

    @shielded
    async def unblock(self, home: int, user_id: int) -> bool:
        """Take a block back; False if there was none."""
        async with self._database.write_transaction(home) as connection:
            if not await _is_blocked(connection, home, user_id):
                return False
            await _write_member(connection, home, user_id, {"blocked_at": None, "blocked_by": None})
            return True

    @shielded
    async def reset(self, home: int, user_id: int | None) -> None:
        """Count none of the tasks that there are up to now for the member's day or, if None, for the server's."""
        async with self._database.write_transaction() as connection:
            latest = await connection.scalar(select(func.coalesce(func.max(tasks.c.id), 0)))
            if user_id is None:
                await _write_server(connection, home, {"reset_after": latest})
            else:
                await _write_member(connection, home, user_id, {"reset_after": latest})

    @shielded
    async def grant(self, home: int, user_id: int, runs: int) -> int:
        """Give a member extra runs; return how many they have now."""
        async with self._database.write_transaction() as connection:
            await _write_member(connection, home, user_id, {"granted": members.c.granted + runs}, {"granted": runs})
            here = and_(members.c.home == home, members.c.user_id == user_id)
            return int((await connection.execute(select(members.c.granted).where(here))).scalar_one())

    @shielded
    async def moderated_members(self, home: int) -> list[MemberModeration]:
        """The members that are blocked or have extra runs left, the latest blocked first."""
        columns = [members.c[name] for name in MemberModeration.model_fields]
        something = or_(members.c.blocked_at.is_not(None), members.c.granted > 0)
        wanted = select(*columns).where(members.c.home == home, something)
        async with self._database.read_transaction() as connection:
            rows = await connection.execute(
                wanted.order_by(members.c.blocked_at.desc().nulls_last(), members.c.user_id)
            )
            return [MemberModeration.model_validate(row._mapping) for row in rows]

    @shielded
    async def mark_left(self, home: int, now: datetime) -> None:
        """The bot is no longer on this server."""
        async with self._database.write_transaction() as connection:
            await _write_server(connection, home, {"left_at": now})

    @shielded
    async def mark_joined(self, home: int) -> None:
        """The bot is on this server (again)."""
        async with self._database.write_transaction() as connection:
            await connection.execute(update(servers).where(servers.c.home == home).values(left_at=None))

    @shielded
    async def sync(self, homes: Collection[int], now: datetime, among: Callable[[int], bool] = bool) -> None:
        """The bot is on these servers, and on no others of those `among` which they are."""
        async with self._database.write_transaction() as connection:
            kept = select(servers.c.home).where(servers.c.home > 0)
            known = {*await connection.scalars(kept), *await connection.scalars(_homes())}
            gone = {home for home in known if among(home)} - set(homes)
            marked = select(servers.c.home).where(servers.c.left_at.is_not(None))
            left = {row.home for row in await connection.execute(marked)}
            for home in gone - left:
                await _write_server(connection, home, {"left_at": now})
            for home in left & set(homes):
                await connection.execute(update(servers).where(servers.c.home == home).values(left_at=None))


def _homes() -> Select[int]:
    """Every server that has tasks, each found after the one before: else all tasks would be read for a few servers."""
    first = select(func.min(tasks.c.home).label("home")).where(tasks.c.home > 0).cte("homes", recursive=True)
    after = select(func.min(tasks.c.home)).where(tasks.c.home > first.c.home).scalar_subquery()
    homes = first.union_all(select(after).where(first.c.home.is_not(None)))
    return select(homes.c.home).where(homes.c.home.is_not(None))


async def _limits_of(connection: AsyncConnection, home: int) -> GuildLimits | None:
    found = await connection.scalar(select(servers.c.limits).where(servers.c.home == home))
    return None if found is None else GuildLimits.model_validate(found)


async def _is_blocked(connection: AsyncConnection, home: int, user_id: int) -> bool:
    here = and_(members.c.home == home, members.c.user_id == user_id, members.c.blocked_at.is_not(None))
    return bool(await connection.scalar(select(func.count()).where(here)))


async def _write_server(connection: AsyncConnection, home: int, values: dict[str, Any]) -> None:
    await upsert(connection, servers, {"home": home}, values)


async def _write_member(
    connection: AsyncConnection, home: int, user_id: int, values: dict[str, Any], fresh: dict[str, Any] | None = None
) -> None:
    await upsert(connection, members, {"home": home, "user_id": user_id}, values, fresh)
