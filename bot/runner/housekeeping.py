"""Now and then, what is to be kept no longer is taken away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime

from bot.runner import keeping
from bot.runner.tools import JobResources

log = logging.getLogger(__name__)


async def run_retention(resources: JobResources) -> None:
    """Sweep at once and then every so often; ends only by cancellation."""
    while True:
        await delete_expired(resources)
        await asyncio.sleep(resources.timeouts.retention)


async def delete_expired(resources: JobResources) -> None:
    """Delete what members wanted forgotten, what servers left behind, and what was kept long enough.

    What fails is done by the next sweep.
    """
    retention, now = resources.store.retention, resources.now()
    await _try("what was to be forgotten", retention.delete_due(now, resources.grace))
    await _try("tokens of no more use", retention.delete_tokens(now))
    await _try("old films", keeping.delete_expired_films(resources.workspaces, resources.store, now, resources.keep))
    await _try("old records", _expire(resources, now))


async def _try(what: str, work: Awaitable[None]) -> None:
    """Do `work`; that it fails keeps nothing else from being taken away."""
    try:
        await work
    except Exception:
        log.exception("could not take away %s", what)


async def _expire(resources: JobResources, now: datetime) -> None:
    if resources.keep_rows and (retired := await resources.store.retention.expire(now, resources.keep_rows)):
        log.info("the records of %d finished tasks are kept no longer", retired)
