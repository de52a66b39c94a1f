"""Wake-ups between processes by PostgreSQL's LISTEN and NOTIFY, and no more than that: who misses one looks later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

log = logging.getLogger(__name__)

_CHANNEL = "extend_bot"
_AT_ONCE = 300
"""Ids in one message, of which PostgreSQL takes less than 8,000 bytes."""
_PING = 10.0
"""Seconds of silence after which the line is tried."""
_AGAIN = 1.0


@asynccontextmanager
async def notifications(
    engine: AsyncEngine, on_notify: Callable[[int | None], None]
) -> AsyncIterator[Callable[[int | None], None]]:
    """Keep one connection for this while the context lasts, and yield what tells the others."""
    wire = _Listener(engine, on_notify)
    running = asyncio.create_task(wire.run(), name="signals")
    try:
        yield wire.tell
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class _Listener:
    def __init__(self, engine: AsyncEngine, on_notify: Callable[[int | None], None]) -> None:
        self._engine = engine
        self._on_notify = on_notify
        self._untold: set[int | None] = set()
        self._some = asyncio.Event()

    def tell(self, task_id: int | None) -> None:
        """Let the other processes know, soon."""
        self._untold.add(task_id)
        self._some.set()

    async def run(self) -> None:
        """Listen and tell, on a new connection whenever one breaks; ends only by cancellation."""
        while True:
            try:
                await self._listen()
            except Exception as error:
                log.warning("signals from and to other processes are interrupted: %s", type(error).__name__)
            await asyncio.sleep(_AGAIN)

    async def _listen(self) -> None:
        async with self._engine.connect() as connection:
            line: Any = (await connection.get_raw_connection()).driver_connection
            try:
                await line.add_listener(_CHANNEL, self._heard)
                self._on_notify(None)  # for what was missed until now
                while True:
                    await self._tell_all(line)
            finally:
                await connection.invalidate()  # nobody else should get one that listens

    async def _tell_all(self, line: Any) -> None:  # noqa: ANN401 (the driver has no types)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PING):
                await self._some.wait()
        self._some.clear()
        ids = sorted(self._untold - {None}, key=int)  # type: ignore[arg-type]
        self._untold = set()
        for start in range(0, max(1, len(ids)), _AT_ONCE):
            payload = ",".join(map(str, ids[start : start + _AT_ONCE]))
            await line.execute("SELECT pg_notify($1, $2)", _CHANNEL, payload)

    def _heard(self, line: Any, sender: int, _channel: str, payload: str) -> None:  # noqa: ANN401
        if sender == line.get_server_pid():
            return
        for task_id in payload.split(",") if payload else [None]:
            self._on_notify(None if task_id is None else int(task_id))
