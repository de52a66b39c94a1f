"""What was used and done, counted: for panels and reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select

from bot.rules import Ceilings, Limits, Tally, Usage
from bot.store.database import Database
from bot.store.dialect import unindexed
from bot.store.tables import members, servers, tasks
from bot.store.tallying import read_tallies
from bot.store.uninterrupted import uninterrupted
from bot.store.usage import IN_LINE, day_of, held_here, how_many, lately, ruling_of, unfinished, usage_of
from bot.task import State

_ENDED = tuple(state for state in State if state.ended)


class Look(NamedTuple):
    """What the rules would know of a member now."""

    limits: Limits | None
    usage: Usage
    oldest: datetime | None
    """The oldest start in the member's window."""


class InUse(NamedTuple):
    """What is used of a server's limits at one moment."""

    started: int
    at_work: int
    waiting: int
    members: dict[int, tuple[int, int]]
    """By user id: started in their day, and unfinished."""


class Books:
    """Counts. Nothing here writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def look(self, home: int, user_id: int, ceilings: Callable[[Limits | None], Ceilings], now: datetime) -> Look:
        """See what a submission by this member would be judged by."""
        async with self._database.reading() as connection:
            ruling = await ruling_of(connection, home, user_id)
            usage = await usage_of(connection, home, user_id, ruling, ceilings(ruling.limits), now)
            used, oldest = await day_of(connection, home, user_id, ruling, now)
            member = usage.member.model_copy(update={"count": used})
            return Look(ruling.limits, usage.model_copy(update={"member": member}), oldest)

    @uninterrupted
    async def in_use(self, home: int, now: datetime) -> InUse:
        """Count what is used of the server's limits, and by whom of theirs."""
        here = tasks.c.home == home
        day = (
            select(tasks.c.user_id, func.count())
            .outerjoin(members, and_(members.c.home == tasks.c.home, members.c.user_id == tasks.c.user_id))
            .where(here, lately(now), unindexed(tasks.c.id) > func.coalesce(members.c.reset_after, 0))
            .group_by(tasks.c.user_id)
        )
        open_ones = select(tasks.c.user_id, func.count()).where(unfinished(home)).group_by(tasks.c.user_id)
        reset = select(servers.c.reset_after).where(servers.c.home == home).scalar_subquery()
        started = and_(here, lately(now), unindexed(tasks.c.id) > func.coalesce(reset, 0))
        async with self._database.reading() as connection:
            used: dict[int, int] = {user: count for user, count in await connection.execute(day)}  # noqa: C416 (rows)
            still: dict[int, int] = {user: count for user, count in await connection.execute(open_ones)}  # noqa: C416
            people = {user: (used.get(user, 0), still.get(user, 0)) for user in used | still}
            return InUse(
                started=await how_many(connection, started),
                at_work=await how_many(connection, held_here(home, now)),
                waiting=await how_many(connection, here, IN_LINE),
                members=people,
            )

    @uninterrupted
    async def tallies(self, home: int, since: datetime) -> list[Tally]:
        """Count the server's tasks that were started from `since` on, by day and member."""
        async with self._database.reading() as connection:
            return await read_tallies(connection, home, since)

    @uninterrupted
    async def of_person(self, user_id: int) -> tuple[int, int, int]:
        """How many tasks are kept of a member, how many of these are unfinished, and on how many servers a ruling."""
        known = and_(tasks.c.forgotten.is_(False), tasks.c.message_id > 0)
        theirs = and_(tasks.c.user_id == user_id, or_(known, tasks.c.state.not_in(_ENDED)))
        ruled = and_(members.c.user_id == user_id, or_(members.c.blocked_at.is_not(None), members.c.granted > 0))
        async with self._database.reading() as connection:
            kept = await how_many(connection, theirs)
            still = await how_many(connection, theirs, tasks.c.state.not_in(_ENDED))
            on_servers = select(func.count()).select_from(members).where(ruled)
            return kept, still, (await connection.execute(on_servers)).scalar_one()
