"""A task's card: its embed and which buttons it has. Pure: the same task, time and language give the same card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import discord
from discord.utils import format_dt

from bot.domain.task import Task, TaskState
from bot.i18n import Language
from bot.i18n.text import Translatable, tr
from cogs.common.embeds import fit_embed
from cogs.common.formatting import BLUE, GREEN, GREY, RED, THUMBNAIL_NAME, YELLOW, jump_url, quote_prompt
from cogs.tasks import card_text
from cogs.tasks.card_text import fetch_by

_TITLES = {
    TaskState.QUEUED: (tr("Queued"), GREY),
    TaskState.PREPARING: (tr("Preparing the clip"), GREY),
    TaskState.SUBMITTING: (tr("Sending to FoxAPI"), BLUE),
    TaskState.RENDERING: (tr("Rendering"), BLUE),
    TaskState.READY: (tr("Assembling the video"), BLUE),
    TaskState.DELIVERED: (tr("Finished"), GREEN),
    TaskState.FAILED: (tr("Failed"), RED),
    TaskState.CANCELLED: (tr("Cancelled"), GREY),
    TaskState.UNCLEAR: (tr("Outcome unknown"), YELLOW),
}

_DELETED = (tr("Deleted"), GREY)

_NO_SPACE = (tr("Waiting for disk space"), GREY)

_NO_FILE = (tr("Downloading the video"), BLUE)


@dataclass(frozen=True, slots=True)
class Card:
    """What a message shows of a task, except its attachment. `actions` are its buttons, in order."""

    embed: discord.Embed
    actions: tuple[str, ...] = ()
    content: str | None = None
    has_thumbnail: bool = False
    """Whether it shows the attached thumbnail."""

    def fingerprint(self) -> object:
        """Return a value that is equal for two cards that look the same."""
        return (self.content, self.actions, self.embed.to_dict())


def make_card(
    task: Task, now: datetime, language: Language, *, linked: bool = False, thumbnail: bool = False, plain: bool = False
) -> Card:
    """Make the card for a reply.

    `linked`: the result is not attached, so the card has FoxAPI's link. `thumbnail`: a picture of the clip is
    attached as THUMBNAIL_NAME, and the card shows it. `plain`: a filter of the server refuses the prompt or links, so
    the card has neither.
    """
    shown = TaskState.DELIVERED if task.state is TaskState.READY and task.outcome_shown else task.state
    title, tint = _DELETED if task.deleted else _title(task, shown)
    text = card_text.describe(task, now, language, linked=linked, plain=plain)
    embed = discord.Embed(title=language.translate(title), colour=tint, description=text)
    if thumbnail:
        (embed.set_image if linked else embed.set_thumbnail)(url=f"attachment://{THUMBNAIL_NAME}")
    embed.set_footer(text=language.tr("Task {id}", id=str(task.id)))
    return Card(fit_embed(embed), actions=_actions(task, shown, now, linked=linked), has_thumbnail=thumbnail)


def make_result_card(
    task: Task, now: datetime, language: Language, *, linked: bool = False, thumbnail: bool = False, plain: bool = False
) -> Card:
    """Make the card that is sent together with the result."""
    told = task.model_copy(update={"outcome_shown": True})
    return make_card(told, now, language, linked=linked, thumbnail=thumbnail, plain=plain)


def make_moved_card(task: Task, language: Language) -> Card:
    """Make the card for a reply whose task's outcome is in another message, `task.place`."""
    title, tint = _title(task, TaskState.DELIVERED if task.state is TaskState.READY else task.state)
    if task.place.guild_id is None:
        text = language.tr("The bot could not edit this message, so it sent the outcome as a direct message.")
    else:
        text = language.tr(
            "The bot could not edit this message, so the outcome is in [another message]({url}).", url=jump_url(task)
        )
    embed = discord.Embed(title=language.translate(title), colour=tint, description=text)
    embed.set_footer(text=language.tr("Task {id}", id=str(task.id)))
    return Card(fit_embed(embed))


def notification_text(task: Task, language: Language) -> str:
    """Return the message that notifies the member of the task's outcome."""
    member = f"<@{task.order.user_id}>"
    if task.state is TaskState.DELIVERED:
        return language.tr("{member} your video is ready.", member=member)
    if task.state is TaskState.FAILED:
        return language.tr("{member} your video failed; the reply says why.", member=member)
    return language.tr("{member} the outcome of your video is unknown; the reply says why.", member=member)


def status_text(task: Task, language: Language) -> str:
    """Return the task's status in a few words."""
    if task.deleted:
        return language.translate(_DELETED[0])
    if task.state is TaskState.RENDERING and not task.result_url:
        return language.tr("Rendering {percent} %", percent=task.progress)
    if task.waits and task.queue_position and task.room_wanted_at is None:
        return language.tr("Queued, number {position}", position=task.queue_position)
    return language.translate(_title(task, task.state)[0])


def status_colour(task: Task) -> int:
    """Return the colour of the task's status."""
    return GREY if task.deleted else _title(task, task.state)[1]


def list_entry(task: Task, language: Language) -> str:
    """Return two lines for a list of tasks: number, status and age; the prompt."""
    status = status_text(task, language)
    linked = status if task.deleted else f"[{status}]({jump_url(task)})"
    when = format_dt(task.created_at, "R")
    return f"**{task.id}** · {linked} · {when}\n{quote_prompt(task.order.prompt, 100)}"


def _title(task: Task, shown: TaskState) -> tuple[Translatable, int]:
    if task.waits:
        return _NO_SPACE if task.room_wanted_at else _TITLES[TaskState.QUEUED]
    if shown is TaskState.RENDERING and task.result_url:
        return _NO_FILE
    return _TITLES[shown]


def _actions(task: Task, shown: TaskState, now: datetime, *, linked: bool) -> tuple[str, ...]:
    if shown is TaskState.DELIVERED:
        # Discord's upload limit is the server's, so a video too large to attach here is too large for a post.
        share = ("share",) if task.order.guild_id and not linked else ()
        return ("again",) if task.deleted else ("more", "again", *share, "delete")
    if shown in {TaskState.FAILED, TaskState.UNCLEAR, TaskState.CANCELLED}:
        return ("again",) if task.deleted else ("again", "delete")
    fetch_from = fetch_by(task)
    fetch = ("fetch",) if fetch_from and now >= fetch_from else ()
    return fetch if shown.is_final or shown is TaskState.READY else (*fetch, "cancel")
