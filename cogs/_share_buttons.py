"""The buttons of what is shared: taking it back, and going on from it."""

from __future__ import annotations

import re
from typing import Any

import discord
from discord import ui

from bot.client import ExtendBot, language_of
from bot.languages import Language
from bot.phrase import say
from bot.task import Order, Refused, Share, Task
from cogs._acknowledge import acknowledge
from cogs._base_modal import open_modal
from cogs._lineage import relink
from cogs._modal import ExtendModal
from cogs._post import post_url
from cogs._posted import undo_id, withdraw
from cogs._press import Pressed
from cogs._sources import Source, video_in


class ShareButton(Pressed, template=r"share:(?P<action>undo|more):(?P<id>[0-9]{1,18})"):
    """A button of a post, or of the private word that it was posted."""

    async def pressed(self, interaction: discord.Interaction[ExtendBot], match: re.Match[str], /) -> None:
        """Do what it says on it."""
        await (_undo if match["action"] == "undo" else _more)(interaction, int(match["id"]))


class _NextPart(ExtendModal):
    """Goes on from a shared film. What its creator kept to themselves stays so."""

    def __init__(self, language: Language, source: Source, parent: Task, share: Share, user_id: int) -> None:
        super().__init__(language, source, parent)
        self._share = share
        if share.hidden and user_id != share.user_id:
            self.prompt.default = None

    def order(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> Order:
        """The next part, after the post, which everybody there can open."""
        order = super().order(interaction, prompt, seconds)
        return order.model_copy(update={"private": False, "parent_url": post_url(self._share)})


def undo_button(language: Language, share_id: int) -> ShareButton:
    """Takes the post back."""
    style = discord.ButtonStyle.secondary
    return ShareButton(ui.Button[Any](label=language.say("Unshare"), style=style, custom_id=undo_id(share_id)))


def more_button(language: Language, share_id: int) -> ShareButton:
    """Goes on from the shared film."""
    label, style = language.say("Extend again"), discord.ButtonStyle.primary
    return ShareButton(ui.Button[Any](label=label, style=style, custom_id=f"share:more:{share_id}"))


def view_of(*buttons: ShareButton) -> ui.View:
    """Make a new view: editing with a changed copy of a stored one loses the pattern (discord.py 2.7.1)."""
    view = ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    return view


async def next_part(
    interaction: discord.Interaction[ExtendBot], message: discord.Message, source: Source
) -> ExtendModal | None:
    """What goes on from the film in that message, if it is the post of a share."""
    if interaction.guild_id is None:
        return None
    found = await interaction.client.sharing.shared_at(interaction.guild_id, message.id)
    if found is None:
        return None
    share, task = found
    return _NextPart(language_of(interaction), source, task, share, interaction.user.id)


async def _undo(interaction: discord.Interaction[ExtendBot], share_id: int) -> None:
    """Take a post back, for its creator."""
    share = await interaction.client.sharing.share(share_id)
    if share.user_id != interaction.user.id:
        raise Refused(say("Only the member who shared this can take it back."))
    private = interaction.message is not None and interaction.message.flags.ephemeral
    await acknowledge(interaction, ephemeral=True, thinking=not private)
    await withdraw(interaction.client, share_id)
    words = language_of(interaction).say("Taken back.")
    if private:
        await interaction.edit_original_response(content=words, view=None)
    else:
        await interaction.followup.send(words, ephemeral=True)
    await relink(interaction.client, share.task_id)


def _is_its_post(interaction: discord.Interaction[ExtendBot], share: Share) -> bool:
    """Whether the message pressed on is the share's post, whose id is written down a moment after it is there."""
    if interaction.guild_id != share.guild_id or interaction.message is None:
        return False
    if share.message_id is not None:
        return interaction.message.id == share.message_id
    parent_id = getattr(interaction.channel, "parent_id", None)
    return share.channel_id in {interaction.channel_id, parent_id}


async def _more(interaction: discord.Interaction[ExtendBot], share_id: int) -> None:
    """Go on from a shared film, for everybody who sees its post: it becomes the presser's own task."""
    share, task = await interaction.client.sharing.shared(share_id)
    if not _is_its_post(interaction, share):
        raise Refused(say("That is no longer shared."))
    source = video_in(interaction.message) if interaction.message else None
    if source is None:
        raise Refused(say("That video is no longer here: send it again with /extend."))
    await open_modal(interaction, _NextPart(language_of(interaction), source, task, share, interaction.user.id))
