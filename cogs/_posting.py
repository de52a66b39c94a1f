"""Posts of shared results: made once each, found again, and taken back."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import discord

from bot.client import ExtendBot
from bot.task import Refused, Share, Task
from cogs import _post
from cogs._cards import RESULT_NAME, STILL_NAME
from cogs._venues import Venue

log = logging.getLogger(__name__)

_UPLOAD_SECONDS = 120.0
_TRIES = 3
_TAKEN_BACK = "Taken back"
_GAP = 1.0
"""Seconds before Discord is asked again whether it took a post, and given it again if not."""
_CLOCKS = timedelta(minutes=5)
"""How far Discord's clock and ours may be apart."""
_MESSAGES_READ, _THREADS_READ = 200, 20
"""Most that are looked through for one post; it stands right after the moment at which it was tried."""
_TRANSIENT = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError, ValueError)
"""(ValueError: discord.py reads whatever calls itself JSON, also the empty body of a 503)"""


@dataclass(frozen=True, slots=True)
class Film:
    """What a post carries."""

    video: bytes
    still: bytes | None

    def files(self) -> list[discord.File]:
        """New File objects, for each serves one request."""
        files = [discord.File(io.BytesIO(self.video), filename=RESULT_NAME)]
        return files + ([discord.File(io.BytesIO(self.still), filename=STILL_NAME)] if self.still else [])


@dataclass(frozen=True, slots=True)
class Post:
    """All that is needed to post a share."""

    share: Share
    task: Task
    venue: Venue
    film: Film
    embed: discord.Embed
    title: str
    """For a forum."""
    view: discord.ui.View


async def publish(bot: ExtendBot, post: Post, *, perhaps_posted: bool) -> Share:
    """Post, unless it is there already, and write down where. Raises Refused.

    `perhaps_posted`: an earlier run, or an earlier press, may have posted this share and not have known it.
    """
    share, message = post.share, None
    for attempt in range(_TRIES):
        if perhaps_posted or attempt:
            message = await _looked_for(bot, share, post.venue)
        if message is not None:
            break
        if perhaps_posted and not attempt:
            share = await bot.sharing.trying(share, hidden=share.hidden)
        try:
            message = await _sent(post)
            break
        except _TRANSIENT as error:
            _give_up(error)
            log.info("task %d: no answer to its post yet: %s", share.task_id, type(error).__name__)
            await asyncio.sleep(_GAP * attempt)
    if message is None:
        raise Refused("Discord does not answer me just now: press Share again in a minute; it is posted once only.")
    share = await bot.sharing.posted(share, message.channel.id, message.id)
    await invite(message)
    return share


async def settle(bot: ExtendBot, share: Share, venue: Venue) -> Share | None:
    """Write down where a share was posted that an earlier run did not know of; None if it was not."""
    message = await _looked_for(bot, share, venue)
    if message is None:
        return None
    share = await bot.sharing.posted(share, message.channel.id, message.id)
    await invite(message)
    return share


async def fetched(bot: ExtendBot, share: Share) -> discord.Message | None:
    """A share's post as it is now; None if somebody deleted it. Raises Refused when Discord does not say."""
    if share.posted_in is None or share.message_id is None:
        return None
    place = bot.get_partial_messageable(share.posted_in, guild_id=share.guild_id)
    with _plainly():
        try:
            return await place.fetch_message(share.message_id)
        except discord.NotFound:
            return None


async def take_back(bot: ExtendBot, share: Share) -> None:
    """Delete a share's post; one that somebody deleted before is as good. Raises Refused."""
    if share.posted_in is None or share.message_id is None:
        return
    place = bot.get_partial_messageable(share.posted_in, guild_id=share.guild_id)
    with _plainly(), suppress(discord.NotFound):
        if share.posted_in != share.channel_id:
            await _thread_taken_back(bot, share.posted_in)
        else:
            await place.get_partial_message(share.message_id).delete()


async def invite(message: discord.Message) -> None:
    """Put the first ⭐ under a post, so that others need only press it."""
    try:
        await message.add_reaction(_post.STAR)
    except _TRANSIENT as error:
        log.info("message %d has no star from me: %s", message.id, type(error).__name__)


async def _thread_taken_back(bot: ExtendBot, thread_id: int) -> None:
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
            await thread.edit(name=_TAKEN_BACK, archived=True)


async def _sent(post: Post) -> discord.Message:
    async with asyncio.timeout(_UPLOAD_SECONDS):
        nobody, files = discord.AllowedMentions.none(), post.film.files()
        text = _post.post_text(post.task)
        if not isinstance(post.venue, discord.ForumChannel):
            # Discord drops a second post with the same nonce, for some minutes.
            return await post.venue.send(
                text, embed=post.embed, files=files, view=post.view, allowed_mentions=nobody, nonce=nonce(post.share)
            )
        tags = post.venue.available_tags if post.venue.flags.require_tag else []
        made = await post.venue.create_thread(
            name=post.title,
            content=text,
            embed=post.embed,
            files=files,
            view=post.view,
            allowed_mentions=nobody,
            applied_tags=[tag for tag in tags if not tag.moderated][:1],
        )
        return made.message


def nonce(share: Share) -> str:
    """The same for each try of one share, another for each share (at most 25 characters)."""
    return f"share-{share.id}"


def undo_id(share_id: int) -> str:
    """The custom_id of the button that takes the share back; its post is known by it."""
    return f"share:undo:{share_id}"


async def _looked_for(bot: ExtendBot, share: Share, venue: Venue) -> discord.Message | None:
    """The post of a share, if it is there; raises Refused if that cannot be found out."""
    with _plainly():
        async for message in _candidates(bot, share, venue):
            if _carries(message, undo_id(share.id)):
                return message
    return None


async def _candidates(bot: ExtendBot, share: Share, venue: Venue) -> AsyncIterator[discord.Message]:
    """The bot's own messages there since the share was last tried."""
    own = bot.user.id if bot.user else 0
    since = share.tried_at - _CLOCKS
    if not isinstance(venue, discord.ForumChannel):
        async for message in venue.history(limit=_MESSAGES_READ, after=since, oldest_first=True):
            if message.author.id == own:
                yield message
        return
    threads = [thread for thread in await venue.guild.active_threads() if thread.parent_id == venue.id]
    threads += [thread async for thread in venue.archived_threads(limit=_THREADS_READ)]
    recent = [
        thread for thread in threads if thread.owner_id == own and discord.utils.snowflake_time(thread.id) > since
    ]
    for thread in sorted(recent, key=lambda each: each.id)[:_THREADS_READ]:
        with suppress(discord.NotFound):
            yield await thread.fetch_message(thread.id)  # a forum post's first message has the thread's id


def _carries(message: discord.Message, custom_id: str) -> bool:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return any(getattr(each, "custom_id", None) == custom_id for row in rows for each in row.children)


def _give_up(error: Exception) -> None:
    """Raise Refused for what will not be otherwise at the next try."""
    if not isinstance(error, discord.HTTPException) or error.status == 429 or error.status >= 500:
        return
    if error.status == 413 or error.code == 40005:
        raise Refused("That film is too large to be uploaded to this server once more.") from error
    raise Refused("Discord does not let me post there: choose another channel, or ask a moderator.") from error


@contextmanager
def _plainly() -> Iterator[None]:
    """Turn what Discord's ill health raises into a sentence."""
    try:
        yield
    except _TRANSIENT as error:
        if isinstance(error, discord.Forbidden):
            raise Refused("Discord does not let me look there any more: ask a moderator.") from error
        raise Refused("Discord does not answer me just now: try again in a minute.") from error
