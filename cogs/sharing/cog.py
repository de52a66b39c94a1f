"""The /showcase command, and the background clean-up of shared posts."""

from __future__ import annotations

import asyncio
import logging

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ExtendBot, get_language
from bot.domain.errors import RequestRefused
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.interactions import acknowledge
from cogs.common.permissions import check_bot_may_post
from cogs.sharing.channels import get_postable_channel
from cogs.sharing.modal import reconcile_shares
from cogs.sharing.posts import delete_leftover_posts

log = logging.getLogger(__name__)

_CLEAN_UP_INTERVAL = 600.0
"""Seconds between two attempts to delete the posts of deleted results."""


class ShowcaseCog(commands.Cog):
    """The /showcase command."""

    def __init__(self, bot: ExtendBot) -> None:
        self._bot = bot
        self._clean_up_task: asyncio.Task[None] | None = None

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Start the clean-up once; discord.py dispatches this event on every reconnect."""
        if self._clean_up_task is None:
            self._clean_up_task = asyncio.create_task(self._clean_up(), name="clean up shares")

    async def cog_unload(self) -> None:
        """Cancel the clean-up."""
        if self._clean_up_task is not None:
            self._clean_up_task.cancel()
            await asyncio.gather(self._clean_up_task, return_exceptions=True)

    async def _clean_up(self) -> None:
        try:
            await reconcile_shares(self._bot)
        except Exception:  # an unconfirmed share is looked for again when its creator presses Share
            log.exception("could not reconcile unconfirmed shares")
        while True:
            try:
                await delete_leftover_posts(self._bot)
            except Exception:
                log.exception("could not delete the posts of deleted results")
            await asyncio.sleep(_CLEAN_UP_INTERVAL)

    @app_commands.command()
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(
        channel="A text channel or a forum; leave it out to see the current showcase",
        off="Turn the showcase off",
    )
    async def showcase(
        self,
        interaction: discord.Interaction[ExtendBot],
        channel: discord.TextChannel | discord.ForumChannel | None = None,
        off: bool = False,
    ) -> None:
        """Choose the channel where members share their finished films."""
        # Server admins can offer the command to other roles, so the permission is checked again here.
        if interaction.guild is None or not interaction.permissions.manage_guild:
            raise RequestRefused(tr("Only members with Manage Server can choose the showcase."))
        if channel and off:
            raise RequestRefused(tr("Choose a channel or turn the showcase off, not both."))
        guild, sharing = interaction.guild, interaction.client.services.sharing
        await acknowledge(interaction, ephemeral=True, thinking=True)
        if channel:
            check_bot_may_post(get_postable_channel(guild, channel.id))
            await sharing.set_showcase(guild.id, channel.id, interaction.user.id)
        elif off:
            await sharing.set_showcase(guild.id, None, interaction.user.id)
        text = _describe_showcase(get_language(interaction), guild, await sharing.get_showcase(guild.id))
        await interaction.followup.send(text, ephemeral=True)


def _describe_showcase(language: Language, guild: discord.Guild, channel_id: int | None) -> str:
    """Describe the current showcase, and what to do if it cannot be used."""
    if channel_id is None:
        return language.tr("This server has no showcase: members choose a channel each time they share.")
    if guild.get_channel_or_thread(channel_id) is None:
        return language.tr("This server's showcase is gone: choose another with /showcase.")
    try:
        check_bot_may_post(get_postable_channel(guild, channel_id))
    except RequestRefused as refusal:
        return language.translate(refusal.message)
    return language.tr("This server's showcase is <#{channel}>.", channel=str(channel_id))
