"""The base of all modals, and a modal made from a list of questions."""

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
"""Gets the texts, in the order of the questions; may raise RequestRefused."""


class BaseModal(ui.Modal):
    """A modal whose errors become one private sentence.

    An open modal does not survive a restart. It also times out, because Discord does not report dismissals.
    """

    async def on_error(self, interaction: discord.Interaction[ExtendBot], error: Exception) -> None:  # type: ignore[override]
        """Respond as to every failed command."""
        await respond_with_error(interaction, error)


async def open_modal(interaction: discord.Interaction[Any], modal: ui.Modal) -> None:
    """Show the modal to the member and keep it until it is submitted or times out."""
    modal.timeout = interaction.client.modal_seconds
    interaction.client.modals[modal.custom_id] = modal
    await interaction.response.send_modal(modal)


@dataclass(frozen=True, slots=True)
class Question:
    """One text input and its label."""

    label: Translatable
    value: str = ""
    help: Translatable | None = None
    max_length: int = 10
    multiline: bool = False
    required: bool = False


class FormModal(BaseModal):
    """Asks a moderator the questions and passes the answers to a function."""

    def __init__(
        self, title: Translatable, questions: Sequence[Question], submit: OnSubmit, language: Language
    ) -> None:
        """At most five questions (Discord docs, Responding to an Interaction, Modal)."""
        super().__init__(title=language.translate(title))
        self._submit = submit
        self._fields: list[ui.TextInput[ui.View]] = []
        for asked in questions:
            field: ui.TextInput[ui.View] = ui.TextInput(
                style=discord.TextStyle.paragraph if asked.multiline else discord.TextStyle.short,
                default=asked.value or None,
                max_length=asked.max_length,
                required=asked.required,
            )
            self._fields.append(field)
            description = language.translate(asked.help) if asked.help else None
            self.add_item(ui.Label(text=language.translate(asked.label), description=description, component=field))

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Check again that the member is a moderator, then pass the answers on."""
        require_moderator(interaction)
        await self._submit(interaction, [field.value.strip() for field in self._fields])


def parse_int(text: str, label: Translatable) -> int:
    """Parse the whole number in the field with that label; an empty field is 0. Raises RequestRefused."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise RequestRefused(
            tr(
                "“{text}” is not a whole number. Write a whole number for “{field}”, or 0 for no limit.",
                text=text,
                field=label,
            )
        )
    return int(text)
