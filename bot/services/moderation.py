"""What moderators may ask: their server's limits, its members, its use. Whoever calls has checked who they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime, time, timedelta
from typing import Any

from pydantic import ValidationError

from bot.domain.errors import RequestRefused
from bot.domain.events import EventQueue, LimitsChanged, MemberModerated
from bot.domain.limits import GuildLimits, OperatorLimits
from bot.domain.policy import ENTRY_MAX, is_empty_pattern, too_long
from bot.i18n.text import tr
from bot.services.limit_names import describe_error
from bot.services.reports import LimitsStatus, MemberUsage, UsageReport
from bot.store import Store

log = logging.getLogger(__name__)

_BUSIEST = 25
_RUNS_MAX = 1000


class ModerationService:
    """One server's rules and books. What cannot be done is a Refused with a sentence."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        ring: Callable[[], None],
        defaults: GuildLimits,
        operator_limits: OperatorLimits,
        events: EventQueue,
    ) -> None:
        """`ring()` tells whoever does the work that tasks in line may start now; `defaults`: of a new server."""
        self._store = store
        self._now = now
        self._wake_worker = ring
        self._defaults = defaults
        self._operator_limits = operator_limits
        self._events = events

    async def limits_of(self, guild_id: int) -> GuildLimits:
        """The server's limits; the operator's defaults until somebody changes them."""
        return await self._store.guilds.get_limits(guild_id) or self._defaults

    async def change_limits(self, guild_id: int, by: int, **changes: object) -> tuple[GuildLimits, GuildLimits]:
        """Set some fields of Limits, by name; return the limits before and after. Raises Refused for a wrong value.

        It holds from the next submission on. Tasks already in line stay there (a pause does not stop them).
        """
        await asyncio.to_thread(_check_words, _changed(self._defaults, changes).forbidden)

        def changed(limits: GuildLimits | None) -> GuildLimits:
            return _changed(limits or self._defaults, changes)

        kept, new = await self._store.guilds.change(guild_id, changed)
        event = LimitsChanged(guild_id, by, kept or self._defaults, new)
        if event.fields:
            log.info("server %d: member %d changed %s", guild_id, by, ", ".join(event.fields))
            self._events.publish(event)
        self._wake_worker()
        return event.old, new

    async def block(self, guild_id: int, by: int, user_id: int) -> bool:
        """Let this member start nothing more here; False: they were blocked already."""
        done = await self._store.guilds.block(guild_id, user_id, by, self._now())
        if done:
            self._publish(guild_id, by, "blocked", user_id)
        return done

    async def unblock(self, guild_id: int, by: int, user_id: int) -> bool:
        """Take a block back; False: there was none."""
        done = await self._store.guilds.unblock(guild_id, user_id)
        if done:
            self._publish(guild_id, by, "unblocked", user_id)
        return done

    async def reset(self, guild_id: int, by: int, user_id: int | None = None) -> None:
        """Count a member's day, or (None) the server's, from zero again. The other of the two is not changed."""
        await self._store.guilds.reset(guild_id, user_id)
        self._publish(guild_id, by, "reset", user_id)

    async def grant(self, guild_id: int, by: int, user_id: int, runs: int) -> int:
        """Give a member extra runs beyond their daily number, once; return how many they have now. Raises Refused."""
        if not 1 <= runs <= _RUNS_MAX:
            raise RequestRefused(tr("Grant between 1 and {most} extra runs at a time.", most=_RUNS_MAX))
        left = await self._store.guilds.grant(guild_id, user_id, runs)
        self._publish(guild_id, by, "granted", user_id, runs)
        return left

    async def status(self, guild_id: int) -> LimitsStatus:
        """The server's limits, and what is used of them now."""
        used = await self._store.reports.current_usage(guild_id, self._now())
        people = [MemberUsage(user, day, unfinished) for user, (day, unfinished) in used.members.items()]
        people.sort(key=lambda one: (-one.used, -one.unfinished, one.user_id))
        return LimitsStatus(
            limits=await self.limits_of(guild_id),
            operator_limits=self._operator_limits,
            used=used.started,
            running=used.running,
            waiting=used.waiting,
            members=tuple(people[:_BUSIEST]),
            moderated_members=tuple(await self._store.guilds.moderated_members(guild_id)),
        )

    async def usage(self, guild_id: int, days: int) -> UsageReport:
        """What was done on the server since midnight UTC `days` - 1 days ago, by day and by member."""
        last = self._now().astimezone(UTC).date()
        first = last - timedelta(days=days - 1)
        since = datetime.combine(first, time(), UTC)
        rows = await self._store.reports.usage_rows(guild_id, since)
        return UsageReport(first, last, tuple(row for row in rows if row.day <= last))

    def _publish(self, guild_id: int, by: int, action: str, user_id: int | None, runs: int = 0) -> None:
        log.info("server %d: member %d %s %s", guild_id, by, action, user_id or "the server's count")
        self._events.publish(MemberModerated(guild_id, by, action, user_id, runs))


def _changed(limits: GuildLimits, changes: dict[str, object]) -> GuildLimits:
    """The limits with these changes, checked; raises Refused."""
    values: dict[str, Any] = {**{name: getattr(limits, name) for name in GuildLimits.model_fields}, **changes}
    try:
        return GuildLimits.model_validate(values)
    except ValidationError as error:
        raise RequestRefused(describe_error(error)) from error


def _check_words(entries: Collection[str]) -> None:
    """Raise Refused for a word that cannot be looked for; not for the event loop, for words can be long."""
    for entry in entries:
        if is_empty_pattern(entry):
            raise RequestRefused(
                tr("“{word}” cannot be forbidden: it would stand for everything or for nothing.", word=entry)
            )
        if too_long(entry):
            raise RequestRefused(
                tr(
                    "“{word}” is too long to be forbidden: written out it has more than {most} characters, so "
                    "shorten it.",
                    word=entry,
                    most=ENTRY_MAX,
                )
            )
