"""What moderators may ask: their server's limits, its members, its use. Whoever calls has checked who they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime, time, timedelta
from typing import Any

from pydantic import ValidationError

from bot.limits import ENTRY_MAX, meaningless, too_long
from bot.news import LimitsChanged, MemberRuled, News
from bot.phrase import say
from bot.rules import Limits, Roofs
from bot.service.answers import MemberUse, Report, Standing
from bot.service.wording import fault_of
from bot.store import Store
from bot.task import Refused

log = logging.getLogger(__name__)

_BUSIEST = 25
_RUNS_MAX = 1000


class Moderation:
    """One server's rules and books. What cannot be done is a Refused with a sentence."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        ring: Callable[[], None],
        defaults: Limits,
        roofs: Roofs,
        news: News,
    ) -> None:
        """`ring()` tells whoever does the work that tasks in line may start now; `defaults`: of a new server."""
        self._store = store
        self._now = now
        self._ring = ring
        self._defaults = defaults
        self._roofs = roofs
        self._news = news

    async def limits_of(self, guild_id: int) -> Limits:
        """The server's limits; the operator's defaults until somebody changes them."""
        return await self._store.servers.limits_of(guild_id) or self._defaults

    async def change_limits(self, guild_id: int, by: int, **changes: object) -> tuple[Limits, Limits]:
        """Set some fields of Limits, by name; return the limits before and after. Raises Refused for a wrong value.

        It holds from the next submission on. Tasks already in line stay there (a pause does not stop them).
        """
        await asyncio.to_thread(_check_words, _changed(self._defaults, changes).forbidden)

        def changed(limits: Limits | None) -> Limits:
            return _changed(limits or self._defaults, changes)

        kept, new = await self._store.servers.change(guild_id, changed)
        event = LimitsChanged(guild_id, by, kept or self._defaults, new)
        if event.fields:
            log.info("server %d: member %d changed %s", guild_id, by, ", ".join(event.fields))
            self._news.tell(event)
        self._ring()
        return event.old, new

    async def block(self, guild_id: int, by: int, user_id: int) -> bool:
        """Let this member start nothing more here; False: they were blocked already."""
        done = await self._store.servers.block(guild_id, user_id, by, self._now())
        if done:
            self._tell(guild_id, by, "blocked", user_id)
        return done

    async def unblock(self, guild_id: int, by: int, user_id: int) -> bool:
        """Take a block back; False: there was none."""
        done = await self._store.servers.unblock(guild_id, user_id)
        if done:
            self._tell(guild_id, by, "unblocked", user_id)
        return done

    async def reset(self, guild_id: int, by: int, user_id: int | None = None) -> None:
        """Count a member's day, or (None) the server's, from zero again. The other of the two is not changed."""
        await self._store.servers.reset(guild_id, user_id)
        self._tell(guild_id, by, "reset", user_id)

    async def grant(self, guild_id: int, by: int, user_id: int, runs: int) -> int:
        """Give a member extra runs beyond their daily number, once; return how many they have now. Raises Refused."""
        if not 1 <= runs <= _RUNS_MAX:
            raise Refused(say("Grant between 1 and {most} extra runs at a time.", most=_RUNS_MAX))
        left = await self._store.servers.grant(guild_id, user_id, runs)
        self._tell(guild_id, by, "granted", user_id, runs)
        return left

    async def standing(self, guild_id: int) -> Standing:
        """The server's limits, and what is used of them now."""
        used = await self._store.books.in_use(guild_id, self._now())
        people = [MemberUse(user, day, unfinished) for user, (day, unfinished) in used.members.items()]
        people.sort(key=lambda one: (-one.used, -one.unfinished, one.user_id))
        return Standing(
            limits=await self.limits_of(guild_id),
            roofs=self._roofs,
            used=used.started,
            at_work=used.at_work,
            waiting=used.waiting,
            members=tuple(people[:_BUSIEST]),
            ruled=tuple(await self._store.servers.ruled(guild_id)),
        )

    async def usage(self, guild_id: int, days: int) -> Report:
        """What was done on the server since midnight UTC `days` - 1 days ago, by day and by member."""
        last = self._now().astimezone(UTC).date()
        first = last - timedelta(days=days - 1)
        since = datetime.combine(first, time(), UTC)
        rows = await self._store.books.tallies(guild_id, since)
        return Report(first, last, tuple(row for row in rows if row.day <= last))

    async def server_left(self, guild_id: int) -> None:
        """The bot was removed from the server: its rows are deleted after the grace time."""
        await self._store.servers.left(guild_id, self._now())
        log.info("server %d: the bot was removed", guild_id)

    async def server_joined(self, guild_id: int) -> None:
        """The bot is (again) on the server."""
        await self._store.servers.joined(guild_id)

    async def servers_present(self, guild_ids: Collection[int], among: Callable[[int], bool] = bool) -> None:
        """At start: of the servers `among` which these are, the bot is on them alone; others may have removed it."""
        await self._store.servers.present(guild_ids, self._now(), among)

    def _tell(self, guild_id: int, by: int, deed: str, user_id: int | None, runs: int = 0) -> None:
        log.info("server %d: member %d %s %s", guild_id, by, deed, user_id or "the server's count")
        self._news.tell(MemberRuled(guild_id, by, deed, user_id, runs))


def _changed(limits: Limits, changes: dict[str, object]) -> Limits:
    """The limits with these changes, checked; raises Refused."""
    values: dict[str, Any] = {**{name: getattr(limits, name) for name in Limits.model_fields}, **changes}
    try:
        return Limits.model_validate(values)
    except ValidationError as error:
        raise Refused(fault_of(error)) from error


def _check_words(entries: Collection[str]) -> None:
    """Raise Refused for a word that cannot be looked for; not for the event loop, for words can be long."""
    for entry in entries:
        if meaningless(entry):
            raise Refused(
                say("“{word}” cannot be forbidden: it would stand for everything or for nothing.", word=entry)
            )
        if too_long(entry):
            raise Refused(
                say(
                    "“{word}” is too long to be forbidden: written out it has more than {most} characters, so "
                    "shorten it.",
                    word=entry,
                    most=ENTRY_MAX,
                )
            )
