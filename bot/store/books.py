"""What was used and done, counted: for panels and reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Text, and_, case, func, or_, select

from bot.rules import Ceilings, Limits, Tally, Usage
from bot.store.database import Database
from bot.store.tables import members, servers, tasks
from bot.store.uninterrupted import uninterrupted
from bot.store.usage import IN_LINE, at_work, how_many, lately, oldest_start, ruling_of, unfinished, usage_of
from bot.task import State

_ENDED = tuple(state for state in State if state.ended)
_OUTCOMES = {
    "delivered": tasks.c.state == State.DELIVERED,
    "failed": tasks.c.state == State.FAILED,
    "cancelled": tasks.c.state == State.CANCELLED,
    "unclear": tasks.c.state == State.UNCLEAR,
    "unfinished": tasks.c.state.not_in(_ENDED),
}
_CREDITS = func.coalesce(func.sum(tasks.c.credits), 0.0).label("credits")


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
            return Look(ruling.limits, usage, await oldest_start(connection, home, user_id, ruling, now))

    @uninterrupted
    async def in_use(self, home: int, now: datetime) -> InUse:
        """Count what is used of the server's limits, and by whom of theirs."""
        here = tasks.c.home == home
        day = (
            select(tasks.c.user_id, func.count())
            .outerjoin(members, and_(members.c.home == tasks.c.home, members.c.user_id == tasks.c.user_id))
            .where(here, lately(now), tasks.c.id > func.coalesce(members.c.reset_after, 0))
            .group_by(tasks.c.user_id)
        )
        open_ones = select(tasks.c.user_id, func.count()).where(unfinished(home)).group_by(tasks.c.user_id)
        reset = select(servers.c.reset_after).where(servers.c.home == home).scalar_subquery()
        started = and_(here, lately(now), tasks.c.id > func.coalesce(reset, 0))
        async with self._database.reading() as connection:
            used: dict[int, int] = {user: count for user, count in await connection.execute(day)}  # noqa: C416 (rows)
            still: dict[int, int] = {user: count for user, count in await connection.execute(open_ones)}  # noqa: C416
            people = {user: (used.get(user, 0), still.get(user, 0)) for user in used | still}
            return InUse(
                started=await how_many(connection, started),
                at_work=await how_many(connection, here, at_work(now)),
                waiting=await how_many(connection, here, IN_LINE),
                members=people,
            )

    @uninterrupted
    async def tallies(self, home: int, since: datetime) -> list[Tally]:
        """Count the server's tasks that were started from `since` on, by day and member."""
        day = func.date(tasks.c.created_at, type_=Text).label("day")
        made = case((tasks.c.state == State.DELIVERED, tasks.c.seconds), else_=0)
        counts = [func.sum(case((what, 1), else_=0)).label(name) for name, what in _OUTCOMES.items()]
        wanted = (
            select(day, tasks.c.user_id, *counts, func.sum(made).label("seconds"), _CREDITS)
            .where(tasks.c.home == home, tasks.c.created_at >= since, tasks.c.forgotten.is_(False))
            .group_by(day, tasks.c.user_id)
            .order_by(day, tasks.c.user_id)
        )
        async with self._database.reading() as connection:
            return [Tally.model_validate(dict(row._mapping)) for row in await connection.execute(wanted)]

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
