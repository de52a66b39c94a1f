"""The modals that ask for what neither a menu nor a button can: what happens next, and for how long."""

from __future__ import annotations

from abc import ABC, abstractmethod

import discord
from discord import ui

from bot.client import ExtendBot, language_of
from bot.domain.errors import RequestRefused
from bot.domain.share import Share
from bot.domain.task import SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, Task, TaskRequest
from bot.i18n import Language
from bot.i18n.text import Translatable, tr
from cogs.common.embeds import truncate
from cogs.common.formatting import jump_url, post_url
from cogs.common.modals import BaseModal
from cogs.common.videos import VideoSource
from cogs.extend.submit import build_request, submit_request

_PROMPT_MAX = 4000
"""Discord's bound on a text input (Discord docs, Component Reference, Text Input)."""

_SECONDS_DIGITS = 2


class _PromptModal(BaseModal, ABC):
    """Asks for prompt and seconds, and goes on as /extend does. It is lost at a restart, like every open modal."""

    again = False
    """Whether it is a member's order once more."""

    def __init__(self, language: Language, title: Translatable, known: TaskRequest | None) -> None:
        """`known`: its words and seconds are filled in."""
        super().__init__(title=language.translate(title))
        self.prompt: ui.TextInput[ui.View] = ui.TextInput(
            style=discord.TextStyle.paragraph,
            min_length=1,
            max_length=_PROMPT_MAX,
            default=truncate(known.prompt, _PROMPT_MAX, end="") if known else None,
        )
        self.seconds: ui.TextInput[ui.View] = ui.TextInput(
            default=str(known.seconds if known else SECONDS_DEFAULT), min_length=1, max_length=_SECONDS_DIGITS
        )
        self.add_item(ui.Label(text=language.tr("What happens next?"), component=self.prompt))
        added = language.tr("Seconds to add ({least}–{most})", least=SECONDS_MIN, most=SECONDS_MAX)
        self.add_item(ui.Label(text=added, component=self.seconds))

    @abstractmethod
    def order(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> TaskRequest:
        """What was asked for, by whoever submitted this, there; raises Refused."""

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Go on as /extend does."""
        written = self.seconds.value.strip()
        if not (written.isascii() and written.isdigit() and len(written) <= _SECONDS_DIGITS):
            raise RequestRefused(
                tr(
                    "“{written}” is not a number of seconds: write one from {least} to {most}.",
                    written=written[:20],
                    least=SECONDS_MIN,
                    most=SECONDS_MAX,
                )
            )
        await submit_request(interaction, self.order(interaction, self.prompt.value, int(written)), again=self.again)


class ExtendModal(_PromptModal):
    """Extends a video that somebody pointed at."""

    def __init__(self, language: Language, source: VideoSource, parent: Task | None = None) -> None:
        """`parent`: the task whose result `source` is; its words and seconds are filled in."""
        title = tr("Extend again") if parent else tr("Extend video")
        super().__init__(language, title, parent.order if parent else None)
        self._source = source
        self._parent = parent

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Look first whether the film may still be used: its member may have deleted it while this was open."""
        if self._parent is not None:
            await interaction.client.service.task_with_film(self._parent.id)
        await super().on_submit(interaction)

    def order(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> TaskRequest:
        """The next part."""
        parent = self._parent
        private = parent is not None and parent.order.private
        order = build_request(interaction, prompt, self._source, seconds, private=private)
        if parent is None:
            return order
        lineage = {"part": parent.order.part + 1, "parent_id": parent.id, "parent_url": jump_url(parent)}
        return order.model_copy(update=lineage)


class RetryModal(_PromptModal):
    """Asks for a new try on the same clip."""

    again = True

    def __init__(self, language: Language, before: TaskRequest) -> None:
        """`before`: the order that is tried again."""
        super().__init__(language, tr("Try again"), before)
        self._before = before

    def order(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> TaskRequest:
        """The same as before, but for what was changed, and made where it was asked for."""
        before = self._before
        source = VideoSource(before.source_url, before.source_name, before.source_bytes)
        order = build_request(interaction, prompt, source, seconds, result=before.result, private=before.private)
        lineage = {"part": before.part, "parent_id": before.parent_id, "parent_url": before.parent_url}
        return order.model_copy(update=lineage)


class ExtendSharedModal(ExtendModal):
    """Goes on from a shared film. What its creator kept to themselves stays so."""

    def __init__(self, language: Language, source: VideoSource, parent: Task, share: Share, user_id: int) -> None:
        super().__init__(language, source, parent)
        self._share = share
        if share.prompt_hidden and user_id != share.user_id:
            self.prompt.default = None

    def order(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> TaskRequest:
        """The next part, after the post, which everybody there can open."""
        order = super().order(interaction, prompt, seconds)
        return order.model_copy(update={"private": False, "parent_url": post_url(self._share)})


async def make_shared_modal(
    interaction: discord.Interaction[ExtendBot], message: discord.Message, source: VideoSource
) -> ExtendModal | None:
    """What goes on from the film in that message, if it is the post of a share."""
    if interaction.guild_id is None:
        return None
    found = await interaction.client.sharing.find_by_message(interaction.guild_id, message.id)
    if found is None:
        return None
    share, task = found
    return ExtendSharedModal(language_of(interaction), source, task, share, interaction.user.id)
