"""Usage that the limits are checked against, read inside the transaction that may create a task."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.limits import DailyLimits, GuildLimits, RollingCount, UsageSnapshot
from bot.domain.task import Billed, TaskState
from bot.store.column_types import UtcDateTime
from bot.store.engines.dialect import unindexed
from bot.store.tables import IS_FREE_FAILURE, in_state, members, servers, tasks

DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
_LONGEST_COOLDOWN = timedelta(days=7)
UNCLEAR_HOLD = timedelta(minutes=10)
"""How long a task whose submission is unclear may still be running at FoxAPI; tasks take about two minutes."""

Condition = ColumnElement[bool]

COUNTED: Condition = or_(~in_state(TaskState.FAILED, TaskState.CANCELLED), tasks.c.billed != Billed.NO)
"""Whether a task counts towards daily limits. A failed or cancelled task that was surely not billed does not."""


def is_counted(state: str, billed: str) -> bool:
    """Return the same for one row's values."""
    return state not in {TaskState.FAILED, TaskState.CANCELLED} or billed != Billed.NO


def in_last_day(now: datetime) -> Condition:
    """Whether a task counts and was started in the last 24 hours."""
    return and_(tasks.c.created_at > now - DAY, COUNTED)


_IS_UNFINISHED: Condition = and_(in_state(*TaskState.UNFINISHED), tasks.c.overdue.is_(False))


def _waits_for_retry(now: datetime | BindParameter[datetime]) -> Condition:
    """Whether a task waits for its retry.

    A task whose retry is due takes a slot before it continues, so no queued task starts ahead of it.
    """
    return and_(tasks.c.retry_at.is_not(None), tasks.c.retry_at > now)


def occupies_slot_since(
    now: datetime | BindParameter[datetime], held_since: datetime | BindParameter[datetime]
) -> Condition:
    """Like :func:`occupies_slot`; an unclear task keeps its slot if it became so after `held_since`."""
    is_active = and_(in_state(TaskState.SUBMITTING, TaskState.RENDERING), ~_waits_for_retry(now))
    is_unclear = and_(unindexed(tasks.c.state) == TaskState.UNCLEAR, tasks.c.changed_at > held_since)
    return and_(tasks.c.overdue.is_(False), or_(is_active, is_unclear))


def occupies_slot(now: datetime) -> Condition:
    """Whether a task takes a running slot. A task that waits for its retry does not.

    A task whose submission is unclear may be running at FoxAPI, so it keeps its slot for a while. A cancelled task
    frees its slot at once, as Cancel promises.
    """
    return occupies_slot_since(now, now - UNCLEAR_HOLD)


_IS_PREPARING: Condition = and_(in_state(TaskState.PREPARING), tasks.c.overdue.is_(False))
"""An overdue task in preparation was set aside (see unreadable.py)."""


def is_being_prepared(now: datetime | BindParameter[datetime]) -> Condition:
    """Whether a task takes a preparation slot. A task that waits for its retry does not."""
    return and_(_IS_PREPARING, tasks.c.prepared_at.is_(None), ~_waits_for_retry(now))


IS_PREPARED: Condition = and_(_IS_PREPARING, tasks.c.prepared_at.is_not(None))
"""Whether a task waits for a running slot."""
IS_WAITING: Condition = and_(in_state(TaskState.QUEUED, TaskState.PREPARING), tasks.c.overdue.is_(False))
"""Whether a task will need a running slot. It counts as waiting from its creation on."""


def is_unfinished_in(scope_id: int) -> Condition:
    """Whether a task is one of the server's unfinished tasks."""
    return and_(_IS_UNFINISHED, tasks.c.home == scope_id)


def occupies_guild_slot(scope_id: int, now: datetime) -> Condition:
    """Whether a task takes one of the server's running slots."""
    return and_(occupies_slot(now), unindexed(tasks.c.home) == scope_id)


class ModerationRow(NamedTuple):
    """Moderators' settings for a server and for one of its members."""

    limits: GuildLimits | None
    server_reset: int
    blocked: bool
    granted: int
    member_reset: int


async def read_moderation(connection: AsyncConnection, scope_id: int, user_id: int) -> ModerationRow:
    """Read the rows of the server and the member, either of which may be missing."""
    row = (await connection.execute(_MODERATION, {"home": scope_id, "user_id": user_id})).one()
    limits, server_reset, blocked_at, granted, member_reset = row
    limits = None if limits is None else GuildLimits.model_validate(limits)
    return ModerationRow(limits, server_reset or 0, blocked_at is not None, granted or 0, member_reset or 0)


async def read_usage(
    connection: AsyncConnection,
    scope_id: int,
    user_id: int,
    moderation: ModerationRow,
    daily_limits: DailyLimits,
    now: datetime,
) -> UsageSnapshot:
    """Count, in one statement, everything that a submission is checked against.

    Each window is counted only up to its limit, because all other submissions wait for this transaction.
    """
    values: dict[str, Any] = {
        "home": scope_id,
        "user_id": user_id,
        "member_reset": moderation.member_reset,
        "server_reset": moderation.server_reset,
        "day_ago": now - DAY,
        "cooled_down": now - _LONGEST_COOLDOWN,
        "now": now,
        "hour_ago": now - HOUR,
        "held_since": now - UNCLEAR_HOLD,
        **{f"most_{name}": ceiling for name, ceiling in daily_limits},
    }
    found: dict[str, Any] = dict((await connection.execute(_USAGE, values)).one()._mapping)
    for name, newest in _NEWEST.items():
        count, ceiling = found[name], values[f"most_{name}"]
        frees_at = None
        if 0 < ceiling <= count:  # below the limit again once only the newest `ceiling - 1` tasks are left
            started = (await connection.execute(newest, {**values, "skipped": ceiling - 1})).scalar_one()
            frees_at = started + (HOUR if name == "free_failures" else DAY)
        found[name] = RollingCount(count=count, below_limit_at=frees_at)
    return UsageSnapshot(blocked=moderation.blocked, granted=moderation.granted, **found)


async def read_member_day(
    connection: AsyncConnection, scope_id: int, user_id: int, moderation: ModerationRow, now: datetime
) -> tuple[int, datetime | None]:
    """Return how many tasks count in the member's 24 hours, without a bound, and when the oldest of them started."""
    values = {"home": scope_id, "user_id": user_id, "member_reset": moderation.member_reset, "day_ago": now - DAY}
    query = select(func.count(), func.min(tasks.c.created_at, type_=UtcDateTime)).where(_WINDOWS["member"])
    count, oldest = (await connection.execute(query, values)).one()
    return count, oldest


def select_count(*conditions: Condition) -> Select[int]:
    """Select how many tasks meet the conditions."""
    return select(func.count()).select_from(tasks).where(true(), *conditions)


async def count_tasks(connection: AsyncConnection, *conditions: Condition) -> int:
    """Count the tasks that meet the conditions."""
    return (await connection.execute(select_count(*conditions))).scalar_one()


# Both rows may be missing, so they are joined to a row that always exists.
_ANCHOR = select(
    bindparam("home", type_=BigInteger).label("home"), bindparam("user_id", type_=BigInteger).label("user_id")
).subquery()
_MODERATION = select(
    servers.c.limits, servers.c.reset_after, members.c.blocked_at, members.c.granted, members.c.reset_after
).select_from(
    _ANCHOR.outerjoin(servers, servers.c.home == _ANCHOR.c.home).outerjoin(
        members, and_(members.c.home == _ANCHOR.c.home, members.c.user_id == _ANCHOR.c.user_id)
    )
)

# Built once: building a statement of this size, and its cache key, takes longer than running it.
_HERE: Condition = tasks.c.home == bindparam("home")
_NARROWED: Condition = unindexed(tasks.c.home) == bindparam("home")
"""The same, where another index reads fewer rows than the server's whole history."""
_IS_MEMBERS: Condition = and_(_NARROWED, tasks.c.user_id == bindparam("user_id"))
_IN_LAST_DAY: Condition = and_(tasks.c.created_at > bindparam("day_ago"), COUNTED)
_IS_RUNNING = occupies_slot_since(bindparam("now"), bindparam("held_since"))

_WINDOWS: dict[str, Condition] = {
    "member": and_(_IS_MEMBERS, _IN_LAST_DAY, unindexed(tasks.c.id) > bindparam("member_reset")),
    "server": and_(_HERE, _IN_LAST_DAY, unindexed(tasks.c.id) > bindparam("server_reset")),
    "share": and_(_HERE, _IN_LAST_DAY),
    "all_guilds": _IN_LAST_DAY,
    "free_failures": and_(
        IS_FREE_FAILURE,
        tasks.c.user_id == bindparam("user_id"),
        tasks.c.changed_at > bindparam("hour_ago"),
        or_(unindexed(tasks.c.home) != bindparam("home"), unindexed(tasks.c.id) > bindparam("member_reset")),
    ),
}
"""The tasks that each window counts, by its name in UsageSnapshot and DailyLimits."""


def _select_newest(name: str) -> Select[datetime]:
    """Select a window's tasks, those first that leave it last."""
    since = tasks.c.changed_at if name == "free_failures" else tasks.c.created_at
    return select(since).where(_WINDOWS[name]).order_by(since.desc())


def _count_up_to_limit(name: str) -> Select[int]:
    """Count a window's tasks up to its limit. A limit of 0 means none, and nothing is read."""
    most = bindparam(f"most_{name}", type_=Integer)
    return select(func.count()).select_from(_select_newest(name).limit(most).subquery())


_NEWEST = {
    name: _select_newest(name).order_by(tasks.c.id.desc()).limit(1).offset(bindparam("skipped", type_=Integer))
    for name in _WINDOWS
}
_COUNTS = {
    "unfinished": select_count(_IS_UNFINISHED, _HERE, tasks.c.user_id == bindparam("user_id")),
    "server_queued": select_count(IS_WAITING, _HERE),
    "server_running": select_count(_IS_RUNNING, _NARROWED),
    "queued": select_count(IS_WAITING),
    "running": select_count(_IS_RUNNING),
    **{name: _count_up_to_limit(name) for name in _WINDOWS},
}
_LAST_START = (
    select(tasks.c.created_at)
    .where(_IS_MEMBERS, COUNTED, tasks.c.created_at > bindparam("cooled_down"))
    .order_by(tasks.c.created_at.desc())
    .limit(1)
)
_USAGE = select(
    _LAST_START.scalar_subquery().label("last_start"),
    *(query.scalar_subquery().label(name) for name, query in _COUNTS.items()),
)
