"""Notifications between processes by LISTEN and NOTIFY. They only save time: a missed one is made up by polling."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

log = logging.getLogger(__name__)

_CHANNEL = "extend_bot"
_MAX_IDS = 300
"""Ids in one payload, which must be shorter than 8,000 bytes (PostgreSQL docs, NOTIFY)."""
_PING_SECONDS = 10.0
"""After this time without a notification, an empty one tests the connection."""
_RECONNECT_SECONDS = 1.0


@asynccontextmanager
async def open_notifications(
    engine: AsyncEngine, on_notify: Callable[[int | None], None]
) -> AsyncIterator[Callable[[int | None], None]]:
    """Keep one listening connection while the context is open; yield the function that notifies the other processes."""
    listener = _Listener(engine, on_notify)
    running = asyncio.create_task(listener.run(), name="notifications")
    try:
        yield listener.send
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class _Listener:
    def __init__(self, engine: AsyncEngine, on_notify: Callable[[int | None], None]) -> None:
        self._engine = engine
        self._on_notify = on_notify
        self._pending: set[int | None] = set()
        self._has_pending = asyncio.Event()

    def send(self, task_id: int | None) -> None:
        """Notify the other processes soon."""
        self._pending.add(task_id)
        self._has_pending.set()

    async def run(self) -> None:
        """Listen and send until cancelled, on a new connection whenever one breaks."""
        while True:
            try:
                await self._listen()
            except Exception as error:
                log.warning("notifications between processes are interrupted, reconnecting: %s", type(error).__name__)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            try:
                await driver.add_listener(_CHANNEL, self._on_message)
                self._on_notify(None)  # for notifications that were missed until now
                while True:
                    await self._send_pending(driver)
            finally:
                await connection.invalidate()  # the pool must not reuse a listening connection

    async def _send_pending(self, driver: Any) -> None:  # noqa: ANN401 (the driver has no types)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PING_SECONDS):
                await self._has_pending.wait()
        self._has_pending.clear()
        ids = sorted(self._pending - {None}, key=int)  # type: ignore[arg-type]
        self._pending = set()
        for start in range(0, max(1, len(ids)), _MAX_IDS):
            payload = ",".join(map(str, ids[start : start + _MAX_IDS]))
            await driver.execute("SELECT pg_notify($1, $2)", _CHANNEL, payload)

    def _on_message(self, driver: Any, sender: int, _channel: str, payload: str) -> None:  # noqa: ANN401
        if sender == driver.get_server_pid():
            return
        for task_id in payload.split(",") if payload else [None]:
            self._on_notify(None if task_id is None else int(task_id))
