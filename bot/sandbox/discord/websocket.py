"""A websocket with an outgoing queue: callers push without waiting, and order is kept."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType

from aiohttp import web


class Websocket:
    """Queues events and sends them in a task that it owns; an async context manager."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def push(self, event: object) -> None:
        """Queue an event."""
        self._queue.put_nowait(json.dumps(event))

    async def wait_until_sent(self) -> None:
        """Return once every queued event has been sent."""
        await self._queue.join()

    async def __aenter__(self) -> Websocket:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            text = await self._queue.get()
            try:
                if not self.socket.closed:
                    await self.socket.send_str(text)
            except ConnectionError:
                pass
            finally:
                self._queue.task_done()
