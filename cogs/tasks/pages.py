"""The messages of /tasks: pages of a member's tasks, and one opened task. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import discord
from discord import ui
from discord.utils import format_dt

from bot.domain.task import Task, TaskState
from bot.i18n import Language
from bot.i18n.text import tr
from bot.services.history import Page
from cogs.common import formatting
from cogs.common.embeds import fit_embed, fit_embeds, truncate
from cogs.tasks import card as tasks_card

_NONE_YET = tr("You have no tasks yet. Type /extend to extend a video.")
_GONE = tr("The reply and its video were deleted.")
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
    """Make one page of the list; `stills` are the stored thumbnails by task id."""
    if not shown.tasks:
        title, text = language.tr("Your tasks"), language.translate(_NONE_YET)
        return TasksMessage("", [discord.Embed(title=title, description=text, colour=formatting.BLUE)])
    names = {_thumbnail_name(task_id): path for task_id, path in thumbnails.items()}
    embeds = fit_embeds([_make_entry(task, language, with_thumbnail=task.id in thumbnails) for task in shown.tasks])
    controls: list[ui.Item[ui.View]] = [_make_select(shown, language)]
    if shown.number > 1:
        controls.append(_make_button(language.tr("Newer"), f"tasks:page:{shown.number - 1}"))
    if shown.number < shown.page_count:
        controls.append(_make_button(language.tr("Older"), f"tasks:page:{shown.number + 1}"))
    heading = language.tr("**Your tasks**")
    if shown.page_count > 1:
        heading = language.tr("**Your tasks**, page {number} of {all}", number=shown.number, all=shown.page_count)
    return TasksMessage(heading, embeds, controls, thumbnails=names)


def task_page(
    task: Task, now: datetime, language: Language, page_number: int, thumbnail: Path | None, *, kept: bool
) -> TasksMessage:
    """Show one task with the buttons of its reply; `kept`: its video is still stored."""
    card = tasks_card.make_card(task, now, language, thumbnail=thumbnail is not None)
    reply = language.tr("[Go to the reply]({url})", url=formatting.jump_url(task))
    gone = language.translate(_GONE)
    card.embed.add_field(name=language.tr("Reply"), value=gone if task.deleted else reply, inline=False)
    controls = [_make_button(language.tr("Send again"), f"tasks:send:{task.id}")] if kept else []
    controls.append(_make_button(language.tr("All tasks"), f"tasks:page:{page_number}"))
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
    return ui.Select(custom_id=f"tasks:open:{shown.number}", placeholder=placeholder, options=options)


def _make_button(label: str, custom_id: str) -> ui.Button[ui.View]:
    return ui.Button(label=label, style=discord.ButtonStyle.secondary, custom_id=custom_id)


def _thumbnail_name(task_id: int) -> str:
    return f"still-{task_id}.jpg"


def _short_prompt(task: Task) -> str:
    return " ".join(task.order.prompt.split()) or "…"


def _truncate(text: str) -> str:
    return truncate(text, _CHOICE_MAX)
