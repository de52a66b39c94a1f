"""The modal that asks for what neither a menu nor a button can: what happens next, and for how long."""

from __future__ import annotations

import discord
from discord import ui

from bot.client import ExtendBot, answer_error
from bot.task import SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, Refused, Task
from cogs._begin import begin, order_from
from cogs._cards import jump_url
from cogs._sources import Source

_PROMPT_MAX = 4000
"""Discord's bound on a text input (Discord docs, Component Reference, Text Input)."""


class ExtendModal(ui.Modal):
    """Asks, and goes on as /extend does. It is lost at a restart, like every open modal."""

    def __init__(self, source: Source, parent: Task | None = None) -> None:
        """`parent`: the task whose result `source` is; its words and seconds are filled in."""
        super().__init__(title="Extend again" if parent else "Extend video")
        self._source = source
        self._parent = parent
        self.prompt: ui.TextInput[ui.View] = ui.TextInput(
            style=discord.TextStyle.paragraph,
            min_length=1,
            max_length=_PROMPT_MAX,
            default=parent.order.prompt[:_PROMPT_MAX] if parent else None,
        )
        self.seconds: ui.TextInput[ui.View] = ui.TextInput(
            default=str(parent.order.seconds if parent else SECONDS_DEFAULT), min_length=1, max_length=2
        )
        self.add_item(ui.Label(text="What happens next?", component=self.prompt))
        self.add_item(ui.Label(text=f"Seconds to add ({SECONDS_MIN}–{SECONDS_MAX})", component=self.seconds))

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Go on as /extend does."""
        written, parent = self.seconds.value.strip(), self._parent
        if not written.isascii() or not written.isdigit():
            raise Refused(f"“{written}” is not a number of seconds: write one from {SECONDS_MIN} to {SECONDS_MAX}.")
        private = parent is not None and parent.order.private
        order = order_from(interaction, self.prompt.value, self._source, int(written), private=private)
        if parent is not None:
            lineage = {"part": parent.order.part + 1, "parent_id": parent.id, "parent_url": jump_url(parent)}
            order = order.model_copy(update=lineage)
        await begin(interaction, order)

    async def on_error(self, interaction: discord.Interaction[ExtendBot], error: Exception) -> None:  # type: ignore[override]
        """As for every command."""
        await answer_error(interaction, error)
