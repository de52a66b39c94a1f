"""A snapshot of the queue, from which queue positions and start times are computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.limits import OperatorLimits
from bot.domain.task import TaskState
from bot.store.engines.dialect import unindexed
from bot.store.tables import in_state, members, servers, tasks
from bot.store.usage import IS_WAITING, occupies_slot


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A task that will need a running slot."""

    id: int
    scope_id: int
    user_id: int
    no_room: bool
    """It is the next to be prepared, but the working directory has no room for it."""


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """Everything that the order of the coming running slots depends on."""

    waiting: tuple[QueuedTask, ...]
    """Oldest first; tasks in preparation included."""
    running: tuple[tuple[int, datetime | None], ...]
    """For each running task its scope, and when it should be done."""
    server_turns: dict[int, int]
    """By scope, the number of its latest running slot. A missing scope never had one."""
    member_turns: dict[tuple[int, int], int]
    """The same by scope and user."""
    slots: dict[int, int]
    """By scope of a waiting task, how many of its tasks may run at once."""


def get_slot_limit(operator_limits: OperatorLimits, server_running: int) -> int:
    """Return how many tasks of a server with this limit (0: none) may run at once."""
    return min(server_running or operator_limits.server_running, operator_limits.server_running)


async def read_queue_snapshot(
    connection: AsyncConnection, operator_limits: OperatorLimits, server_running: int, now: datetime
) -> QueueSnapshot:
    """Read the queue. `server_running`: the limit of servers that have set none."""
    no_room = and_(in_state(TaskState.QUEUED), tasks.c.room_wanted_at.is_not(None))
    query = select(tasks.c.id, tasks.c.home, tasks.c.user_id, no_room).where(IS_WAITING)
    waiting = tuple(QueuedTask(*row) for row in await connection.execute(query.order_by(unindexed(tasks.c.id))))
    running = await connection.execute(select(tasks.c.home, tasks.c.expected_at).where(occupies_slot(now)))
    scopes = select(tasks.c.home).where(IS_WAITING)
    here = select(servers.c.home, servers.c.slot_turn, servers.c.server_running).where(servers.c.home.in_(scopes))
    rows = {row.home: row for row in await connection.execute(here)}
    turns = select(members.c.home, members.c.user_id, members.c.slot_turn).where(members.c.home.in_(scopes))
    limits = {each.scope_id: rows[each.scope_id].server_running if each.scope_id in rows else None for each in waiting}
    return QueueSnapshot(
        waiting=waiting,
        running=tuple((scope_id, expected) for scope_id, expected in running),
        server_turns={scope_id: row.slot_turn for scope_id, row in rows.items()},
        member_turns={(scope_id, user): turn for scope_id, user, turn in await connection.execute(turns)},
        slots={
            scope_id: get_slot_limit(operator_limits, server_running if own is None else own)
            for scope_id, own in limits.items()
        },
    )
