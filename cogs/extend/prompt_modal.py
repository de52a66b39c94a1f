"""The base of the modals that ask for a prompt and seconds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import discord
from discord import ui

from bot.client import Draft, ExtendBot
from bot.domain.errors import RequestRefused
from bot.domain.task import SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, ResultKind, TaskRequest
from bot.i18n import Language
from bot.i18n.text import Translatable, tr
from cogs.common.embeds import truncate
from cogs.common.modals import BaseModal
from cogs.extend.draft import refuse_with_draft
from cogs.extend.submit import submit_request

_PROMPT_MAX = 4000
"""Maximum characters of a text input (Discord docs, Component Reference, Text Input)."""

_SECONDS_DIGITS = 2


@dataclass(frozen=True, slots=True)
class FormInput:
    """What a member has typed or chosen in a form, or before it opens."""

    prompt: str = ""
    seconds: str = str(SECONDS_DEFAULT)
    result: ResultKind = ResultKind.FILM
    private: bool = False

    @classmethod
    def from_request(cls, request: TaskRequest) -> Self:
        """Return what a member would type for the same request."""
        return cls(request.prompt, str(request.seconds), request.result, request.private)

    def parse_seconds(self) -> int:
        """Return the number of seconds. Raises RequestRefused for anything else."""
        written = self.seconds.strip()
        if not (written.isascii() and written.isdigit() and len(written) <= _SECONDS_DIGITS):
            raise RequestRefused(
                tr(
                    "“{written}” is not a number of seconds. Write a whole number from {least} to {most}.",
                    written=written[:20],
                    least=SECONDS_MIN,
                    most=SECONDS_MAX,
                )
            )
        return int(written)


class PromptModal(BaseModal, ABC):
    """Asks for the prompt and the seconds, then submits a request as /extend does.

    If the request is refused, its member gets the prompt back and can edit it.
    """

    def __init__(self, language: Language, title: Translatable, typed: FormInput) -> None:
        """`typed` is filled in."""
        super().__init__(title=language.translate(title))
        self._typed = typed
        self.prompt: ui.TextInput[ui.View] = ui.TextInput(
            custom_id="prompt",
            style=discord.TextStyle.paragraph,
            min_length=1,
            max_length=_PROMPT_MAX,
            default=truncate(typed.prompt, _PROMPT_MAX, end="") or None,
        )
        self.seconds: ui.TextInput[ui.View] = ui.TextInput(
            custom_id="seconds", default=typed.seconds[:_SECONDS_DIGITS], min_length=1, max_length=_SECONDS_DIGITS
        )

    def add_questions(self, language: Language) -> None:
        """Add the prompt and the seconds."""
        self.add_item(ui.Label(text=language.tr("What happens next?"), component=self.prompt))
        added = language.tr("Seconds to add ({least}–{most})", least=SECONDS_MIN, most=SECONDS_MAX)
        self.add_item(ui.Label(text=added, component=self.seconds))

    def read(self) -> FormInput:
        """Return what was typed."""
        return replace(self._typed, prompt=self.prompt.value, seconds=self.seconds.value)

    @abstractmethod
    def make_request(self, interaction: discord.Interaction[ExtendBot], typed: FormInput) -> TaskRequest:
        """Return the request of the member who submitted the modal. Raises RequestRefused."""

    @abstractmethod
    def reopen(self, typed: FormInput, error: Exception, language: Language) -> PromptModal:
        """Return a new modal with what was typed, after `error`."""

    async def check(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Raise RequestRefused if what the modal was opened for is no longer possible."""

    async def on_submit(self, interaction: discord.Interaction[ExtendBot]) -> None:  # type: ignore[override]
        """Submit the request; never raises."""
        typed = self.read()
        try:
            await self.check(interaction)
            await submit_request(interaction, self.make_request(interaction, typed))
        except Exception as error:
            draft = Draft(interaction.user.id, typed.prompt, partial(self.reopen, typed, error))
            await refuse_with_draft(interaction, error, draft)
