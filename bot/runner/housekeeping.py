"""Now and then, what is to be kept no longer is taken away."""

from __future__ import annotations

import asyncio
import logging

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
    try:
        await tools.store.attic.sweep(tools.now(), tools.grace)
        await keeping.sweep(tools.folders, tools.store, tools.now(), tools.keep)
        if tools.keep_rows and (retired := await tools.store.attic.retire(tools.now(), tools.keep_rows)):
            log.info("the records of %d finished tasks are kept no longer", retired)
    except Exception:
        log.exception("could not take away what is to be kept no longer")
