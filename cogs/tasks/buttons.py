"""A task's buttons. The custom_id has the task's id, so that they work after a restart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import discord
from discord import ui

from bot.client import ExtendBot, get_language
from bot.domain.errors import RequestRefused
from bot.domain.task import Task
from bot.i18n import Language
from bot.i18n.text import tr
from bot.services import NeedsConfirmation
from cogs.common.components import PersistentItem
from cogs.common.formatting import jump_url
from cogs.common.interactions import acknowledge, actor_of, reply_target_of, requester_of
from cogs.common.modals import open_modal
from cogs.common.videos import find_result
from cogs.extend.modals import ExtendModal, RetryModal
from cogs.sharing.modal import open_share_modal
from cogs.tasks.card import make_card
from cogs.tasks.delete import ask_to_delete

_LABELS = {
    "more": (tr("Extend further"), discord.ButtonStyle.primary),
    "again": (tr("New take"), discord.ButtonStyle.secondary),
    "share": (tr("Share"), discord.ButtonStyle.secondary),
    "delete": (tr("Delete"), discord.ButtonStyle.secondary),
    "fetch": (tr("Fetch result"), discord.ButtonStyle.primary),
    "cancel": (tr("Cancel"), discord.ButtonStyle.secondary),
    "stop": (tr("Cancel anyway"), discord.ButtonStyle.danger),
}

_ASK = tr(
    "FoxAPI is already working on this task and cannot cancel it. If you cancel it here, you will not get the result, "
    "and it may still be billed."
)
_STOPPED = tr("This task is cancelled here. FoxAPI may still bill it.")


class TaskButton(PersistentItem, template=r"task:(?P<action>[a-z]+):(?P<id>[0-9]{1,18})"):
    """One button of one task."""

    @classmethod
    def create(cls, action: str, task_id: int, language: Language) -> Self:
        """Make a new button; `action` is a key of `handlers`."""
        label, style = _LABELS[action]
        return cls(ui.Button(label=language.translate(label), style=style, custom_id=f"task:{action}:{task_id}"))


def task_view(task_id: int, actions: Iterable[str], language: Language) -> ui.View:
    """Make a new view: editing with a changed copy of a stored one loses the pattern (discord.py 2.7.1)."""
    view = ui.View(timeout=None)
    for action in actions:
        view.add_item(TaskButton.create(action, task_id, language))
    return view


async def _cancel(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    answer = await interaction.client.services.tasks.cancel(task_id, actor_of(interaction))
    if isinstance(answer, NeedsConfirmation):
        language = get_language(interaction)
        view = task_view(task_id, ("stop",), language)
        await interaction.response.send_message(language.translate(_ASK), view=view, ephemeral=True)
    else:
        await acknowledge(interaction)


async def _confirm_cancel(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    answer = await interaction.client.services.tasks.cancel(task_id, actor_of(interaction), confirmed=True)
    if isinstance(answer, Task):
        await interaction.response.edit_message(content=get_language(interaction).translate(_STOPPED), view=None)


async def _extend(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Ask for the next part of this video; it becomes a task of the member who pressed."""
    message_id = interaction.message.id if interaction.message else None
    task = await interaction.client.services.tasks.get_task_to_extend(
        task_id, interaction.user.id, interaction.guild_id, message_id
    )
    source = await find_result(interaction, task)
    if source is None:
        raise RequestRefused(tr("That video is no longer here. Send it again with /extend."))
    await interaction.client.services.members.check_allowed(requester_of(interaction))
    await open_modal(interaction, ExtendModal(get_language(interaction), [source], task))


async def _retry(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Ask for the prompt and seconds of another try with the same clip."""
    request = await interaction.client.services.tasks.make_retry_request(task_id, interaction.user.id)
    await interaction.client.services.members.check_allowed(requester_of(interaction))
    await open_modal(interaction, RetryModal(get_language(interaction), request))


async def _fetch(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Continue in the private reply: the press has a new token, valid for fifteen minutes, that can edit it."""
    TaskButton.check_private(interaction)  # otherwise a public message would be stored as a private reply
    message = interaction.message
    await acknowledge(interaction)
    place = reply_target_of(interaction, message.id if message else None, ephemeral=True)
    task = await interaction.client.services.tasks.move_reply(task_id, interaction.user.id, place)
    if task.outcome_shown:
        language = get_language(interaction)
        shown = make_card(task, interaction.client.now(), language)
        where = language.tr("The result of this task is here: {url}", url=jump_url(task))
        await interaction.edit_original_response(content=where, embed=shown.embed, view=None)


TaskButton.handlers = {
    "more": _extend,
    "again": _retry,
    "share": open_share_modal,
    "delete": ask_to_delete,
    "fetch": _fetch,
    "cancel": _cancel,
    "stop": _confirm_cancel,
}
