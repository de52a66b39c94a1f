"""Creators and their showcase: `/showcase`, and the buttons of what is shared."""

from __future__ import annotations

import asyncio
import logging

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ExtendBot, language_of
from bot.domain.errors import RequestRefused
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.interactions import acknowledge
from cogs.common.permissions import check_bot_may_post
from cogs.sharing.channels import postable_channel
from cogs.sharing.modal import reconcile_shares
from cogs.sharing.posts import delete_leftover_posts

log = logging.getLogger(__name__)

_WITHDRAW_AGAIN = 600.0
"""Seconds between two tries to take back posts of deleted results."""


class ShowcaseCog(commands.Cog):
    """The showcase of a server."""

    def __init__(self, bot: ExtendBot) -> None:
        self._bot = bot
        self._settling: asyncio.Task[None] | None = None

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Begin to look for posts of which an earlier run did not know (this comes many times)."""
        if self._settling is None:
            self._settling = asyncio.create_task(self._settle(), name="settle shares")

    async def cog_unload(self) -> None:
        """Stop looking."""
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)

    async def _settle(self) -> None:
        try:
            await reconcile_shares(self._bot)
        except Exception:  # a share that is not settled is looked for again when its creator presses
            log.exception("could not look for shares")
        while True:
            try:
                await delete_leftover_posts(self._bot)
            except Exception:
                log.exception("could not take back the posts of deleted results")
            await asyncio.sleep(_WITHDRAW_AGAIN)

    @app_commands.command()
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(
        channel="A text channel or a forum; without it you are told which it is",
        off="Have no showcase any more",
    )
    async def showcase(
        self,
        interaction: discord.Interaction[ExtendBot],
        channel: discord.TextChannel | discord.ForumChannel | None = None,
        off: bool = False,
    ) -> None:
        """Choose the channel to which members share their finished films."""
        # Server admins can change who is offered a command, so it is checked here once more.
        if interaction.guild is None or not interaction.permissions.manage_guild:
            raise RequestRefused(tr("Only members with Manage Server can choose the showcase."))
        if channel and off:
            raise RequestRefused(tr("Either choose a channel, or switch the showcase off."))
        guild, sharing = interaction.guild, interaction.client.services.sharing
        await acknowledge(interaction, ephemeral=True, thinking=True)
        if channel:
            check_bot_may_post(postable_channel(guild, channel.id))
            await sharing.set_showcase(guild.id, channel.id)
        elif off:
            await sharing.set_showcase(guild.id, None)
        words = _words(language_of(interaction), guild, await sharing.showcase(guild.id))
        await interaction.followup.send(words, ephemeral=True)


def _words(language: Language, guild: discord.Guild, chosen: int | None) -> str:
    """What the showcase is, and what to do if it cannot be used."""
    if chosen is None:
        return language.tr("This server has no showcase: members choose a channel each time they share.")
    if guild.get_channel_or_thread(chosen) is None:
        return language.tr("This server's showcase is gone: choose another with /showcase.")
    try:
        check_bot_may_post(postable_channel(guild, chosen))
    except RequestRefused as lacking:
        return language.translate(lacking.message)
    return language.tr("This server's showcase is <#{channel}>.", channel=str(chosen))
