"""`/gallery`: the results of a server that its members starred most."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import ExtendBot, answer_error
from bot.task import Refused, Share
from cogs import _post
from cogs._posting import fetched
from cogs._stars import count_stale

Period = Literal["week", "month", "ever"]
_SINCE: dict[str, timedelta | None] = {"week": timedelta(days=7), "month": timedelta(days=30), "ever": None}
_TITLES = {
    "week": "Most starred of the last 7 days",
    "month": "Most starred of the last 30 days",
    "ever": "Most starred",
}
_NONE_YET = "Nothing here has a ⭐ yet. Share a film, and give those that you like a ⭐."
_PER_PAGE = 3


@dataclass(frozen=True, slots=True)
class _Page:
    """What one page shows."""

    content: str
    embeds: list[discord.Embed]
    view: ui.View


class GalleryButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=r"gallery:(?P<role>[a-z]+):(?P<period>week|month|ever):(?P<page>[0-9]{1,4})",
):
    """Leads to another page, or to another span of time."""

    def __init__(self, role: str, period: str, page: int, *, disabled: bool = False) -> None:
        label = {"back": "◀", "next": "▶"}.get(role, period.capitalize())
        here = role == "span" and disabled
        style = discord.ButtonStyle.primary if here else discord.ButtonStyle.secondary
        custom_id = f"gallery:{role}:{period}:{page}"
        super().__init__(ui.Button(label=label, style=style, custom_id=custom_id, disabled=disabled))
        self.period = period
        self.page = page

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 (discord.py calls with it)
        item: ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button anew from what Discord sends of it."""
        return cls(match["role"], match["period"], int(match["page"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show that page in place of this one."""
        try:
            await interaction.response.defer()
            shown = await _page(interaction, self.period, self.page)
            await interaction.edit_original_response(content=shown.content, embeds=shown.embeds, view=shown.view)
        except Exception as error:  # the one place where a press's errors end
            await answer_error(interaction, error)


class Gallery(commands.Cog):
    """The gallery. Each member gets their own, of the channels that they can see."""

    @app_commands.command()
    @app_commands.guild_only()
    @app_commands.describe(period="How far back (a week, if you do not say)")
    async def gallery(self, interaction: discord.Interaction[ExtendBot], period: Period = "week") -> None:
        """Show the films that members here starred most."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        shown = await _page(interaction, period, 0)
        await interaction.followup.send(shown.content, embeds=shown.embeds, view=shown.view, ephemeral=True)


async def _page(interaction: discord.Interaction[ExtendBot], period: str, number: int) -> _Page:
    bot, guild, member = interaction.client, interaction.guild, interaction.user
    if guild is None or not isinstance(member, discord.Member):
        raise Refused("The gallery is of a server: use /gallery there.")
    span = _SINCE[period]
    since = bot.now() - span if span else datetime(2015, 1, 1, tzinfo=UTC)  # Discord's first year
    results = await bot.sharing.gallery(guild.id, since)
    await count_stale(bot, [posts for posts in results.values() if _opened(member, posts)])
    counted = await bot.sharing.gallery(guild.id, since)
    seen = [_opened(member, posts) for posts in counted.values()]
    ranked = [posts[0] for posts in seen if posts and posts[0].stars]
    pages = max(1, -(-len(ranked) // _PER_PAGE))
    number = min(number, pages - 1)
    first = number * _PER_PAGE
    embeds = await _entries(bot, ranked[first : first + _PER_PAGE], first + 1)
    content = f"**{_TITLES[period]}** · page {number + 1} of {pages}" if ranked else _NONE_YET
    return _Page(content, embeds, _view(period, number, pages))


def _opened(member: discord.Member, posts: list[Share]) -> list[Share]:
    """Those of a result's posts that the member can open."""
    return [post for post in posts if _opens(member, post)]


def _opens(member: discord.Member, post: Share) -> bool:
    channel = member.guild.get_channel_or_thread(post.channel_id)
    if channel is None:
        return False
    may = channel.permissions_for(member)
    return may.view_channel and may.read_message_history


async def _entries(bot: ExtendBot, posts: Sequence[Share], rank: int) -> list[discord.Embed]:
    """The page's results, each with its still; a picture's address works for a day, so it is asked for each time."""
    embeds = []
    for place, post in enumerate(posts, rank):
        _, task = await bot.sharing.shared(post.id)
        embeds.append(_post.entry(task, post, place, await _still(bot, post)))
    return embeds


async def _still(bot: ExtendBot, post: Share) -> str | None:
    try:
        message = await fetched(bot, post)
    except Refused:
        return None
    return message.embeds[0].thumbnail.url if message and message.embeds else None


def _view(period: str, number: int, pages: int) -> ui.View:
    """Make a new view: editing with a changed copy of a stored one loses the pattern (discord.py 2.7.1)."""
    view = ui.View(timeout=None)
    view.add_item(GalleryButton("back", period, max(0, number - 1), disabled=number == 0))
    view.add_item(GalleryButton("next", period, number + 1, disabled=number + 1 >= pages))
    for span in _SINCE:
        view.add_item(GalleryButton("span", span, 0, disabled=span == period))
    return view


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(GalleryButton)
    await bot.add_cog(Gallery())
