"""The buttons of a shared film's post: Unshare and Extend further."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.client import ExtendBot, get_language
from bot.domain.errors import RequestRefused
from bot.domain.share import Share
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.components import PersistentItem
from cogs.common.interactions import acknowledge, actor_of, requester_of
from cogs.common.modals import open_modal
from cogs.common.videos import find_video
from cogs.extend.shared_modal import ExtendSharedModal
from cogs.sharing.lineage import update_links
from cogs.sharing.posts import delete_post, make_post_marker


class ShareButton(PersistentItem, template=r"share:(?P<action>undo|more):(?P<id>[0-9]{1,18})"):
    """A button on a post, or on the private confirmation that it was posted."""


def make_unshare_button(language: Language, share_id: int) -> ShareButton:
    """Make the button that deletes the post."""
    style = discord.ButtonStyle.secondary
    return ShareButton(ui.Button[Any](label=language.tr("Unshare"), style=style, custom_id=make_post_marker(share_id)))


def make_extend_button(language: Language, share_id: int) -> ShareButton:
    """Make the button that extends the shared film."""
    label, style = language.tr("Extend further"), discord.ButtonStyle.primary
    return ShareButton(ui.Button[Any](label=label, style=style, custom_id=f"share:more:{share_id}"))


def make_share_view(*buttons: ShareButton) -> ui.View:
    """Make a new view: editing with a changed copy of a stored one loses the pattern (discord.py 2.7.1)."""
    view = ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    return view


async def _unshare(interaction: discord.Interaction[ExtendBot], share_id: int) -> None:
    """Delete a post for its creator or a moderator."""
    sharing = interaction.client.services.sharing
    share = await sharing.get_deletable_share(share_id, actor_of(interaction))
    private = interaction.message is not None and interaction.message.flags.ephemeral
    await acknowledge(interaction, ephemeral=True, thinking=not private)
    await delete_post(interaction.client, share_id)
    sharing.report_unshared(share, interaction.user.id)
    text = get_language(interaction).tr("Unshared.")
    if private:
        await interaction.edit_original_response(content=text, view=None)
    else:
        await interaction.followup.send(text, ephemeral=True)
    await update_links(interaction.client, share.task_id)


def _is_post_of(interaction: discord.Interaction[ExtendBot], share: Share) -> bool:
    """Return whether the message with the pressed button is the share's post.

    The post's id is recorded shortly after the post appears; until then the channel decides.
    """
    if interaction.guild_id != share.guild_id or interaction.message is None:
        return False
    if share.message_id is not None:
        return interaction.message.id == share.message_id
    parent_id = getattr(interaction.channel, "parent_id", None)
    return share.channel_id in {interaction.channel_id, parent_id}


async def _extend(interaction: discord.Interaction[ExtendBot], share_id: int) -> None:
    """Extend a shared film; anyone who sees the post may, and the new task belongs to them."""
    share, task = await interaction.client.services.sharing.get_with_task(share_id)
    if not _is_post_of(interaction, share):
        raise RequestRefused(tr("That is no longer shared."))
    source = find_video(interaction.message) if interaction.message else None
    if source is None:
        raise RequestRefused(tr("That video is no longer here: send it again with /extend."))
    await interaction.client.services.members.check_allowed(requester_of(interaction))
    await open_modal(interaction, ExtendSharedModal(get_language(interaction), source, task, share))


ShareButton.handlers = {"undo": _unshare, "more": _extend}
