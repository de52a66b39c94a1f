"""Keeps a transaction running to its end when its caller is cancelled."""

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

SHIELDING = "_shielding"
"""The attribute of a coroutine function that says that its shielding is decided: True, or False for `cancellable`."""


def shielded(work: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Awaitable[R]]:
    """Delay a cancellation until `work`, a short transaction, has ended.

    Cancelling a query leaves its connection inside a transaction, with the write lock held, until the driver's thread
    closes it; meanwhile every other writer waits for that lock.
    """

    @wraps(work)
    async def run_to_completion(*args: P.args, **kwargs: P.kwargs) -> R:
        task = asyncio.ensure_future(work(*args, **kwargs))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            while not task.done():  # also when it is cancelled again meanwhile
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()):
                log.info("a store call failed after its caller was cancelled: %s", error)
            raise

    setattr(run_to_completion, SHIELDING, True)
    return run_to_completion


def cancellable(work: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Mark a coroutine that may be cancelled between its transactions, each of which is shielded by itself."""
    setattr(work, SHIELDING, False)
    return work
