"""Callbacks of the panel's buttons and selects.

The custom_id names the action, so a panel keeps working after a restart.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

import discord
from discord import ui

from bot.client import ExtendBot, get_language
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
"""Gets the selected or entered values, or the id of the member that a button acts on; may raise RequestRefused."""
Action = Callable[[Interaction, Sequence[str]], Awaitable[Translatable]]
"""Takes the same arguments as a Callback and returns a description of the result."""

_TASKS_PER_DAY = tr("Tasks in 24 hours")
_MEMBER_NUMBERS = {
    "user_per_day": _TASKS_PER_DAY,
    "user_running": tr("Unfinished tasks, including queued ones"),
    "cooldown": tr("Seconds between two tasks"),
    "max_seconds": tr("Seconds added by one task (2–10)"),
}
_SERVER_NUMBERS = {
    "server_per_day": _TASKS_PER_DAY,
    "server_running": tr("Tasks at FoxAPI at once; others are queued"),
}
_ASK_TO_RESET = tr(
    "This sets the count of the whole server to 0: everything that was made in the last 24 hours no longer counts "
    "towards the server's limit. It cannot be undone."
)
_NO_LIMIT = tr("0 = no limit")
_MAX_INPUT = 4000
"""Characters of a text input (Discord docs, Component Reference, Text Input)."""


class PanelItem(PersistentItem, template=r"limits:(?P<action>[a-z_]+)(?::(?P<member_id>[0-9]{1,20}))?"):
    """A button or select of the panel."""

    async def on_use(self, interaction: Interaction, match: re.Match[str], /) -> None:
        """Check that a moderator uses it, and run its callback."""
        require_moderator(interaction)
        self.check_private(interaction)
        await super().on_use(interaction, match)

    def arguments(self, match: re.Match[str]) -> tuple[Sequence[str]]:
        """Return the id of the member whom a button is about, or the values of a select."""
        return ([match["member_id"]] if match["member_id"] else self.values,)


async def render(interaction: Interaction, selection: PanelSelection, note: Translatable | None = None) -> None:
    """Render the panel into the deferred response; `note` describes the latest change."""
    status = await interaction.client.services.moderation.get_status(require_moderator(interaction))
    language = get_language(interaction)
    # Always a new view: editing with a changed copy of a stored one loses the pattern (discord.py 2.7.1).
    view = ui.View(timeout=None)
    for control in components.build_controls(status, selection, language, interaction.client.languages.codes):
        view.add_item(PanelItem(control))
    await interaction.edit_original_response(
        embed=embed.build_embed(status, selection, language, language.translate(note) if note else ""),
        view=view,
        allowed_mentions=discord.AllowedMentions.none(),
    )


def _then_show(page: str, action: Action) -> Callback:
    """Make a callback that runs the action and renders the page with the result."""

    async def callback(interaction: Interaction, values: Sequence[str]) -> None:
        await acknowledge(interaction)
        await render(interaction, PanelSelection(page), await action(interaction, values))

    return callback


def _on_member(action: Callable[[Interaction, int], Awaitable[Translatable]]) -> Callback:
    """Make a callback that runs the action on the selected member, who stays selected."""

    async def callback(interaction: Interaction, values: Sequence[str]) -> None:
        user_id = parse_first_id(values)
        await acknowledge(interaction)
        await render(interaction, PanelSelection("members", user_id), await action(interaction, user_id))

    return callback


async def _show_page(interaction: Interaction, values: Sequence[str]) -> None:
    await acknowledge(interaction)
    await render(interaction, PanelSelection(values[0] if values and values[0] in components.PAGES else "numbers"))


async def _refresh(interaction: Interaction, _: Sequence[str]) -> None:
    await acknowledge(interaction)
    await render(interaction, PanelSelection())


async def _show_member(interaction: Interaction, values: Sequence[str]) -> None:
    user_id = parse_first_id(values)
    await acknowledge(interaction)
    await render(interaction, PanelSelection("members", user_id))


async def ask_to_reset(interaction: Interaction) -> None:
    """Ask privately before the count of the whole server is reset. Raises RequestRefused."""
    require_moderator(interaction)
    language, view = get_language(interaction), ui.View(timeout=None)
    label = language.tr("Reset it")
    button: ui.Button[ui.View] = ui.Button(
        label=label, style=discord.ButtonStyle.danger, custom_id="limits:reset_confirmed"
    )
    view.add_item(PanelItem(button))
    await interaction.response.send_message(language.translate(_ASK_TO_RESET), view=view, ephemeral=True)


async def _reset_server(interaction: Interaction, _: Sequence[str]) -> None:
    await acknowledge(interaction)
    done = await actions.reset(interaction, None)
    await interaction.edit_original_response(content=get_language(interaction).translate(done), view=None)


async def _get_limits(interaction: Interaction) -> GuildLimits:
    return await interaction.client.services.moderation.get_limits(require_moderator(interaction))


async def _open_form(
    interaction: Interaction, title: Translatable, questions: Sequence[Question], on_submit: OnSubmit
) -> None:
    await open_modal(interaction, FormModal(title, questions, on_submit, get_language(interaction)))


def _make_numbers_form(title: Translatable, labels: dict[str, Translatable]) -> Callback:
    """Make a callback that opens a form for these limits, prefilled with their current values."""

    async def action(interaction: Interaction, values: Sequence[str]) -> Translatable:
        numbers = {name: parse_int(text, labels[name]) for name, text in zip(labels, values, strict=True)}
        return await actions.change_limits(interaction, **numbers)

    async def callback(interaction: Interaction, _: Sequence[str]) -> None:
        limits = await _get_limits(interaction)
        questions = [Question(label, str(getattr(limits, name)), _NO_LIMIT) for name, label in labels.items()]
        await _open_form(interaction, title, questions, _then_show("numbers", action))

    return callback


def _make_pause_form(hours: int | None) -> Callback:
    """Make a callback that asks for a reason and pauses for these hours, or until a moderator resumes."""

    async def callback(interaction: Interaction, _: Sequence[str]) -> None:
        question = Question(tr("Reason, shown to members"), max_length=300, multiline=True)
        on_submit = _then_show("numbers", lambda submitted, values: actions.pause(submitted, values[0], hours))
        await _open_form(interaction, tr("Pause this server"), [question], on_submit)

    return callback


async def _open_words_form(interaction: Interaction, _: Sequence[str]) -> None:
    async def action(submitted: Interaction, values: Sequence[str]) -> Translatable:
        lines = dict.fromkeys(filter(None, map(str.strip, values[0].splitlines())))
        return await actions.change_limits(submitted, forbidden=tuple(lines))

    current = "\n".join((await _get_limits(interaction)).forbidden)
    hint = tr("One per line; * matches any characters within a word.")
    question = Question(
        tr("Words that prompts may not contain"),
        truncate(current, _MAX_INPUT, end=""),
        hint,
        _MAX_INPUT,
        multiline=True,
    )
    await _open_form(interaction, tr("Forbidden words"), [question], _then_show("words", action))


async def _open_role_form(interaction: Interaction, values: Sequence[str]) -> None:
    role_id = parse_first_id(values)

    async def action(submitted: Interaction, values: Sequence[str]) -> Translatable:
        numbers = {**(await _get_limits(submitted)).role_per_day}
        numbers.pop(role_id, None)
        if values[0]:
            numbers[role_id] = parse_int(values[0], _TASKS_PER_DAY)
        return await actions.change_limits(submitted, role_per_day=numbers)

    current = (await _get_limits(interaction)).role_per_day.get(role_id)
    hint = tr("0 = no limit; leave it empty to remove the role's own limit")
    question = Question(_TASKS_PER_DAY, "" if current is None else str(current), hint)
    await _open_form(interaction, tr("This role's daily limit"), [question], _then_show("roles", action))


async def _open_grant_form(interaction: Interaction, values: Sequence[str]) -> None:
    user_id, label = parse_first_id(values), tr("Extra runs, in addition to the daily limit")

    async def on_submit(submitted: Interaction, values: Sequence[str]) -> None:
        runs = parse_int(values[0], label)
        await _on_member(lambda interaction, member: actions.grant(interaction, member, runs))(
            submitted, [str(user_id)]
        )

    question = Question(label, "1", required=True)
    await _open_form(interaction, tr("Grant extra runs"), [question], on_submit)


async def _toggle(interaction: Interaction, name: str) -> Translatable:
    return await actions.change_limits(interaction, **{name: not getattr(await _get_limits(interaction), name)})


def _parse_optional_id(values: Sequence[str]) -> int | None:
    return parse_id(values[0]) if values else None


PanelItem.handlers = {
    "page": _show_page,
    "refresh": _refresh,
    "member_numbers": _make_numbers_form(tr("Limits for each member"), _MEMBER_NUMBERS),
    "server_numbers": _make_numbers_form(tr("Limits for the server"), _SERVER_NUMBERS),
    "pause": _make_pause_form(None),
    "pause_one_hour": _make_pause_form(1),
    "pause_eight_hours": _make_pause_form(8),
    "resume": _then_show("numbers", lambda interaction, _: actions.resume(interaction)),
    "required_role": _then_show(
        "roles", lambda interaction, ids: actions.change_limits(interaction, required_role=_parse_optional_id(ids))
    ),
    "exempt_roles": _then_show(
        "roles", lambda interaction, ids: actions.change_limits(interaction, exempt_roles=frozenset(map(parse_id, ids)))
    ),
    "role_number": _open_role_form,
    "channels": _then_show(
        "channels", lambda interaction, ids: actions.change_limits(interaction, channels=frozenset(map(parse_id, ids)))
    ),
    "log": _then_show(
        "channels", lambda interaction, ids: actions.set_log_channel(interaction, _parse_optional_id(ids))
    ),
    "private": _then_show("channels", lambda interaction, _: _toggle(interaction, "private_allowed")),
    "age": _then_show("channels", lambda interaction, _: _toggle(interaction, "open_everywhere")),
    "member": _show_member,
    "block": _on_member(actions.block),
    "unblock": _on_member(actions.unblock),
    "reset": _on_member(actions.reset),
    "grant": _open_grant_form,
    "reset_server": lambda interaction, _: ask_to_reset(interaction),
    "reset_confirmed": _reset_server,
    "words": _open_words_form,
    "language": _then_show(
        "language", lambda interaction, codes: actions.set_language(interaction, codes[0] if codes else "")
    ),
}
