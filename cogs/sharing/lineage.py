"""Which earlier parts of a film a post may link to: those that are there, and that all who see the post can open."""

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
from cogs.sharing.embeds import lineage
from cogs.sharing.posts import fetch_post

log = logging.getLogger(__name__)

_LOOK_SECONDS = 6.0
"""For all parts together; a part that was not seen by then is not linked to."""

_RELINK_SECONDS = 20.0
"""For one post, what is looked at for it included."""


@dataclass(frozen=True, slots=True)
class _Location:
    """A message that shows a part."""

    room_id: int
    """The channel by which it is told who can open it: a forum for its posts."""
    channel_id: int
    message_id: int
    url: str


async def links(bot: ExtendBot, steps: list[LineagePart], venue: PostableChannel) -> dict[int, str]:
    """The links that a post in `venue` may show to the parts before the last, by the ids of their tasks."""
    found: dict[int, str] = {}

    async def look(step: LineagePart) -> None:
        for spot in _spots(step, venue.guild.id):
            if _as_open(venue, spot) and await _is_there(bot, spot, venue.guild.id):
                found[step.task.id] = spot.url
                return

    try:
        async with asyncio.timeout(_LOOK_SECONDS), asyncio.TaskGroup() as group:
            for step in steps[:-1]:
                group.create_task(look(step))
    except TimeoutError:
        pass  # what was found is as good
    return found


async def update_links(bot: ExtendBot, *task_ids: int) -> None:
    """Bring the lineage in later parts' posts up to date, now that those tasks, which they link to, are gone.

    A post that Discord does not let the bot edit (its thread is closed, say) stays as it is.
    """
    for share, task in await bot.services.sharing.posts_of_later_parts(task_ids):
        try:
            async with asyncio.timeout(_RELINK_SECONDS):
                await _update_link(bot, share, task)
        except (RequestRefused, *REQUEST_ERRORS) as error:
            log.info("task %d: the lineage in its post %s stays: %r", task.id, share.message_id, error)


async def _update_link(bot: ExtendBot, share: Share, task: Task) -> None:
    guild = bot.get_guild(share.guild_id)
    room = guild.get_channel_or_thread(share.channel_id) if guild else None
    message = await fetch_post(bot, share)
    if message is None or not message.embeds or not isinstance(room, get_args(PostableChannel)):
        return
    embed, steps = message.embeds[0], await bot.services.sharing.lineage(task)
    language = await fetch_guild_language(bot, room.guild.id)
    came = lineage(language, steps, await links(bot, steps, room))
    if embed.fields and embed.fields[0].value != came:
        embed.set_field_at(0, name=embed.fields[0].name, value=came, inline=False)
        if embed.thumbnail.url:
            embed.set_thumbnail(url=f"attachment://{THUMBNAIL_NAME}")  # by its own address it would be shown twice
        await message.edit(embed=embed)


def _spots(step: LineagePart, guild_id: int) -> Iterator[_Location]:
    """Where a part can be watched, best first: a post that hides the prompt before the reply, which tells it."""
    task, place = step.task, step.task.place
    posts = [
        (share.prompt_hidden, _Location(share.channel_id, share.post_channel_id, share.message_id, post_url(share)))
        for share in step.shares
        if share.guild_id == guild_id and share.post_channel_id and share.message_id
    ]
    yield from (spot for hidden, spot in posts if hidden and _shown(task))
    if _shown(task) and place.guild_id == guild_id and not place.ephemeral:
        yield _Location(place.channel_id, place.channel_id, place.message_id, jump_url(task))
    yield from (spot for hidden, spot in posts if not hidden and _shown(task))


def _shown(task: Task) -> bool:
    return not (task.deleted or task.deletion_requested)


def _as_open(venue: PostableChannel, spot: _Location) -> bool:
    """Whether every role that sees the venue sees that room too."""
    room = venue.guild.get_channel_or_thread(spot.room_id)
    if room is None or (isinstance(room, discord.Thread) and room.is_private() and room.id != venue.id):
        return False
    viewers = [role for role in venue.guild.roles if venue.permissions_for(role).view_channel]
    may = [room.permissions_for(role) for role in viewers]
    return all(each.view_channel and each.read_message_history for each in may)


async def _is_there(bot: ExtendBot, spot: _Location, guild_id: int) -> bool:
    place = bot.get_partial_messageable(spot.channel_id, guild_id=guild_id)
    try:
        await place.fetch_message(spot.message_id)
    except REQUEST_ERRORS:  # gone, or it cannot be known
        return False
    return True
