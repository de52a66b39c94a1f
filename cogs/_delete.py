"""Delete: asks once, privately; then the film, the reply and the way back are gone."""

from __future__ import annotations

import re
from typing import Self

import discord
from discord import ui

from bot.client import ExtendBot, language_of
from bot.languages import Language
from bot.phrase import say
from bot.runner import NotNow
from cogs._acknowledge import acknowledge
from cogs._begin import place_of
from cogs._lineage import relink
from cogs._posted import withdraw_all
from cogs._press import Pressed
from cogs._unrecorded import check_unrecorded, delete_pressed_on, delete_unrecorded, presser_of

_ASK = say("This deletes the reply with its video, for everyone, and my copy of it. It cannot be undone.")
_ASK_SHARED = say(
    "This deletes the reply with its video, and the posts in which it is shared, for everyone, and my copy of it. It "
    "cannot be undone."
)
_DONE = say("Deleted.")
_POSTS_LEFT = say(
    "My copy is deleted, but Discord did not let me take every shared post back just now: press again in a minute, or "
    "leave it to me, for I try again now and then."
)
_NOT_NOW = say("My copy is deleted, but Discord did not let me take the reply away just now: press again in a minute.")
_OUT_OF_REACH = say(
    "My copy is deleted, but I can no longer reach the reply: press its own **Delete**, or take it away yourself."
)


class SureButton(Pressed, template=r"delete:(?P<id>[0-9]{1,18})(?::(?P<message>[0-9]{1,20}))?"):
    """Says yes to the question; `message`: the reply of a task of which there is no record any more."""

    @classmethod
    def of(cls, task_id: int, language: Language, message_id: int | None = None) -> Self:
        """A new one."""
        label, custom_id = language.say("Delete it"), f"delete:{task_id}"
        if message_id is not None:
            custom_id += f":{message_id}"
        return cls(ui.Button(label=label, style=discord.ButtonStyle.danger, custom_id=custom_id))

    async def pressed(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Delete, if whoever presses still may."""
        task_id = int(match["id"])
        if match["message"]:
            await delete_unrecorded(interaction, task_id, int(match["message"]))
        else:
            await _delete(interaction, task_id)
        await relink(interaction.client, task_id)


async def ask_to_delete(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Ask whoever may delete the reply; raises Refused for everybody else."""
    library = interaction.client.library
    if await library.is_known(task_id):
        task = await library.deletable(task_id, presser_of(interaction))
        if interaction.message is not None:
            # Only an interaction's token reaches a private reply, or one in a channel that the bot no longer sees; the
            # reply's first token is dead or deleted, and this press has a fresh one.
            ephemeral = task.place.ephemeral
            await library.renew(task, place_of(interaction, interaction.message.id, ephemeral=ephemeral))
        message_id = None
    else:
        message = check_unrecorded(interaction, interaction.message, task_id)
        if message.flags.ephemeral:
            await delete_pressed_on(interaction)
            return
        message_id = message.id
    language = language_of(interaction)
    ask = _ASK_SHARED if await interaction.client.sharing.shares_of(task_id) else _ASK
    view = ui.View(timeout=None)
    view.add_item(SureButton.of(task_id, language, message_id))
    await interaction.response.send_message(language.tell(ask), view=view, ephemeral=True)


async def _delete(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    await acknowledge(interaction)
    language = language_of(interaction)
    task = await interaction.client.library.delete(task_id, presser_of(interaction))
    posts_gone = await withdraw_all(interaction.client, task_id)
    try:
        gone = await interaction.client.screen.remove(task)
    except NotNow:
        await interaction.edit_original_response(content=language.tell(_NOT_NOW))
        return
    if not posts_gone:
        await interaction.edit_original_response(content=language.tell(_POSTS_LEFT))
        return
    await interaction.edit_original_response(content=language.tell(_DONE if gone else _OUT_OF_REACH), view=None)
