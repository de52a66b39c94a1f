"""The messages of /tasks: pages of a member's tasks, and one opened task. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import discord
from discord import ui
from discord.utils import format_dt

from bot.domain.task import Task, TaskFilter, TaskState
from bot.i18n import Language
from bot.i18n.text import tr
from bot.services.history import Page
from cogs.common import formatting
from cogs.common.embeds import fit_embed, fit_embeds, truncate
from cogs.tasks import card as tasks_card

_NONE_YET = tr("You have no tasks yet. Type /extend to extend a video.")
_NONE_RUNNING, _NONE_FINISHED = tr("None of your tasks is running."), tr("None of your tasks has a finished video.")
_FILTERS = {TaskFilter.ALL: tr("All"), TaskFilter.RUNNING: tr("Running"), TaskFilter.FINISHED: tr("Finished")}
_GONE = tr("The reply and its video were deleted.")
_FILTER_ROW = 2
"""Below the select and the buttons for other pages, of the five rows."""
_CHOICE_MAX = 100
"""Maximum characters of a choice's name and description (Discord docs, Select Option; Autocomplete)."""
_REPLY_ONLY = {"fetch"}
"""Fetch moves a private reply to the message on which it is pressed, so only the reply itself has it."""


@dataclass(frozen=True, slots=True)
class TasksMessage:
    """A message of /tasks. `actions` are buttons of one task; `thumbnails` are attached under their names."""

    content: str
    embeds: Sequence[discord.Embed]
    controls: Sequence[ui.Item[ui.View]] = ()
    task_id: int = 0
    actions: Sequence[str] = ()
    thumbnails: dict[str, Path] = field(default_factory=dict)


def list_page(shown: Page, thumbnails: dict[int, Path], language: Language) -> TasksMessage:
    """Make one page of the list; `thumbnails` are the stored ones by task id."""
    if not shown.tasks:
        return _make_empty_page(shown.chosen, language)
    names = {_thumbnail_name(task_id): path for task_id, path in thumbnails.items()}
    embeds = fit_embeds([_make_entry(task, language, with_thumbnail=task.id in thumbnails) for task in shown.tasks])
    controls: list[ui.Item[ui.View]] = [_make_select(shown, language)]
    if shown.number > 1:
        controls.append(_make_button(language.tr("Newer"), _make_id("page", shown.number - 1, shown.chosen)))
    if shown.number < shown.page_count:
        controls.append(_make_button(language.tr("Older"), _make_id("page", shown.number + 1, shown.chosen)))
    controls += _make_filters(shown.chosen, language)
    heading = language.tr("**Your tasks**")
    if shown.page_count > 1:
        heading = language.tr("**Your tasks**, page {number} of {all}", number=shown.number, all=shown.page_count)
    return TasksMessage(heading, embeds, controls, thumbnails=names)


def task_page(
    task: Task, now: datetime, language: Language, page: tuple[int, TaskFilter], thumbnail: Path | None, *, kept: bool
) -> TasksMessage:
    """Show one task with the buttons of its reply; `page`: where it was opened; `kept`: its video is still stored."""
    card = tasks_card.make_card(task, now, language, thumbnail=thumbnail is not None)
    reply = language.tr("[Go to the reply]({url})", url=formatting.jump_url(task))
    gone = language.translate(_GONE)
    card.embed.add_field(name=language.tr("Reply"), value=gone if task.deleted else reply, inline=False)
    controls = [_make_button(language.tr("Send again"), f"tasks:send:{task.id}")] if kept else []
    controls.append(_make_button(language.tr("Back to the list"), _make_id("page", *page)))
    left_out = _REPLY_ONLY if _is_shareable(task, kept=kept) else _REPLY_ONLY | {"share"}
    actions = [action for action in card.actions if action not in left_out]
    thumbnails = {formatting.THUMBNAIL_NAME: thumbnail} if thumbnail else {}
    heading = language.tr("**Task {id}**", id=str(task.id))
    return TasksMessage(heading, [fit_embed(card.embed)], controls, task.id, actions, thumbnails)


def list_choices(tasks: Iterable[Task], language: Language) -> list[tuple[str, str]]:
    """Return names and values for autocomplete."""
    return [
        (_truncate(f"{task.id} · {tasks_card.status_text(task, language)} · {_short_prompt(task)}"), str(task.id))
        for task in tasks
    ]


def _is_shareable(task: Task, *, kept: bool) -> bool:
    """Return whether there is a file to post: within the upload limit, and stored or in a reply the bot can read."""
    fits = task.film is None or task.film.size <= task.place.filesize_limit
    return fits and (kept or not task.place.ephemeral)


def _make_entry(task: Task, language: Language, *, with_thumbnail: bool) -> discord.Embed:
    embed = discord.Embed(colour=tasks_card.status_colour(task), description=tasks_card.list_entry(task, language))
    if with_thumbnail:
        embed.set_thumbnail(url=f"attachment://{_thumbnail_name(task.id)}")
    if task.state is TaskState.RENDERING and task.expected_at:
        ends = language.tr("should be done {when}", when=format_dt(task.expected_at, "R"))
        embed.add_field(name=language.tr("Time"), value=ends)
    return embed


def _make_select(shown: Page, language: Language) -> ui.Select[ui.View]:
    options = [
        discord.SelectOption(
            label=_truncate(f"{task.id} · {tasks_card.status_text(task, language)}"),
            value=str(task.id),
            description=_truncate(_short_prompt(task)),
        )
        for task in shown.tasks
    ]
    placeholder = language.tr("Open one…")
    custom_id = _make_id("open", shown.number, shown.chosen)
    return ui.Select(custom_id=custom_id, placeholder=placeholder, options=options)


def _make_empty_page(chosen: TaskFilter, language: Language) -> TasksMessage:
    texts = {TaskFilter.ALL: _NONE_YET, TaskFilter.RUNNING: _NONE_RUNNING, TaskFilter.FINISHED: _NONE_FINISHED}
    text = language.translate(texts[chosen])
    embed = discord.Embed(title=language.tr("Your tasks"), description=text, colour=formatting.BLUE)
    return TasksMessage("", [embed], [] if chosen is TaskFilter.ALL else _make_filters(chosen, language))


def _make_filters(chosen: TaskFilter, language: Language) -> list[ui.Item[ui.View]]:
    """Make a button for each filter; the chosen one cannot be pressed."""
    buttons: list[ui.Item[ui.View]] = []
    for each, label in _FILTERS.items():
        button = _make_button(language.translate(label), _make_id("page", 1, each), row=_FILTER_ROW)
        if each is chosen:
            button.disabled, button.style = True, discord.ButtonStyle.primary
            button.custom_id = _make_id("page", 0, each)  # the buttons of a message need different ids
        buttons.append(button)
    return buttons


def _make_id(action: str, number: int, chosen: TaskFilter) -> str:
    return f"tasks:{action}:{number}" + ("" if chosen is TaskFilter.ALL else f":{chosen.value}")


def _make_button(label: str, custom_id: str, row: int | None = None) -> ui.Button[ui.View]:
    return ui.Button(label=label, style=discord.ButtonStyle.secondary, custom_id=custom_id, row=row)


def _thumbnail_name(task_id: int) -> str:
    return f"still-{task_id}.jpg"


def _short_prompt(task: Task) -> str:
    return " ".join(task.order.prompt.split()) or "…"


def _truncate(text: str) -> str:
    return truncate(text, _CHOICE_MAX)
