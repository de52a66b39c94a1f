"""Refused requests that their members can edit."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import discord

from bot.i18n import Language

_DRAFTS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Draft:
    """One refused request. `make_modal` makes the modal in which it is filled in."""

    user_id: int
    prompt: str
    make_modal: Callable[[Language], discord.ui.Modal]


class Drafts:
    """The newest refused requests, in memory only. The refusal quotes the prompt, so a restart loses no words."""

    def __init__(self) -> None:
        self._drafts: OrderedDict[str, Draft] = OrderedDict()

    def keep(self, draft: Draft) -> str:
        """Keep the draft, instead of the oldest one if there are too many; return its key."""
        key = secrets.token_hex(8)
        self._drafts[key] = draft
        while len(self._drafts) > _DRAFTS_MAX:
            self._drafts.popitem(last=False)
        return key

    def find(self, key: str) -> Draft | None:
        """Return the draft, or None if it is no longer kept."""
        return self._drafts.get(key)
