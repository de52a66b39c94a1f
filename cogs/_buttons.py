"""A task's buttons. The task's id is in the custom_id, so that they work after any restart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Self

import discord
from discord import ui

from bot.client import ExtendBot, answer_error
from bot.service import NeedsConfirmation
from bot.task import Refused, Task
from cogs._begin import place_of
from cogs._cards import card, jump_url
from cogs._delete import ask_to_delete
from cogs._modal import AgainModal, ExtendModal
from cogs._sharing import ask_where
from cogs._sources import result_of

_LABELS = {
    "more": ("Extend again", discord.ButtonStyle.primary),
    "again": ("Try again", discord.ButtonStyle.secondary),
    "share": ("Share", discord.ButtonStyle.secondary),
    "delete": ("Delete", discord.ButtonStyle.secondary),
    "fetch": ("Fetch result", discord.ButtonStyle.primary),
    "cancel": ("Cancel", discord.ButtonStyle.secondary),
    "stop": ("Cancel anyway", discord.ButtonStyle.danger),
}

_ASK = (
    "FoxAPI already has this task, and it has no way to call it back. If you cancel, I stop following it, but it may "
    "be billed all the same."
)
_STOPPED = "I no longer follow this task. It may be billed all the same."


class TaskButton(ui.DynamicItem[ui.Button[ui.View]], template=r"task:(?P<action>[a-z]+):(?P<id>[0-9]{1,18})"):
    """One button of one task."""

    def __init__(self, action: str, task_id: int) -> None:
        label, style = _LABELS[action]
        super().__init__(ui.Button(label=label, style=style, custom_id=f"task:{action}:{task_id}"))
        self.action = action
        self.task_id = task_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 (discord.py calls with it)
        item: ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button anew from what Discord sends of it."""
        return cls(match["action"], int(match["id"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what it says on it."""
        try:
            await _ACTIONS[self.action](interaction, self.task_id)
        except Exception as error:  # the one place where a press's errors end
            await answer_error(interaction, error)


def view_of(task_id: int, actions: Iterable[str]) -> ui.View:
    """Make a new view: editing with a changed copy of a stored one loses the pattern (discord.py 2.7.1)."""
    view = ui.View(timeout=None)
    for action in actions:
        view.add_item(TaskButton(action, task_id))
    return view


async def _cancel(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    answer = await interaction.client.service.cancel(task_id, interaction.user.id)
    if isinstance(answer, NeedsConfirmation):
        await interaction.response.send_message(_ASK, view=view_of(task_id, ("stop",)), ephemeral=True)
    else:
        await interaction.response.defer()


async def _stop(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    answer = await interaction.client.service.cancel(task_id, interaction.user.id, sure=True)
    if isinstance(answer, Task):
        await interaction.response.edit_message(content=_STOPPED, view=None)


async def _more(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Go on from this result, whoever presses: it becomes the presser's own task."""
    task = await interaction.client.service.task(task_id)
    source = await result_of(interaction, task)
    if source is None:
        raise Refused("That video is no longer here: send it again with /extend.")
    await interaction.response.send_modal(ExtendModal(source, task))


async def _again(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """The same clip once more, with what may be changed filled in."""
    order = await interaction.client.service.order_again(task_id, interaction.user.id)
    await interaction.response.send_modal(AgainModal(order))


async def _fetch(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """The press is a new interaction with fifteen fresh minutes, and its token reaches the reply that it was on."""
    await interaction.response.defer()
    message = interaction.message
    place = place_of(interaction, message.id if message else None, ephemeral=True)
    task = await interaction.client.service.move_reply(task_id, interaction.user.id, place)
    if task.told:
        shown = card(task, interaction.client.now())
        await interaction.edit_original_response(
            content=f"The end of this task is here: {jump_url(task)}", embed=shown.embed, view=None
        )


_ACTIONS = {
    "more": _more,
    "again": _again,
    "share": ask_where,
    "delete": ask_to_delete,
    "fetch": _fetch,
    "cancel": _cancel,
    "stop": _stop,
}
