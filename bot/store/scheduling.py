"""Fair scheduling: round-robin over the servers, then over each server's members.

A task needs two turns: one to be prepared, which is free, and one for a running slot, with which it is submitted to
FoxAPI. Both are given by the same rule. Among the servers with a waiting task and a free slot, the server whose latest
turn is longest ago is next; there, the member whose latest turn is longest ago; of that member, the oldest task.
Servers and members that never had a turn come first; among them, the oldest task decides.

The two kinds of slots are separate, so a clip that downloads slowly keeps no other task from FoxAPI.
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
from bot.store.queue_snapshot import get_slot_limit
from bot.store.tables import in_state, members, servers, tasks
from bot.store.unreadable import SetAsideTasks
from bot.store.usage import IS_PREPARED, is_being_prepared, occupies_slot, select_count

_IS_SUSPECT = and_(tasks.c.at_risk.is_(True), tasks.c.crashes >= SUSPECT_FROM)

_SUSPECT_RETRY = timedelta(seconds=2)
"""How long a suspect waits before it checks again whether another suspect is done."""

_MAX_OVERTAKEN = timedelta(minutes=2)
"""How long smaller tasks may overtake a task for which the working directory has no room."""

_QUEUED = in_state(TaskState.QUEUED)

_PREPARING_VALUES = {"state": TaskState.PREPARING, "at_risk": True, "room_wanted_at": None}

_SUBMITTING_VALUES = {"state": TaskState.SUBMITTING, "retry_at": None, "at_risk": False, "tries": 0, "crashes": 0}


@dataclass(frozen=True, slots=True)
class _NextTask:
    """The task that is next."""

    id: int
    scope_id: int
    user_id: int
    turn: int
    """The number of this turn."""


async def claim_next(
    connection: AsyncConnection,
    operator_limits: OperatorLimits,
    room: int | None,
    now: datetime,
    lease: Mapping[str, Any],
    set_aside: SetAsideTasks,
) -> Task | None:
    """Claim the next queued task for preparation, if a slot is free and it needs at most `room` bytes (None: any).

    A task that needs more room is marked with the time, and others overtake it for a while.
    `lease`: the columns of this process's lease; `set_aside`: collects the rows that cannot be read.
    """
    candidates = await _find_candidates(connection, operator_limits, now)
    while found := await _find_next(connection, _select_to_prepare(operator_limits, candidates, now), "turn"):
        this = and_(tasks.c.id == found.id, _QUEUED)
        fits = () if room is None else (tasks.c.needs <= room,)
        change = update(tasks).where(this, *fits).values(**_PREPARING_VALUES, **lease, changed_at=now)
        if taken := await set_aside.read_all(connection, change, [found.id]):
            await _record_turn(connection, found, "turn")
            return taken[0]
        # Otherwise it has no room, cannot be read or was cancelled meanwhile: try the next one.
        unmarked = tasks.c.room_wanted_at.is_(None)
        await connection.execute(update(tasks).where(this, unmarked).values(room_wanted_at=now))
        candidates = and_(candidates, *fits)
    return None


async def _find_candidates(
    connection: AsyncConnection, operator_limits: OperatorLimits, now: datetime
) -> ColumnElement[bool]:
    """Return which tasks may be claimed: only those that have waited too long for room, if one of them has a slot."""
    urgent = and_(_QUEUED, tasks.c.room_wanted_at < now - _MAX_OVERTAKEN)
    if await connection.scalar(select(exists().where(urgent))) and await _find_next(
        connection, _select_to_prepare(operator_limits, urgent, now), "turn"
    ):
        return urgent
    return _QUEUED


async def take_slot(
    connection: AsyncConnection,
    operator_limits: OperatorLimits,
    server_running: int,
    now: datetime,
    set_aside: SetAsideTasks,
    only: Task | None = None,
) -> Task | None:
    """Give the next prepared task a running slot, if one is free; `only`: do so only if this task is next.

    `server_running`: the limit of servers that have set none. The row records that nothing was submitted yet.
    """
    while found := await _find_next(connection, _select_to_submit(operator_limits, server_running, now), "slot_turn"):
        if only and found.id != only.id:
            return None
        change = update(tasks).where(tasks.c.id == found.id, IS_PREPARED)
        change = change.values(**_SUBMITTING_VALUES, changed_at=now, not_before=now)
        if taken := await set_aside.read_all(connection, change, [found.id]):
            await _record_turn(connection, found, "slot_turn")
            return taken[0]
        # Otherwise it was cancelled between the two statements, or cannot be read: try the next one.
    return None


async def take_back_slot(
    connection: AsyncConnection,
    task: Task,
    operator_limits: OperatorLimits,
    server_running: int,
    now: datetime,
    set_aside: SetAsideTasks,
) -> Task | None:
    """Give a task whose retry is due a slot, if one is free; return its row, or None if it has changed.

    Without a free slot the row stays as it is: the task waits, and queued tasks wait behind it. Suspects, during which
    several processes crashed, run one at a time, so that a further crash identifies its cause.
    """
    change: dict[str, object] = {"retry_at": None, "at_risk": task.state is TaskState.PREPARING}
    if task.crashes >= SUSPECT_FROM and await _is_suspect_running(connection, task, now):
        change = {"retry_at": now + _SUSPECT_RETRY}
    elif not await _has_slot(connection, task, operator_limits, server_running, now):
        change = {"retry_at": task.retry_at}
    same = and_(tasks.c.id == task.id, tasks.c.state == task.state, tasks.c.fence == task.fencing_token)
    taken = await set_aside.read_all(connection, update(tasks).where(same).values(change), [task.id])
    return taken[0] if taken else None


async def _is_suspect_running(connection: AsyncConnection, task: Task, now: datetime) -> bool:
    """Return whether another suspect is in preparation."""
    going = and_(is_being_prepared(now), tasks.c.retry_at.is_(None), tasks.c.id != task.id)
    return bool(await connection.scalar(select(exists().where(_IS_SUSPECT, going))))


async def _has_slot(
    connection: AsyncConnection, task: Task, operator_limits: OperatorLimits, server_running: int, now: datetime
) -> bool:
    """Return whether a slot is free for a task whose retry is due: a preparation slot or a running slot."""
    preparing = task.state is TaskState.PREPARING
    going = and_(
        is_being_prepared(now) if preparing else occupies_slot(now), tasks.c.retry_at.is_(None), tasks.c.id != task.id
    )
    here = select(tasks.c.home).where(tasks.c.id == task.id).scalar_subquery()
    own = select(servers.c.server_running).where(servers.c.home == here).scalar_subquery()
    counted = select(
        select_count(going).scalar_subquery(),
        select_count(going, unindexed(tasks.c.home) == here).scalar_subquery(),
        select_count(going, unindexed(tasks.c.user_id) == task.order.user_id).scalar_subquery(),
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
    return bool(busy < operator_limits.max_running and busy_here < get_slot_limit(operator_limits, limit))


def _select_to_prepare(operator_limits: OperatorLimits, candidates: ColumnElement[bool], now: datetime) -> Select[Any]:
    """Select the tasks that may be prepared, within the limits on preparation and on each member's prepared tasks."""
    heads, busy = _select_heads(candidates), _count_busy(is_being_prepared(now))
    user = unindexed(tasks.c.user_id)
    started = select(user).where(is_being_prepared(now)).group_by(user)
    ahead = select(tasks.c.home, tasks.c.user_id).where(in_state(TaskState.PREPARING), tasks.c.overdue.is_(False))
    ahead = ahead.group_by(tasks.c.home, tasks.c.user_id)
    enough = func.count() >= operator_limits.member_preparing
    far = ahead.having(enough).subquery()
    return (
        _join_turns(heads, busy)
        .outerjoin_from(heads, far, and_(far.c.home == heads.c.home, far.c.user_id == heads.c.user_id))
        .where(
            _sum_busy(busy) < operator_limits.max_preparing,
            func.coalesce(busy.c.tasks, 0) < operator_limits.server_preparing,
            heads.c.user_id.not_in(started.having(enough)),
            far.c.user_id.is_(None),
        )
    )


def _select_to_submit(operator_limits: OperatorLimits, server_running: int, now: datetime) -> Select[Any]:
    """Select the tasks that may be submitted to FoxAPI."""
    heads, busy = _select_heads(IS_PREPARED), _count_busy(occupies_slot(now))
    own = func.coalesce(servers.c.server_running, server_running)
    slots = case(
        (own == 0, operator_limits.server_running),
        (own < operator_limits.server_running, own),
        else_=operator_limits.server_running,
    )
    return _join_turns(heads, busy).where(
        _sum_busy(busy) < operator_limits.max_running, func.coalesce(busy.c.tasks, 0) < slots
    )


def _select_heads(candidates: ColumnElement[bool]) -> Subquery:
    """Select the oldest candidate of each member."""
    first = func.min(tasks.c.id).label("id")
    heads = select(first, tasks.c.home, tasks.c.user_id).where(candidates)
    return heads.group_by(tasks.c.home, tasks.c.user_id).subquery()


def _count_busy(taking: ColumnElement[bool]) -> CTE:
    home = unindexed(tasks.c.home)
    return select(home.label("home"), func.count().label("tasks")).where(taking).group_by(home).cte("busy")


def _sum_busy(busy: CTE) -> ColumnElement[int]:
    return select(func.coalesce(func.sum(busy.c.tasks), 0)).scalar_subquery()


def _join_turns(heads: Subquery, busy: CTE) -> Select[Any]:
    joined = (
        heads.outerjoin(servers, servers.c.home == heads.c.home)
        .outerjoin(members, and_(members.c.home == heads.c.home, members.c.user_id == heads.c.user_id))
        .outerjoin(busy, busy.c.home == heads.c.home)
    )
    return select(heads).select_from(joined)


async def _find_next(connection: AsyncConnection, candidates: Select[Any], kind: str) -> _NextTask | None:
    """Find the next of the candidates; `kind`: the column that numbers this kind of turn."""
    server_turn, member_turn = servers.c[kind], members.c[kind]
    turn = select(func.coalesce(func.max(server_turn), 0) + 1).correlate(None).scalar_subquery()
    order = (func.coalesce(server_turn, 0), func.coalesce(member_turn, 0), candidates.selected_columns.id)
    found = (await connection.execute(candidates.add_columns(turn).order_by(*order).limit(1))).one_or_none()
    return _NextTask(*found) if found else None


async def _record_turn(connection: AsyncConnection, found: _NextTask, kind: str) -> None:
    """Store the number of this turn for its server and its member. All servers share one series of numbers."""
    await upsert(connection, servers, {"home": found.scope_id}, {kind: found.turn})
    await upsert(connection, members, {"home": found.scope_id, "user_id": found.user_id}, {kind: found.turn})
