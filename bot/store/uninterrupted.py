"""Transactions that end the way they would have ended, also when whoever asked for them is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def uninterrupted(work: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Awaitable[R]]:
    """Let a cancellation wait until `work` (a short transaction) has ended.

    Cancelling a query leaves its connection in the middle of a transaction, write lock included, until the driver's
    thread comes to closing it; everybody else waits for that lock meanwhile.
    """

    @wraps(work)
    async def whole(*args: P.args, **kwargs: P.kwargs) -> R:
        task = asyncio.ensure_future(work(*args, **kwargs))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.gather(task, return_exceptions=True)
            raise

    return whole
