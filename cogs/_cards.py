"""Rendering: a task's row to what a reply shows. Pure; the same row and time always give the same card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import discord
from discord.utils import escape_markdown, format_dt

from bot.task import Billed, ResultKind, State, Task

_FETCH_IN_TIME = timedelta(minutes=2)
STILL_NAME = "still.jpg"
RESULT_NAME = "extended.mp4"
_BAR = 12
_PROMPT_SHOWN = 900
GREY, BLUE, GREEN, RED, YELLOW = 0x80848E, 0x5865F2, 0x23A55A, 0xDA373C, 0xF0B232

_TITLES = {
    State.QUEUED: ("Waiting in line", GREY),
    State.PREPARING: ("Looking at the clip", GREY),
    State.SENDING: ("Handing it to FoxAPI", BLUE),
    State.RENDERING: ("Rendering", BLUE),
    State.READY: ("Putting it together", BLUE),
    State.DELIVERED: ("Finished", GREEN),
    State.FAILED: ("This did not work", RED),
    State.CANCELLED: ("Cancelled", GREY),
    State.UNCLEAR: ("Nobody knows", YELLOW),
}

_BILLED_UNKNOWN = "FoxAPI does not say whether it bills this; it may have been billed."

_PINGS = {
    State.DELIVERED: "your video is ready.",
    State.FAILED: "that did not work; my reply says why.",
    State.UNCLEAR: "nobody can know how that ended; my reply says why.",
}


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


def card(task: Task, now: datetime, *, linked: bool = False, still: bool = False) -> Card:
    """The card for a reply; `linked`: the result is too large to attach, so show FoxAPI's link.

    `still`: a picture of the clip is attached as STILL_NAME; show it.
    """
    shown = State.DELIVERED if task.state is State.READY and task.told else task.state
    title, tint = ("Deleted", GREY) if task.deleted else _TITLES[shown]
    embed = discord.Embed(title=title, colour=tint, description="\n".join(_lines(task, now, linked)))
    embed.add_field(name="Asked by", value=f"<@{task.order.user_id}>")
    embed.add_field(name="Clip", value=_lengths(task))
    if timing := _timing(task, now):
        embed.add_field(name="Time", value=timing)
    if task.order.parent_url:
        embed.add_field(
            name="Part", value=f"{task.order.part}, after [part {task.order.part - 1}]({task.order.parent_url})"
        )
    if still:
        (embed.set_image if linked else embed.set_thumbnail)(url=f"attachment://{STILL_NAME}")
    embed.set_footer(text=f"Task {task.id}")
    return Card(embed, actions=_actions(task, shown, now), still=still)


def finished(task: Task, now: datetime, *, linked: bool = False, still: bool = False) -> Card:
    """The card that goes out together with the result."""
    return card(task.model_copy(update={"told": True}), now, linked=linked, still=still)


def bar(percent: int) -> str:
    """A progress bar in text, with its percentage."""
    full = percent * _BAR // 100
    return f"{'▰' * full}{'▱' * (_BAR - full)} **{percent} %**"


def clock(seconds: float) -> str:
    """A length as people write it: 0:07, 1:40."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def quoted(prompt: str, limit: int = _PROMPT_SHOWN) -> str:
    """A member's words as a quote: bounded, and without any markdown of their own."""
    words = " ".join(prompt.split())
    short = words if len(words) <= limit else words[: limit - 1] + "…"
    return f"> {escape_markdown(short, ignore_links=False)}"


def jump_url(task: Task) -> str:
    """The address of the task's reply."""
    place = task.place
    return f"https://discord.com/channels/{place.guild_id or '@me'}/{place.channel_id}/{place.message_id}"


def ping(task: Task) -> str:
    """What notifies the member of the task's end."""
    return f"<@{task.order.user_id}> {_PINGS[task.state]}"


def standing(task: Task) -> str:
    """Where a task stands, in a few words."""
    if task.deleted:
        return "Deleted"
    percent = f" {task.progress} %" if task.state is State.RENDERING else ""
    if task.state is State.QUEUED and task.turn:
        percent = f", number {task.turn:,}"
    return f"{_TITLES[task.state][0]}{percent}"


def colour(task: Task) -> int:
    """The colour that goes with where it stands."""
    return GREY if task.deleted else _TITLES[task.state][1]


def line(task: Task) -> str:
    """Two lines for a list of tasks."""
    where = standing(task) if task.deleted else f"[{standing(task)}]({jump_url(task)})"
    when = format_dt(task.created_at, "R")
    return f"**{task.id}** · {where} · {when}\n{quoted(task.order.prompt, 100)}"


def in_line(task: Task) -> str:
    """Where a waiting task stands, and when it should start; "" where that is not known."""
    if task.state is not State.QUEUED or task.turn is None:
        return ""
    place = "**Next in line**" if task.turn == 1 else f"**Number {task.turn:,} in line**"
    return f"{place}, about to start {format_dt(task.starts_at, 'R')}." if task.starts_at else f"{place}."


def fetch_by(task: Task) -> datetime | None:
    """From when a private reply must offer "Fetch result", for its token ends soon; None if it never needs to."""
    if not task.place.ephemeral or task.state.ended:
        return None
    return task.place.token_ends - _FETCH_IN_TIME


def _actions(task: Task, shown: State, now: datetime) -> tuple[str, ...]:
    if shown is State.DELIVERED:
        share = ("share",) if task.order.guild_id else ()
        return ("again",) if task.deleted else ("more", "again", *share, "delete")
    if shown in {State.FAILED, State.UNCLEAR}:
        return ("again",)
    fetch_from = fetch_by(task)
    fetch = ("fetch",) if fetch_from and now >= fetch_from else ()
    return fetch if shown.ended or shown is State.READY else (*fetch, "cancel")


def _lines(task: Task, now: datetime, linked: bool) -> list[str]:
    lines = list(filter(None, (quoted(task.order.prompt), in_line(task))))
    if task.state in {State.SENDING, State.RENDERING}:
        lines.append(bar(task.progress))
    if task.state is State.SENDING and task.not_before and task.not_before > now:
        lines.append(f"FoxAPI is busy; I try again {format_dt(task.not_before, 'R')}.")
    if task.overdue and task.state is State.RENDERING:
        lines.append(
            "FoxAPI has not reported anything for a long time. I look for the result for a day and bring it here if "
            "it comes; you need not wait. It may be billed all the same."
        )
    fetch_from = fetch_by(task)
    if fetch_from and now >= fetch_from:
        ends = format_dt(task.place.token_ends, "R")
        lines.append(
            f"Discord lets me change this private reply for a few minutes only (the end is {ends}). Press **Fetch "
            "result** whenever you like, and it goes on here; else I send you the result as a direct message."
        )
    if linked and task.result_url:
        ends = f" until {format_dt(task.result_url_ends, 'R')}" if task.result_url_ends else ""
        lines.append(f"It is too large for Discord here: [get FoxAPI's video]({task.result_url}){ends}.")
    if task.state is State.UNCLEAR:
        lines.append(
            "FoxAPI's answer to the request was lost, so I cannot know whether it was taken: it may have been billed. "
            "I never send it again by myself."
        )
    if task.reason:
        lines.append(escape_markdown(str(task.reason)))
    if task.billed is Billed.UNKNOWN and task.state in {State.FAILED, State.CANCELLED}:
        lines.append(_BILLED_UNKNOWN)
    if task.billed is Billed.NO and task.state in {State.FAILED, State.CANCELLED}:
        lines.append("Nothing was billed.")
    return lines


def _lengths(task: Task) -> str:
    added = f"+ {task.order.seconds} s"
    if task.clip is None:
        return added
    made = task.film or task.result
    total = f" → {clock(made.seconds)}" if made else ""
    kind = ", the new part" if made and task.order.result is ResultKind.NEW_PART else ""
    note = f"\n{task.note}" if task.note else ""
    return f"{clock(task.clip.seconds)} {added}{total}{kind}{note}"


def _timing(task: Task, now: datetime) -> str:
    if task.rendered_at:
        return f"took {clock((task.rendered_at - task.created_at).total_seconds())}"
    started = f"started {format_dt(task.created_at, 'R')}"
    if task.state is not State.RENDERING or task.overdue:
        return started
    if task.expected_at is None:
        return started
    if task.expected_at < now:
        return f"{started}, taking longer than usual"
    return f"{started}, about done {format_dt(task.expected_at, 'R')}"
