"""Moderators' settings: a server's limits, and its members' blocks, extra runs and resets."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.limits import GuildLimits, MemberModeration
from bot.store.engines.dialect import upsert
from bot.store.repository import Repository
from bot.store.tables import members, servers, tasks


class GuildRepository(Repository):
    """Servers and their members. A server without a row has the operator's defaults."""

    async def get_limits(self, scope_id: int) -> GuildLimits | None:
        """Return the server's limits, or None if it never set any."""
        async with self._database.read_transaction() as connection:
            return await _read_limits(connection, scope_id)

    async def change(
        self, scope_id: int, change: Callable[[GuildLimits | None], GuildLimits]
    ) -> tuple[GuildLimits | None, GuildLimits]:
        """Store what `change` makes of the server's limits; return the old and the new ones.

        `change` is called inside the transaction, so simultaneous changes are applied one after the other.
        """
        async with self._database.write_transaction(scope_id) as connection:
            old = await _read_limits(connection, scope_id)
            new = change(old)
            values = {"limits": new.model_dump(mode="json"), "server_running": new.server_running}
            await _write_server(connection, scope_id, values)
            return old, new

    async def block(self, scope_id: int, user_id: int, by: int, now: datetime) -> bool:
        """Block a member; return False if they were blocked already."""
        async with self._database.write_transaction(scope_id) as connection:
            if await _is_blocked(connection, scope_id, user_id):
                return False
            await _write_member(connection, scope_id, user_id, {"blocked_at": now, "blocked_by": by})
            return True

    async def unblock(self, scope_id: int, user_id: int) -> bool:
        """Unblock a member; return False if they were not blocked."""
        async with self._database.write_transaction(scope_id) as connection:
            if not await _is_blocked(connection, scope_id, user_id):
                return False
            await _write_member(connection, scope_id, user_id, {"blocked_at": None, "blocked_by": None})
            return True

    async def reset(self, scope_id: int, user_id: int | None) -> None:
        """Restart the 24-hour count of a member or, if `user_id` is None, of the server."""
        async with self._database.write_transaction() as connection:
            latest = await connection.scalar(select(func.coalesce(func.max(tasks.c.id), 0)))
            if user_id is None:
                await _write_server(connection, scope_id, {"reset_after": latest})
            else:
                await _write_member(connection, scope_id, user_id, {"reset_after": latest})

    async def grant(self, scope_id: int, user_id: int, runs: int) -> int:
        """Grant a member extra runs; return how many they have now."""
        async with self._database.write_transaction() as connection:
            await _write_member(connection, scope_id, user_id, {"granted": members.c.granted + runs}, {"granted": runs})
            here = and_(members.c.home == scope_id, members.c.user_id == user_id)
            return int((await connection.execute(select(members.c.granted).where(here))).scalar_one())

    async def list_moderated_members(self, scope_id: int) -> list[MemberModeration]:
        """Return the members who are blocked or have extra runs left, the latest blocked first."""
        columns = [members.c[name] for name in MemberModeration.model_fields]
        is_moderated = or_(members.c.blocked_at.is_not(None), members.c.granted > 0)
        query = select(*columns).where(members.c.home == scope_id, is_moderated)
        ordered = query.order_by(members.c.blocked_at.desc().nulls_last(), members.c.user_id)
        return await self._read(ordered, lambda rows: [MemberModeration.model_validate(row._mapping) for row in rows])

    async def mark_left(self, scope_id: int, now: datetime) -> None:
        """Record that the bot left this server."""
        async with self._database.write_transaction() as connection:
            await _write_server(connection, scope_id, {"left_at": now})

    async def mark_joined(self, scope_id: int) -> None:
        """Record that the bot is on this server."""
        await self._write(update(servers).where(servers.c.home == scope_id).values(left_at=None))

    async def sync(self, homes: Collection[int], now: datetime, among: Callable[[int], bool] = bool) -> None:
        """Record that the bot is on exactly these servers. Servers for which `among` is false are left alone."""
        async with self._database.write_transaction() as connection:
            kept = select(servers.c.home).where(servers.c.home > 0)
            known = {*await connection.scalars(kept), *await connection.scalars(_select_scope_ids())}
            gone = {scope_id for scope_id in known if among(scope_id)} - set(homes)
            marked = select(servers.c.home).where(servers.c.left_at.is_not(None))
            left = {row.home for row in await connection.execute(marked)}
            for scope_id in gone - left:
                await _write_server(connection, scope_id, {"left_at": now})
            for scope_id in left & set(homes):
                await connection.execute(update(servers).where(servers.c.home == scope_id).values(left_at=None))


def _select_scope_ids() -> Select[int]:
    """Select every server that has tasks, with one index look-up each, instead of reading all tasks."""
    first = select(func.min(tasks.c.home).label("home")).where(tasks.c.home > 0).cte("homes", recursive=True)
    after = select(func.min(tasks.c.home)).where(tasks.c.home > first.c.home).scalar_subquery()
    homes = first.union_all(select(after).where(first.c.home.is_not(None)))
    return select(homes.c.home).where(homes.c.home.is_not(None))


async def _read_limits(connection: AsyncConnection, scope_id: int) -> GuildLimits | None:
    found = await connection.scalar(select(servers.c.limits).where(servers.c.home == scope_id))
    return None if found is None else GuildLimits.model_validate(found)


async def _is_blocked(connection: AsyncConnection, scope_id: int, user_id: int) -> bool:
    here = and_(members.c.home == scope_id, members.c.user_id == user_id, members.c.blocked_at.is_not(None))
    return bool(await connection.scalar(select(func.count()).where(here)))


async def _write_server(connection: AsyncConnection, scope_id: int, values: dict[str, Any]) -> None:
    await upsert(connection, servers, {"home": scope_id}, values)


async def _write_member(
    connection: AsyncConnection, scope_id: int, user_id: int, changes: dict[str, Any], new: dict[str, Any] | None = None
) -> None:
    await upsert(connection, members, {"home": scope_id, "user_id": user_id}, changes, new)
