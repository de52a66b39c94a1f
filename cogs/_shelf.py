"""Rendering: a member's tasks as pages, and one of them opened. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import discord
from discord import ui
from discord.utils import format_dt

from bot.library import Page
from bot.task import State, Task
from cogs import _cards

_NONE_YET = "You have no tasks yet: type /extend to make a video longer."
_GONE = "The reply was deleted, and so was the film."
_WORDS = 100
"""Characters of a choice's name and description (Discord docs, Select Option; Autocomplete)."""
_LEFT_OUT = {"fetch"}
"""It moves a private reply to where it is pressed: only the reply itself has it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the message of /tasks shows: `actions` are buttons of one task, `stills` are attached by name."""

    content: str
    embeds: Sequence[discord.Embed]
    controls: Sequence[ui.Item[ui.View]] = ()
    task_id: int = 0
    actions: Sequence[str] = ()
    stills: dict[str, Path] = field(default_factory=dict)


def page(shown: Page, stills: dict[int, Path]) -> Shown:
    """One page; `stills` are the pictures that there are, by task."""
    if not shown.tasks:
        return Shown("", [discord.Embed(title="Your tasks", description=_NONE_YET, colour=_cards.BLUE)])
    names = {_still_name(task_id): path for task_id, path in stills.items()}
    embeds = [_entry(task, with_still=task.id in stills) for task in shown.tasks]
    controls: list[ui.Item[ui.View]] = [_select(shown)]
    if shown.number > 1:
        controls.append(_button("Newer", f"tasks:page:{shown.number - 1}"))
    if shown.number < shown.of:
        controls.append(_button("Older", f"tasks:page:{shown.number + 1}"))
    where = f", page {shown.number:,} of {shown.of:,}" if shown.of > 1 else ""
    return Shown(f"**Your tasks**{where}", embeds, controls, stills=names)


def opened(task: Task, now: datetime, page_number: int, still: Path | None, *, kept: bool) -> Shown:
    """One task with its buttons; `kept`: its film is still there."""
    card = _cards.card(task, now, still=still is not None)
    reply = _GONE if task.deleted else f"[Go to the reply]({_cards.jump_url(task)})"
    card.embed.add_field(name="Reply", value=reply, inline=False)
    controls = [_button("Send again", f"tasks:send:{task.id}")] if kept else []
    controls.append(_button("All tasks", f"tasks:page:{page_number}"))
    actions = [action for action in card.actions if action not in _LEFT_OUT]
    return Shown(
        f"**Task {task.id}**", [card.embed], controls, task.id, actions, {_cards.STILL_NAME: still} if still else {}
    )


def choices(tasks: Iterable[Task]) -> list[tuple[str, str]]:
    """Names and values for autocomplete."""
    return [(_cut(f"{task.id} · {_cards.standing(task)} · {_words(task)}"), str(task.id)) for task in tasks]


def _entry(task: Task, *, with_still: bool) -> discord.Embed:
    embed = discord.Embed(colour=_cards.colour(task), description=_cards.line(task))
    if with_still:
        embed.set_thumbnail(url=f"attachment://{_still_name(task.id)}")
    if task.state is State.RENDERING and task.expected_at:
        embed.add_field(name="Time", value=f"about done {format_dt(task.expected_at, 'R')}")
    return embed


def _select(shown: Page) -> ui.Select[ui.View]:
    options = [
        discord.SelectOption(
            label=_cut(f"{task.id} · {_cards.standing(task)}"), value=str(task.id), description=_cut(_words(task))
        )
        for task in shown.tasks
    ]
    return ui.Select(custom_id=f"tasks:open:{shown.number}", placeholder="Open one…", options=options)


def _button(label: str, custom_id: str) -> ui.Button[ui.View]:
    return ui.Button(label=label, style=discord.ButtonStyle.secondary, custom_id=custom_id)


def _still_name(task_id: int) -> str:
    return f"still-{task_id}.jpg"


def _words(task: Task) -> str:
    return " ".join(task.order.prompt.split()) or "…"


def _cut(text: str) -> str:
    return text if len(text) <= _WORDS else text[: _WORDS - 1] + "…"
