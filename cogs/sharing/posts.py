"""Fetches, finds and deletes the posts of shared films."""

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
from cogs.common.threads import open_thread_and_retry
from cogs.common.transport import NO_ACCESS, refuse_on_error

log = logging.getLogger(__name__)

_CLOCK_SKEW = timedelta(minutes=5)
"""The largest expected difference between Discord's clock and ours."""

_MAX_MESSAGES, _MAX_THREADS = 200, 20
"""Messages and threads searched for one post at most; it appears right after the time of the attempt."""

_DELETE_SECONDS = 30.0
"""Time-out for one post, including the wait for a share in progress; the clean-up retries later."""


def make_post_marker(share_id: int) -> str:
    """Return the custom_id of the Unshare button, which also identifies the share's post."""
    return f"share:undo:{share_id}"


async def fetch_post(bot: ExtendBot, share: Share) -> discord.Message | None:
    """Fetch a share's post; None if it was deleted. Raises RequestRefused if Discord cannot be asked."""
    if share.post_channel_id is None or share.message_id is None:
        return None
    channel = bot.get_partial_messageable(share.post_channel_id, guild_id=share.guild_id)
    with refuse_on_error():
        try:
            return await channel.fetch_message(share.message_id)
        except discord.NotFound:
            return None


async def find_post(bot: ExtendBot, share: Share, channel: PostableChannel) -> discord.Message | None:
    """Search the channel for an unrecorded post of the share. Raises RequestRefused if it cannot be searched."""
    with refuse_on_error():
        async for message in _iter_candidates(bot, share, channel):
            if _has_component(message, make_post_marker(share.id)):
                return message
    return None


async def delete_post(bot: ExtendBot, share_id: int) -> None:
    """Delete a share and its post, which may be deleted already. Raises RequestRefused if Discord does not do it."""
    share = await bot.services.sharing.find(share_id)
    if share is None:
        return
    async with bot.services.sharing.get_posting_lock(share.task_id, share.channel_id):
        share = await bot.services.sharing.find(share_id)  # the previous holder of the lock may have changed it
        if share is None:
            return
        await _delete_message(bot, await _with_post(bot, share))
        await bot.services.sharing.delete(share)


async def delete_posts(bot: ExtendBot, task_id: int) -> bool:
    """Delete every post of a deleted result; return whether none is left. The clean-up retries the rest."""
    deleted = [await _delete_one_post(bot, share) for share in await bot.services.sharing.list_for_task(task_id)]
    return all(deleted)


async def delete_leftover_posts(bot: ExtendBot) -> None:
    """Delete the posts that could not be deleted together with their result."""
    for share in await bot.services.sharing.list_of_deleted_tasks():
        if bot.get_guild(share.guild_id) is not None:
            await _delete_one_post(bot, share)


async def _delete_one_post(bot: ExtendBot, share: Share) -> bool:
    try:
        async with asyncio.timeout(_DELETE_SECONDS):
            await delete_post(bot, share.id)
    except (RequestRefused, TimeoutError) as error:
        log.info("task %d: its post in channel %d is not deleted yet: %r", share.task_id, share.channel_id, error)
        return False
    except Exception:  # one failing post must not keep the others from being deleted
        log.exception("task %d: its post in channel %d is not deleted yet", share.task_id, share.channel_id)
        return False
    return True


async def _with_post(bot: ExtendBot, share: Share) -> Share:
    """Return the share with its message filled in if it was posted without being recorded. Raises RequestRefused."""
    if share.message_id is not None:
        return share
    guild = bot.get_guild(share.guild_id)
    if guild is None:
        raise RequestRefused(NO_ACCESS)
    with refuse_on_error():
        try:
            channel = guild.get_channel_or_thread(share.channel_id) or await guild.fetch_channel(share.channel_id)
        except discord.NotFound:
            return share
    message = await find_post(bot, share, channel) if isinstance(channel, get_args(PostableChannel)) else None
    if message is None:
        return share
    return share.model_copy(update={"post_channel_id": message.channel.id, "message_id": message.id})


async def _delete_message(bot: ExtendBot, share: Share) -> None:
    if share.post_channel_id is None or share.message_id is None:
        return
    channel = bot.get_partial_messageable(share.post_channel_id, guild_id=share.guild_id)
    message = channel.get_partial_message(share.message_id)
    with refuse_on_error(), suppress(discord.NotFound):
        if share.post_channel_id != share.channel_id:
            await _delete_thread(bot, share.post_channel_id)
        else:
            await open_thread_and_retry(bot, share.post_channel_id, message.delete)


async def _delete_thread(bot: ExtendBot, thread_id: int) -> None:
    """Delete a forum post.

    A forum post is a thread, and deleting it needs Manage Threads, which the bot may lack. Then its first message is
    deleted, and the thread, whose title shows the prompt, is renamed and archived: the thread's creator may do both
    (Discord docs, Threads, Editing and Deleting Threads).
    """
    thread = await bot.fetch_channel(thread_id)
    if not isinstance(thread, discord.Thread):
        return
    try:
        await thread.delete()
    except discord.Forbidden:
        with suppress(discord.NotFound):
            await open_thread_and_retry(bot, thread_id, thread.get_partial_message(thread_id).delete)
        language = await fetch_guild_language(bot, thread.guild.id)
        if thread.name == language.tr("Unshared"):
            return  # an earlier try has come this far
        await thread.edit(name=language.tr("Unshared"), archived=True)


async def _iter_candidates(bot: ExtendBot, share: Share, channel: PostableChannel) -> AsyncIterator[discord.Message]:
    """Yield the bot's own messages in the channel since the share was last attempted."""
    own = bot.user.id if bot.user else 0
    since = share.attempted_at - _CLOCK_SKEW
    if not isinstance(channel, discord.ForumChannel):
        async for message in channel.history(limit=_MAX_MESSAGES, after=since, oldest_first=True):
            if message.author.id == own:
                yield message
        return
    threads = [thread for thread in await channel.guild.active_threads() if thread.parent_id == channel.id]
    threads += [thread async for thread in channel.archived_threads(limit=_MAX_THREADS)]
    recent = [
        thread for thread in threads if thread.owner_id == own and discord.utils.snowflake_time(thread.id) > since
    ]
    for thread in sorted(recent, key=lambda each: each.id)[:_MAX_THREADS]:
        with suppress(discord.NotFound):
            yield await thread.fetch_message(thread.id)  # a forum post's first message has the thread's id


def _has_component(message: discord.Message, custom_id: str) -> bool:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return any(getattr(each, "custom_id", None) == custom_id for row in rows for each in row.children)
