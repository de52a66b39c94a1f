"""`/privacy`: what is kept of a member, and the way to delete it."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import ExtendBot, answer_error
from bot.service import Kept
from cogs._cards import BLUE

_WHAT = (
    "**For each of your tasks:** your id, the server and channel, your prompt, the addresses of the clip and the "
    "result, lengths, times, how it ended, and what FoxAPI said that it costs.\n"
    "**Clips and videos:** your clip only while a task runs; a delivered film for some days, to send it again.\n"
    "**Who gets it:** FoxAPI gets your prompt and clip, to make the video. Moderators see your name, prompt and "
    "outcome in their log, and counts in /usage. Nobody else."
)
_LONG = (
    "Until you delete it, and at most 90 days after its end (unless my operator changed that); what you shared, until "
    "you take it back. What belongs to a server goes some time after I am removed from there (30 days, unless my "
    "operator changed that). Deleting leaves messages in Discord as they are: delete those yourself. That a task was "
    "started stays known for 24 hours, without its content, for the limits count it."
)
_ASK = "This deletes what I keep of all your tasks, on every server, and cannot be undone. Delete it?"
_LABELS = {
    "ask": ("Delete my data…", discord.ButtonStyle.secondary),
    "sure": ("Delete it", discord.ButtonStyle.danger),
}


class PrivacyButton(ui.DynamicItem[ui.Button[ui.View]], template=r"privacy:(?P<action>ask|sure)"):
    """Deletes the presser's own data, after asking once."""

    def __init__(self, action: str) -> None:
        label, style = _LABELS[action]
        super().__init__(ui.Button(label=label, style=style, custom_id=f"privacy:{action}"))
        self._action = action

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 (discord.py calls with it)
        item: ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button anew from what Discord sends of it."""
        return cls(match["action"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Ask, or do it."""
        try:
            if self._action == "ask":
                await interaction.response.send_message(_ASK, view=_view("sure"), ephemeral=True)
            else:
                await _forget(interaction)
        except Exception as error:  # the one place where its errors end
            await answer_error(interaction, error)


class Privacy(commands.Cog):
    """One command."""

    @app_commands.command()
    async def privacy(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show what I keep of you, and delete it if you like."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        kept = await interaction.client.service.kept(interaction.user.id)
        embed = discord.Embed(title="What I keep of you", colour=BLUE, description=_now(kept))
        embed.add_field(name="What", value=_WHAT, inline=False)
        embed.add_field(name="For how long", value=_LONG, inline=False)
        await interaction.followup.send(embed=embed, view=_view("ask"), ephemeral=True)


async def _forget(interaction: discord.Interaction[ExtendBot]) -> None:
    await interaction.response.defer()
    kept = await interaction.client.service.forget(interaction.user.id)
    later = " The ones still running are deleted when they end." if kept.unfinished else ""
    await interaction.edit_original_response(content=f"Deleted.{later} {_now(kept)}", view=None)


def _now(kept: Kept) -> str:
    tasks = f"I keep **{kept.tasks:,}** task{'' if kept.tasks == 1 else 's'} of yours"
    running = f" ({kept.unfinished:,} unfinished)" if kept.unfinished else ""
    servers = f"{kept.servers:,} server{'' if kept.servers == 1 else 's'}"
    ruled = (
        f" The moderators of {servers} decided something on you, and that is theirs to keep." if kept.servers else ""
    )
    return f"{tasks}{running}.{ruled}"


def _view(action: str) -> ui.View:
    view = ui.View(timeout=None)  # a fresh one each time: see _buttons.view_of
    view.add_item(PrivacyButton(action))
    return view


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(PrivacyButton)
    await bot.add_cog(Privacy())
