"""What all modals have in common: they end by themselves, and their errors are told like every other error."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.client import ExtendBot, respond_with_error


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
