"""`/extend` and the message menu "Extend video": conversations that end in a task."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.client import ExtendBot, language_of
from bot.domain.errors import RequestRefused
from bot.domain.task import PROMPT_MAX, SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, ResultKind
from bot.i18n.text import tr
from cogs.common.modals import open_modal
from cogs.common.videos import VideoSource, check_recorded, find_video, use_attachment
from cogs.extend.modals import ExtendModal, make_shared_modal
from cogs.extend.submit import build_request, submit_request


class ExtendCog(commands.Cog):
    """`/extend` and its menu."""

    def __init__(self, bot: ExtendBot) -> None:
        self._bot = bot
        # A context menu cannot be declared inside a Cog (discord.py).
        self._menu = app_commands.ContextMenu(name="Extend video", callback=self._extend_message)

    async def cog_load(self) -> None:
        """Add the menu."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Take the menu away."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command()
    @app_commands.describe(
        prompt="What should happen next in the video",
        video="The video: attach it here",
        link="Or a link to it: a video's address, or a Discord message link",
        seconds=f"How many seconds to add ({SECONDS_MIN}–{SECONDS_MAX}, else {SECONDS_DEFAULT})",
        result="The whole film (that is the default), or only the new part",
        private="Only you see the reply",
    )
    async def extend(
        self,
        interaction: discord.Interaction[ExtendBot],
        prompt: Range[str, 1, PROMPT_MAX],
        video: discord.Attachment | None = None,
        link: str | None = None,
        seconds: Range[int, SECONDS_MIN, SECONDS_MAX] = SECONDS_DEFAULT,
        result: Literal["film", "new part"] = "film",
        private: bool = False,
    ) -> None:
        """Make a video longer: it goes on from its last frame as your prompt says."""
        if (video is None) == (link is None):
            raise RequestRefused(tr("Give me one video: either attach it as `video`, or put its address into `link`."))
        source = use_attachment(video) if video else VideoSource((link or "").strip())
        order = build_request(interaction, prompt, source, seconds, result=ResultKind(result), private=private)
        await submit_request(interaction, order)

    async def _extend_message(self, interaction: discord.Interaction[ExtendBot], message: discord.Message) -> None:
        source = find_video(message)
        if source is None:
            raise RequestRefused(tr("I see no video in that message: choose one that carries a video file."))
        await check_recorded(interaction.client, message)
        modal = await make_shared_modal(interaction, message, source)
        if modal is None:
            parent = await interaction.client.service.task_at(message.id, interaction.user.id)
            modal = ExtendModal(language_of(interaction), source, parent)
        await open_modal(interaction, modal)
