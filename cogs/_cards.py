"""Rendering: a task's row to what a reply shows. Pure; the same row, time and language always give the same card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import discord
from discord.utils import format_dt

from bot.languages import Language
from bot.phrase import Phrase, say
from bot.task import State, Task
from cogs import _card_lines
from cogs._card_lines import clock, fetch_by, in_line, jump_url, quoted
from cogs._embeds import fit_embed

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "RED",
    "RESULT_NAME",
    "STILL_NAME",
    "YELLOW",
    "Card",
    "card",
    "clock",
    "colour",
    "fetch_by",
    "finished",
    "in_line",
    "jump_url",
    "line",
    "ping",
    "quoted",
    "standing",
]

STILL_NAME = "still.jpg"
RESULT_NAME = "extended.mp4"
GREY, BLUE, GREEN, RED, YELLOW = 0x80848E, 0x5865F2, 0x23A55A, 0xDA373C, 0xF0B232

_TITLES = {
    State.QUEUED: (say("Waiting in line"), GREY),
    State.PREPARING: (say("Looking at the clip"), GREY),
    State.SENDING: (say("Handing it to FoxAPI"), BLUE),
    State.RENDERING: (say("Rendering"), BLUE),
    State.READY: (say("Putting it together"), BLUE),
    State.DELIVERED: (say("Finished"), GREEN),
    State.FAILED: (say("This did not work"), RED),
    State.CANCELLED: (say("Cancelled"), GREY),
    State.UNCLEAR: (say("Nobody knows"), YELLOW),
}
_DELETED = (say("Deleted"), GREY)
_NO_ROOM = (say("Waiting for room"), GREY)


@dataclass(frozen=True, slots=True)
class Card:
    """What a message shows of a task, but for its attachment; `actions` are its buttons, in order."""

    embed: discord.Embed
    actions: tuple[str, ...] = ()
    content: str | None = None
    still: bool = False
    """Whether it shows the attached still."""

    def fingerprint(self) -> object:
        """Two cards that look the same have the same one."""
        return (self.content, self.actions, self.embed.to_dict())


def card(task: Task, now: datetime, language: Language, *, linked: bool = False, still: bool = False) -> Card:
    """The card for a reply; `linked`: the result is too large to attach, so show FoxAPI's link.

    `still`: a picture of the clip is attached as STILL_NAME; show it.
    """
    shown = State.DELIVERED if task.state is State.READY and task.told else task.state
    title, tint = _DELETED if task.deleted else _title(task, shown)
    text = _card_lines.description(task, now, language, linked=linked)
    embed = discord.Embed(title=language.tell(title), colour=tint, description=text)
    embed.add_field(name=language.say("Asked by"), value=f"<@{task.order.user_id}>")
    embed.add_field(name=language.say("Clip"), value=_card_lines.lengths(task, language))
    embed.add_field(name=language.say("Time"), value=_card_lines.timing(task, now, language))
    if task.order.parent_url:
        embed.add_field(name=language.say("Part"), value=_part(task, task.order.parent_url, language))
    if still:
        (embed.set_image if linked else embed.set_thumbnail)(url=f"attachment://{STILL_NAME}")
    embed.set_footer(text=language.say("Task {id}", id=str(task.id)))
    return Card(fit_embed(embed), actions=_actions(task, shown, now, linked=linked), still=still)


def finished(task: Task, now: datetime, language: Language, *, linked: bool = False, still: bool = False) -> Card:
    """The card that goes out together with the result."""
    return card(task.model_copy(update={"told": True}), now, language, linked=linked, still=still)


def ping(task: Task, language: Language) -> str:
    """What notifies the member of the task's end."""
    member = f"<@{task.order.user_id}>"
    if task.state is State.DELIVERED:
        return language.say("{member} your video is ready.", member=member)
    if task.state is State.FAILED:
        return language.say("{member} that did not work; my reply says why.", member=member)
    return language.say("{member} nobody can know how that ended; my reply says why.", member=member)


def standing(task: Task, language: Language) -> str:
    """Where a task stands, in a few words."""
    if task.deleted:
        return language.tell(_DELETED[0])
    if task.state is State.RENDERING:
        return language.say("Rendering {percent} %", percent=task.progress)
    if task.waits and task.turn and task.room_wanted_at is None:
        return language.say("Waiting in line, number {turn}", turn=task.turn)
    return language.tell(_title(task, task.state)[0])


def colour(task: Task) -> int:
    """The colour that goes with where it stands."""
    return GREY if task.deleted else _title(task, task.state)[1]


def line(task: Task, language: Language) -> str:
    """Two lines for a list of tasks."""
    stands = standing(task, language)
    where = stands if task.deleted else f"[{stands}]({jump_url(task)})"
    when = format_dt(task.created_at, "R")
    return f"**{task.id}** · {where} · {when}\n{quoted(task.order.prompt, 100)}"


def _title(task: Task, shown: State) -> tuple[Phrase, int]:
    if task.waits:
        return _NO_ROOM if task.room_wanted_at else _TITLES[State.QUEUED]
    return _TITLES[shown]


def _part(task: Task, before_url: str, language: Language) -> str:
    part = task.order.part
    return language.say("{part}, after [part {before}]({url})", part=part, before=part - 1, url=before_url)


def _actions(task: Task, shown: State, now: datetime, *, linked: bool) -> tuple[str, ...]:
    if shown is State.DELIVERED:
        # What is too large to be attached here is too large for a post, too: Discord's bound is the server's.
        share = ("share",) if task.order.guild_id and not linked else ()
        return ("again",) if task.deleted else ("more", "again", *share, "delete")
    if shown in {State.FAILED, State.UNCLEAR}:
        return ("again",)
    fetch_from = fetch_by(task)
    fetch = ("fetch",) if fetch_from and now >= fetch_from else ()
    return fetch if shown.ended or shown is State.READY else (*fetch, "cancel")
