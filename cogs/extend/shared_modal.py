"""The modal that extends a shared video."""

from __future__ import annotations

from dataclasses import replace

import discord

from bot.client import ExtendBot, get_language
from bot.domain.share import Share
from bot.domain.task import Task, TaskRequest
from bot.i18n import Language
from cogs.common.formatting import post_url
from cogs.common.videos import VideoSource
from cogs.extend.modals import ExtendModal
from cogs.extend.prompt_modal import FormInput, PromptModal


class ExtendSharedModal(ExtendModal):
    """Extends a shared video."""

    has_privacy = False

    def __init__(
        self,
        language: Language,
        source: VideoSource,
        parent: Task,
        share: Share,
        typed: FormInput | None = None,
    ) -> None:
        super().__init__(language, [source], parent, typed)
        self._source, self._shown, self._share = source, parent, share

    def make_request(self, interaction: discord.Interaction[ExtendBot], typed: FormInput) -> TaskRequest:
        """Return a public request that links to the post, which everyone in its channel can open."""
        request = super().make_request(interaction, replace(typed, private=False))
        return request.model_copy(update={"parent_url": post_url(self._share)})

    def reopen(self, typed: FormInput, error: Exception, language: Language) -> PromptModal:  # noqa: ARG002
        """Return the same modal with what was typed."""
        return ExtendSharedModal(language, self._source, self._shown, self._share, typed)


async def make_shared_modal(
    interaction: discord.Interaction[ExtendBot], message: discord.Message, source: VideoSource
) -> ExtendModal | None:
    """Return the modal that extends a shared video; None if the message is not the post of a share."""
    if interaction.guild_id is None:
        return None
    found = await interaction.client.services.sharing.find_by_message(interaction.guild_id, message.id)
    if found is None:
        return None
    share, task = found
    return ExtendSharedModal(get_language(interaction), source, task, share)
