"""Archived threads: Discord refuses to change their messages until they are opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord

from bot.client import ExtendBot, Failure, classify
from cogs.common.transport import RouteClosed, ThreadArchived


async def open_thread_and_retry(bot: ExtendBot, thread_id: int, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work`; if it fails because the thread is archived, open the thread and run it once more.

    Raises what `work` raises, RouteClosed if the thread stays archived, and discord.Forbidden if the bot may not open
    it: a locked one needs Manage Threads (Discord docs, Threads, Editing & Deleting Threads).
    """
    try:
        await work()
    except (ThreadArchived, discord.HTTPException) as error:
        if isinstance(error, discord.HTTPException) and classify(error) is not Failure.ARCHIVED:
            raise
        await bot.http.edit_channel(thread_id, archived=False)
        try:
            await work()
        except ThreadArchived as still:
            raise RouteClosed(str(still)) from still
