"""The fair queue: whose task is prepared next, and whose is sent to FoxAPI next."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select

from bot.domain.limits import OperatorLimits
from bot.domain.task import Task, TaskState
from bot.store.engines.base import Database, Lock
from bot.store.engines.shielded import shielded
from bot.store.leases import Leases
from bot.store.lifecycle import StaleRow, change_task
from bot.store.scheduling import QueueSnapshot, claim_next, queue_snapshot, take_back_slot, take_slot
from bot.store.tables import in_state, tasks
from bot.store.unreadable import only_readable
from bot.store.usage import PREPARED


class TaskQueue:
    """Whose task is next. A part of :class:`bot.store.Store`."""

    def __init__(self, database: Database, leases: Leases) -> None:
        self._database = database
        self._leases = leases

    @shielded
    async def claim(self, operator_limits: OperatorLimits, now: datetime, room: int | None = None) -> Task | None:
        """Take the next in line, now `preparing`, if there is a slot for that and `room` on the disk (None: any)."""
        if not await self._is_any(in_state(TaskState.QUEUED)):
            return None
        async with self._database.write_transaction(Lock.TURNS) as connection:
            return await claim_next(connection, operator_limits, room, now, self._leases.lease(), self._leases.aside)

    @shielded
    async def give_slot(self, operator_limits: OperatorLimits, server_running: int, now: datetime) -> Task | None:
        """Give the next prepared task, now `sending`, a running slot if one is free; its holder may send it at once.

        `server_running`: of servers that have set none.
        """
        if not await self._is_any(PREPARED):
            return None
        async with self._database.write_transaction(Lock.TURNS) as connection:
            return await take_slot(connection, operator_limits, server_running, now, self._leases.aside)

    @shielded
    async def snapshot(self, operator_limits: OperatorLimits, server_running: int, now: datetime) -> QueueSnapshot:
        """Everything that tells who is next in line, and next but one."""
        async with self._database.read_transaction() as connection:
            return await queue_snapshot(connection, operator_limits, server_running, now)

    async def queued(self, ids: Collection[int]) -> list[Task]:
        """Those of these tasks that still stand in line, or wait for a running slot."""
        waits = or_(in_state(TaskState.QUEUED), PREPARED)
        return await self._read(select(tasks).where(tasks.c.id.in_(ids), waits))

    @shielded
    async def resume(self, task: Task, operator_limits: OperatorLimits, server_running: int, now: datetime) -> Task:
        """Let a task go on that only waited to be tried again; return its row, with `retry_at` while it has no slot.

        What is paid for, or only waits for a running slot, needs none. Raises StaleRow.
        """
        unprepared = task.state is TaskState.PREPARING and task.prepared_at is None
        if not unprepared and (task.state is not TaskState.SUBMITTING or task.not_before is None):
            changes: dict[str, object] = {"retry_at": None, "at_risk": task.state is TaskState.READY}
            async with self._database.write_transaction() as connection:
                return await change_task(connection, task, changes)
        async with self._database.write_transaction(Lock.TURNS) as connection:
            if row := await take_back_slot(connection, task, operator_limits, server_running, now, self._leases.aside):
                return row
        raise StaleRow(f"task {task.id} is no longer {task.state} under lease {task.fencing_token}")

    @shielded
    async def mark_prepared(
        self, task: Task, operator_limits: OperatorLimits, server_running: int, now: datetime, **changes: object
    ) -> Task:
        """Write what was prepared; return the row: `sending` if a running slot is free for it, else it waits for one.

        Raises StaleRow.
        """
        async with self._database.write_transaction(Lock.TURNS) as connection:
            row = await change_task(connection, task, {"prepared_at": now, "at_risk": False, **changes})
            return (
                await take_slot(connection, operator_limits, server_running, now, self._leases.aside, only=row) or row
            )

    async def _is_any(self, which: ColumnElement[bool]) -> bool:
        """Whether any task is so: mostly nobody waits, and a look holds nobody up."""
        async with self._database.read_transaction() as connection:
            return await connection.scalar(select(tasks.c.id).where(which).limit(1)) is not None

    @shielded
    async def _read(self, query: Select[tuple[object, ...]]) -> list[Task]:
        async with self._database.read_transaction() as connection:
            return only_readable(await connection.execute(query))
