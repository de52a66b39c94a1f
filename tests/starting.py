"""Tasks on their way to FoxAPI, in tests of the store that are not about preparing them."""

from __future__ import annotations

from datetime import datetime

from bot.rules import Roofs
from bot.store import Store
from bot.task import Task


async def start(store: Store, roofs: Roofs, server_running: int, now: datetime) -> Task | None:
    """Prepare all that may be prepared, without any clip, and give the next one a running slot if one is free."""
    while task := await store.claim(roofs, now):
        await store.note(task, prepared_at=now)
    return await store.give_slot(roofs, server_running, now)
