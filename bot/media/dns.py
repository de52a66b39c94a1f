"""Look up the names in strangers' links: in a few threads of their own, and never for long.

The system's probed-up blocks a thread and cannot be called off. In asyncio's own threads a dozen slow names would make
everything wait that reads a file. Here a probed-up that hangs keeps its place until the system gives up; those who find
no place are told that all are taken.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from bot.i18n.text import tr
from bot.media.errors import DownloadFailed, UnknownHost

MAX_LOOKUPS = 8
_SECONDS = 8.0
"""For one name in all, new tries included."""
_WAIT_SECONDS = 5.0
"""For a place."""
_RETRY_DELAYS = {socket.EAI_NONAME: (0.3,), socket.EAI_AGAIN: (0.5, 1.0, 2.0)}
"""Seconds before each new try: a name that is not there may just be new, and a name server may be there again soon."""
UNKNOWN = tr("The server of that link cannot be found; check the link, or attach the video.")
_BUSY = tr("I am looking up too many links at the moment; try again in a minute, or attach the video.")

Found = list[tuple[Any, ...]]
Lookup = Callable[[str, int, int], Found]


def resolve_name(host: str, port: int, family: int) -> Found:
    """Ask the system; blocks. `host` is ASCII: Python's own encoding of names fails in ways of its own."""
    flags = socket.AI_ADDRCONFIG
    return list(socket.getaddrinfo(host.encode("ascii"), port, family, socket.SOCK_STREAM, 0, flags))


class NameResolver(AbstractResolver):
    """Finds the addresses of names. `slots` probed-ups at once; `look_up` asks in a thread."""

    def __init__(
        self,
        *,
        max_lookups: int = MAX_LOOKUPS,
        seconds: float = _SECONDS,
        wait_seconds: float = _WAIT_SECONDS,
        lookup: Lookup = resolve_name,
    ) -> None:
        """`seconds` for one name in all, `wait_seconds` for a place."""
        self._slots = asyncio.Semaphore(max_lookups)
        self._seconds = seconds
        self._wait_seconds = wait_seconds
        self._look_up = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises UnknownHost, or Unreachable while all slots are taken."""
        try:
            async with asyncio.timeout(self._seconds):
                return _to_resolve_results(host, port, await self._look_up_with_retries(host, port, family))
        except (TimeoutError, OSError, UnicodeError):
            raise UnknownHost(UNKNOWN) from None

    async def close(self) -> None:
        """Nothing is kept open: a probed-up that hangs ends by itself."""

    async def _look_up_with_retries(self, host: str, port: int, family: int) -> Found:
        attempt = 0
        while True:
            try:
                return await self._look_up_once(host, port, family)
            except socket.gaierror as error:
                delays = _RETRY_DELAYS.get(error.errno or 0, ())
                if attempt >= len(delays):
                    raise
                await asyncio.sleep(delays[attempt])
                attempt += 1

    async def _look_up_once(self, host: str, port: int, family: int) -> Found:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise DownloadFailed(_BUSY, retry_after=5) from None
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Found] = loop.create_future()

        def deliver(found: Found | BaseException) -> None:
            self._slots.release()
            if answer.done():  # nobody waits any longer
                return
            if isinstance(found, BaseException):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def run_lookup() -> None:
            try:
                found: Found | BaseException = self._look_up(host, port, family)
            except Exception as error:  # handed on to the one who waits
                found = error
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(deliver, found)

        threading.Thread(
            target=run_lookup, name="name probed-up", daemon=True
        ).start()  # which nobody waits for at the end
        return await answer


def _to_resolve_results(host: str, port: int, found: Found) -> list[ResolveResult]:
    """As aiohttp wants them. Addresses with a scope are of this machine's own links, where no stranger's file is."""
    return [
        ResolveResult(
            hostname=host,
            host=str(address[0]),
            port=port,
            family=family,
            proto=proto,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for family, _, proto, _, address in found
        if family == socket.AF_INET or (family == socket.AF_INET6 and len(address) == 4 and not address[3])
    ]
