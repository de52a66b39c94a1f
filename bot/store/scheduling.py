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

from sqlalchemy import Select, and_, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.limits import OperatorLimits
from bot.domain.task import Task, TaskState
from bot.store.engines.dialect import unindexed, upsert
from bot.store.leases import SUSPECT_FROM
from bot.store.queue_snapshot import get_slot_limit
from bot.store.tables import members, servers, tasks
from bot.store.turn_statements import (
    IS_QUEUED,
    IS_URGENT,
    NEXT_TO_PREPARE,
    NEXT_TO_SUBMIT,
    get_preparation_values,
    get_submission_values,
)
from bot.store.unreadable import SetAsideTasks
from bot.store.usage import IS_PREPARED, is_being_prepared, occupies_slot, select_count

_IS_SUSPECT = and_(tasks.c.at_risk.is_(True), tasks.c.crashes >= SUSPECT_FROM)

_SUSPECT_RETRY = timedelta(seconds=2)
"""How long a suspect waits before it checks again whether another suspect is done."""

_MAX_OVERTAKEN = timedelta(minutes=2)
"""How long smaller tasks may overtake a task for which the working directory has no room."""

_ANY_URGENT = select(exists().where(IS_URGENT))

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
    any_room = get_preparation_values(operator_limits, now, None)
    urgent = await _has_urgent(connection, any_room, now)
    values = any_room | ({"wanted_before": now - _MAX_OVERTAKEN} if urgent else {})
    while found := await _find_next(connection, NEXT_TO_PREPARE[urgent], values):
        this = and_(tasks.c.id == found.id, IS_QUEUED)
        fits = () if room is None else (tasks.c.needs <= room,)
        change = update(tasks).where(this, *fits).values(**_PREPARING_VALUES, **lease, changed_at=now)
        if taken := await set_aside.read_all(connection, change, [found.id]):
            await _record_turn(connection, found, "turn")
            return taken[0]
        # Otherwise it has no room, cannot be read or was cancelled meanwhile: try the next one.
        unmarked = tasks.c.room_wanted_at.is_(None)
        await connection.execute(update(tasks).where(this, unmarked).values(room_wanted_at=now))
        values |= get_preparation_values(operator_limits, now, room)
    return None


async def _has_urgent(connection: AsyncConnection, values: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a task that has waited too long for room has a slot; then only such tasks may be claimed."""
    wanted_before = {"wanted_before": now - _MAX_OVERTAKEN}
    if not await connection.scalar(_ANY_URGENT, wanted_before):
        return False
    return await _find_next(connection, NEXT_TO_PREPARE[True], {**values, **wanted_before}) is not None


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
    values = get_submission_values(operator_limits, server_running, now)
    while found := await _find_next(connection, NEXT_TO_SUBMIT, values):
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


async def _find_next(
    connection: AsyncConnection, statement: Select[Any], values: Mapping[str, Any]
) -> _NextTask | None:
    found = (await connection.execute(statement, values)).one_or_none()
    return _NextTask(*found) if found else None


async def _record_turn(connection: AsyncConnection, found: _NextTask, kind: str) -> None:
    """Store the number of this turn for its server and its member. All servers share one series of numbers."""
    await upsert(connection, servers, {"home": found.scope_id}, {kind: found.turn})
    await upsert(connection, members, {"home": found.scope_id, "user_id": found.user_id}, {kind: found.turn})
