"""Deletes a task's reply, stored video and shared posts, after one private question."""

from __future__ import annotations

import re
from typing import Self

import discord
from discord import ui

from bot.client import ExtendBot, get_language
from bot.domain.reply_port import ReplyUnavailable
from bot.domain.task import TaskState
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.components import PersistentItem
from cogs.common.interactions import acknowledge, actor_of, reply_target_of
from cogs.sharing.lineage import update_links
from cogs.sharing.posts import delete_posts
from cogs.tasks.unrecorded import check_unrecorded, delete_pressed_on, delete_unrecorded

_ASK = tr("This deletes the reply with its video for everyone, and the bot's copy of the video. It cannot be undone.")
_ASK_SHARED = tr(
    "This deletes the reply with its video and all posts that share it for everyone, and the bot's copy of the video. "
    "It cannot be undone."
)
_ASK_WITHOUT_VIDEO = tr("This deletes the reply for everyone. It cannot be undone.")
_DONE = tr("Deleted.")
_POSTS_LEFT = tr(
    "The bot's copy is deleted, but Discord did not allow the bot to delete every shared post just now. Press again in "
    "a minute, or wait: the bot keeps trying."
)
_NOT_NOW = tr(
    "The bot's copy is deleted, but Discord did not allow it to delete the reply just now. Press again in a minute."
)
_UNREACHABLE = tr(
    "The bot's copy is deleted, but the bot can no longer reach the reply. Press **Delete** under the reply, or delete "
    "the message yourself."
)


class ConfirmDeleteButton(PersistentItem, template=r"delete:(?P<id>[0-9]{1,18})(?::(?P<message>[0-9]{1,20}))?"):
    """Confirms a deletion. `message` is the reply of a task that has no record any more."""

    @classmethod
    def create(cls, task_id: int, language: Language, message_id: int | None = None) -> Self:
        """Make a new button."""
        label, custom_id = language.tr("Delete it"), f"delete:{task_id}"
        if message_id is not None:
            custom_id += f":{message_id}"
        return cls(ui.Button(label=label, style=discord.ButtonStyle.danger, custom_id=custom_id))

    async def on_use(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Delete, if the member may (still) do that."""
        task_id = int(match["id"])
        if match["message"]:
            await delete_unrecorded(interaction, task_id, int(match["message"]))
        else:
            await _delete(interaction, task_id)
        await update_links(interaction.client, task_id)


async def ask_to_delete(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Ask for confirmation. Raises RequestRefused if the member may not delete the reply."""
    history, has_video = interaction.client.services.history, True
    if await history.is_known(task_id):
        task = await history.check_deletable(task_id, actor_of(interaction))
        has_video = task.state is TaskState.DELIVERED
        if interaction.message is not None:
            # A private reply, or one in a channel that the bot no longer sees, can only be deleted with an interaction
            # token. The reply's first token has expired or was deleted; this press has a new one.
            ephemeral = task.place.ephemeral
            await history.refresh_reply(task, reply_target_of(interaction, interaction.message.id, ephemeral=ephemeral))
        message_id = None
    else:
        message = check_unrecorded(interaction, interaction.message, task_id)
        if message.flags.ephemeral:
            await delete_pressed_on(interaction)
            return
        message_id = message.id
    language = get_language(interaction)
    ask = _ASK if has_video else _ASK_WITHOUT_VIDEO
    if await interaction.client.services.sharing.list_for_task(task_id):
        ask = _ASK_SHARED
    view = ui.View(timeout=None)
    view.add_item(ConfirmDeleteButton.create(task_id, language, message_id))
    await interaction.response.send_message(language.translate(ask), view=view, ephemeral=True)


async def _delete(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    await acknowledge(interaction)
    language = get_language(interaction)
    task = await interaction.client.services.history.delete(task_id, actor_of(interaction))
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
