"""Answers a refused request: the reason, the prompt as it was typed, and a button that opens the form again."""

from __future__ import annotations

import re
from typing import Self

import discord
from discord import ui

from bot.client import Draft, ExtendBot, get_language, respond_with_error
from bot.domain.errors import RequestRefused
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.components import PersistentItem
from cogs.common.embeds import DESCRIPTION_MAX, truncate
from cogs.common.formatting import GREY, escape_text
from cogs.common.modals import open_modal

_FORGOTTEN = tr("The bot no longer has this form. Copy your prompt from above and use /extend.")


class DraftButton(PersistentItem, template=r"draft:(?P<key>[0-9a-f]{16})"):
    """Opens the form of a refused request, filled in."""

    @classmethod
    def create(cls, key: str, language: Language) -> Self:
        """Make a new button."""
        label = language.tr("Edit")
        return cls(ui.Button(label=label, style=discord.ButtonStyle.primary, custom_id=f"draft:{key}"))

    async def on_use(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Open the form. Raises RequestRefused if it is no longer kept."""
        draft = interaction.client.drafts.find(match["key"])
        if draft is None or draft.user_id != interaction.user.id:
            raise RequestRefused(_FORGOTTEN)
        await open_modal(interaction, draft.make_modal(get_language(interaction)))


async def refuse_with_draft(interaction: discord.Interaction[ExtendBot], error: Exception, draft: Draft) -> None:
    """Tell the member privately what `error` means, and offer to edit the request; never raises."""
    language = get_language(interaction)
    view = ui.View(timeout=None)
    view.add_item(DraftButton.create(interaction.client.drafts.keep(draft), language))
    shown = discord.Embed(colour=GREY, title=language.tr("Your prompt"))
    shown.description = truncate(escape_text(draft.prompt), DESCRIPTION_MAX)
    await respond_with_error(interaction, error, embed=shown, view=view)
