"""A TCP proxy in front of PostgreSQL that loses the answer to a COMMIT, as a broken connection does."""

from __future__ import annotations

import asyncio
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class LossyProxy:
    """An async context manager. Once armed, it passes the next COMMIT after a marker on, and breaks the connection."""

    def __init__(self, database_url: str) -> None:
        self._parts = urlsplit(database_url)
        self._marker: bytes | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.lost = asyncio.Event()
        """Set once a COMMIT was passed on and its answer dropped."""

    @property
    def url(self) -> str:
        """The database's URL through the proxy."""
        account, at, _ = self._parts.netloc.rpartition("@")
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._parts._replace(netloc=f"{account}{at}127.0.0.1:{port}"))

    def lose_commit_after(self, marker: str) -> None:
        """Lose the answer to the next COMMIT on the connection that first sends `marker`."""
        self._marker = marker.encode()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._handle(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        answers = asyncio.ensure_future(_copy(server_reader, writer))
        seen = False
        try:
            while part := await reader.read(1 << 16):
                seen = seen or (self._marker is not None and self._marker in part)
                if seen and b"COMMIT" in part:
                    self._marker, seen = None, False
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                    server.write(part)
                    await server_reader.read(1)  # the server has committed
                    self.lost.set()
                    return
                server.write(part)
        except OSError:
            pass
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            for each in (server, writer):
                each.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(1 << 16):
        writer.write(part)
    writer.close()
