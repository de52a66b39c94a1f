"""What moderators can do: change limits, moderate members, read usage. Callers check their permission."""

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
from bot.domain.policy import ENTRY_MAX, is_empty_pattern, is_too_long
from bot.i18n.text import tr
from bot.services.limit_names import describe_error
from bot.services.reports import LimitsStatus, MemberUsage, UsageReport
from bot.store import Store

log = logging.getLogger(__name__)

_BUSIEST = 25
_RUNS_MAX = 1000
_GRANT_UNCONFIRMED = tr(
    "The database stopped answering, so it is unknown whether the runs were granted: look at /limits show in a minute "
    "before you grant them again."
)


class ModerationService:
    """A server's limits, moderation and usage. Every refusal is a RequestRefused."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        wake_worker: Callable[[], None],
        defaults: GuildLimits,
        operator_limits: OperatorLimits,
        events: EventQueue,
    ) -> None:
        """`wake_worker()`: queued tasks may be able to start; `defaults`: the limits of servers that have set none."""
        self._store = store
        self._now = now
        self._wake_worker = wake_worker
        self._defaults = defaults
        self._operator_limits = operator_limits
        self._events = events

    async def get_limits(self, guild_id: int) -> GuildLimits:
        """Return the server's limits; the operator's defaults until a moderator changes them."""
        return await self._store.guilds.get_limits(guild_id) or self._defaults

    async def change_limits(self, guild_id: int, by: int, **changes: object) -> tuple[GuildLimits, GuildLimits]:
        """Set fields of GuildLimits by name; return the limits before and after.

        The change applies from the next submission. Queued tasks stay queued (a pause does not stop them).
        Raises RequestRefused for a wrong value.
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
        """Stop this member from starting tasks here; False: they were blocked already."""
        done = await self._store.guilds.block(guild_id, user_id, by, self._now())
        if done:
            self._publish(guild_id, by, "blocked", user_id)
        return done

    async def unblock(self, guild_id: int, by: int, user_id: int) -> bool:
        """Remove a block; False: there was none."""
        done = await self._store.guilds.unblock(guild_id, user_id)
        if done:
            self._publish(guild_id, by, "unblocked", user_id)
        return done

    async def reset(self, guild_id: int, by: int, user_id: int | None = None) -> None:
        """Reset the 24-hour count of a member, or (None) of the server; the other count stays as it is."""
        await self._store.guilds.reset(guild_id, user_id)
        self._publish(guild_id, by, "reset", user_id)

    async def grant(self, guild_id: int, by: int, user_id: int, runs: int) -> int:
        """Grant a member extra runs beyond their daily limit; return how many they have now.

        Raises RequestRefused, also if the database did not confirm it: a repeated grant would add the runs twice.
        """
        if not 1 <= runs <= _RUNS_MAX:
            raise RequestRefused(tr("Grant between 1 and {most} extra runs at a time.", most=_RUNS_MAX))
        try:
            left = await self._store.guilds.grant(guild_id, user_id, runs)
        except Exception as error:
            log.exception("server %d: a grant was not stored, or the store's answer was lost", guild_id)
            raise RequestRefused(_GRANT_UNCONFIRMED) from error
        self._publish(guild_id, by, "granted", user_id, runs)
        return left

    async def get_status(self, guild_id: int) -> LimitsStatus:
        """Return the server's limits and their current usage."""
        now = self._now()
        used = await self._store.reports.read_current_usage(guild_id, now)
        people = [MemberUsage(user, day, unfinished) for user, (day, unfinished) in used.members.items()]
        people.sort(key=lambda one: (-one.used, -one.unfinished, one.user_id))
        return LimitsStatus(
            limits=await self.get_limits(guild_id),
            operator_limits=self._operator_limits,
            at=now,
            used=used.started,
            running=used.running,
            waiting=used.waiting,
            members=tuple(people[:_BUSIEST]),
            moderated_members=tuple(await self._store.guilds.list_moderated_members(guild_id)),
        )

    async def get_usage(self, guild_id: int, days: int) -> UsageReport:
        """Return the server's usage since midnight UTC `days` - 1 days ago, by day and by member."""
        last = self._now().astimezone(UTC).date()
        first = last - timedelta(days=days - 1)
        since = datetime.combine(first, time(), UTC)
        rows = await self._store.reports.list_usage_rows(guild_id, since)
        return UsageReport(first, last, tuple(row for row in rows if row.day <= last))

    def _publish(self, guild_id: int, by: int, action: str, user_id: int | None, runs: int = 0) -> None:
        log.info("server %d: member %d %s %s", guild_id, by, action, user_id or "the server's count")
        self._events.publish(MemberModerated(guild_id, by, action, user_id, runs))


def _changed(limits: GuildLimits, changes: dict[str, object]) -> GuildLimits:
    """Return the limits with these changes, validated; raises RequestRefused."""
    values: dict[str, Any] = {**{name: getattr(limits, name) for name in GuildLimits.model_fields}, **changes}
    try:
        return GuildLimits.model_validate(values)
    except ValidationError as error:
        raise RequestRefused(describe_error(error)) from error


def _check_words(entries: Collection[str]) -> None:
    """Raise RequestRefused for an entry that cannot be searched for. Entries can be long: not for the event loop."""
    for entry in entries:
        if is_empty_pattern(entry):
            raise RequestRefused(tr("“{word}” would match everything or nothing: choose another word.", word=entry))
        if is_too_long(entry):
            raise RequestRefused(
                tr(
                    "“{word}” is too long: it has more than {most} characters when written out, so shorten it.",
                    word=entry,
                    most=ENTRY_MAX,
                )
            )
