"""Posts of shared results that are there, or may be: looked at, looked for, and taken back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import get_args

import discord

from bot.client import ExtendBot, fetch_guild_language
from bot.domain.errors import RequestRefused
from bot.domain.share import Share
from cogs.common.permissions import PostableChannel
from cogs.common.transport import NO_ACCESS, refuse_on_error

log = logging.getLogger(__name__)

_CLOCKS = timedelta(minutes=5)
"""How far Discord's clock and ours may be apart."""

_MESSAGES_READ, _THREADS_READ = 200, 20
"""Most that are looked through for one post; it stands right after the moment at which it was tried."""

_WITHDRAW_SECONDS = 30.0
"""For one post, somebody who posts it just now included; what takes longer is done later."""


def post_marker(share_id: int) -> str:
    """The custom_id of the button that takes the share back; its post is known by it."""
    return f"share:undo:{share_id}"


async def fetch_post(bot: ExtendBot, share: Share) -> discord.Message | None:
    """A share's post as it is now; None if somebody deleted it. Raises Refused when Discord does not say."""
    if share.post_channel_id is None or share.message_id is None:
        return None
    place = bot.get_partial_messageable(share.post_channel_id, guild_id=share.guild_id)
    with refuse_on_error():
        try:
            return await place.fetch_message(share.message_id)
        except discord.NotFound:
            return None


async def find_post(bot: ExtendBot, share: Share, where: PostableChannel) -> discord.Message | None:
    """The post of a share that may be there without our knowing; raises Refused if that cannot be found out."""
    with refuse_on_error():
        async for message in _candidates(bot, share, where):
            if _carries(message, post_marker(share.id)):
                return message
    return None


async def delete_post(bot: ExtendBot, share_id: int) -> None:
    """Delete a share's post and forget the share; one that somebody deleted before is as good. Raises Refused."""
    share = await bot.services.sharing.find(share_id)
    if share is None:
        return
    async with bot.services.sharing.posting_lock(share.task_id, share.channel_id):
        share = await bot.services.sharing.find(share_id)  # whoever held the place may have changed it
        if share is None:
            return
        await _delete_message(bot, await _completed(bot, share))
        await bot.services.sharing.delete(share)


async def delete_posts(bot: ExtendBot, task_id: int) -> bool:
    """Take back every post of a deleted result; say whether none is left. What is left is taken back later."""
    done = [await _delete_one_post(bot, share) for share in await bot.services.sharing.of_task(task_id)]
    return all(done)


async def delete_leftover_posts(bot: ExtendBot) -> None:
    """Take back what could not be taken back when its result was deleted."""
    for share in await bot.services.sharing.of_deleted_tasks():
        if bot.get_guild(share.guild_id) is not None:
            await _delete_one_post(bot, share)


async def _delete_one_post(bot: ExtendBot, share: Share) -> bool:
    try:
        async with asyncio.timeout(_WITHDRAW_SECONDS):
            await delete_post(bot, share.id)
    except (RequestRefused, TimeoutError) as error:
        log.info("task %d: its post in channel %d is not taken back yet: %r", share.task_id, share.channel_id, error)
        return False
    except Exception:  # one odd post keeps none of the others where it is
        log.exception("task %d: its post in channel %d is not taken back yet", share.task_id, share.channel_id)
        return False
    return True


async def _completed(bot: ExtendBot, share: Share) -> Share:
    """The share with its message, where it was posted without that being written down. Raises Refused."""
    if share.message_id is not None:
        return share
    guild = bot.get_guild(share.guild_id)
    if guild is None:
        raise RequestRefused(NO_ACCESS)
    with refuse_on_error():
        try:
            where = guild.get_channel_or_thread(share.channel_id) or await guild.fetch_channel(share.channel_id)
        except discord.NotFound:
            return share
    message = await find_post(bot, share, where) if isinstance(where, get_args(PostableChannel)) else None
    if message is None:
        return share
    return share.model_copy(update={"post_channel_id": message.channel.id, "message_id": message.id})


async def _delete_message(bot: ExtendBot, share: Share) -> None:
    if share.post_channel_id is None or share.message_id is None:
        return
    place = bot.get_partial_messageable(share.post_channel_id, guild_id=share.guild_id)
    with refuse_on_error(), suppress(discord.NotFound):
        if share.post_channel_id != share.channel_id:
            await _delete_thread(bot, share.post_channel_id)
        else:
            await place.get_partial_message(share.message_id).delete()


async def _delete_thread(bot: ExtendBot, thread_id: int) -> None:
    """A forum's post is a thread: deleting it takes Manage Threads, which the bot need not have.

    Else what it began with is deleted, and the thread, whose title tells the prompt, is renamed and closed: its maker
    may do both (Discord docs, Threads, Editing and Deleting Threads).
    """
    thread = await bot.fetch_channel(thread_id)
    if not isinstance(thread, discord.Thread):
        return
    try:
        await thread.delete()
    except discord.Forbidden:
        with suppress(discord.NotFound):
            await thread.get_partial_message(thread_id).delete()
        if not thread.archived:
            language = await fetch_guild_language(bot, thread.guild.id)
            await thread.edit(name=language.tr("Taken back"), archived=True)


async def _candidates(bot: ExtendBot, share: Share, where: PostableChannel) -> AsyncIterator[discord.Message]:
    """The bot's own messages there since the share was last tried."""
    own = bot.user.id if bot.user else 0
    since = share.attempted_at - _CLOCKS
    if not isinstance(where, discord.ForumChannel):
        async for message in where.history(limit=_MESSAGES_READ, after=since, oldest_first=True):
            if message.author.id == own:
                yield message
        return
    threads = [thread for thread in await where.guild.active_threads() if thread.parent_id == where.id]
    threads += [thread async for thread in where.archived_threads(limit=_THREADS_READ)]
    recent = [
        thread for thread in threads if thread.owner_id == own and discord.utils.snowflake_time(thread.id) > since
    ]
    for thread in sorted(recent, key=lambda each: each.id)[:_THREADS_READ]:
        with suppress(discord.NotFound):
            yield await thread.fetch_message(thread.id)  # a forum post's first message has the thread's id


def _carries(message: discord.Message, custom_id: str) -> bool:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return any(getattr(each, "custom_id", None) == custom_id for row in rows for each in row.children)
