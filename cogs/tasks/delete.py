"""Delete: asks once, privately; then the film, the reply and the way back are gone."""

from __future__ import annotations

import re
from typing import Self

import discord
from discord import ui

from bot.client import ExtendBot, language_of
from bot.domain.reply_port import ReplyUnavailable
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.components import PersistentItem
from cogs.common.interactions import acknowledge, reply_target_of
from cogs.sharing.lineage import update_links
from cogs.sharing.posts import delete_posts
from cogs.tasks.unrecorded import actor_of, check_unrecorded, delete_pressed_on, delete_unrecorded

_ASK = tr("This deletes the reply with its video, for everyone, and my copy of it. It cannot be undone.")
_ASK_SHARED = tr(
    "This deletes the reply with its video, and the posts in which it is shared, for everyone, and my copy of it. It "
    "cannot be undone."
)
_DONE = tr("Deleted.")
_POSTS_LEFT = tr(
    "My copy is deleted, but Discord did not let me take every shared post back just now: press again in a minute, or "
    "leave it to me, for I try again now and then."
)
_NOT_NOW = tr("My copy is deleted, but Discord did not let me take the reply away just now: press again in a minute.")
_UNREACHABLE = tr(
    "My copy is deleted, but I can no longer reach the reply: press its own **Delete**, or take it away yourself."
)


class ConfirmDeleteButton(PersistentItem, template=r"delete:(?P<id>[0-9]{1,18})(?::(?P<message>[0-9]{1,20}))?"):
    """Says yes to the question; `message`: the reply of a task of which there is no record any more."""

    @classmethod
    def of(cls, task_id: int, language: Language, message_id: int | None = None) -> Self:
        """A new one."""
        label, custom_id = language.tr("Delete it"), f"delete:{task_id}"
        if message_id is not None:
            custom_id += f":{message_id}"
        return cls(ui.Button(label=label, style=discord.ButtonStyle.danger, custom_id=custom_id))

    async def on_use(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Delete, if whoever presses still may."""
        task_id = int(match["id"])
        if match["message"]:
            await delete_unrecorded(interaction, task_id, int(match["message"]))
        else:
            await _delete(interaction, task_id)
        await update_links(interaction.client, task_id)


async def ask_to_delete(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Ask whoever may delete the reply; raises Refused for everybody else."""
    history = interaction.client.history
    if await history.is_known(task_id):
        task = await history.check_deletable(task_id, actor_of(interaction))
        if interaction.message is not None:
            # Only an interaction's token reaches a private reply, or one in a channel that the bot no longer sees; the
            # reply's first token is dead or deleted, and this press has a fresh one.
            ephemeral = task.place.ephemeral
            await history.refresh_reply(task, reply_target_of(interaction, interaction.message.id, ephemeral=ephemeral))
        message_id = None
    else:
        message = check_unrecorded(interaction, interaction.message, task_id)
        if message.flags.ephemeral:
            await delete_pressed_on(interaction)
            return
        message_id = message.id
    language = language_of(interaction)
    ask = _ASK_SHARED if await interaction.client.sharing.of_task(task_id) else _ASK
    view = ui.View(timeout=None)
    view.add_item(ConfirmDeleteButton.of(task_id, language, message_id))
    await interaction.response.send_message(language.translate(ask), view=view, ephemeral=True)


async def _delete(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    await acknowledge(interaction)
    language = language_of(interaction)
    task = await interaction.client.history.delete(task_id, actor_of(interaction))
    posts_gone = await delete_posts(interaction.client, task_id)
    try:
        gone = await interaction.client.reply_port.delete(task)
    except ReplyUnavailable:
        await interaction.edit_original_response(content=language.translate(_NOT_NOW))
        return
    if not posts_gone:
        await interaction.edit_original_response(content=language.translate(_POSTS_LEFT))
        return
    await interaction.edit_original_response(content=language.translate(_DONE if gone else _UNREACHABLE), view=None)
