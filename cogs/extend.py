"""`/extend` and the message menu "Extend video": conversations that end in a task."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands, ui
from discord.app_commands import Range
from discord.ext import commands

from bot.client import ExtendBot, answer_error
from bot.service import order_of
from bot.task import PROMPT_MAX, SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, Order, Refused, ResultKind
from cogs._begin import begin
from cogs._sources import Source, from_attachment, video_in

_MODAL_PROMPT_MAX = 4000
"""Discord's bound on a text input."""


class ExtendModal(ui.Modal, title="Extend video"):
    """What the menu cannot ask for. It is lost at a restart, like every open modal."""

    prompt: ui.Label[ui.View] = ui.Label(
        text="What happens next?",
        component=ui.TextInput(style=discord.TextStyle.paragraph, min_length=1, max_length=_MODAL_PROMPT_MAX),
    )
    seconds: ui.Label[ui.View] = ui.Label(
        text=f"Seconds to add ({SECONDS_MIN}–{SECONDS_MAX})",
        component=ui.TextInput(default=str(SECONDS_DEFAULT), min_length=1, max_length=2),
    )

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Go on as /extend does."""
        seconds = _written(self.seconds).strip()
        if not seconds.isascii() or not seconds.isdigit():
            raise Refused(f"“{seconds}” is not a number of seconds: write one from {SECONDS_MIN} to {SECONDS_MAX}.")
        order = _order(interaction, _written(self.prompt), self._source, int(seconds))
        await begin(interaction, order)

    async def on_error(self, interaction: discord.Interaction[ExtendBot], error: Exception) -> None:  # type: ignore[override]
        """As for every command."""
        await answer_error(interaction, error)


class Extend(commands.Cog):
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
            raise Refused("Give me one video: either attach it as `video`, or put its address into `link`.")
        source = from_attachment(video) if video else Source((link or "").strip())
        order = _order(interaction, prompt, source, seconds, ResultKind(result), private)
        await begin(interaction, order)

    async def _extend_message(self, interaction: discord.Interaction[ExtendBot], message: discord.Message) -> None:
        source = video_in(message)
        if source is None:
            raise Refused("I see no video in that message: choose one that carries a video file.")
        await interaction.response.send_modal(ExtendModal(source))


def _order(
    interaction: discord.Interaction[ExtendBot],
    prompt: str,
    source: Source,
    seconds: int,
    result: ResultKind = ResultKind.FILM,
    private: bool = False,
) -> Order:
    if interaction.channel_id is None:
        raise Refused("I cannot see which channel this is: use the command in a channel.")
    return order_of(
        user_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        prompt=prompt,
        source_url=source.url,
        source_name=source.name,
        seconds=seconds,
        result=result,
        private=private,
    )


def _written(label: ui.Label[ui.View]) -> str:
    return label.component.value if isinstance(label.component, ui.TextInput) else ""


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(Extend(bot))
