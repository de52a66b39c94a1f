"""A local server that answers with the given bytes and then closes the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class RawServer:
    """Answers each connection with `answer`, chunk by chunk if it has several."""

    def __init__(self) -> None:
        self.answer: tuple[bytes, ...] = ()
        self.port = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            for piece in self.answer:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def raw_server() -> AsyncIterator[RawServer]:
    """Run a server that listens on a free port."""
    raw = RawServer()
    server = await asyncio.start_server(raw.handle, "127.0.0.1", 0, limit=1 << 20)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        await server.wait_closed()
