"""Stars, counted on the posts themselves when somebody looks.

Not kept from gateway events: those would need one more intent, and miss what happens while the bot is away. A count
is as fresh as the last look at it, and each look asks Discord a bounded number of times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import discord

from bot.client import REQUEST_ERRORS, ExtendBot
from bot.task import RequestRefused, Share
from cogs._post import STAR
from cogs._posted import fetch_post

_FRESH = timedelta(minutes=5)
_MOST_COUNTED = 20
"""Results counted for one look: those never counted first, then those with the most stars."""
_SECONDS = 8.0
_AT_ONCE = 4
_MOST_STARS = 1000


async def refresh_stars(bot: ExtendBot, results: Iterable[list[Share]]) -> None:
    """Count anew some of the results that were not counted lately; those that time does not allow stay as they are."""
    now = bot.now()
    stale = [posts for posts in results if not posts[0].counted_at or now - posts[0].counted_at > _FRESH]
    stale.sort(key=lambda posts: (posts[0].counted_at is not None, -posts[0].stars))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def counted(posts: list[Share]) -> None:
        async with gate:
            await _count(bot, posts)

    try:
        async with asyncio.timeout(_SECONDS), asyncio.TaskGroup() as group:
            for posts in stale[:_MOST_COUNTED]:
                group.create_task(counted(posts))
    except TimeoutError:
        return


async def _count(bot: ExtendBot, posts: list[Share]) -> None:
    """Count the members who starred one result in any of its posts, but for its creator and bots."""
    members: set[int] = set()
    try:
        for post in posts:
            message = await fetch_post(bot, post)
            if message is None:
                await bot.sharing.delete(post)
            else:
                members |= await _starred_by(message)
    except (RequestRefused, *REQUEST_ERRORS):
        return
    await bot.sharing.save_stars(posts, len(members - {posts[0].user_id}))


async def _starred_by(message: discord.Message) -> set[int]:
    stars = discord.utils.find(lambda each: str(each.emoji) == STAR, message.reactions)
    if stars is None or (stars.me and stars.count == 1):
        return set()
    return {user.id async for user in stars.users(limit=_MOST_STARS) if not user.bot}
