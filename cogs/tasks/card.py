"""Rendering: a task's row to what a reply shows. Pure; the same row, time and language always give the same card."""

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
    TaskState.QUEUED: (tr("Waiting in line"), GREY),
    TaskState.PREPARING: (tr("Looking at the clip"), GREY),
    TaskState.SUBMITTING: (tr("Handing it to FoxAPI"), BLUE),
    TaskState.RENDERING: (tr("Rendering"), BLUE),
    TaskState.READY: (tr("Putting it together"), BLUE),
    TaskState.DELIVERED: (tr("Finished"), GREEN),
    TaskState.FAILED: (tr("This did not work"), RED),
    TaskState.CANCELLED: (tr("Cancelled"), GREY),
    TaskState.UNCLEAR: (tr("Nobody knows"), YELLOW),
}

_DELETED = (tr("Deleted"), GREY)

_NO_ROOM = (tr("Waiting for room"), GREY)


@dataclass(frozen=True, slots=True)
class Card:
    """What a message shows of a task, but for its attachment; `actions` are its buttons, in order."""

    embed: discord.Embed
    actions: tuple[str, ...] = ()
    content: str | None = None
    has_thumbnail: bool = False
    """Whether it shows the attached still."""

    def fingerprint(self) -> object:
        """Two cards that look the same have the same one."""
        return (self.content, self.actions, self.embed.to_dict())


def make_card(task: Task, now: datetime, language: Language, *, linked: bool = False, still: bool = False) -> Card:
    """The card for a reply; `linked`: the result is too large to attach, so show FoxAPI's link.

    `still`: a picture of the clip is attached as STILL_NAME; show it.
    """
    shown = TaskState.DELIVERED if task.state is TaskState.READY and task.outcome_shown else task.state
    title, tint = _DELETED if task.deleted else _title(task, shown)
    text = card_text.describe(task, now, language, linked=linked)
    embed = discord.Embed(title=language.translate(title), colour=tint, description=text)
    embed.add_field(name=language.tr("Asked by"), value=f"<@{task.order.user_id}>")
    embed.add_field(name=language.tr("Clip"), value=card_text.format_lengths(task, language))
    embed.add_field(name=language.tr("Time"), value=card_text.format_timing(task, now, language))
    if task.order.parent_url:
        embed.add_field(name=language.tr("Part"), value=_part(task, task.order.parent_url, language))
    if still:
        (embed.set_image if linked else embed.set_thumbnail)(url=f"attachment://{THUMBNAIL_NAME}")
    embed.set_footer(text=language.tr("Task {id}", id=str(task.id)))
    return Card(fit_embed(embed), actions=_actions(task, shown, now, linked=linked), has_thumbnail=still)


def make_result_card(
    task: Task, now: datetime, language: Language, *, linked: bool = False, still: bool = False
) -> Card:
    """The card that goes out together with the result."""
    return make_card(task.model_copy(update={"outcome_shown": True}), now, language, linked=linked, still=still)


def notification_text(task: Task, language: Language) -> str:
    """What notifies the member of the task's end."""
    member = f"<@{task.order.user_id}>"
    if task.state is TaskState.DELIVERED:
        return language.tr("{member} your video is ready.", member=member)
    if task.state is TaskState.FAILED:
        return language.tr("{member} that did not work; my reply says why.", member=member)
    return language.tr("{member} nobody can know how that ended; my reply says why.", member=member)


def status_text(task: Task, language: Language) -> str:
    """Where a task stands, in a few words."""
    if task.deleted:
        return language.translate(_DELETED[0])
    if task.state is TaskState.RENDERING:
        return language.tr("Rendering {percent} %", percent=task.progress)
    if task.waits and task.queue_position and task.room_wanted_at is None:
        return language.tr("Waiting in line, number {turn}", turn=task.queue_position)
    return language.translate(_title(task, task.state)[0])


def status_colour(task: Task) -> int:
    """The colour that goes with where it stands."""
    return GREY if task.deleted else _title(task, task.state)[1]


def list_entry(task: Task, language: Language) -> str:
    """Two lines for a list of tasks."""
    stands = status_text(task, language)
    where = stands if task.deleted else f"[{stands}]({jump_url(task)})"
    when = format_dt(task.created_at, "R")
    return f"**{task.id}** · {where} · {when}\n{quote_prompt(task.order.prompt, 100)}"


def _title(task: Task, shown: TaskState) -> tuple[Translatable, int]:
    if task.waits:
        return _NO_ROOM if task.room_wanted_at else _TITLES[TaskState.QUEUED]
    return _TITLES[shown]


def _part(task: Task, before_url: str, language: Language) -> str:
    part = task.order.part
    return language.tr("{part}, after [part {before}]({url})", part=part, before=part - 1, url=before_url)


def _actions(task: Task, shown: TaskState, now: datetime, *, linked: bool) -> tuple[str, ...]:
    if shown is TaskState.DELIVERED:
        # What is too large to be attached here is too large for a post, too: Discord's bound is the server's.
        share = ("share",) if task.order.guild_id and not linked else ()
        return ("again",) if task.deleted else ("more", "again", *share, "delete")
    if shown in {TaskState.FAILED, TaskState.UNCLEAR}:
        return ("again",)
    fetch_from = fetch_by(task)
    fetch = ("fetch",) if fetch_from and now >= fetch_from else ()
    return fetch if shown.is_final or shown is TaskState.READY else (*fetch, "cancel")
