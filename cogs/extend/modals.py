"""The modals that extend a video and that try a request again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import discord
from discord import ui

from bot.client import Draft, ExtendBot
from bot.domain.errors import RequestRefused
from bot.domain.task import ResultKind, Task, TaskRequest
from bot.i18n import Language
from bot.i18n.text import tr
from cogs.common.embeds import truncate
from cogs.common.formatting import jump_url
from cogs.common.links import SeveralVideos, is_link
from cogs.common.videos import VideoSource, use_attachment
from cogs.extend.prompt_modal import FormInput, PromptModal
from cogs.extend.submit import build_request

_CHOICES_MAX, _LABEL_MAX = 25, 100
"""Maximum options of a select, and characters of their labels (Discord docs, String Select)."""

_FILE_TYPES = tr("MP4, MOV, WebM, MKV, AVI or GIF")


class ExtendModal(PromptModal):
    """Extends a chosen video, or one that is uploaded in the modal."""

    has_privacy = True
    """Whether it asks who sees the reply."""

    def __init__(
        self,
        language: Language,
        sources: Sequence[VideoSource] = (),
        parent: Task | None = None,
        typed: FormInput | None = None,
        *,
        is_edit: bool = False,
    ) -> None:
        """With several `sources` it asks which one; without any, or as an edit, it takes a file.

        `parent` is the task that produced the video, if any. Its prompt is not filled in: what it described has
        happened already, and the words may be somebody else's.
        """
        if typed is None:
            typed = FormInput()
            if parent is not None:
                typed = FormInput(seconds=str(parent.order.seconds), private=parent.order.private)
        super().__init__(language, tr("Extend further") if parent else tr("Extend video"), typed)
        self._sources, self._parent = list(sources)[:_CHOICES_MAX], parent
        self.which: ui.Select[ui.View] | None = None
        self.file: ui.FileUpload[ui.View] | None = None
        if len(self._sources) > 1:
            self.which = ui.Select(custom_id="which", options=_list_sources(language, self._sources))
            self.add_item(ui.Label(text=language.tr("Which video?"), component=self.which))
        elif not self._sources or is_edit:
            self._add_file(language)
        self.add_questions(language)
        self._add_choices(language, typed)

    def _add_file(self, language: Language) -> None:
        required = not self._sources
        self.file = ui.FileUpload(custom_id="file", required=required, min_values=int(required), max_values=1)
        label = language.tr("Video") if required else language.tr("Another video, instead of the one you gave")
        self.add_item(ui.Label(text=label, description=language.translate(_FILE_TYPES), component=self.file))

    def _add_choices(self, language: Language, typed: FormInput) -> None:
        names = {ResultKind.FILM: language.tr("The whole film"), ResultKind.NEW_PART: language.tr("Only the new part")}
        self.result: ui.RadioGroup[ui.View] = ui.RadioGroup(
            custom_id="result",
            options=[
                discord.RadioGroupOption(label=name, value=kind, default=kind is typed.result)
                for kind, name in names.items()
            ],
        )
        self.add_item(ui.Label(text=language.tr("What you get"), component=self.result))
        self.private: ui.Checkbox[ui.View] = ui.Checkbox(custom_id="private", default=typed.private)
        if self.has_privacy:
            self.add_item(ui.Label(text=language.tr("Show the reply only to me"), component=self.private))

    def read(self) -> FormInput:
        """Return what was typed and chosen."""
        result = ResultKind(self.result.value) if self.result.value else self._typed.result
        return replace(super().read(), result=result, private=self.private.value)

    async def check(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Raise RequestRefused if the video may no longer be used: its member may have deleted it meanwhile."""
        if self._parent is not None and not self._is_replaced():
            await interaction.client.services.tasks.get_task_with_film(self._parent.id)

    def _is_replaced(self) -> bool:
        return bool(self.file and self.file.values)

    def _get_chosen(self) -> VideoSource:
        if self.file and self.file.values:
            return use_attachment(self.file.values[0])
        chosen = self.which.values if self.which else []
        number = int(chosen[0]) if chosen and chosen[0].isdecimal() else 1
        if not self._sources:
            raise RequestRefused(tr("There is no video: choose a file in the form."))
        return self._sources[number - 1] if 1 <= number <= len(self._sources) else self._sources[0]

    def make_request(self, interaction: discord.Interaction[ExtendBot], typed: FormInput) -> TaskRequest:
        """Return the request for a first part, or for the part after `parent`."""
        parent, source = self._parent, self._get_chosen()
        request = build_request(
            interaction, typed.prompt, source, typed.parse_seconds(), result=typed.result, private=typed.private
        )
        if parent is None or self._is_replaced():
            return request
        lineage = {"part": parent.order.part + 1, "parent_id": parent.id, "parent_url": jump_url(parent)}
        lineage["spoiler"] = request.spoiler or parent.order.spoiler
        return request.model_copy(update=lineage)

    def reopen(self, typed: FormInput, error: Exception, language: Language) -> PromptModal:
        """Return a modal that knows the video, and takes another one instead."""
        if isinstance(error, SeveralVideos):
            return ExtendModal(language, error.sources, None, typed)
        replaced = self._is_replaced()
        sources = [self._get_chosen()] if replaced else self._sources
        return ExtendModal(language, sources, None if replaced else self._parent, typed, is_edit=True)


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


def make_draft(
    interaction: discord.Interaction[ExtendBot], source: VideoSource, typed: FormInput, error: Exception
) -> Draft:
    """Return the draft of a refused /extend. If its link or its video cannot be used, another one can be chosen."""
    sources = [source] if is_link(source.url) else []
    known = error.sources if isinstance(error, SeveralVideos) else sources
    make = partial(ExtendModal, sources=known, typed=typed, is_edit=True)
    return Draft(interaction.user.id, typed.prompt, make)


class RetryModal(PromptModal):
    """Repeats a request; the prompt and seconds can be changed, and another video can be given."""

    def __init__(self, language: Language, before: TaskRequest, typed: FormInput | None = None) -> None:
        """`before` is the request to repeat; it is filled in unless `typed` is."""
        super().__init__(language, tr("New take"), typed or FormInput.from_request(before))
        self._before = before
        self.add_questions(language)
        self.file: ui.FileUpload[ui.View] = ui.FileUpload(custom_id="file", required=False, min_values=0, max_values=1)
        label = language.tr("Another video, instead of the last one")
        self.add_item(ui.Label(text=label, description=language.translate(_FILE_TYPES), component=self.file))

    def _get_source(self) -> VideoSource | None:
        return use_attachment(self.file.values[0]) if self.file.values else None

    def make_request(self, interaction: discord.Interaction[ExtendBot], typed: FormInput) -> TaskRequest:
        """Return the earlier request with the new prompt and seconds, for the channel of this interaction."""
        before, replaced = self._before, self._get_source()
        source = replaced or VideoSource(before.source_url, before.source_name, before.source_bytes, before.spoiler)
        request = build_request(
            interaction, typed.prompt, source, typed.parse_seconds(), result=before.result, private=before.private
        )
        if replaced:
            return request
        lineage = {"part": before.part, "parent_id": before.parent_id, "parent_url": before.parent_url}
        return request.model_copy(update=lineage)

    def reopen(self, typed: FormInput, error: Exception, language: Language) -> PromptModal:  # noqa: ARG002
        """Return the same modal with what was typed."""
        replaced = self._get_source()
        if replaced:
            return ExtendModal(language, [replaced], None, typed, is_edit=True)
        return RetryModal(language, self._before, typed)
