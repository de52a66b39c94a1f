"""Buttons and selects that keep working after a restart, because their custom_id says what they do."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Self, TypeAlias

import discord
from discord import ui

from bot.client import ExtendBot, respond_with_error
from bot.domain.errors import RequestRefused
from bot.i18n.text import tr

WRONG_MESSAGE = tr("This button does not work in this message. Use the command again.")
OUTDATED = tr("This button no longer works. Use its command again to get a new one.")
_ID_MAX = (1 << 63) - 1
"""The largest integer that the database stores; Discord's ids are smaller."""

Handler: TypeAlias = Callable[..., Awaitable[None]]
"""Gets the interaction and the item's `arguments`; may raise RequestRefused."""


class PersistentItem(ui.DynamicItem[ui.Item[Any]], template="(?!)"):
    """The base of all persistent buttons and selects.

    A subclass has a template for its custom_id. Its table `handlers` maps the template's group `action` to functions;
    a subclass with a single action overrides `on_use` instead.
    """

    handlers: ClassVar[dict[str, Handler]] = {}

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 (discord.py calls with it)
        item: ui.Item[Any],
        match: re.Match[str],  # noqa: ARG003
        /,
    ) -> Self:
        """Rebuild the item from the component that Discord sent with the interaction."""
        return cls(item)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Handle the interaction. Every error of a button or select ends here, as one private sentence."""
        try:
            if match := self.template.fullmatch(self.custom_id):
                await self.on_use(interaction, match)
        except Exception as error:
            await respond_with_error(interaction, error)

    async def on_use(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Call the action's handler; any member may have pressed. Raises RequestRefused."""
        handler = self.handlers.get(match["action"])
        if handler is None:
            raise RequestRefused(OUTDATED)
        await handler(interaction, *self.arguments(match))

    def arguments(self, match: re.Match[str]) -> tuple[Any, ...]:
        """Return what the handler gets besides the interaction: by default, the id in the custom_id."""
        return (int(match["id"]),)

    @staticmethod
    def check_private(interaction: discord.Interaction[Any]) -> None:
        """Raise RequestRefused unless the message is ephemeral, so that private content is never shown in public."""
        if interaction.message is None or not interaction.message.flags.ephemeral:
            raise RequestRefused(WRONG_MESSAGE)

    @property
    def values(self) -> list[str]:
        """What was chosen in a select: its values, or the ids of roles, channels and members."""
        return [str(getattr(value, "id", value)) for value in getattr(self.item, "values", [])]


def parse_id(text: str) -> int:
    """Parse an id from a custom_id, a select or a link. Raises RequestRefused."""
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > _ID_MAX:
        raise RequestRefused(OUTDATED)
    return int(text)


def parse_first_id(chosen: Sequence[str]) -> int:
    """Parse the id chosen in a select with one choice. Raises RequestRefused if there is none."""
    return parse_id(chosen[0] if chosen else "")
