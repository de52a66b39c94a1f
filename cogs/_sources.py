"""Where a member's video is: in an attachment, behind a link, or in another message."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import aiohttp
import discord

from bot.client import ExtendBot
from bot.phrase import say
from bot.task import Refused, Task
from cogs._press import parse_id

_MESSAGE_LINK = re.compile(
    r"https://(?:\w+\.)?discord(?:app)?\.com/channels/(?P<guild>[0-9]+|@me)/(?P<channel>[0-9]+)/(?P<message>[0-9]+)/?"
)
_VIDEO_NAME = re.compile(r"\.(?:mp4|m4v|mov|webm|mkv|gif|avi)$", re.IGNORECASE)
_LOOK_SECONDS = 1.5
"""Of the three in which a press must be answered."""
_NOT_HERE = say("I cannot read that message: link to one in this server, in a channel that both you and I can see.")
_SHOWS_NONE = say(
    "I see no video in that message. Discord shows me only some messages: right-click (or long-press) it and choose "
    "Apps → Extend video instead."
)


@dataclass(frozen=True, slots=True)
class Source:
    """An address from which the video can be fetched, and its file name if it has one."""

    url: str
    name: str = ""


def from_attachment(attachment: discord.Attachment) -> Source:
    """The source of an attached file. Its content type is not believed: the file itself is looked at later."""
    return Source(attachment.url, attachment.filename)


def video_in(message: discord.Message) -> Source | None:
    """The first video in a message: its own, a forwarded one, or one in an embed."""
    attachments = [*message.attachments]
    embeds = [*message.embeds]
    for snapshot in message.message_snapshots:
        attachments += snapshot.attachments
        embeds += snapshot.embeds
    for attachment in attachments:
        if (attachment.content_type or "").startswith("video/") or _VIDEO_NAME.search(attachment.filename):
            return from_attachment(attachment)
    for embed in embeds:
        if embed.video.url and embed.type in {"video", "gifv"} and _VIDEO_NAME.search(embed.video.url.split("?")[0]):
            return Source(embed.video.url)
    return None


async def result_of(interaction: discord.Interaction[ExtendBot], task: Task) -> Source | None:
    """Where the task's film is: in the message whose button was pressed, in its reply, or still at FoxAPI.

    FoxAPI's comes last, for it may lack the film's beginning.
    """
    found = video_in(interaction.message) if interaction.message else None
    if found is None and task.told and not task.deleted and not task.place.ephemeral:
        found = await _in_reply(interaction.client, task)
    if found is None and task.result_url and task.result_url_ends and task.result_url_ends > interaction.client.now():
        found = Source(task.result_url)
    return found


async def _in_reply(bot: ExtendBot, task: Task) -> Source | None:
    channel = bot.get_partial_messageable(task.place.channel_id, guild_id=task.place.guild_id)
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            return video_in(await channel.fetch_message(task.place.message_id))
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError):
        return None


async def from_link(interaction: discord.Interaction[ExtendBot], url: str) -> Source:
    """What a link stands for: a Discord message link for the video in that message, any other for itself.

    Raises Refused when the message cannot be read, by the bot or by the member.
    """
    link = _MESSAGE_LINK.fullmatch(url)
    if link is None:
        return Source(url)
    if interaction.guild is None or link["guild"] != str(interaction.guild_id):
        raise Refused(_NOT_HERE)
    try:
        channel_id, message_id = parse_id(link["channel"]), parse_id(link["message"])
    except Refused:
        raise Refused(_NOT_HERE) from None
    message = await _message(interaction, interaction.guild, channel_id, message_id)
    source = video_in(message)
    if source is None:
        raise Refused(_SHOWS_NONE)
    return source


async def _message(
    interaction: discord.Interaction[ExtendBot], guild: discord.Guild, channel_id: int, message_id: int
) -> discord.Message:
    channel = guild.get_channel_or_thread(channel_id)
    member = interaction.user
    if not isinstance(channel, discord.abc.Messageable) or not isinstance(member, discord.Member):
        raise Refused(_NOT_HERE)
    may = channel.permissions_for(member)
    if not (may.view_channel and may.read_message_history):
        raise Refused(_NOT_HERE)
    try:
        if isinstance(channel, discord.Thread) and channel.is_private() and not may.manage_threads:
            await channel.fetch_member(member.id)
        return await channel.fetch_message(message_id)
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Refused(_NOT_HERE) from error
