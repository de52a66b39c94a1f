"""Refused requests that their members can edit."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import discord

from bot.i18n import Language

_DRAFTS_MAX = 1000
_LIFETIME = 1800.0
"""Seconds for which a request can be edited."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One refused request. `make_modal` makes the modal in which it is filled in."""

    user_id: int
    prompt: str
    make_modal: Callable[[Language], discord.ui.Modal]


class Drafts:
    """The latest refused requests, in memory only. The refusal quotes the prompt, so a restart loses no words."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: the time in seconds."""
        self._now = now
        self._drafts: dict[str, tuple[float, Draft]] = {}
        """By key, the oldest first: until when the draft is kept, and the draft."""

    def keep(self, draft: Draft) -> str:
        """Keep the draft for half an hour, instead of the oldest one if there are too many; return its key."""
        self._forget_expired()
        if len(self._drafts) >= _DRAFTS_MAX:
            del self._drafts[next(iter(self._drafts))]
        key = secrets.token_hex(8)
        self._drafts[key] = self._now() + _LIFETIME, draft
        return key

    def find(self, key: str) -> Draft | None:
        """Return the draft, or None if it is no longer kept."""
        self._forget_expired()
        _, draft = self._drafts.get(key, (0.0, None))
        return draft

    def forget_member(self, user_id: int) -> None:
        """Forget the drafts of a member who deletes their data."""
        self._drafts = {key: kept for key, kept in self._drafts.items() if kept[1].user_id != user_id}

    def _forget_expired(self) -> None:
        now = self._now()
        self._drafts = {key: kept for key, kept in self._drafts.items() if kept[0] > now}
