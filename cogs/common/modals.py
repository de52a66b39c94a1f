"""The modals of the panel: each asks for a few values and hands them on, checked by whoever takes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.client import ExtendBot, respond_with_error
from bot.domain.errors import RequestRefused
from bot.i18n import Language
from bot.i18n.text import Translatable, tr
from cogs.common.permissions import require_moderator

_DIGITS_MAX = 18
OnSubmit = Callable[[discord.Interaction[ExtendBot], list[str]], Awaitable[None]]
"""Gets what was written, in the order of the questions; may raise Refused."""


class BaseModal(ui.Modal):
    """A modal that is lost at a restart, like every open modal, and after a while: Discord tells of no dismissal."""

    async def on_error(self, interaction: discord.Interaction[ExtendBot], error: Exception) -> None:  # type: ignore[override]
        """As for every command."""
        await respond_with_error(interaction, error)


async def open_modal(interaction: discord.Interaction[Any], modal: BaseModal) -> None:
    """Show the modal to the member; it can be submitted for as long as the bot keeps modals."""
    modal.timeout = interaction.client.modal_seconds
    interaction.client.modals[modal.custom_id] = modal
    await interaction.response.send_modal(modal)


@dataclass(frozen=True, slots=True)
class Question:
    """One field. `most`: characters that it takes."""

    label: Translatable
    value: str = ""
    help: Translatable | None = None
    max_length: int = 10
    multiline: bool = False
    required: bool = False


class FormModal(BaseModal):
    """Asks, checks once more who answers, and hands on. It is lost at a restart, like every open modal."""

    def __init__(self, title: Translatable, questions: Sequence[Question], take: OnSubmit, language: Language) -> None:
        """At most five questions (Discord docs, Responding to an Interaction, Modal)."""
        super().__init__(title=language.translate(title))
        self._submit = take
        self._fields: list[ui.TextInput[ui.View]] = []
        for asked in questions:
            field: ui.TextInput[ui.View] = ui.TextInput(
                style=discord.TextStyle.paragraph if asked.multiline else discord.TextStyle.short,
                default=asked.value or None,
                max_length=asked.max_length,
                required=asked.required,
            )
            self._fields.append(field)
            told = language.translate(asked.help) if asked.help else None
            self.add_item(ui.Label(text=language.translate(asked.label), description=told, component=field))

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Hand the answers on."""
        require_moderator(interaction)
        await self._submit(interaction, [field.value.strip() for field in self._fields])


def parse_int(text: str, label: Translatable) -> int:
    """The whole number that was written into the field of that label, nothing being 0; raises Refused."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise RequestRefused(
            tr("“{text}” is not a number for “{field}”: write a whole one, 0 for no limit.", text=text, field=label)
        )
    return int(text)
