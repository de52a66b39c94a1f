"""What the rules must know, read inside the transaction that may keep a new task."""

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
from bot.store.engines.dialect import unindexed
from bot.store.tables import IS_FREE_FAILURE, UtcDateTime, in_state, members, servers, tasks

DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
_LONGEST_COOLDOWN = timedelta(days=7)
_UNCLEAR_HOLD = timedelta(minutes=10)
"""How long a task that nobody follows any more may still be at FoxAPI; they take two minutes or so."""

Condition = ColumnElement[bool]

COUNTED: Condition = or_(~in_state(TaskState.FAILED, TaskState.CANCELLED), tasks.c.billed != Billed.NO)
"""Whether a task takes a place in the day: not if it ended without being billed for sure."""


def is_counted(state: str, billed: str) -> bool:
    """The same of one row."""
    return state not in {TaskState.FAILED, TaskState.CANCELLED} or billed != Billed.NO


def in_last_day(now: datetime) -> Condition:
    """Whether a task counts, and was started in the last 24 hours."""
    return and_(tasks.c.created_at > now - DAY, COUNTED)


_IS_UNFINISHED: Condition = and_(
    in_state(*(state for state in TaskState if not state.is_final)), tasks.c.overdue.is_(False)
)


def _at_rest(now: datetime | BindParameter[datetime]) -> Condition:
    """Whether a task only waits to be tried again.

    One whose wait is over takes a slot again before it goes on, so that nobody else is let in ahead of it.
    """
    return and_(tasks.c.retry_at.is_not(None), tasks.c.retry_at > now)


def _takes_slot(now: datetime | BindParameter[datetime], held_since: datetime | BindParameter[datetime]) -> Condition:
    followed = and_(in_state(TaskState.SUBMITTING, TaskState.RENDERING), ~_at_rest(now))
    left_alone = and_(unindexed(tasks.c.state) == TaskState.UNCLEAR, tasks.c.changed_at > held_since)
    return and_(tasks.c.overdue.is_(False), or_(followed, left_alone))


def occupies_slot(now: datetime) -> Condition:
    """Whether a task takes a running slot; one that only waits to be tried again does not.

    One whose answer was lost may be at FoxAPI, unknown to us: it keeps its slot for a while. One that its member gave
    up frees it at once, for that is what Cancel promises.
    """
    return _takes_slot(now, now - _UNCLEAR_HOLD)


_IS_PREPARING: Condition = and_(in_state(TaskState.PREPARING), tasks.c.overdue.is_(False))
"""(One that is overdue already was set aside: see unreadable.py.)"""


def in_preparation(now: datetime) -> Condition:
    """Whether a task takes a slot for being prepared; one that only waits to be tried again does not."""
    return and_(_IS_PREPARING, tasks.c.prepared_at.is_(None), ~_at_rest(now))


PREPARED: Condition = and_(_IS_PREPARING, tasks.c.prepared_at.is_not(None))
"""Whether a task waits for a running slot."""
IN_LINE: Condition = and_(in_state(TaskState.QUEUED, TaskState.PREPARING), tasks.c.overdue.is_(False))
"""Whether a task will want a running slot: it is counted as waiting from its order on."""


def unfinished(home: int) -> Condition:
    """Whether a task of that server counts among its member's unfinished ones."""
    return and_(_IS_UNFINISHED, tasks.c.home == home)


def held_here(home: int, now: datetime) -> Condition:
    """Whether a task takes one of that server's slots."""
    return and_(occupies_slot(now), unindexed(tasks.c.home) == home)


class ModerationRow(NamedTuple):
    """What the moderators of a server decided on it and on one of its members."""

    limits: GuildLimits | None
    server_reset: int
    blocked: bool
    granted: int
    member_reset: int


async def moderation_row(connection: AsyncConnection, home: int, user_id: int) -> ModerationRow:
    """Read both rows, of which either may be missing."""
    row = (await connection.execute(_MODERATION, {"home": home, "user_id": user_id})).one()
    limits, server_reset, blocked_at, granted, member_reset = row
    limits = None if limits is None else GuildLimits.model_validate(limits)
    return ModerationRow(limits, server_reset or 0, blocked_at is not None, granted or 0, member_reset or 0)


async def usage_of(
    connection: AsyncConnection,
    home: int,
    user_id: int,
    moderation: ModerationRow,
    daily_limits: DailyLimits,
    now: datetime,
) -> UsageSnapshot:
    """Count, in one statement, everything that one order is judged by.

    Windows are counted up to their ceilings, for all orders wait while one is judged.
    """
    values: dict[str, Any] = {
        "home": home,
        "user_id": user_id,
        "member_reset": moderation.member_reset,
        "server_reset": moderation.server_reset,
        "day_ago": now - DAY,
        "cooled_down": now - _LONGEST_COOLDOWN,
        "now": now,
        "hour_ago": now - HOUR,
        "held_since": now - _UNCLEAR_HOLD,
        **{f"most_{name}": ceiling for name, ceiling in daily_limits},
    }
    found: dict[str, Any] = dict((await connection.execute(_USAGE, values)).one()._mapping)
    for name, newest in _NEWEST.items():
        count, ceiling = found[name], values[f"most_{name}"]
        frees_at = None
        if 0 < ceiling <= count:  # there is room again once the newest `ceiling` tasks but one are all that is left
            started = (await connection.execute(newest, {**values, "skipped": ceiling - 1})).scalar_one()
            frees_at = started + (HOUR if name == "free_failures" else DAY)
        found[name] = RollingCount(count=count, below_limit_at=frees_at)
    return UsageSnapshot(blocked=moderation.blocked, granted=moderation.granted, **found)


async def day_of(
    connection: AsyncConnection, home: int, user_id: int, moderation: ModerationRow, now: datetime
) -> tuple[int, datetime | None]:
    """How many tasks count in the member's day, however many that is, and when the oldest of them started."""
    values = {"home": home, "user_id": user_id, "member_reset": moderation.member_reset, "day_ago": now - DAY}
    wanted = select(func.count(), func.min(tasks.c.created_at, type_=UtcDateTime)).where(_WINDOWS["member"])
    count, oldest = (await connection.execute(wanted, values)).one()
    return count, oldest


def count_query(*conditions: Condition) -> Select[int]:
    """Ask how many tasks are so."""
    return select(func.count()).select_from(tasks).where(true(), *conditions)


async def count(connection: AsyncConnection, *conditions: Condition) -> int:
    """Count the tasks that are so."""
    return (await connection.execute(count_query(*conditions))).scalar_one()


# Both rows may be missing, so they are joined to a row that is always there.
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

# Built once: to build, and to look up, a statement of this size takes longer than to run it.
_HERE: Condition = tasks.c.home == bindparam("home")
_NARROWED: Condition = unindexed(tasks.c.home) == bindparam("home")
"""The same, where another index leads to fewer rows than a community's whole past."""
_OWN: Condition = and_(_NARROWED, tasks.c.user_id == bindparam("user_id"))
_LATELY: Condition = and_(tasks.c.created_at > bindparam("day_ago"), COUNTED)
_WORKING = _takes_slot(bindparam("now"), bindparam("held_since"))

_WINDOWS: dict[str, Condition] = {
    "member": and_(_OWN, _LATELY, unindexed(tasks.c.id) > bindparam("member_reset")),
    "server": and_(_HERE, _LATELY, unindexed(tasks.c.id) > bindparam("server_reset")),
    "share": and_(_HERE, _LATELY),
    "all_guilds": _LATELY,
    "free_failures": and_(
        IS_FREE_FAILURE,
        tasks.c.user_id == bindparam("user_id"),
        tasks.c.changed_at > bindparam("hour_ago"),
        or_(unindexed(tasks.c.home) != bindparam("home"), unindexed(tasks.c.id) > bindparam("member_reset")),
    ),
}
"""By the names in Usage and Ceilings, which tasks each number counts."""


def _newest(name: str) -> Select[datetime]:
    """A window's tasks, those first that are the last to leave it."""
    since = tasks.c.changed_at if name == "free_failures" else tasks.c.created_at
    return select(since).where(_WINDOWS[name]).order_by(since.desc())


def _up_to_ceiling(name: str) -> Select[int]:
    """Count a window's tasks no further than its ceiling; where that is 0, there is no limit, and nothing is read."""
    most = bindparam(f"most_{name}", type_=Integer)
    return select(func.count()).select_from(_newest(name).limit(most).subquery())


_NEWEST = {
    name: _newest(name).order_by(tasks.c.id.desc()).limit(1).offset(bindparam("skipped", type_=Integer))
    for name in _WINDOWS
}
_NUMBERS = {
    "unfinished": count_query(_IS_UNFINISHED, _HERE, tasks.c.user_id == bindparam("user_id")),
    "server_queued": count_query(IN_LINE, _HERE),
    "server_running": count_query(_WORKING, _NARROWED),
    "queued": count_query(IN_LINE),
    "running": count_query(_WORKING),
    **{name: _up_to_ceiling(name) for name in _WINDOWS},
}
_LAST_START = (
    select(tasks.c.created_at)
    .where(_OWN, COUNTED, tasks.c.created_at > bindparam("cooled_down"))
    .order_by(tasks.c.created_at.desc())
    .limit(1)
)
_USAGE = select(
    _LAST_START.scalar_subquery().label("last_start"),
    *(numbered.scalar_subquery().label(name) for name, numbered in _NUMBERS.items()),
)
