"""A web server with good and bad videos, and a resolver with fixed entries, for the tests of downloads."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

BODY = bytes(range(256)) * 4000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Phonebook(AbstractResolver):
    """A resolver with the entries that the test wants; counts its calls."""

    def __init__(self, entries: dict[str, list[str]]) -> None:
        self.entries = entries
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        if host not in self.entries:
            raise OSError(None, "no such name")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
            for address in self.entries[host]
        ]

    async def close(self) -> None: ...


class Site:
    """A small web server with one page for each behavior; `seen` are the requests that reached it."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        answer: Handler = getattr(self, f"_{request.match_info['how']}")
        return await answer(request)

    def url(self, how: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{how}"

    async def _video(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=BODY)

    async def _chunked(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(BODY)
        return response

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    async def _trickle(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.05)

    async def _silent(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x")
        await asyncio.sleep(30)
        return response

    async def _short(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000000"})
        await response.prepare(request)
        response.force_close()  # so it ends before the promised length
        return response

    async def _gzip(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(b"\0" * 1_000_000), headers={"Content-Encoding": "gzip"})

    async def _page(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text="<p>watch it here</p>", content_type="text/html")

    async def _disguised(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=b"\n <!DOCTYPE html><html>", content_type="video/mp4")

    async def _again(self, request: web.Request) -> web.StreamResponse:
        left = int(request.query["left"])
        raise web.HTTPFound("/video" if left == 0 else f"/again?left={left - 1}")

    async def _cookie(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/video", headers={"Set-Cookie": "who=you"})

    async def _to(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(request.query["where"])

    async def _status(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=int(request.query["code"]), headers={"Retry-After": "7"})


@asynccontextmanager
async def open_site() -> AsyncIterator[Site]:
    """Serve a :class:`Site` on loopback while the context is open."""
    site = Site()
    application = web.Application()
    application.router.add_get("/{how}", site.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    yield site
    await runner.cleanup()
