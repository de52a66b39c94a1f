"""Posting a shared result: once, whatever happens."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import discord

from bot.client import REQUEST_ERRORS, ExtendBot, Failure, classify, is_unavailable
from bot.domain.errors import RequestRefused
from bot.domain.share import Share
from bot.i18n.text import tr
from cogs.common.permissions import PostableChannel
from cogs.sharing import embeds
from cogs.sharing.film import Film
from cogs.sharing.posts import find_post

log = logging.getLogger(__name__)


_UPLOAD_SECONDS = 120.0

_TRIES = 3

_GAP = 1.0
"""Seconds before Discord is asked again whether it took a post, and given it again if not."""


@dataclass(frozen=True, slots=True)
class Post:
    """All that is needed to post a share."""

    share: Share
    venue: PostableChannel
    film: Film
    text: str
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
            message = await find_post(bot, share, post.venue)
        if message is not None:
            break
        if perhaps_posted and not attempt:
            share = await bot.services.sharing.mark_retried(share, hidden=share.prompt_hidden)
        try:
            message = await _sent(post)
            break
        except REQUEST_ERRORS as error:
            _raise_if_permanent(error)
            log.info("task %d: no answer to its post yet: %s", share.task_id, type(error).__name__)
            await asyncio.sleep(_GAP * attempt)
    if message is None:
        raise RequestRefused(
            tr("Discord does not answer me just now: press Share again in a minute; it is posted once only.")
        )
    share = await bot.services.sharing.mark_posted(share, message.channel.id, message.id)
    await add_first_star(message)
    return share


async def add_first_star(message: discord.Message) -> None:
    """Put the first ⭐ under a post, so that others need only press it."""
    try:
        await message.add_reaction(embeds.STAR)
    except REQUEST_ERRORS as error:
        log.info("message %d has no star from me: %s", message.id, type(error).__name__)


async def _sent(post: Post) -> discord.Message:
    async with asyncio.timeout(_UPLOAD_SECONDS), post.film.files() as files:
        nobody = discord.AllowedMentions.none()
        if not isinstance(post.venue, discord.ForumChannel):
            # Discord drops a second post with the same nonce, for some minutes.
            return await post.venue.send(
                post.text,
                embed=post.embed,
                files=files,
                view=post.view,
                allowed_mentions=nobody,
                nonce=nonce(post.share),
            )
        tags = post.venue.available_tags if post.venue.flags.require_tag else []
        made = await post.venue.create_thread(
            name=post.title,
            content=post.text,
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


def _raise_if_permanent(error: Exception) -> None:
    """Raise Refused for what will not be otherwise at the next try."""
    if is_unavailable(error):
        return
    failure = classify(error)
    if failure is Failure.TOO_LARGE:
        raise RequestRefused(tr("That film is too large to be uploaded to this server once more.")) from error
    if failure is Failure.REJECTED:
        log.error("Discord rejects a post: %s", error)
        raise RequestRefused(
            tr("Discord did not accept my post, and I have told my log: ask whoever runs me.")
        ) from error
    raise RequestRefused(
        tr("Discord does not let me post there: choose another channel, or ask a moderator.")
    ) from error
