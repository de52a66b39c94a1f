"""A member's quota and stored data."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits, OperatorLimits, Requester
from bot.domain.policy import Screening, SubmissionCheck, find_pause_or_block, is_exempt
from bot.domain.task import SECONDS_MIN, TaskRequest
from bot.media import Workspaces
from bot.services.reports import Quota, StoredData
from bot.store import Store

log = logging.getLogger(__name__)


class MemberService:
    """What a member can ask about themselves."""

    def __init__(
        self,
        store: Store,
        workspaces: Workspaces,
        now: Callable[[], datetime],
        defaults: GuildLimits,
        operator_limits: OperatorLimits,
    ) -> None:
        """`defaults`: the limits of servers that have set none, and of direct messages."""
        self._store = store
        self._workspaces = workspaces
        self._now = now
        self._defaults = defaults
        self._operator_limits = operator_limits

    async def get_quota(self, requester: Requester) -> Quota:
        """Return what the member has left here, when it resets, and why a request would be refused now."""
        now = self._now()
        check = SubmissionCheck(
            _make_unrestricted_request(requester), requester, now, self._defaults, self._operator_limits
        )
        snapshot = await self._store.reports.read_quota(requester.scope_id, requester.user_id, check.daily_limits, now)
        limits, refused = snapshot.limits or self._defaults, None
        try:
            replace(check, screening=Screening(limits.forbidden)).check(limits, snapshot.usage)
        except RequestRefused as refusal:
            refused = refusal
        return Quota(
            limits=limits,
            per_day=check.daily_limits(limits).member,
            used=snapshot.usage.member.count,
            granted=snapshot.usage.granted,
            renews_at=snapshot.oldest + timedelta(hours=24) if snapshot.oldest else None,
            unfinished=snapshot.usage.unfinished,
            exempt=is_exempt(limits, requester),
            refused=refused,
        )

    async def check_allowed(self, requester: Requester) -> None:
        """Raise the RequestRefused of any request that the member could make here now."""
        if refused := (await self.get_quota(requester)).refused:
            raise refused

    async def check_not_paused_or_blocked(self, guild_id: int, user_id: int) -> None:
        """Raise RequestRefused if the server is paused or the member is blocked there."""
        limits = await self._store.guilds.get_limits(guild_id) or self._defaults
        moderated = await self._store.guilds.list_moderated_members(guild_id)
        blocked = any(each.user_id == user_id and each.blocked_at for each in moderated)
        if refusal := find_pause_or_block(limits, self._now(), blocked=blocked):
            raise refusal

    async def get_stored_data(self, user_id: int) -> StoredData:
        """Count what the bot stores about this member, over all servers and direct messages."""
        return StoredData(*await self._store.reports.read_member_totals(user_id))

    async def delete_data(self, user_id: int) -> list[int]:
        """Delete the member's tasks and stored videos everywhere; return the ids of those tasks.

        Unfinished tasks are deleted when they end. The content of tasks of the last 24 hours is deleted at once; the
        rest of their rows, which the limits count, after a day. Blocks and extra runs belong to the servers and stay.
        A video that cannot be deleted now is deleted by the worker's next clean-up.
        """
        task_ids = await self._store.retention.delete_member(user_id, self._now())
        try:
            await self._workspaces.film_store.delete(task_ids)
        except OSError as error:
            log.warning("the videos of %d deleted tasks could not be deleted yet: %s", len(task_ids), error)
        return task_ids


def _make_unrestricted_request(requester: Requester) -> TaskRequest:
    """Return a request that no rule about the requested video can refuse."""
    return TaskRequest(
        user_id=requester.user_id,
        guild_id=requester.guild_id,
        channel_id=requester.channel_id,
        prompt="-",
        seconds=SECONDS_MIN,
        source_url="",
    )
