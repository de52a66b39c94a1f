"""Posts a shared film at most once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

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

_MAX_ATTEMPTS = 3

_BACKOFF = 1.0
"""Seconds of backoff before a post is looked for and, if it is missing, sent again."""


@dataclass(frozen=True, slots=True)
class Post:
    """Everything needed to post a share."""

    share: Share
    channel: PostableChannel
    film: Film
    text: str
    embed: discord.Embed
    title: str
    """Used in forums only."""
    plain_embed: discord.Embed
    """For a server whose filter refuses the embed: without the prompt and links."""
    plain_title: str
    view: discord.ui.View


async def publish(bot: ExtendBot, post: Post, *, may_be_posted: bool) -> Share:
    """Send the post, unless it exists already, and record its message. Raises RequestRefused.

    `may_be_posted` means that an earlier attempt may have posted this share without recording it.
    """
    share, message = post.share, None
    for attempt in range(_MAX_ATTEMPTS):
        if may_be_posted or attempt:
            message = await find_post(bot, share, post.channel)
        if message is not None:
            break
        if may_be_posted and not attempt:
            share = await bot.services.sharing.mark_retried(share, hidden=share.prompt_hidden)
        try:
            message = await _send(post)
            break
        except REQUEST_ERRORS as error:
            post = _remove_filtered(post, error)
            log.info("task %d: no response to its post: %s", share.task_id, type(error).__name__)
            await asyncio.sleep(_BACKOFF * attempt)
    if message is None:
        raise RequestRefused(
            tr("Discord is not responding: press Share again in a minute. Your film will be posted only once.")
        )
    share = await bot.services.sharing.mark_posted(share, message.channel.id, message.id)
    await add_first_star(message)
    return share


async def add_first_star(message: discord.Message) -> None:
    """Add the first ⭐ to a post, so that others only need to click it."""
    try:
        await message.add_reaction(embeds.STAR)
    except REQUEST_ERRORS as error:
        log.info("could not add a star to message %d: %s", message.id, type(error).__name__)


async def _send(post: Post) -> discord.Message:
    async with asyncio.timeout(_UPLOAD_SECONDS), post.film.open_files() as files:
        no_mentions = discord.AllowedMentions.none()
        if not isinstance(post.channel, discord.ForumChannel):
            # Discord drops a second post with the same nonce, for some minutes.
            return await post.channel.send(
                post.text,
                embed=post.embed,
                files=files,
                view=post.view,
                allowed_mentions=no_mentions,
                nonce=make_nonce(post.share),
            )
        tags = post.channel.available_tags if post.channel.flags.require_tag else []
        thread = await post.channel.create_thread(
            name=post.title,
            content=post.text,
            embed=post.embed,
            files=files,
            view=post.view,
            allowed_mentions=no_mentions,
            applied_tags=[tag for tag in tags if not tag.moderated][:1],
        )
        return thread.message


def make_nonce(share: Share) -> str:
    """Return the share's nonce, the same for every attempt (at most 25 characters)."""
    return f"share-{share.id}"


def _remove_filtered(post: Post, error: Exception) -> Post:
    """Return what to send next: without what a filter has refused. Raises RequestRefused if a retry cannot help."""
    if is_unavailable(error):
        return post
    failure = classify(error)
    if failure is Failure.TITLE_FILTERED and post.title != post.plain_title:
        return replace(post, title=post.plain_title)
    if failure is Failure.FILTERED and post.embed is not post.plain_embed:
        film = replace(post.film, with_prompt=False)
        return replace(post, embed=post.plain_embed, title=post.plain_title, film=film)
    if failure in {Failure.FILTERED, Failure.TITLE_FILTERED}:
        raise RequestRefused(tr("A filter of that server blocks the post. Choose another channel.")) from error
    if failure is Failure.UPLOADS_LIMITED:
        raise RequestRefused(tr("That server accepts no files at the moment. Try it again later.")) from error
    if failure is Failure.TOO_LARGE:
        raise RequestRefused(tr("That film is too large to upload to this server again.")) from error
    if failure is Failure.REJECTED:
        log.error("Discord rejected a post: %s", error)
        raise RequestRefused(tr("Discord rejected my post, and the error was logged: ask my operator.")) from error
    raise RequestRefused(tr("I may not post there: choose another channel, or ask a moderator to allow it.")) from error
