"""Checks and counts that run right before a request leaves.

discord.py waits for its rate limits between the call and the request, up to many seconds in which the task can change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp


@dataclass(slots=True)
class RequestCount:
    """How many requests left in a block."""

    count: int = 0


_count: ContextVar[RequestCount | None] = ContextVar("request_count", default=None)
_check: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("request_check", default=None)


@contextmanager
def check_before_requests(check: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Run `check` before each request of this block; an exception that it raises is raised in place of the request."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


@contextmanager
def count_requests() -> Iterator[RequestCount]:
    """Count the requests of this block: discord.py repeats some of them by itself."""
    counter = RequestCount()
    token = _count.set(counter)
    try:
        yield counter
    finally:
        _count.reset(token)


def add_request_checks(trace: aiohttp.TraceConfig) -> aiohttp.TraceConfig:
    """Make the sessions that use `trace` run these checks; return it."""

    async def run(_: aiohttp.ClientSession, __: SimpleNamespace, ___: aiohttp.TraceRequestStartParams) -> None:
        if counter := _count.get():
            counter.count += 1
        if check := _check.get():
            await check()

    trace.on_request_start.append(run)
    return trace
