"""Finds the earlier parts of a film that a post may link to: existing ones that every reader of the post can open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import discord

from bot.client import REQUEST_ERRORS, ExtendBot, fetch_guild_language
from bot.domain.errors import RequestRefused
from bot.domain.share import Share
from bot.domain.task import Task
from bot.services.sharing import LineagePart
from cogs.common.formatting import THUMBNAIL_NAME, jump_url, post_url
from cogs.common.permissions import PostableChannel
from cogs.sharing.embeds import format_lineage
from cogs.sharing.posts import fetch_post

log = logging.getLogger(__name__)

_FIND_SECONDS = 6.0
"""Time-out for all parts together; a part not found by then is not linked."""

_UPDATE_SECONDS = 20.0
"""Time-out for updating one post, including the lookups."""


@dataclass(frozen=True, slots=True)
class _Location:
    """A message that shows a part."""

    parent_id: int
    """The channel whose permissions apply; for a forum post, the forum."""
    channel_id: int
    message_id: int
    url: str


async def find_links(bot: ExtendBot, parts: list[LineagePart], channel: PostableChannel) -> dict[int, str]:
    """Return the links that a post in `channel` may show to the parts before the last, by task id."""
    found: dict[int, str] = {}

    async def find(part: LineagePart) -> None:
        for location in _iter_locations(part, channel.guild.id):
            if _is_as_visible(channel, location) and await _exists(bot, location, channel.guild.id):
                found[part.task.id] = location.url
                return

    try:
        async with asyncio.timeout(_FIND_SECONDS), asyncio.TaskGroup() as group:
            for part in parts[:-1]:
                group.create_task(find(part))
    except TimeoutError:
        pass  # the links found so far are still valid
    return found


async def update_links(bot: ExtendBot, *task_ids: int) -> None:
    """Remove links to these deleted tasks from the lineage in the posts of later parts.

    A post that the bot cannot edit, for example in a closed thread, stays as it is.
    """
    for share, task in await bot.services.sharing.list_posts_of_later_parts(task_ids):
        try:
            async with asyncio.timeout(_UPDATE_SECONDS):
                await _update_link(bot, share, task)
        except (RequestRefused, *REQUEST_ERRORS) as error:
            log.info("task %d: the lineage in its post %s was not updated: %r", task.id, share.message_id, error)


async def _update_link(bot: ExtendBot, share: Share, task: Task) -> None:
    guild = bot.get_guild(share.guild_id)
    channel = guild.get_channel_or_thread(share.channel_id) if guild else None
    message = await fetch_post(bot, share)
    if message is None or not message.embeds or not isinstance(channel, get_args(PostableChannel)):
        return
    embed, parts = message.embeds[0], await bot.services.sharing.get_lineage(task)
    language = await fetch_guild_language(bot, channel.guild.id)
    lineage = format_lineage(language, parts, await find_links(bot, parts, channel))
    if embed.fields and embed.fields[0].value != lineage:
        embed.set_field_at(0, name=embed.fields[0].name, value=lineage, inline=False)
        if embed.thumbnail.url:
            embed.set_thumbnail(url=f"attachment://{THUMBNAIL_NAME}")  # by its own URL it would be shown twice
        await message.edit(embed=embed)


def _iter_locations(part: LineagePart, guild_id: int) -> Iterator[_Location]:
    """Yield the messages that show a part, best first: a post with a hidden prompt before the reply, which shows it."""
    task, place = part.task, part.task.place
    posts = [
        (share.prompt_hidden, _Location(share.channel_id, share.post_channel_id, share.message_id, post_url(share)))
        for share in part.shares
        if share.guild_id == guild_id and share.post_channel_id and share.message_id
    ]
    yield from (location for hidden, location in posts if hidden and _is_kept(task))
    if _is_kept(task) and place.guild_id == guild_id and not place.ephemeral:
        yield _Location(place.channel_id, place.channel_id, place.message_id, jump_url(task))
    yield from (location for hidden, location in posts if not hidden and _is_kept(task))


def _is_kept(task: Task) -> bool:
    return not (task.deleted or task.deletion_requested)


def _is_as_visible(channel: PostableChannel, location: _Location) -> bool:
    """Return whether every role that can view the channel can read the location too."""
    target = channel.guild.get_channel_or_thread(location.parent_id)
    if target is None or (isinstance(target, discord.Thread) and target.is_private() and target.id != channel.id):
        return False
    viewers = [role for role in channel.guild.roles if channel.permissions_for(role).view_channel]
    permissions = [target.permissions_for(role) for role in viewers]
    return all(each.view_channel and each.read_message_history for each in permissions)


async def _exists(bot: ExtendBot, location: _Location, guild_id: int) -> bool:
    channel = bot.get_partial_messageable(location.channel_id, guild_id=guild_id)
    try:
        await channel.fetch_message(location.message_id)
    except REQUEST_ERRORS:  # deleted, or Discord does not say
        return False
    return True
