"""The panel's buttons and selects. The custom_id says what one does, so that a panel works after any restart."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

import discord
from discord import ui

from bot.client import ExtendBot, language_of
from bot.domain.limits import GuildLimits
from bot.i18n.text import Translatable, tr
from cogs.common.components import PersistentItem, parse_first_id, parse_id
from cogs.common.embeds import truncate
from cogs.common.interactions import acknowledge
from cogs.common.modals import FormModal, OnSubmit, Question, open_modal, parse_int
from cogs.common.permissions import require_moderator
from cogs.limits import actions, components, embed
from cogs.limits.embed import PanelSelection

Interaction = discord.Interaction[ExtendBot]
Callback = Callable[[Interaction, Sequence[str]], Awaitable[None]]
"""Gets what was chosen or written, or the id of the member whom a button is about; may raise Refused."""
Action = Callable[[Interaction, Sequence[str]], Awaitable[Translatable]]
"""The same, but says what became of it."""

_DAY = tr("Tasks in 24 hours")
_MEMBER_NUMBERS = {
    "user_per_day": _DAY,
    "user_running": tr("Unfinished tasks, waiting ones counted"),
    "cooldown": tr("Seconds between two tasks"),
    "max_seconds": tr("Seconds added by one task (2–10)"),
}
_SERVER_NUMBERS = {
    "server_per_day": _DAY,
    "server_running": tr("At FoxAPI at once; more wait in line"),
}
_NO_LIMIT = tr("0 = no limit")
_MOST_WRITTEN = 4000
"""Characters of a text input (Discord docs, Component Reference, Text Input)."""


class PanelItem(PersistentItem, template=r"limits:(?P<action>[a-z_]+)(?::(?P<about>[0-9]{1,20}))?"):
    """One button or select of a panel."""

    async def on_use(self, interaction: Interaction, match: re.Match[str], /) -> None:
        """Call the action's handler, for a moderator."""
        require_moderator(interaction)
        self.check_private(interaction)
        await super().on_use(interaction, match)

    def arguments(self, match: re.Match[str]) -> tuple[Sequence[str]]:
        """Return the id of the member whom a button is about, or what was chosen in a select."""
        return ([match["about"]] if match["about"] else self.values,)


async def render(interaction: Interaction, choice: PanelSelection, note: Translatable | None = None) -> None:
    """Draw the panel into the response, which was deferred; `note` says what was just changed."""
    standing = await interaction.client.services.moderation.status(require_moderator(interaction))
    language = language_of(interaction)
    view = ui.View(timeout=None)  # a fresh one each time: see _buttons.view_of
    for control in components.controls(standing, choice, language, interaction.client.languages.codes):
        view.add_item(PanelItem(control))
    await interaction.edit_original_response(
        embed=embed.embed(standing, choice, language, language.translate(note) if note else ""),
        view=view,
        allowed_mentions=discord.AllowedMentions.none(),
    )


def _then_show(page: str, action: Action) -> Callback:
    """Do it, and draw that page with what became of it."""

    async def callback(interaction: Interaction, chosen: Sequence[str]) -> None:
        await acknowledge(interaction)
        await render(interaction, PanelSelection(page), await action(interaction, chosen))

    return callback


def _on_member(action: Callable[[Interaction, int], Awaitable[Translatable]]) -> Callback:
    """Do it to the chosen member, who stays chosen."""

    async def callback(interaction: Interaction, chosen: Sequence[str]) -> None:
        user_id = parse_first_id(chosen)
        await acknowledge(interaction)
        await render(interaction, PanelSelection("members", user_id), await action(interaction, user_id))

    return callback


async def _page(interaction: Interaction, chosen: Sequence[str]) -> None:
    await acknowledge(interaction)
    await render(interaction, PanelSelection(chosen[0] if chosen and chosen[0] in components.PAGES else "numbers"))


async def _refresh(interaction: Interaction, _: Sequence[str]) -> None:
    await acknowledge(interaction)
    await render(interaction, PanelSelection())


async def _member(interaction: Interaction, chosen: Sequence[str]) -> None:
    user_id = parse_first_id(chosen)
    await acknowledge(interaction)
    await render(interaction, PanelSelection("members", user_id))


async def _limits(interaction: Interaction) -> GuildLimits:
    return await interaction.client.services.moderation.limits_of(require_moderator(interaction))


async def _ask(interaction: Interaction, title: Translatable, questions: Sequence[Question], take: OnSubmit) -> None:
    await open_modal(interaction, FormModal(title, questions, take, language_of(interaction)))


def _numbers(title: Translatable, labels: dict[str, Translatable]) -> Callback:
    """Ask for these numbers, with what they are now filled in."""

    async def action(interaction: Interaction, written: Sequence[str]) -> Translatable:
        numbers = {name: parse_int(text, labels[name]) for name, text in zip(labels, written, strict=True)}
        return await actions.change(interaction, **numbers)

    async def callback(interaction: Interaction, _: Sequence[str]) -> None:
        limits = await _limits(interaction)
        questions = [Question(label, str(getattr(limits, name)), _NO_LIMIT) for name, label in labels.items()]
        await _ask(interaction, title, questions, _then_show("numbers", action))

    return callback


async def _pause(interaction: Interaction, _: Sequence[str]) -> None:
    question = Question(tr("Why? Members are shown this."), max_length=300, multiline=True)
    take = _then_show("numbers", lambda asked, written: actions.pause(asked, written[0]))
    await _ask(interaction, tr("Pause this server"), [question], take)


async def _words(interaction: Interaction, _: Sequence[str]) -> None:
    async def action(asked: Interaction, written: Sequence[str]) -> Translatable:
        lines = dict.fromkeys(filter(None, map(str.strip, written[0].splitlines())))
        return await actions.change(asked, forbidden=tuple(lines))

    now = "\n".join((await _limits(interaction)).forbidden)
    told = tr("One per line; * stands for any characters within a word.")
    question = Question(
        tr("Prompts may not contain"), truncate(now, _MOST_WRITTEN, end=""), told, _MOST_WRITTEN, multiline=True
    )
    await _ask(interaction, tr("Forbidden words"), [question], _then_show("words", action))


async def _role_number(interaction: Interaction, chosen: Sequence[str]) -> None:
    role_id = parse_first_id(chosen)

    async def action(asked: Interaction, written: Sequence[str]) -> Translatable:
        numbers = {**(await _limits(asked)).role_per_day}
        numbers.pop(role_id, None)
        if written[0]:
            numbers[role_id] = parse_int(written[0], _DAY)
        return await actions.change(asked, role_per_day=numbers)

    now = (await _limits(interaction)).role_per_day.get(role_id)
    told = tr("0 = no limit; leave it empty, and the role has no number of its own")
    question = Question(_DAY, "" if now is None else str(now), told)
    await _ask(interaction, tr("This role's daily number"), [question], _then_show("roles", action))


async def _grant(interaction: Interaction, chosen: Sequence[str]) -> None:
    user_id, label = parse_first_id(chosen), tr("Extra runs, beyond the daily number")

    async def take(asked: Interaction, written: Sequence[str]) -> None:
        runs = parse_int(written[0], label)
        await _on_member(lambda each, member: actions.grant(each, member, runs))(asked, [str(user_id)])

    question = Question(label, "1", required=True)
    await _ask(interaction, tr("Grant extra runs"), [question], take)


async def _toggle(interaction: Interaction, name: str) -> Translatable:
    return await actions.change(interaction, **{name: not getattr(await _limits(interaction), name)})


def _first(chosen: Sequence[str]) -> int | None:
    return parse_id(chosen[0]) if chosen else None


PanelItem.handlers = {
    "page": _page,
    "refresh": _refresh,
    "member_numbers": _numbers(tr("Limits of each member"), _MEMBER_NUMBERS),
    "server_numbers": _numbers(tr("Limits of the server"), _SERVER_NUMBERS),
    "pause": _pause,
    "resume": _then_show("numbers", lambda it, _: actions.resume(it)),
    "required_role": _then_show("roles", lambda it, ids: actions.change(it, required_role=_first(ids))),
    "exempt_roles": _then_show("roles", lambda it, ids: actions.change(it, exempt_roles=frozenset(map(parse_id, ids)))),
    "role_number": _role_number,
    "channels": _then_show("channels", lambda it, ids: actions.change(it, channels=frozenset(map(parse_id, ids)))),
    "log": _then_show("channels", lambda it, ids: actions.set_log_channel(it, _first(ids))),
    "private": _then_show("channels", lambda it, _: _toggle(it, "private_allowed")),
    "age": _then_show("channels", lambda it, _: _toggle(it, "open_everywhere")),
    "member": _member,
    "block": _on_member(actions.block),
    "unblock": _on_member(actions.unblock),
    "reset": _on_member(actions.reset),
    "grant": _grant,
    "reset_server": _then_show("members", lambda it, _: actions.reset(it, None)),
    "words": _words,
    "language": _then_show("language", lambda it, codes: actions.set_language(it, codes[0] if codes else "")),
}
