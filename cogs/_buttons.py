"""A task's buttons. The task's id is in the custom_id, so that they work after any restart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self

import discord
from discord import ui

from bot.client import ExtendBot, language_of
from bot.languages import Language
from bot.phrase import say
from bot.service import NeedsConfirmation
from bot.task import Refused, Task
from cogs._begin import place_of
from cogs._cards import card, jump_url
from cogs._delete import ask_to_delete
from cogs._modal import AgainModal, ExtendModal
from cogs._press import OUTDATED, Pressed
from cogs._sharing import ask_where
from cogs._sources import result_of

_LABELS = {
    "more": (say("Extend again"), discord.ButtonStyle.primary),
    "again": (say("Try again"), discord.ButtonStyle.secondary),
    "share": (say("Share"), discord.ButtonStyle.secondary),
    "delete": (say("Delete"), discord.ButtonStyle.secondary),
    "fetch": (say("Fetch result"), discord.ButtonStyle.primary),
    "cancel": (say("Cancel"), discord.ButtonStyle.secondary),
    "stop": (say("Cancel anyway"), discord.ButtonStyle.danger),
}

_ASK = say(
    "FoxAPI already has this task, and it has no way to call it back. If you cancel, I stop following it, but it may "
    "be billed all the same."
)
_STOPPED = say("I no longer follow this task. It may be billed all the same.")


class TaskButton(Pressed, template=r"task:(?P<action>[a-z]+):(?P<id>[0-9]{1,18})"):
    """One button of one task."""

    @classmethod
    def of(cls, action: str, task_id: int, language: Language) -> Self:
        """A new one; `action` is one of those below."""
        label, style = _LABELS[action]
        return cls(ui.Button(label=language.tell(label), style=style, custom_id=f"task:{action}:{task_id}"))

    async def pressed(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Do what it says on it."""
        action = _ACTIONS.get(match["action"])
        if action is None:
            raise Refused(OUTDATED)
        await action(interaction, int(match["id"]))


def view_of(task_id: int, actions: Iterable[str], language: Language) -> ui.View:
    """Make a new view: editing with a changed copy of a stored one loses the pattern (discord.py 2.7.1)."""
    view = ui.View(timeout=None)
    for action in actions:
        view.add_item(TaskButton.of(action, task_id, language))
    return view


async def _cancel(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    answer = await interaction.client.service.cancel(task_id, interaction.user.id)
    if isinstance(answer, NeedsConfirmation):
        language = language_of(interaction)
        view = view_of(task_id, ("stop",), language)
        await interaction.response.send_message(language.tell(_ASK), view=view, ephemeral=True)
    else:
        await interaction.response.defer()


async def _stop(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    answer = await interaction.client.service.cancel(task_id, interaction.user.id, sure=True)
    if isinstance(answer, Task):
        await interaction.response.edit_message(content=language_of(interaction).tell(_STOPPED), view=None)


async def _more(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """Go on from this result, whoever presses: it becomes the presser's own task."""
    task = await interaction.client.service.task(task_id)
    source = await result_of(interaction, task)
    if source is None:
        raise Refused(say("That video is no longer here: send it again with /extend."))
    await interaction.response.send_modal(ExtendModal(language_of(interaction), source, task))


async def _again(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """The same clip once more, with what may be changed filled in."""
    order = await interaction.client.service.order_again(task_id, interaction.user.id)
    await interaction.response.send_modal(AgainModal(language_of(interaction), order))


async def _fetch(interaction: discord.Interaction[ExtendBot], task_id: int) -> None:
    """The press is a new interaction with fifteen fresh minutes, and its token reaches the reply that it was on."""
    await interaction.response.defer()
    message = interaction.message
    place = place_of(interaction, message.id if message else None, ephemeral=True)
    task = await interaction.client.service.move_reply(task_id, interaction.user.id, place)
    if task.told:
        language = language_of(interaction)
        shown = card(task, interaction.client.now(), language)
        where = language.say("The end of this task is here: {url}", url=jump_url(task))
        await interaction.edit_original_response(content=where, embed=shown.embed, view=None)


_ACTIONS = {
    "more": _more,
    "again": _again,
    "share": ask_where,
    "delete": ask_to_delete,
    "fetch": _fetch,
    "cancel": _cancel,
    "stop": _stop,
}
