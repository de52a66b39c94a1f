"""Now and then, what is to be kept no longer is taken away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime

from bot.runner import keeping
from bot.runner.tools import Tools

log = logging.getLogger(__name__)


async def keep_house(tools: Tools) -> None:
    """Sweep at once and then every so often; ends only by cancellation."""
    while True:
        await sweep(tools)
        await asyncio.sleep(tools.patience.sweep)


async def sweep(tools: Tools) -> None:
    """Delete what members wanted forgotten, what servers left behind, and what was kept long enough.

    What fails is done by the next sweep.
    """
    attic, now = tools.store.attic, tools.now()
    await _try("what was to be forgotten", attic.sweep(now, tools.grace))
    await _try("tokens of no more use", attic.delete_tokens(now))
    await _try("old films", keeping.sweep(tools.folders, tools.store, now, tools.keep))
    await _try("old records", _retire(tools, now))


async def _try(what: str, work: Awaitable[None]) -> None:
    """Do `work`; that it fails keeps nothing else from being taken away."""
    try:
        await work
    except Exception:
        log.exception("could not take away %s", what)


async def _retire(tools: Tools, now: datetime) -> None:
    if tools.keep_rows and (retired := await tools.store.attic.retire(now, tools.keep_rows)):
        log.info("the records of %d finished tasks are kept no longer", retired)
