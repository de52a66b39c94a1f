"""Delete: asks once, privately; then the film, the reply and the way back are gone."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import ui

from bot.client import ExtendBot, answer_error
from bot.library import Presser
from bot.runner import NotNow
from cogs._begin import place_of

_ASK = "This deletes the reply with its video, for everyone, and my copy of it. It cannot be undone."
_DONE = "Deleted."
_NOT_NOW = "My copy is deleted, but Discord did not let me take the reply away just now: press again in a minute."
_OUT_OF_REACH = (
    "My copy is deleted, but I can no longer reach the reply: press its own **Delete**, or take it away yourself."
)


class SureButton(ui.DynamicItem[ui.Button[ui.View]], template=r"delete:(?P<id>[0-9]{1,18})"):
    """Says yes to the question."""

    def __init__(self, task_id: int) -> None:
        super().__init__(ui.Button(label="Delete it", style=discord.ButtonStyle.danger, custom_id=f"delete:{task_id}"))
        self._task_id = task_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 (discord.py calls with it)
        item: ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button anew from what Discord sends of it."""
        return cls(int(match["id"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Delete, if whoever presses still may."""
        try:
            await _delete(interaction, self._task_id)
        except Exception as error:  # the one place where a press's errors end
            await answer_error(interaction, error)


async def ask_to_delete(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Ask whoever may delete the reply; raises Refused for everybody else."""
    library = interaction.client.library
    task = await library.deletable(task_id, _presser(interaction))
    if task.place.ephemeral and interaction.message is not None:
        # Only an interaction's token reaches a private reply, and this press has a fresh one.
        await library.renew(task, place_of(interaction, interaction.message.id, ephemeral=True))
    view = ui.View(timeout=None)
    view.add_item(SureButton(task_id))
    await interaction.response.send_message(_ASK, view=view, ephemeral=True)


async def _delete(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    await interaction.response.defer()
    task = await interaction.client.library.delete(task_id, _presser(interaction))
    try:
        gone = await interaction.client.screen.remove(task)
    except NotNow:
        await interaction.edit_original_response(content=_NOT_NOW)
        return
    await interaction.edit_original_response(content=_DONE if gone else _OUT_OF_REACH, view=None)


def _presser(interaction: discord.Interaction[ExtendBot]) -> Presser:
    may = interaction.permissions if interaction.guild_id else discord.Permissions.none()
    return Presser(
        user_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        manages_server=may.manage_guild,
        manages_messages=may.manage_messages,
    )
