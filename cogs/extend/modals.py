"""The modals that ask for a prompt and seconds: extend, try again, extend a shared video."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import discord
from discord import ui

from bot.client import ExtendBot, get_language
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
"""Maximum characters of a text input (Discord docs, Component Reference, Text Input)."""

_SECONDS_DIGITS = 2

_CHOICES_MAX, _LABEL_MAX = 25, 100
"""Maximum options of a select, and characters of their labels (Discord docs, String Select)."""


class _PromptModal(BaseModal, ABC):
    """Asks for the prompt and the seconds, then submits a request as /extend does."""

    again = False
    """Whether it repeats one of the member's own requests."""

    def __init__(self, language: Language, title: Translatable, known: TaskRequest | None) -> None:
        """The prompt and seconds of `known` are filled in."""
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
    def make_request(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> TaskRequest:
        """Return the request of the member who submitted the modal. Raises RequestRefused."""

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Check the seconds and submit the request."""
        written = self.seconds.value.strip()
        if not (written.isascii() and written.isdigit() and len(written) <= _SECONDS_DIGITS):
            raise RequestRefused(
                tr(
                    "“{written}” is not a number of seconds. Write a whole number from {least} to {most}.",
                    written=written[:20],
                    least=SECONDS_MIN,
                    most=SECONDS_MAX,
                )
            )
        request = self.make_request(interaction, self.prompt.value, int(written))
        await submit_request(interaction, request, again=self.again)


class ExtendModal(_PromptModal):
    """Extends a chosen video."""

    def __init__(
        self,
        language: Language,
        source: VideoSource,
        parent: Task | None = None,
        *,
        others: Sequence[VideoSource] = (),
    ) -> None:
        """`parent` is the task that produced `source`, if any; its prompt and seconds are filled in.

        `others`: further videos in the same message; then the modal asks which one.
        """
        title = tr("Extend again") if parent else tr("Extend video")
        super().__init__(language, title, parent.order if parent else None)
        self._sources = [source, *others][:_CHOICES_MAX]
        self._parent = parent
        self.which: ui.Select[ui.View] | None = None
        if others:
            self.which = ui.Select(custom_id="which", options=_list_sources(language, self._sources))
            self.add_item(ui.Label(text=language.tr("Which video?"), component=self.which))

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Check that the video may still be used (its member may have deleted it meanwhile), then submit."""
        if self._parent is not None:
            await interaction.client.services.tasks.get_task_with_film(self._parent.id)
        await super().on_submit(interaction)

    def _get_chosen(self) -> VideoSource:
        chosen = self.which.values if self.which else []
        number = int(chosen[0]) if chosen and chosen[0].isdecimal() else 1
        return self._sources[number - 1] if 1 <= number <= len(self._sources) else self._sources[0]

    def make_request(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> TaskRequest:
        """Return the request for a first part, or for the part after `parent`."""
        parent = self._parent
        private = parent is not None and parent.order.private
        request = build_request(interaction, prompt, self._get_chosen(), seconds, private=private)
        if parent is None:
            return request
        lineage = {"part": parent.order.part + 1, "parent_id": parent.id, "parent_url": jump_url(parent)}
        lineage["spoiler"] = request.spoiler or parent.order.spoiler
        return request.model_copy(update=lineage)


def _list_sources(language: Language, sources: Sequence[VideoSource]) -> list[discord.SelectOption]:
    """List the videos by name; the first one is chosen."""
    return [
        discord.SelectOption(
            label=truncate(f"{number}. {source.name or language.tr('Video')}", _LABEL_MAX),
            value=str(number),
            default=number == 1,
        )
        for number, source in enumerate(sources, 1)
    ]


class RetryModal(_PromptModal):
    """Repeats a request with the same clip; the prompt and seconds can be changed."""

    again = True

    def __init__(self, language: Language, before: TaskRequest) -> None:
        """`before` is the request to repeat."""
        super().__init__(language, tr("Try again"), before)
        self._before = before

    def make_request(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> TaskRequest:
        """Return the earlier request with the new prompt and seconds, for the channel of this interaction."""
        before = self._before
        source = VideoSource(before.source_url, before.source_name, before.source_bytes, before.spoiler)
        request = build_request(interaction, prompt, source, seconds, result=before.result, private=before.private)
        lineage = {"part": before.part, "parent_id": before.parent_id, "parent_url": before.parent_url}
        return request.model_copy(update=lineage)


class ExtendSharedModal(ExtendModal):
    """Extends a shared video. A prompt that its creator has hidden is not filled in for other members."""

    def __init__(self, language: Language, source: VideoSource, parent: Task, share: Share, user_id: int) -> None:
        super().__init__(language, source, parent)
        self._share = share
        if share.prompt_hidden and user_id != share.user_id:
            self.prompt.default = None

    def make_request(self, interaction: discord.Interaction[ExtendBot], prompt: str, seconds: int) -> TaskRequest:
        """Return a public request that links to the post, which everyone in its channel can open."""
        request = super().make_request(interaction, prompt, seconds)
        return request.model_copy(update={"private": False, "parent_url": post_url(self._share)})


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
    return ExtendSharedModal(get_language(interaction), source, task, share, interaction.user.id)
