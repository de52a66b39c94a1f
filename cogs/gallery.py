"""`/gallery`: a server's most starred videos."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import discord
from discord import app_commands, ui
from discord.ext import commands
from discord.utils import format_dt

from bot.client import REQUEST_ERRORS, ExtendBot, get_language
from bot.domain.errors import RequestRefused
from bot.domain.share import Share
from bot.domain.task import Task
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.components import PersistentItem
from cogs.common.embeds import fit_embed, fit_embeds
from cogs.common.formatting import GREEN, post_url, quote_prompt
from cogs.common.interactions import acknowledge
from cogs.sharing.embeds import STAR
from cogs.sharing.posts import fetch_post

Period = Literal["week", "month", "ever"]

_SINCE: dict[str, timedelta | None] = {"week": timedelta(days=7), "month": timedelta(days=30), "ever": None}

_TITLES = {
    "week": tr("Most starred of the last 7 days"),
    "month": tr("Most starred of the last 30 days"),
    "ever": tr("Most starred"),
}

_LABELS = {"week": tr("Week"), "month": tr("Month"), "ever": tr("All time")}

_PER_PAGE = 3

_COUNT_VALID = timedelta(minutes=5)

_COUNTED_MAX = 20
"""Maximum results counted per request: those never counted come first, then those with the most stars."""

_COUNT_SECONDS = 8.0

_CONCURRENT_COUNTS = 4

_STARS_MAX = 1000


@dataclass(frozen=True, slots=True)
class _Page:
    """The message that shows one page."""

    content: str
    embeds: list[discord.Embed]
    view: ui.View


class GalleryButton(
    PersistentItem, template=r"gallery:(?P<role>[a-z]+):(?P<period>week|month|ever):(?P<page>[0-9]{1,4})"
):
    """Shows another page, or another period."""

    async def on_use(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Replace the shown page."""
        self.check_private(interaction)
        await acknowledge(interaction)
        shown = await _load_page(interaction, match["period"], int(match["page"]))
        await interaction.edit_original_response(content=shown.content, embeds=shown.embeds, view=shown.view)


class GalleryCog(commands.Cog):
    """`/gallery`. Each member sees the posts in the channels that they can see."""

    @app_commands.command()
    @app_commands.guild_only()
    @app_commands.describe(period="How far to look back (default: a week)")
    async def gallery(self, interaction: discord.Interaction[ExtendBot], period: Period = "week") -> None:
        """Show the most starred videos of this server."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        shown = await _load_page(interaction, period, 0)
        await interaction.followup.send(shown.content, embeds=shown.embeds, view=shown.view, ephemeral=True)


async def _load_page(interaction: discord.Interaction[ExtendBot], period: str, number: int) -> _Page:
    bot, guild, member, language = interaction.client, interaction.guild, interaction.user, get_language(interaction)
    if guild is None or not isinstance(member, discord.Member):
        raise RequestRefused(tr("A gallery belongs to a server. Use /gallery in a server."))
    span = _SINCE[period]
    since = bot.now() - span if span else datetime(2015, 1, 1, tzinfo=UTC)  # Discord's first year
    results = await bot.services.sharing.get_gallery(guild.id, since)
    await refresh_stars(bot, [posts for posts in results.values() if _filter_visible(member, posts)])
    counted = await bot.services.sharing.get_gallery(guild.id, since)
    seen = [_filter_visible(member, posts) for posts in counted.values()]
    ranked = [posts[0] for posts in seen if posts and posts[0].stars]
    pages = max(1, -(-len(ranked) // _PER_PAGE))
    number = min(number, pages - 1)
    first = number * _PER_PAGE
    embeds = await _load_entries(bot, language, ranked[first : first + _PER_PAGE], first + 1)
    content = language.tr("**{title}** · page {page} of {pages}", title=_TITLES[period], page=number + 1, pages=pages)
    if not ranked:
        content = language.tr("Nothing here has a ⭐ yet. Share a video, and react with ⭐ to the ones that you like.")
    return _Page(content, embeds, _make_view(language, period, number, pages))


def _filter_visible(member: discord.Member, posts: list[Share]) -> list[Share]:
    """Return those of a result's posts that the member can open."""
    return [post for post in posts if _can_open(member, post)]


def _can_open(member: discord.Member, post: Share) -> bool:
    channel = member.guild.get_channel_or_thread(post.channel_id)
    if channel is None:
        return False
    permissions = channel.permissions_for(member)
    return permissions.view_channel and permissions.read_message_history


async def _load_entries(bot: ExtendBot, language: Language, posts: Sequence[Share], rank: int) -> list[discord.Embed]:
    """Make the page's embeds. A thumbnail's URL is valid for a day, so each is fetched from its post."""
    embeds = []
    for place, post in enumerate(posts, rank):
        with suppress(RequestRefused):  # it was just unshared
            _, task = await bot.services.sharing.get_with_task(post.id)
            embeds.append(gallery_embed(language, task, post, place, await _fetch_thumbnail_url(bot, post)))
    return fit_embeds(embeds)


async def _fetch_thumbnail_url(bot: ExtendBot, post: Share) -> str | None:
    try:
        message = await fetch_post(bot, post)
    except RequestRefused:
        return None
    return message.embeds[0].thumbnail.url if message and message.embeds else None


def _make_view(language: Language, period: str, number: int, pages: int) -> ui.View:
    """Make a new view: editing with a changed copy of a stored one loses the pattern (discord.py 2.7.1)."""
    view = ui.View(timeout=None)
    view.add_item(_make_button("◀", "back", period, max(0, number - 1), disabled=number == 0))
    view.add_item(_make_button("▶", "next", period, number + 1, disabled=number + 1 >= pages))
    for span in _SINCE:
        view.add_item(_make_button(language.translate(_LABELS[span]), "span", span, 0, disabled=span == period))
    return view


def _make_button(label: str, role: str, period: str, page: int, *, disabled: bool) -> GalleryButton:
    here = role == "span" and disabled
    style = discord.ButtonStyle.primary if here else discord.ButtonStyle.secondary
    custom_id = f"gallery:{role}:{period}:{page}"
    return GalleryButton(ui.Button[Any](label=label, style=style, custom_id=custom_id, disabled=disabled))


def gallery_embed(language: Language, task: Task, share: Share, rank: int, thumbnail_url: str | None) -> discord.Embed:
    """Make the embed of one result."""
    lines = [] if share.prompt_hidden else [quote_prompt(task.order.prompt, 300)]
    member, link = f"<@{share.user_id}>", post_url(share)
    if share.posted_at:
        when = format_dt(share.posted_at, "R")
        lines.append(language.tr("by {member}, {when} · [watch]({link})", member=member, when=when, link=link))
    else:
        lines.append(language.tr("by {member} · [watch]({link})", member=member, link=link))
    title = f"{rank}. {STAR} {share.stars}"
    embed = discord.Embed(colour=GREEN, title=title, url=link, description="\n".join(lines))
    if thumbnail_url:
        embed.set_image(url=thumbnail_url)
    return fit_embed(embed)


async def refresh_stars(bot: ExtendBot, results: Iterable[list[Share]]) -> None:
    """Count stars of results that were not counted recently, up to _COUNTED_MAX and for up to _COUNT_SECONDS."""
    now = bot.now()
    stale = [posts for posts in results if not posts[0].counted_at or now - posts[0].counted_at > _COUNT_VALID]
    stale.sort(key=lambda posts: (posts[0].counted_at is not None, -posts[0].stars))
    gate = asyncio.Semaphore(_CONCURRENT_COUNTS)

    async def count(posts: list[Share]) -> None:
        async with gate:
            await _count_stars(bot, posts)

    try:
        async with asyncio.timeout(_COUNT_SECONDS), asyncio.TaskGroup() as group:
            for posts in stale[:_COUNTED_MAX]:
                group.create_task(count(posts))
    except TimeoutError:
        return


async def _count_stars(bot: ExtendBot, posts: list[Share]) -> None:
    """Count the members who starred any post of one result, without its creator and bots."""
    members: set[int] = set()
    try:
        for post in posts:
            message = await fetch_post(bot, post)
            if message is None:
                await bot.services.sharing.delete(post)
            else:
                members |= await _fetch_starring_members(message)
    except (RequestRefused, *REQUEST_ERRORS):
        return
    await bot.services.sharing.save_stars(posts, len(members - {posts[0].user_id}))


async def _fetch_starring_members(message: discord.Message) -> set[int]:
    stars = discord.utils.find(lambda each: str(each.emoji) == STAR, message.reactions)
    if stars is None or (stars.me and stars.count == 1):
        return set()
    return {user.id async for user in stars.users(limit=_STARS_MAX) if not user.bot}


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(GalleryButton)
    await bot.add_cog(GalleryCog())
