"""The fair queue: which task is prepared next, and which gets the next running slot."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select

from bot.domain.limits import OperatorLimits
from bot.domain.task import Task, TaskState
from bot.store.engines.base import Database, Lock
from bot.store.leases import Leases
from bot.store.lifecycle import StaleRow, change_task
from bot.store.queue_snapshot import QueueSnapshot, read_queue_snapshot
from bot.store.repository import Repository
from bot.store.scheduling import claim_next, take_back_slot, take_slot
from bot.store.tables import in_state, tasks
from bot.store.unreadable import parse_readable
from bot.store.usage import IS_PREPARED


class TaskQueue(Repository):
    """Claims tasks and gives out running slots. A part of :class:`bot.store.Store`."""

    def __init__(self, database: Database, leases: Leases) -> None:
        super().__init__(database)
        self._leases = leases
        self._set_aside = leases.set_aside

    async def claim(
        self, operator_limits: OperatorLimits, now: datetime, room: int | None = None, *, leave_to_others: bool = False
    ) -> Task | None:
        """Claim the next queued task and move it to `preparing`, if a slot is free and it needs at most `room`.

        `room`: free bytes of the working directory; None: no bound. `leave_to_others`: claim nothing if this process
        works on more than its share of the tasks.
        """
        if not await self._exists(in_state(TaskState.QUEUED)):
            return None
        async with self._database.write_transaction(Lock.QUEUE) as connection:
            if self._database.shared and self._leases.process_id:
                if not await connection.scalar(select(self._leases.is_registered())):
                    return None
                total, own = (await connection.execute(self._leases.select_shares())).one()
                if leave_to_others and own > total // self._leases.process_count + 1:
                    return None
            lease = self._leases.get_lease_values()
            return await claim_next(connection, operator_limits, room, now, lease, self._set_aside)

    async def give_slot(self, operator_limits: OperatorLimits, server_running: int, now: datetime) -> Task | None:
        """Give the next prepared task a running slot, if one is free; its holder may then submit it.

        `server_running`: the limit of servers that have set none.
        """
        if not await self._exists(IS_PREPARED):
            return None
        async with self._database.write_transaction(Lock.QUEUE) as connection:
            return await take_slot(connection, operator_limits, server_running, now, self._set_aside)

    async def read_snapshot(self, operator_limits: OperatorLimits, server_running: int, now: datetime) -> QueueSnapshot:
        """Read everything that the order of the queue depends on."""
        async with self._database.read_transaction() as connection:
            return await read_queue_snapshot(connection, operator_limits, server_running, now)

    async def list_queued(self, ids: Collection[int]) -> list[Task]:
        """Return those of the tasks that are still queued or wait for a running slot."""
        is_waiting = or_(in_state(TaskState.QUEUED), IS_PREPARED)
        return await self._read(select(tasks).where(tasks.c.id.in_(ids), is_waiting), parse_readable)

    async def resume(self, task: Task, operator_limits: OperatorLimits, server_running: int, now: datetime) -> Task:
        """Resume a task whose retry is due; return its row, which keeps `retry_at` while no slot is free.

        A task that is paid for, or that waits for a running slot, needs no slot. Raises StaleRow.
        """
        is_unprepared = task.state is TaskState.PREPARING and task.prepared_at is None
        if not is_unprepared and (task.state is not TaskState.SUBMITTING or task.not_before is None):
            changes: dict[str, object] = {"retry_at": None, "at_risk": task.state is TaskState.READY}
            async with self._database.write_transaction() as connection:
                return await change_task(connection, task, changes)
        async with self._database.write_transaction(Lock.QUEUE) as connection:
            if row := await take_back_slot(connection, task, operator_limits, server_running, now, self._set_aside):
                return row
        raise StaleRow(f"task {task.id} is no longer {task.state} under lease {task.fencing_token}")

    async def mark_prepared(
        self, task: Task, operator_limits: OperatorLimits, server_running: int, now: datetime, **changes: object
    ) -> Task:
        """Write the result of the preparation; return the row, in SUBMITTING if it got a running slot at once.

        Raises StaleRow.
        """
        async with self._database.write_transaction(Lock.QUEUE) as connection:
            row = await change_task(connection, task, {"prepared_at": now, "at_risk": False, **changes})
            started = await take_slot(connection, operator_limits, server_running, now, self._set_aside, only=row)
            return started or row

    async def _exists(self, condition: ColumnElement[bool]) -> bool:
        """Return whether any task meets the condition. Usually none does, and a read takes no lock."""
        return await self._read_scalar(select(tasks.c.id).where(condition).limit(1)) is not None
