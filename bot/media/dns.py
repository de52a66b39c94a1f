"""Resolve the host names of members' links, in a few threads of their own and with a time limit.

The system's resolver blocks a thread and cannot be cancelled. In asyncio's default thread pool, a dozen slow names
would delay every file access. Here a lookup that hangs occupies its slot until the system gives up. When no slot
becomes free in time, a lookup fails with a sentence that says so.
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
_TIMEOUT = 8.0
"""Seconds for one name, retries included."""
_WAIT_SECONDS = 5.0
"""Seconds to wait for a slot."""
_RETRY_DELAYS = {socket.EAI_NONAME: (0.3,), socket.EAI_AGAIN: (0.5, 1.0, 2.0)}
"""Seconds before each retry: an unknown name may just be new, and a name server may soon be back."""
UNKNOWN = tr("The server of that link cannot be found. Check the link, or attach the video.")
_BUSY = tr("Too many links are being looked up at the moment. Try again in a minute, or attach the video.")

Found = list[tuple[Any, ...]]
Lookup = Callable[[str, int, int], Found]


def resolve_name(host: str, port: int, family: int) -> Found:
    """Ask the system's resolver; blocks. `host` must be ASCII, because its IDNA encoding fails differently."""
    flags = socket.AI_ADDRCONFIG
    return list(socket.getaddrinfo(host.encode("ascii"), port, family, socket.SOCK_STREAM, 0, flags))


class NameResolver(AbstractResolver):
    """Resolves names, at most `max_lookups` at once; `lookup` is called in a thread."""

    def __init__(
        self,
        *,
        max_lookups: int = MAX_LOOKUPS,
        seconds: float = _TIMEOUT,
        wait_seconds: float = _WAIT_SECONDS,
        lookup: Lookup = resolve_name,
    ) -> None:
        """`seconds` bound one name, retries included; `wait_seconds` bound the wait for a slot."""
        self._slots = asyncio.Semaphore(max_lookups)
        self._seconds = seconds
        self._wait_seconds = wait_seconds
        self._look_up = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve `host`. Raises UnknownHost, or DownloadFailed if no slot becomes free."""
        try:
            async with asyncio.timeout(self._seconds):
                return _convert_results(host, port, await self._look_up_with_retries(host, port, family))
        except (TimeoutError, OSError, UnicodeError):
            raise UnknownHost(UNKNOWN) from None

    async def close(self) -> None:
        """Do nothing: a lookup that hangs ends by itself."""

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
            if answer.done():  # the caller has given up
                return
            if isinstance(found, BaseException):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def run_lookup() -> None:
            try:
                found: Found | BaseException = self._look_up(host, port, family)
            except Exception as error:  # re-raised in the waiting coroutine
                found = error
            with suppress(RuntimeError):  # the loop is already closed
                loop.call_soon_threadsafe(deliver, found)

        # A daemon thread, because exiting must not wait for a lookup that hangs.
        threading.Thread(target=run_lookup, name="name lookup", daemon=True).start()
        return await answer


def _convert_results(host: str, port: int, found: Found) -> list[ResolveResult]:
    """Convert to aiohttp's results. Scoped addresses are link-local, so no public file is there."""
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
