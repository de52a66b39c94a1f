"""Whose turn it is: round the servers, and on each round its members.

The turn is the server's whose latest one is the longest ago, among those with somebody in line and a free slot; there
it is the member's whose latest one is the longest ago; of theirs the oldest task starts. Whoever never had a turn comes
first, and of several such the one whose task has waited longest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.rules import Roofs
from bot.store.dialect import upsert
from bot.store.tables import members, servers, task_of, tasks
from bot.store.usage import at_work
from bot.task import State, Task

_BEGUN = {"state": State.PREPARING, "at_risk": True}
SUSPECT_FROM = 2
"""After so many crashes a task may well be what they come from."""
_IS_SUSPECT = and_(tasks.c.state == State.PREPARING, tasks.c.at_risk.is_(True), tasks.c.crashes >= SUSPECT_FROM)
_FOR_ANOTHER = timedelta(seconds=2)
"""How long such a task waits until it looks again whether another one is done."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task in line."""

    id: int
    home: int
    user_id: int


@dataclass(frozen=True, slots=True)
class Lineup:
    """Everything that the order of the coming turns depends on."""

    waiting: tuple[Waiting, ...]
    """Oldest first."""
    at_work: tuple[tuple[int, datetime | None], ...]
    """Of each task at work its home, and when it should be done."""
    server_turns: dict[int, int]
    """By home, the number of its latest turn; none: never."""
    member_turns: dict[tuple[int, int], int]
    """The same by home and user."""
    slots: dict[int, int]
    """By home, how many of its tasks may be at work at once, for those in line."""


def slots_of(roofs: Roofs, server_running: int) -> int:
    """How many tasks of a server with this limit (0: none) may be at work at once."""
    return min(server_running or roofs.server_running, roofs.server_running)


async def take_turn(
    connection: AsyncConnection, roofs: Roofs, server_running: int, now: datetime, lease: Mapping[str, Any]
) -> Task | None:
    """Let the next task in line begin, if there is a slot for it.

    `server_running`: of servers that have set none; `lease`: what is written into the row of who works on it.
    """
    busy = select(tasks.c.home, func.count().label("tasks")).where(at_work(now)).group_by(tasks.c.home).cte("busy")
    all_busy = select(func.coalesce(func.sum(busy.c.tasks), 0)).scalar_subquery()
    own = func.coalesce(servers.c.server_running, server_running)
    slots = case((own == 0, roofs.server_running), (own < roofs.server_running, own), else_=roofs.server_running)
    # One row for each member with somebody in line, however many tasks that is.
    heads = (
        select(tasks.c.home, tasks.c.user_id, func.min(tasks.c.id).label("first"))
        .where(tasks.c.state == State.QUEUED)
        .group_by(tasks.c.home, tasks.c.user_id)
        .subquery()
    )
    joined = (
        heads.outerjoin(servers, servers.c.home == heads.c.home)
        .outerjoin(members, and_(members.c.home == heads.c.home, members.c.user_id == heads.c.user_id))
        .outerjoin(busy, busy.c.home == heads.c.home)
    )
    turn = select(func.coalesce(func.max(servers.c.turn), 0) + 1).scalar_subquery()
    next_one = (
        select(heads, turn.label("turn"))
        .select_from(joined)
        .where(all_busy < roofs.max_running, func.coalesce(busy.c.tasks, 0) < slots)
        .order_by(func.coalesce(servers.c.turn, 0), func.coalesce(members.c.turn, 0), heads.c.first)
        .limit(1)
    )
    while found := (await connection.execute(next_one)).one_or_none():
        still = and_(tasks.c.id == found.first, tasks.c.state == State.QUEUED)
        change = update(tasks).where(still).values(**_BEGUN, changed_at=now, **lease)
        if row := (await connection.execute(change.returning(tasks))).one_or_none():
            await _note_turn(connection, found.home, found.user_id, found.turn)
            return task_of(row)
        # Else it was cancelled between the two statements: look who is next.
    return None


async def take_slot(
    connection: AsyncConnection, task: Task, roofs: Roofs, server_running: int, now: datetime
) -> Task | None:
    """Let a task that waited to be tried again go on, if there is a slot for it; return its row, None: it has changed.

    Where there is no slot its row stays as it is: it waits, and those in line wait for it. One that several processes
    did not outlive goes on alone among its like, so that each crash tells which of them it was.
    """
    going = and_(at_work(now), tasks.c.retry_at.is_(None), tasks.c.id != task.id)
    here = select(tasks.c.home).where(tasks.c.id == task.id).scalar_subquery()
    own = select(servers.c.server_running).where(servers.c.home == here).scalar_subquery()
    counted = select(
        select(func.count()).select_from(tasks).where(going).scalar_subquery(),
        select(func.count()).select_from(tasks).where(going, tasks.c.home == here).scalar_subquery(),
        func.coalesce(own, server_running),
        select(func.count()).select_from(tasks).where(_IS_SUSPECT, going).scalar_subquery(),
    )
    busy, busy_here, limit, suspects = (await connection.execute(counted)).one()
    change: dict[str, object] = {"retry_at": None, "at_risk": task.state is State.PREPARING}
    if task.crashes >= SUSPECT_FROM and suspects:
        change = {"retry_at": now + _FOR_ANOTHER}
    elif busy >= roofs.max_running or busy_here >= slots_of(roofs, limit):
        change = {"retry_at": task.retry_at}
    same = and_(tasks.c.id == task.id, tasks.c.state == task.state, tasks.c.fence == task.fence)
    row = (await connection.execute(update(tasks).where(same).values(change).returning(tasks))).one_or_none()
    return task_of(row) if row else None


async def _note_turn(connection: AsyncConnection, home: int, user_id: int, turn: int) -> None:
    """Number this turn, for its server and its member; the numbers of all servers' turns are one series."""
    await upsert(connection, servers, {"home": home}, {"turn": turn})
    await upsert(connection, members, {"home": home, "user_id": user_id}, {"turn": turn})


async def lineup_of(connection: AsyncConnection, roofs: Roofs, server_running: int, now: datetime) -> Lineup:
    """Read what the order of the coming turns depends on."""
    wanted = select(tasks.c.id, tasks.c.home, tasks.c.user_id).where(tasks.c.state == State.QUEUED)
    waiting = tuple(Waiting(*row) for row in await connection.execute(wanted.order_by(tasks.c.id)))
    busy = await connection.execute(select(tasks.c.home, tasks.c.expected_at).where(at_work(now)))
    in_line = select(tasks.c.home).where(tasks.c.state == State.QUEUED)
    here = select(servers.c.home, servers.c.turn, servers.c.server_running).where(servers.c.home.in_(in_line))
    rows = {row.home: row for row in await connection.execute(here)}
    turns = select(members.c.home, members.c.user_id, members.c.turn).where(members.c.home.in_(in_line))
    limits = {each.home: rows[each.home].server_running if each.home in rows else None for each in waiting}
    return Lineup(
        waiting=waiting,
        at_work=tuple((home, expected) for home, expected in busy),
        server_turns={home: row.turn for home, row in rows.items()},
        member_turns={(home, user): turn for home, user, turn in await connection.execute(turns)},
        slots={home: slots_of(roofs, server_running if own is None else own) for home, own in limits.items()},
    )
