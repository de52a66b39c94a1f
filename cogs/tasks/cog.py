"""`/tasks` lists a member's tasks and videos; `/notify` chooses when the bot mentions them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ExtendBot, get_language
from bot.domain.errors import RequestRefused
from bot.domain.task import NotifyPreference, Task, TaskFilter
from bot.i18n.text import tr
from cogs.common.components import PersistentItem
from cogs.common.files import Upload, make_film_upload, open_files
from cogs.common.interactions import acknowledge
from cogs.tasks import card as tasks_card
from cogs.tasks import pages
from cogs.tasks.buttons import task_view
from cogs.tasks.pages import TasksMessage

Interaction = discord.Interaction[ExtendBot]

_NOTIFY_CHOICES = {
    NotifyPreference.AUTO: tr("The bot will mention you when a task of yours that took over a minute has ended."),
    NotifyPreference.ALWAYS: tr("The bot will mention you whenever a task of yours has ended."),
    NotifyPreference.NEVER: tr("The bot will not mention you when a task of yours has ended."),
}

_NOT_STORED = tr(
    "The bot no longer stores that video. If its reply was deleted too, create the video again with **New take**."
)

_TOO_LARGE = tr("That video is too large for Discord here. Try it in a server that accepts larger files.")


_TEMPLATE = r"tasks:(?P<action>page|open|send):(?P<number>[0-9]{1,18})(?::(?P<chosen>running|finished))?"


class TasksItem(PersistentItem, template=_TEMPLATE):
    """A button or select of the message that /tasks shows. It acts on the tasks of the member who uses it."""

    async def on_use(self, interaction: Interaction, match: re.Match[str], /) -> None:
        """Call the action's handler."""
        if match["action"] != "send":  # "send" responds with a private message of its own
            self.check_private(interaction)
        await super().on_use(interaction, match)

    def arguments(self, match: re.Match[str]) -> tuple[int, TaskFilter, list[str]]:
        """Return the page number or task id and the filter in the custom_id, and what was selected."""
        return int(match["number"]), TaskFilter(match["chosen"] or TaskFilter.ALL), self.values


class TasksCog(commands.Cog):
    """`/tasks` and `/notify`."""

    @app_commands.command()
    @app_commands.rename(wanted="id")
    @app_commands.describe(wanted="The number of a task, or words from its prompt")
    async def tasks(self, interaction: Interaction, wanted: str | None = None) -> None:
        """List your running and recent tasks, or open one of them."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        if wanted is None:
            shown = await _load_list_page(interaction, 1, TaskFilter.ALL)
        else:
            shown = await _load_task_page(interaction, await _resolve(interaction, wanted), 1, TaskFilter.ALL)
        await _render(interaction, shown)

    @tasks.autocomplete("wanted")
    async def _autocomplete(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        found = await interaction.client.services.history.search(interaction.user.id, typed)
        language = get_language(interaction)
        return [app_commands.Choice(name=name, value=value) for name, value in pages.list_choices(found, language)]

    @app_commands.command()
    @app_commands.describe(mode="When the bot mentions you")
    @app_commands.choices(
        mode=[
            app_commands.Choice(name="if it took over a minute", value=NotifyPreference.AUTO.value),
            app_commands.Choice(name="every time", value=NotifyPreference.ALWAYS.value),
            app_commands.Choice(name="never", value=NotifyPreference.NEVER.value),
        ]
    )
    async def notify(self, interaction: Interaction, mode: str) -> None:
        """Choose whether the bot mentions you when one of your tasks ends."""
        chosen = NotifyPreference(mode)
        await acknowledge(interaction, ephemeral=True, thinking=True)
        await interaction.client.services.history.set_notify_preference(interaction.user.id, chosen)
        await interaction.edit_original_response(content=get_language(interaction).translate(_NOTIFY_CHOICES[chosen]))


async def _resolve(interaction: Interaction, wanted: str) -> Task:
    """Return the member's task with this number, or the newest with these words. Raises RequestRefused."""
    history, wanted = interaction.client.services.history, wanted.strip()
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 18:
        return await history.get_own_task(int(wanted), interaction.user.id)
    found = await history.search(interaction.user.id, wanted)
    if not found:
        raise RequestRefused(tr("None of your tasks has these words. Choose one from the list that /tasks shows."))
    return found[0]


async def _load_list_page(interaction: Interaction, number: int, chosen: TaskFilter) -> TasksMessage:
    history = interaction.client.services.history
    page = await history.get_page(interaction.user.id, number, chosen)
    page = replace(page, tasks=await interaction.client.services.queue.add_positions(page.tasks))
    thumbnails = {task.id: thumbnail for task in page.tasks if (thumbnail := await history.find_thumbnail(task))}
    return pages.list_page(page, thumbnails, get_language(interaction))


async def _load_task_page(interaction: Interaction, task: Task, page_number: int, chosen: TaskFilter) -> TasksMessage:
    history = interaction.client.services.history
    thumbnail, film = await history.find_thumbnail(task), await history.find_video(task)
    now, language = interaction.client.now(), get_language(interaction)
    return pages.task_page(task, now, language, (page_number, chosen), thumbnail, kept=film is not None)


async def _render(interaction: Interaction, shown: TasksMessage) -> None:
    """Show the message in the deferred response."""
    view = task_view(shown.task_id, shown.actions, get_language(interaction))
    for control in shown.controls:
        view.add_item(TasksItem(control))
    async with open_files(*(Upload(path, name) for name, path in shown.thumbnails.items())) as files:
        await interaction.edit_original_response(
            content=shown.content or None, embeds=list(shown.embeds), attachments=files, view=view
        )


async def _show_page(interaction: Interaction, number: int, chosen: TaskFilter, _: list[str]) -> None:
    await acknowledge(interaction)
    await _render(interaction, await _load_list_page(interaction, number, chosen))


async def _open(interaction: Interaction, page_number: int, chosen: TaskFilter, selected: list[str]) -> None:
    await acknowledge(interaction)
    task = await _resolve(interaction, selected[0] if selected else "")
    await _render(interaction, await _load_task_page(interaction, task, page_number, chosen))


async def _send(interaction: Interaction, task_id: int, _: TaskFilter, __: list[str]) -> None:
    """Send the stored video again, privately; other messages with it stay as they are."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    bot = interaction.client
    task = await bot.services.history.get_own_task(task_id, interaction.user.id)
    film = await bot.services.history.find_video(task)
    if film is None:
        raise RequestRefused(_NOT_STORED)
    too_large = (await asyncio.to_thread(film.stat)).st_size > interaction.filesize_limit
    if too_large and not (task.result_url_expires_at and task.result_url_expires_at > bot.now()):
        raise RequestRefused(_TOO_LARGE)
    language = get_language(interaction)
    card = tasks_card.make_result_card(task, bot.now(), language, linked=too_large)
    actions = [action for action in card.actions if action != "delete"]
    async with open_files(*([] if too_large else [make_film_upload(task, film)])) as files:
        await interaction.edit_original_response(
            embed=card.embed, attachments=files, view=task_view(task.id, actions, language)
        )


TasksItem.handlers = {"page": _show_page, "open": _open, "send": _send}
