"""Buttons and selects whose custom_id says what they do, so that they work after any restart."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import discord
from discord import ui

from bot.client import ExtendBot, respond_with_error
from bot.domain.errors import RequestRefused
from bot.i18n.text import tr

WRONG_MESSAGE = tr("That button does not belong here: use the command again.")
OUTDATED = tr("That button no longer works: use its command again to get a new one.")
_ID_MAX = (1 << 63) - 1
"""What a database takes; Discord's own ids are smaller."""


class PersistentItem(ui.DynamicItem[ui.Item[Any]], template="(?!)"):
    """A control, made anew around what Discord sends of it; a subclass has its template and says what it does."""

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 (discord.py calls with it)
        item: ui.Item[Any],
        match: re.Match[str],  # noqa: ARG003
        /,
    ) -> Self:
        """Make it anew."""
        return cls(item)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what it is for."""
        try:
            if match := self.template.fullmatch(self.custom_id):
                await self.on_use(interaction, match)
        except Exception as error:  # the one place where a press's errors end
            await respond_with_error(interaction, error)

    @staticmethod
    def check_private(interaction: discord.Interaction[Any]) -> None:
        """Raise Refused unless only the presser sees the message: it is about to show what nobody else may see."""
        if interaction.message is None or not interaction.message.flags.ephemeral:
            raise RequestRefused(WRONG_MESSAGE)

    @abstractmethod
    async def on_use(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Do it, whoever presses; `match` is the template's. May raise Refused."""

    @property
    def values(self) -> list[str]:
        """What was chosen in a select: its texts, or the ids of roles, channels and members."""
        return [str(getattr(value, "id", value)) for value in getattr(self.item, "values", [])]


def parse_id(text: str) -> int:
    """The id that a custom_id, a choice or a link names; raises Refused."""
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > _ID_MAX:
        raise RequestRefused(OUTDATED)
    return int(text)


def parse_first_id(chosen: Sequence[str]) -> int:
    """The one that was chosen; raises Refused."""
    return parse_id(chosen[0] if chosen else "")
