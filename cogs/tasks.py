"""`/tasks`: find one's tasks and films again; `/notify`: be told when they are done."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ExtendBot, language_of
from bot.phrase import say
from bot.task import Notify, Refused, Task
from cogs import _cards, _shelf
from cogs._acknowledge import acknowledge
from cogs._buttons import view_of
from cogs._delete import SureButton
from cogs._files import opened
from cogs._press import Pressed
from cogs._shelf import Shown

Interaction = discord.Interaction[ExtendBot]
_NOTIFY = {
    Notify.AUTO: say("I mention you when a task of yours that took over a minute has ended."),
    Notify.ALWAYS: say("I mention you whenever a task of yours has ended."),
    Notify.NEVER: say("I do not mention you when a task of yours has ended."),
}
_NOT_KEPT = say("I no longer keep that film. If its reply was deleted too, make it anew with Try again.")
_TOO_LARGE = say("That film is too large for Discord here: try it in a server that takes larger files.")


class TasksItem(Pressed, template=r"tasks:(?P<deed>page|open|send):(?P<number>[0-9]{1,18})"):
    """A control of the message that /tasks shows; the custom_id says what it does, whoever's message it is on."""

    async def pressed(self, interaction: Interaction, match: re.Match[str], /) -> None:
        """Do it, to the presser's own tasks."""
        if match["deed"] != "send":  # what is sent again is a private message of its own
            self.check_private(interaction)
        await _DEEDS[match["deed"]](interaction, int(match["number"]), self.values)


class Tasks(commands.Cog):
    """Commands about one's own tasks."""

    @app_commands.command()
    @app_commands.rename(wanted="id")
    @app_commands.describe(wanted="One of your tasks: its number, or some words of its prompt")
    async def tasks(self, interaction: Interaction, wanted: str | None = None) -> None:
        """Show your running and recent tasks, or open one of them."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        if wanted is None:
            await _draw(interaction, await _page(interaction, 1))
        else:
            await _draw(interaction, await _opened(interaction, await _meant(interaction, wanted), 1))

    @tasks.autocomplete("wanted")
    async def _suggest(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        found = await interaction.client.library.search(interaction.user.id, typed)
        language = language_of(interaction)
        return [app_commands.Choice(name=name, value=value) for name, value in _shelf.choices(found, language)]

    @app_commands.command()
    @app_commands.describe(mode="auto: after more than a minute; always; never")
    async def notify(self, interaction: Interaction, mode: Notify) -> None:
        """Choose when I mention you at the end of a task of yours."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        await interaction.client.library.set_notify(interaction.user.id, mode)
        await interaction.edit_original_response(content=language_of(interaction).tell(_NOTIFY[mode]))


async def _meant(interaction: Interaction, wanted: str) -> Task:
    """The task with this number, or the newest with these words; raises Refused."""
    library, wanted = interaction.client.library, wanted.strip()
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 18:
        return await library.mine(int(wanted), interaction.user.id)
    found = await library.search(interaction.user.id, wanted)
    if not found:
        raise Refused(say("You have no task with these words: choose one of the list that /tasks shows."))
    return found[0]


async def _page(interaction: Interaction, number: int) -> Shown:
    library = interaction.client.library
    page = await library.page(interaction.user.id, number)
    page = replace(page, tasks=[interaction.client.as_shown(task) for task in page.tasks])
    stills = {task.id: still for task in page.tasks if (still := await library.still(task))}
    return _shelf.page(page, stills, language_of(interaction))


async def _opened(interaction: Interaction, task: Task, page_number: int) -> Shown:
    library = interaction.client.library
    still, film = await library.still(task), await library.film(task)
    now, language = interaction.client.now(), language_of(interaction)
    return _shelf.opened(task, now, language, page_number, still, kept=film is not None)


async def _draw(interaction: Interaction, shown: Shown) -> None:
    """Draw it into the response, which was deferred."""
    view = view_of(shown.task_id, shown.actions, language_of(interaction))
    for control in shown.controls:
        view.add_item(TasksItem(control))
    async with opened(*((path, name) for name, path in shown.stills.items())) as files:
        await interaction.edit_original_response(
            content=shown.content or None, embeds=list(shown.embeds), attachments=files, view=view
        )


async def _turn(interaction: Interaction, number: int, _: list[str]) -> None:
    await acknowledge(interaction)
    await _draw(interaction, await _page(interaction, number))


async def _open(interaction: Interaction, page_number: int, chosen: list[str]) -> None:
    await acknowledge(interaction)
    task = await _meant(interaction, chosen[0] if chosen else "")
    await _draw(interaction, await _opened(interaction, task, page_number))


async def _send(interaction: Interaction, task_id: int, _: list[str]) -> None:
    """Send the kept film once more, privately; it stays where else it is."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    bot = interaction.client
    task = await bot.library.mine(task_id, interaction.user.id)
    film = await bot.library.film(task)
    if film is None:
        raise Refused(_NOT_KEPT)
    too_large = (await asyncio.to_thread(film.stat)).st_size > interaction.filesize_limit
    if too_large and not (task.result_url_ends and task.result_url_ends > bot.now()):
        raise Refused(_TOO_LARGE)
    language = language_of(interaction)
    card = _cards.finished(task, bot.now(), language, linked=too_large)
    actions = [action for action in card.actions if action != "delete"]
    async with opened(*([] if too_large else [(film, _cards.RESULT_NAME)])) as files:
        await interaction.edit_original_response(
            embed=card.embed, attachments=files, view=view_of(task.id, actions, language)
        )


_DEEDS: dict[str, Callable[[Interaction, int, list[str]], Awaitable[None]]] = {
    "page": _turn,
    "open": _open,
    "send": _send,
}


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(TasksItem, SureButton)
    await bot.add_cog(Tasks())
