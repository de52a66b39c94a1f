"""Whose turn it is: round the servers, and on each round its members.

A task needs two turns: one to be prepared, which is free, and one for a running slot, with which it is sent to FoxAPI.
Both are given alike. The turn is the server's whose latest one is the longest ago, among those with somebody waiting
and a free slot; there it is the member's whose latest one is the longest ago; of theirs the oldest task starts. Whoever
never had a turn comes first, and of several such the one whose task has waited longest.

The two kinds of slots are apart, so that a clip which takes long to fetch keeps nobody from FoxAPI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, Subquery, and_, case, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.limits import OperatorLimits
from bot.domain.task import Task, TaskState
from bot.store.engines.dialect import unindexed, upsert
from bot.store.leases import SUSPECT_FROM
from bot.store.tables import in_state, members, servers, tasks
from bot.store.unreadable import SetAside
from bot.store.usage import IN_LINE, PREPARED, count_query, in_preparation, occupies_slot

_IS_SUSPECT = and_(tasks.c.at_risk.is_(True), tasks.c.crashes >= SUSPECT_FROM)

_FOR_ANOTHER = timedelta(seconds=2)
"""How long such a task waits until it looks again whether another one is done."""

_PASSED_FOR = timedelta(minutes=2)
"""How long a task that finds no room on the disk lets smaller ones pass; then they wait until it has begun."""

_QUEUED = in_state(TaskState.QUEUED)

_BEGUN = {"state": TaskState.PREPARING, "at_risk": True, "room_wanted_at": None}

_SLOT_TAKEN = {"state": TaskState.SUBMITTING, "retry_at": None, "at_risk": False, "tries": 0, "crashes": 0}


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A task in line."""

    id: int
    home: int
    user_id: int
    no_room: bool
    """Its turn to be prepared has come, but there is no room for it on the disk."""


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """Everything that the order of the coming turns for running slots depends on."""

    waiting: tuple[QueuedTask, ...]
    """Oldest first; those being prepared included."""
    running: tuple[tuple[int, datetime | None], ...]
    """Of each task at work its home, and when it should be done."""
    server_turns: dict[int, int]
    """By home, the number of its latest turn; none: never."""
    member_turns: dict[tuple[int, int], int]
    """The same by home and user."""
    slots: dict[int, int]
    """By home, how many of its tasks may be at work at once, for those in line."""


@dataclass(frozen=True, slots=True)
class _NextTask:
    """The task whose turn it is."""

    id: int
    home: int
    user_id: int
    turn: int
    """The number of this turn."""


def slot_limit(operator_limits: OperatorLimits, server_running: int) -> int:
    """How many tasks of a server with this limit (0: none) may be at work at once."""
    return min(server_running or operator_limits.server_running, operator_limits.server_running)


async def claim_next(
    connection: AsyncConnection,
    operator_limits: OperatorLimits,
    room: int | None,
    now: datetime,
    lease: Mapping[str, Any],
    aside: SetAside,
) -> Task | None:
    """Let the next task in line be prepared, if there is a slot for that, and `room` on the disk (None: any).

    One that needs more room is marked with the time, and others pass it meanwhile, but not for long.
    `lease`: what is written into the row of who works on it; `aside`: where a row goes that cannot be read.
    """
    candidates = await _candidates(connection, operator_limits, now)
    while found := await _next(connection, _to_prepare(operator_limits, candidates, now), "turn"):
        this = and_(tasks.c.id == found.id, _QUEUED)
        fits = () if room is None else (tasks.c.needs <= room,)
        change = update(tasks).where(this, *fits).values(**_BEGUN, **lease, changed_at=now)
        if taken := await aside.read_all(connection, change, [found.id]):
            await _note_turn(connection, found, "turn")
            return taken[0]
        # Else there is no room for it, it cannot be read, or it was cancelled meanwhile: look who is next.
        unmarked = tasks.c.room_wanted_at.is_(None)
        await connection.execute(update(tasks).where(this, unmarked).values(room_wanted_at=now))
        candidates = and_(candidates, *fits)
    return None


async def _candidates(
    connection: AsyncConnection, operator_limits: OperatorLimits, now: datetime
) -> ColumnElement[bool]:
    """All in line; while one that may begin has waited too long for room, such ones alone."""
    urgent = and_(_QUEUED, tasks.c.room_wanted_at < now - _PASSED_FOR)
    if await connection.scalar(select(exists().where(urgent))) and await _next(
        connection, _to_prepare(operator_limits, urgent, now), "turn"
    ):
        return urgent
    return _QUEUED


async def take_slot(
    connection: AsyncConnection,
    operator_limits: OperatorLimits,
    server_running: int,
    now: datetime,
    aside: SetAside,
    only: Task | None = None,
) -> Task | None:
    """Let the next prepared task be sent to FoxAPI, if there is a running slot; `only`: if it is that one's turn.

    `server_running`: of servers that have set none. The row says that nothing was sent yet.
    """
    while found := await _next(connection, _to_send(operator_limits, server_running, now), "slot_turn"):
        if only and found.id != only.id:
            return None
        change = update(tasks).where(tasks.c.id == found.id, PREPARED)
        change = change.values(**_SLOT_TAKEN, changed_at=now, not_before=now)
        if taken := await aside.read_all(connection, change, [found.id]):
            await _note_turn(connection, found, "slot_turn")
            return taken[0]
        # Else it was cancelled between the two statements, or cannot be read: look who is next.
    return None


async def take_back_slot(
    connection: AsyncConnection,
    task: Task,
    operator_limits: OperatorLimits,
    server_running: int,
    now: datetime,
    aside: SetAside,
) -> Task | None:
    """Let a task that waited to be tried again go on, if there is a slot for it; return its row, None: it has changed.

    Where there is no slot its row stays as it is: it waits, and those in line wait for it. One that several processes
    did not outlive goes on alone among its like, so that each crash tells which of them it was.
    """
    change: dict[str, object] = {"retry_at": None, "at_risk": task.state is TaskState.PREPARING}
    if task.crashes >= SUSPECT_FROM and await _any_suspect(connection, task, now):
        change = {"retry_at": now + _FOR_ANOTHER}
    elif not await _has_slot(connection, task, operator_limits, server_running, now):
        change = {"retry_at": task.retry_at}
    same = and_(tasks.c.id == task.id, tasks.c.state == task.state, tasks.c.fence == task.fencing_token)
    taken = await aside.read_all(connection, update(tasks).where(same).values(change), [task.id])
    return taken[0] if taken else None


async def _any_suspect(connection: AsyncConnection, task: Task, now: datetime) -> bool:
    """Whether another task is being prepared that several processes did not outlive."""
    going = and_(in_preparation(now), tasks.c.retry_at.is_(None), tasks.c.id != task.id)
    return bool(await connection.scalar(select(exists().where(_IS_SUSPECT, going))))


async def _has_slot(
    connection: AsyncConnection, task: Task, operator_limits: OperatorLimits, server_running: int, now: datetime
) -> bool:
    """Whether a slot is free for a task that has waited: one for preparing, or a running one."""
    preparing = task.state is TaskState.PREPARING
    going = and_(
        in_preparation(now) if preparing else occupies_slot(now), tasks.c.retry_at.is_(None), tasks.c.id != task.id
    )
    here = select(tasks.c.home).where(tasks.c.id == task.id).scalar_subquery()
    own = select(servers.c.server_running).where(servers.c.home == here).scalar_subquery()
    counted = select(
        count_query(going).scalar_subquery(),
        count_query(going, unindexed(tasks.c.home) == here).scalar_subquery(),
        count_query(going, unindexed(tasks.c.user_id) == task.order.user_id).scalar_subquery(),
        func.coalesce(own, server_running),
    )
    busy, busy_here, own_busy, limit = (await connection.execute(counted)).one()
    if preparing:
        bounds = (
            (busy, operator_limits.max_preparing),
            (busy_here, operator_limits.server_preparing),
            (own_busy, operator_limits.member_preparing),
        )
        return all(count < bound for count, bound in bounds)
    return bool(busy < operator_limits.max_running and busy_here < slot_limit(operator_limits, limit))


def _to_prepare(operator_limits: OperatorLimits, candidates: ColumnElement[bool], now: datetime) -> Select[Any]:
    """Who may be prepared: all bounds are on what is being prepared, and on how far ahead of its turn a member is."""
    heads, busy = _heads(candidates), _busy(in_preparation(now))
    user = unindexed(tasks.c.user_id)
    started = select(user).where(in_preparation(now)).group_by(user)
    ahead = select(tasks.c.home, tasks.c.user_id).where(in_state(TaskState.PREPARING), tasks.c.overdue.is_(False))
    ahead = ahead.group_by(tasks.c.home, tasks.c.user_id)
    enough = func.count() >= operator_limits.member_preparing
    far = ahead.having(enough).subquery()
    return (
        _joined(heads, busy)
        .outerjoin_from(heads, far, and_(far.c.home == heads.c.home, far.c.user_id == heads.c.user_id))
        .where(
            _all(busy) < operator_limits.max_preparing,
            func.coalesce(busy.c.tasks, 0) < operator_limits.server_preparing,
            heads.c.user_id.not_in(started.having(enough)),
            far.c.user_id.is_(None),
        )
    )


def _to_send(operator_limits: OperatorLimits, server_running: int, now: datetime) -> Select[Any]:
    """Who may be sent to FoxAPI."""
    heads, busy = _heads(PREPARED), _busy(occupies_slot(now))
    own = func.coalesce(servers.c.server_running, server_running)
    slots = case(
        (own == 0, operator_limits.server_running),
        (own < operator_limits.server_running, own),
        else_=operator_limits.server_running,
    )
    return _joined(heads, busy).where(_all(busy) < operator_limits.max_running, func.coalesce(busy.c.tasks, 0) < slots)


def _heads(candidates: ColumnElement[bool]) -> Subquery:
    """One row for each member with such a task, however many these are."""
    first = func.min(tasks.c.id).label("id")
    heads = select(first, tasks.c.home, tasks.c.user_id).where(candidates)
    return heads.group_by(tasks.c.home, tasks.c.user_id).subquery()


def _busy(taking: ColumnElement[bool]) -> CTE:
    home = unindexed(tasks.c.home)
    return select(home.label("home"), func.count().label("tasks")).where(taking).group_by(home).cte("busy")


def _all(busy: CTE) -> ColumnElement[int]:
    return select(func.coalesce(func.sum(busy.c.tasks), 0)).scalar_subquery()


def _joined(heads: Subquery, busy: CTE) -> Select[Any]:
    joined = (
        heads.outerjoin(servers, servers.c.home == heads.c.home)
        .outerjoin(members, and_(members.c.home == heads.c.home, members.c.user_id == heads.c.user_id))
        .outerjoin(busy, busy.c.home == heads.c.home)
    )
    return select(heads).select_from(joined)


async def _next(connection: AsyncConnection, those: Select[Any], kind: str) -> _NextTask | None:
    """The first of those; `kind`: the column that numbers such turns."""
    server_turn, member_turn = servers.c[kind], members.c[kind]
    turn = select(func.coalesce(func.max(server_turn), 0) + 1).correlate(None).scalar_subquery()
    order = (func.coalesce(server_turn, 0), func.coalesce(member_turn, 0), those.selected_columns.id)
    found = (await connection.execute(those.add_columns(turn).order_by(*order).limit(1))).one_or_none()
    return _NextTask(*found) if found else None


async def _note_turn(connection: AsyncConnection, found: _NextTask, kind: str) -> None:
    """Number this turn, for its server and its member; the numbers of all servers' turns are one series."""
    await upsert(connection, servers, {"home": found.home}, {kind: found.turn})
    await upsert(connection, members, {"home": found.home, "user_id": found.user_id}, {kind: found.turn})


async def queue_snapshot(
    connection: AsyncConnection, operator_limits: OperatorLimits, server_running: int, now: datetime
) -> QueueSnapshot:
    """Read what the order of the coming turns depends on."""
    no_room = and_(_QUEUED, tasks.c.room_wanted_at.is_not(None))
    wanted = select(tasks.c.id, tasks.c.home, tasks.c.user_id, no_room).where(IN_LINE)
    waiting = tuple(QueuedTask(*row) for row in await connection.execute(wanted.order_by(unindexed(tasks.c.id))))
    busy = await connection.execute(select(tasks.c.home, tasks.c.expected_at).where(occupies_slot(now)))
    in_line = select(tasks.c.home).where(IN_LINE)
    here = select(servers.c.home, servers.c.slot_turn, servers.c.server_running).where(servers.c.home.in_(in_line))
    rows = {row.home: row for row in await connection.execute(here)}
    turns = select(members.c.home, members.c.user_id, members.c.slot_turn).where(members.c.home.in_(in_line))
    limits = {each.home: rows[each.home].server_running if each.home in rows else None for each in waiting}
    return QueueSnapshot(
        waiting=waiting,
        running=tuple((home, expected) for home, expected in busy),
        server_turns={home: row.slot_turn for home, row in rows.items()},
        member_turns={(home, user): turn for home, user, turn in await connection.execute(turns)},
        slots={
            home: slot_limit(operator_limits, server_running if own is None else own) for home, own in limits.items()
        },
    )
