"""The panel's buttons and selects. The custom_id says what one does, so that a panel works after any restart."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

import discord
from discord import ui

from bot.client import ExtendBot, language_of
from bot.phrase import Phrase, say
from bot.rules import Limits
from bot.task import Refused
from cogs import _controls, _panel, _rulings
from cogs._forms import Form, Question, Taker, whole
from cogs._moderators import guild_of_moderator
from cogs._panel import Choice
from cogs._press import OUTDATED, Pressed, parse_first_id, parse_id

Interaction = discord.Interaction[ExtendBot]
Deed = Callable[[Interaction, Sequence[str]], Awaitable[None]]
"""Gets what was chosen or written, or the id of the member whom a button is about; may raise Refused."""
Ruling = Callable[[Interaction, Sequence[str]], Awaitable[Phrase]]
"""The same, but says what became of it."""

_DAY = say("Tasks in 24 hours")
_MEMBER_NUMBERS = {
    "user_per_day": _DAY,
    "user_running": say("Unfinished tasks, waiting ones counted"),
    "cooldown": say("Seconds between two tasks"),
    "max_seconds": say("Seconds added by one task (2–10)"),
}
_SERVER_NUMBERS = {
    "server_per_day": _DAY,
    "server_running": say("At FoxAPI at once; more wait in line"),
}
_NO_LIMIT = say("0 = no limit")
_MOST_WRITTEN = 4000
"""Characters of a text input (Discord docs, Component Reference, Text Input)."""


class PanelItem(Pressed, template=r"limits:(?P<deed>[a-z_]+)(?::(?P<about>[0-9]{1,20}))?"):
    """One button or select of a panel."""

    async def pressed(self, interaction: Interaction, match: re.Match[str], /) -> None:
        """Do it, for a moderator."""
        guild_of_moderator(interaction)
        deed = _DEEDS.get(match["deed"])
        if deed is None:
            raise Refused(OUTDATED)
        await deed(interaction, [match["about"]] if match["about"] else self.values)


async def draw(interaction: Interaction, choice: Choice, note: Phrase | None = None) -> None:
    """Draw the panel into the response, which was deferred; `note` says what was just changed."""
    standing = await interaction.client.service.moderation.standing(guild_of_moderator(interaction))
    language = language_of(interaction)
    view = ui.View(timeout=None)  # a fresh one each time: see _buttons.view_of
    for control in _controls.controls(standing, choice, language, interaction.client.languages.codes):
        view.add_item(PanelItem(control))
    await interaction.edit_original_response(
        embed=_panel.embed(standing, choice, language, language.tell(note) if note else ""),
        view=view,
        allowed_mentions=discord.AllowedMentions.none(),
    )


def _then(page: str, ruling: Ruling) -> Deed:
    """Do it, and draw that page with what became of it."""

    async def deed(interaction: Interaction, chosen: Sequence[str]) -> None:
        await interaction.response.defer()
        await draw(interaction, Choice(page), await ruling(interaction, chosen))

    return deed


def _about(ruling: Callable[[Interaction, int], Awaitable[Phrase]]) -> Deed:
    """Do it to the chosen member, who stays chosen."""

    async def deed(interaction: Interaction, chosen: Sequence[str]) -> None:
        user_id = parse_first_id(chosen)
        await interaction.response.defer()
        await draw(interaction, Choice("members", user_id), await ruling(interaction, user_id))

    return deed


async def _page(interaction: Interaction, chosen: Sequence[str]) -> None:
    await interaction.response.defer()
    await draw(interaction, Choice(chosen[0] if chosen and chosen[0] in _controls.PAGES else "numbers"))


async def _refresh(interaction: Interaction, _: Sequence[str]) -> None:
    await interaction.response.defer()
    await draw(interaction, Choice())


async def _member(interaction: Interaction, chosen: Sequence[str]) -> None:
    user_id = parse_first_id(chosen)
    await interaction.response.defer()
    await draw(interaction, Choice("members", user_id))


async def _limits(interaction: Interaction) -> Limits:
    return await interaction.client.service.moderation.limits_of(guild_of_moderator(interaction))


async def _ask(interaction: Interaction, title: Phrase, questions: Sequence[Question], take: Taker) -> None:
    await interaction.response.send_modal(Form(title, questions, take, language_of(interaction)))


def _numbers(title: Phrase, labels: dict[str, Phrase]) -> Deed:
    """Ask for these numbers, with what they are now filled in."""

    async def ruling(interaction: Interaction, written: Sequence[str]) -> Phrase:
        numbers = {name: whole(text, labels[name]) for name, text in zip(labels, written, strict=True)}
        return await _rulings.change(interaction, **numbers)

    async def deed(interaction: Interaction, _: Sequence[str]) -> None:
        limits = await _limits(interaction)
        questions = [Question(label, str(getattr(limits, name)), _NO_LIMIT) for name, label in labels.items()]
        await _ask(interaction, title, questions, _then("numbers", ruling))

    return deed


async def _pause(interaction: Interaction, _: Sequence[str]) -> None:
    question = Question(say("Why? Members are shown this."), most=300, long=True)
    take = _then("numbers", lambda asked, written: _rulings.pause(asked, written[0]))
    await _ask(interaction, say("Pause this server"), [question], take)


async def _words(interaction: Interaction, _: Sequence[str]) -> None:
    async def ruling(asked: Interaction, written: Sequence[str]) -> Phrase:
        lines = dict.fromkeys(filter(None, map(str.strip, written[0].splitlines())))
        return await _rulings.change(asked, forbidden=tuple(lines))

    now = "\n".join((await _limits(interaction)).forbidden)
    told = say("One per line; * stands for any characters within a word.")
    question = Question(say("Prompts may not contain"), now[:_MOST_WRITTEN], told, _MOST_WRITTEN, long=True)
    await _ask(interaction, say("Forbidden words"), [question], _then("words", ruling))


async def _role_number(interaction: Interaction, chosen: Sequence[str]) -> None:
    role_id = parse_first_id(chosen)

    async def ruling(asked: Interaction, written: Sequence[str]) -> Phrase:
        numbers = {**(await _limits(asked)).role_per_day}
        numbers.pop(role_id, None)
        if written[0]:
            numbers[role_id] = whole(written[0], _DAY)
        return await _rulings.change(asked, role_per_day=numbers)

    now = (await _limits(interaction)).role_per_day.get(role_id)
    told = say("0 = no limit; leave it empty, and the role has no number of its own")
    question = Question(_DAY, "" if now is None else str(now), told)
    await _ask(interaction, say("This role's daily number"), [question], _then("roles", ruling))


async def _grant(interaction: Interaction, chosen: Sequence[str]) -> None:
    user_id, label = parse_first_id(chosen), say("Extra runs, beyond the daily number")

    async def take(asked: Interaction, written: Sequence[str]) -> None:
        runs = whole(written[0], label)
        await _about(lambda each, member: _rulings.grant(each, member, runs))(asked, [str(user_id)])

    question = Question(label, "1", required=True)
    await _ask(interaction, say("Grant extra runs"), [question], take)


async def _toggle(interaction: Interaction, name: str) -> Phrase:
    return await _rulings.change(interaction, **{name: not getattr(await _limits(interaction), name)})


def _first(chosen: Sequence[str]) -> int | None:
    return parse_id(chosen[0]) if chosen else None


_DEEDS: dict[str, Deed] = {
    "page": _page,
    "refresh": _refresh,
    "member_numbers": _numbers(say("Limits of each member"), _MEMBER_NUMBERS),
    "server_numbers": _numbers(say("Limits of the server"), _SERVER_NUMBERS),
    "pause": _pause,
    "resume": _then("numbers", lambda it, _: _rulings.resume(it)),
    "required_role": _then("roles", lambda it, ids: _rulings.change(it, required_role=_first(ids))),
    "exempt_roles": _then("roles", lambda it, ids: _rulings.change(it, exempt_roles=frozenset(map(parse_id, ids)))),
    "role_number": _role_number,
    "channels": _then("channels", lambda it, ids: _rulings.change(it, channels=frozenset(map(parse_id, ids)))),
    "log": _then("channels", lambda it, ids: _rulings.log_to(it, _first(ids))),
    "private": _then("channels", lambda it, _: _toggle(it, "private_allowed")),
    "age": _then("channels", lambda it, _: _toggle(it, "open_everywhere")),
    "member": _member,
    "block": _about(_rulings.block),
    "unblock": _about(_rulings.unblock),
    "reset": _about(_rulings.reset),
    "grant": _grant,
    "reset_server": _then("members", lambda it, _: _rulings.reset(it, None)),
    "words": _words,
    "language": _then("language", lambda it, codes: _rulings.speak(it, codes[0] if codes else "")),
}
