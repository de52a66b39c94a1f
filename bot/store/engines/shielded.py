"""Transactions that end the way they would have ended, also when whoever asked for them is cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


def shielded(work: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Awaitable[R]]:
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
            while not task.done():  # also when it is cancelled again meanwhile
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()):
                log.info("what a cancelled caller asked of the store failed: %s", error)
            raise

    return whole
