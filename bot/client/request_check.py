"""A check that runs right before a request leaves.

discord.py waits for its rate limits between the call and the request, up to many seconds in which the task can change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace

import aiohttp

_check: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("request_check", default=None)


@contextmanager
def check_before_requests(check: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Run `check` before each request of this block; an exception that it raises is raised in place of the request."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def add_request_checks(trace: aiohttp.TraceConfig) -> aiohttp.TraceConfig:
    """Make the sessions that use `trace` run these checks; return it."""

    async def run(_: aiohttp.ClientSession, __: SimpleNamespace, ___: aiohttp.TraceRequestStartParams) -> None:
        if check := _check.get():
            await check()

    trace.on_request_start.append(run)
    return trace
