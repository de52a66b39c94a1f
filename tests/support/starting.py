"""Tasks on their way to FoxAPI, in tests of the store that are not about preparing them."""

from __future__ import annotations

from datetime import datetime

from bot.domain.limits import OperatorLimits
from bot.domain.task import Task
from bot.store import Store


async def start(store: Store, operator_limits: OperatorLimits, server_running: int, now: datetime) -> Task | None:
    """Prepare all that may be prepared, without any clip, and give the next one a running slot if one is free."""
    while task := await store.queue.claim(operator_limits, now):
        await store.tasks.update(task, prepared_at=now)
    return await store.queue.give_slot(operator_limits, server_running, now)
