"""The statements that find whose turn is next, for a preparation slot and for a running slot.

They are built once: building a statement of this size, and its cache key, takes longer than running it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Integer, Select, Subquery, and_, bindparam, case, func, select

from bot.domain.limits import OperatorLimits
from bot.domain.task import TaskState
from bot.store.engines.dialect import unindexed
from bot.store.tables import in_state, members, servers, tasks
from bot.store.usage import IS_PREPARED, UNCLEAR_HOLD, is_being_prepared, occupies_slot_since

_ANY_ROOM = 1 << 62
_NOW = bindparam("now", type_=tasks.c.changed_at.type)
_IS_BEING_PREPARED = is_being_prepared(_NOW)

IS_QUEUED = in_state(TaskState.QUEUED)
IS_URGENT = and_(IS_QUEUED, tasks.c.room_wanted_at < bindparam("wanted_before", type_=tasks.c.changed_at.type))
"""Whether a task has waited too long for room in the working directory."""


def get_preparation_values(limits: OperatorLimits, now: datetime, room: int | None) -> dict[str, Any]:
    """Return the values for `NEXT_TO_PREPARE`; `room`: the most bytes that a task may need, or None."""
    return {
        "now": now,
        "room": _ANY_ROOM if room is None else room,
        "max_preparing": limits.max_preparing,
        "server_preparing": limits.server_preparing,
        "member_preparing": limits.member_preparing,
    }


def get_submission_values(limits: OperatorLimits, server_running: int, now: datetime) -> dict[str, Any]:
    """Return the values for `NEXT_TO_SUBMIT`; `server_running`: the limit of servers that have set none."""
    return {
        "now": now,
        "held_since": now - UNCLEAR_HOLD,
        "max_running": limits.max_running,
        "most_here": limits.server_running,
        "server_running": server_running,
    }


def _bind_limit(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=Integer)


def _select_to_prepare(candidates: ColumnElement[bool]) -> Select[Any]:
    """Select the tasks that may be prepared, within the limits on preparation and on each member's prepared tasks."""
    fits = tasks.c.needs <= bindparam("room", type_=BigInteger)
    heads, busy = _select_heads(and_(candidates, fits)), _count_busy(_IS_BEING_PREPARED)
    user = unindexed(tasks.c.user_id)
    started = select(user).where(_IS_BEING_PREPARED).group_by(user)
    ahead = select(tasks.c.home, tasks.c.user_id).where(in_state(TaskState.PREPARING), tasks.c.overdue.is_(False))
    ahead = ahead.group_by(tasks.c.home, tasks.c.user_id)
    enough = func.count() >= _bind_limit("member_preparing")
    far = ahead.having(enough).subquery()
    return (
        _join_turns(heads, busy)
        .outerjoin_from(heads, far, and_(far.c.home == heads.c.home, far.c.user_id == heads.c.user_id))
        .where(
            _sum_busy(busy) < _bind_limit("max_preparing"),
            func.coalesce(busy.c.tasks, 0) < _bind_limit("server_preparing"),
            heads.c.user_id.not_in(started.having(enough)),
            far.c.user_id.is_(None),
        )
    )


def _select_to_submit() -> Select[Any]:
    """Select the tasks that may be submitted to FoxAPI."""
    held = bindparam("held_since", type_=tasks.c.changed_at.type)
    heads, busy = _select_heads(IS_PREPARED), _count_busy(occupies_slot_since(_NOW, held))
    own = func.coalesce(servers.c.server_running, _bind_limit("server_running"))
    most = _bind_limit("most_here")
    slots = case((own == 0, most), (own < most, own), else_=most)
    return _join_turns(heads, busy).where(
        _sum_busy(busy) < _bind_limit("max_running"), func.coalesce(busy.c.tasks, 0) < slots
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


def _select_first(candidates: Select[Any], kind: str) -> Select[Any]:
    """Select the next of the candidates and the number of its turn; `kind`: the column that numbers such turns."""
    server_turn, member_turn = servers.c[kind], members.c[kind]
    turn = select(func.coalesce(func.max(server_turn), 0) + 1).correlate(None).scalar_subquery()
    order = (func.coalesce(server_turn, 0), func.coalesce(member_turn, 0), candidates.selected_columns.id)
    return candidates.add_columns(turn).order_by(*order).limit(1)


NEXT_TO_PREPARE: Mapping[bool, Select[Any]] = {
    urgent: _select_first(_select_to_prepare(IS_URGENT if urgent else IS_QUEUED), "turn") for urgent in (False, True)
}
"""By whether only urgent tasks may be claimed."""
NEXT_TO_SUBMIT = _select_first(_select_to_submit(), "slot_turn")
