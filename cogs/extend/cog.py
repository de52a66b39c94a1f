"""`/extend` and the message command "Extend video": both create a task."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.client import ExtendBot, get_language
from bot.domain.errors import RequestRefused
from bot.domain.task import PROMPT_MAX, SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, ResultKind
from bot.i18n.text import tr
from cogs.common.interactions import requester_of
from cogs.common.modals import open_modal
from cogs.common.videos import VideoSource, check_recorded, find_videos, use_attachment
from cogs.extend.draft import refuse_with_draft
from cogs.extend.modals import ExtendModal, make_draft
from cogs.extend.prompt_modal import FormInput
from cogs.extend.shared_modal import make_shared_modal
from cogs.extend.submit import build_request, submit_request

_BOTH = tr("You gave both a file and a link. Press **Edit** to use the file, or use /extend again with the link alone.")


def _check_given(video: discord.Attachment | None, link: str | None) -> None:
    if video and link:
        raise RequestRefused(_BOTH)


class ExtendCog(commands.Cog):
    """`/extend` and "Extend video"."""

    def __init__(self, bot: ExtendBot) -> None:
        self._bot = bot
        # A context menu cannot be declared inside a Cog (discord.py).
        self._menu = app_commands.ContextMenu(name="Extend video", callback=self._extend_message)

    async def cog_load(self) -> None:
        """Register the message command."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Remove the message command."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command()
    @app_commands.describe(
        prompt="What should happen next in the video",
        video="The video to extend: MP4, MOV, WebM, MKV, AVI or GIF",
        link="Or a link to the video: its address, or a Discord message link",
        seconds=f"Seconds to add ({SECONDS_MIN}–{SECONDS_MAX}, default {SECONDS_DEFAULT})",
        result="The whole film (default) or only the new part",
        private="Show the reply only to you",
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
        """Extend a video from its last frame. Your prompt says what happens next."""
        typed = FormInput(prompt, str(seconds), ResultKind(result), private)
        source = use_attachment(video) if video else VideoSource((link or "").strip())
        try:
            if video or link:
                _check_given(video, link)
                request = build_request(interaction, prompt, source, seconds, result=typed.result, private=private)
                await submit_request(interaction, request)
            else:
                await interaction.client.services.members.check_allowed(requester_of(interaction))
                await open_modal(interaction, ExtendModal(get_language(interaction), typed=typed))
        except Exception as error:
            await refuse_with_draft(interaction, error, make_draft(interaction, source, typed, error))

    async def _extend_message(self, interaction: discord.Interaction[ExtendBot], message: discord.Message) -> None:
        sources = find_videos(message)
        if not sources:
            raise RequestRefused(tr("There is no video in that message. Choose a message with a video file."))
        await check_recorded(interaction.client, message)
        await interaction.client.services.members.check_allowed(requester_of(interaction))
        modal = await make_shared_modal(interaction, message, sources[0])
        if modal is None:
            parent = await interaction.client.services.tasks.find_task_at(message.id, interaction.user.id)
            modal = ExtendModal(get_language(interaction), sources, parent)
        await open_modal(interaction, modal)
