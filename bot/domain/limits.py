"""The data that the submission rules use: server limits, operator limits, the requester and current usage.

The rules themselves are in bot/domain/policy. A limit of 0 means no limit; "a day" is the last 24 hours.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field
from pydantic_core import PydanticCustomError

from bot.domain.task import SECONDS_MAX, SECONDS_MIN, FrozenModel, get_scope

LimitValue = Annotated[int, Field(ge=0, le=1_000_000)]
"""The value of a limit; 0: no limit."""


SECONDS_ERROR = "added_seconds"
"""The pydantic error type of a number of seconds that FoxAPI does not add."""


def _check_added_seconds(value: int) -> int:
    if value and not SECONDS_MIN <= value <= SECONDS_MAX:
        bounds = {"least": SECONDS_MIN, "most": SECONDS_MAX}
        raise PydanticCustomError(
            SECONDS_ERROR, "FoxAPI adds {least} to {most} seconds at a time: choose one of those, or 0", bounds
        )
    return value


MostSeconds = Annotated[LimitValue, AfterValidator(_check_added_seconds)]
Cooldown = Annotated[int, Field(ge=0, le=7 * 86400)]


class GuildLimits(FrozenModel):
    """One server's limits and rules, set by its moderators."""

    user_per_day: LimitValue = 0
    """Tasks that one member can start in a day."""
    server_per_day: LimitValue = 0
    """Tasks that all members together can start in a day."""
    user_running: LimitValue = 0
    """A member's unfinished tasks, queued ones included; further requests are refused."""
    server_running: LimitValue = 0
    """The server's tasks at FoxAPI at once; further tasks are queued."""
    max_seconds: MostSeconds = 0
    """Seconds that one task can add."""
    cooldown: Cooldown = 0
    """Seconds between the starts of a member's tasks."""
    role_per_day: dict[int, LimitValue] = Field(default_factory=dict)
    """By role id: replaces user_per_day. If a member has several of these roles, the highest value applies."""
    required_role: int | None = None
    """Only members with this role can use the bot."""
    exempt_roles: frozenset[int] = frozenset()
    """Members with one of these roles are exempt from this server's numeric limits, but not from its other rules."""
    channels: frozenset[int] = frozenset()
    """Channels where the bot can be used; threads and forum posts count as their parent. Empty: everywhere."""
    private_allowed: bool = True
    """Whether replies can be private."""
    open_everywhere: bool = True
    """Whether all members can use the bot in channels that are not age-restricted; otherwise only moderators and
    exempt roles can."""
    forbidden: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=200)] = ()
    """Words that a prompt must not contain; * matches any characters within a word."""
    paused: Annotated[str, Field(max_length=300)] | None = None
    """The reason of the pause, which may be empty; None: not paused."""
    paused_until: AwareDatetime | None = None
    """When the pause ends by itself; None: when a moderator ends it."""
    log_channel_id: int | None = None
    """Where the bot posts one line per task and per change of these limits."""
    language: Annotated[str, Field(max_length=16)] | None = None
    """The Discord locale of public replies and log lines; None: the locale that the server has set in Discord."""

    def is_paused(self, now: datetime) -> bool:
        """Whether members cannot start tasks now."""
        return self.paused is not None and (self.paused_until is None or now < self.paused_until)

    def locale_or(self, native: str) -> str:
        """Return the locale of public messages; `native`: the locale that the server has set in Discord."""
        return self.language or native


class OperatorLimits(FrozenModel):
    """The operator's limits over all servers; direct messages count as one server per member."""

    max_running: int = 20
    """Tasks at FoxAPI at once."""
    max_preparing: int = 20
    """Tasks prepared at once, before they are sent to FoxAPI."""
    max_per_day: int = 0
    """Tasks started in a day; 0: no limit."""
    guild_share_percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Percent of max_running and max_per_day that one server can use."""
    max_waiting: int = 200
    """Queued tasks over all servers..."""
    server_waiting: int = 50
    """...and of one server."""
    free_failures: int = 0
    """Failed tasks per member and hour that cost nothing; 0: no limit."""
    allowed_servers: frozenset[int] = frozenset()
    """If not empty, only these servers are served, and direct messages are not."""
    blocked_servers: frozenset[int] = frozenset()

    @property
    def server_running(self) -> int:
        """One server's share of max_running."""
        return max(1, self.max_running * self.guild_share_percent // 100)

    @property
    def server_preparing(self) -> int:
        """One server's share of max_preparing: a quarter, so that one server's slow links do not block the others."""
        return max(1, self.max_preparing // 4)

    @property
    def member_preparing(self) -> int:
        """One member's share of max_preparing, over all servers."""
        return 2

    @property
    def server_per_day(self) -> int:
        """One server's share of max_per_day; 0: no limit of its own."""
        return (
            max(1, self.max_per_day * self.guild_share_percent // 100)
            if self.max_per_day and self.guild_share_percent < 100
            else 0
        )


class Requester(FrozenModel):
    """The member and the channel of a request, as far as the rules need them."""

    user_id: int
    guild_id: int | None
    role_ids: frozenset[int] = frozenset()
    channel_id: int
    parent_id: int | None = None
    """The channel that a thread or forum post belongs to."""
    age_restricted: bool = False
    """Whether the channel or its parent is age-restricted."""
    moderator: bool = False
    """Whether the member has Manage Server here."""

    @property
    def scope_id(self) -> int:
        """Whose limits apply; see :func:`get_scope`."""
        return get_scope(self.guild_id, self.user_id)


class RollingCount(FrozenModel):
    """The counted tasks of the last 24 hours: all except those that ended and were certainly not billed.

    (`free_failures` counts only those, over the last hour.)
    """

    count: int = 0
    below_limit_at: datetime | None = None
    """When the count falls below the limit; None if it is below it now."""


class DailyLimits(FrozenModel):
    """The limit of each :class:`RollingCount`; 0: no limit."""

    member: int = 0
    server: int = 0
    share: int = 0
    all_guilds: int = 0
    free_failures: int = 0


class UsageSnapshot(FrozenModel):
    """The current usage, as far as the rules need it; read in one transaction."""

    blocked: bool = False
    granted: int = 0
    """The member's remaining extra runs."""
    last_start: datetime | None = None
    """Start of the member's latest counted task here."""
    unfinished: int = 0
    """The member's unfinished tasks here, without overdue ones."""
    member: RollingCount = RollingCount()
    """The member's tasks here, since their last reset."""
    server: RollingCount = RollingCount()
    """The server's tasks, since its last reset."""
    share: RollingCount = RollingCount()
    """The server's tasks, regardless of resets."""
    all_guilds: RollingCount = RollingCount()
    server_queued: int = 0
    """The server's tasks that are not at FoxAPI yet, including those being prepared."""
    server_running: int = 0
    queued: int = 0
    running: int = 0
    free_failures: RollingCount = RollingCount()
    """The member's tasks on all servers that failed in the last hour and were not billed."""


class MemberModeration(FrozenModel):
    """A member's block and extra runs on one server."""

    user_id: int
    blocked_at: datetime | None = None
    blocked_by: int | None = None
    granted: int = 0
    """Remaining extra runs."""


NOBODY = 0
"""The user id in usage rows of tasks whose members deleted their data."""


class UsageRow(FrozenModel):
    """The outcomes of one member's tasks that started on one day (UTC) on one server. Rows can be added."""

    day: date
    user_id: int
    delivered: int = 0
    failed: int = 0
    cancelled: int = 0
    unclear: int = 0
    unfinished: int = 0
    seconds: int = 0
    """Seconds added to videos by the delivered tasks."""
    credits: float = 0.0
    """Credits of the tasks whose cost FoxAPI reported."""

    @property
    def tasks(self) -> int:
        """The number of tasks."""
        return self.delivered + self.failed + self.cancelled + self.unclear + self.unfinished

    def __add__(self, other: UsageRow) -> UsageRow:
        """Return the sum, with the day and user id of `self`."""
        mine, theirs = self.model_dump(), other.model_dump()
        return UsageRow(**{name: mine[name] + theirs[name] for name in _COUNTED}, day=self.day, user_id=self.user_id)


_COUNTED = ("delivered", "failed", "cancelled", "unclear", "unfinished", "seconds", "credits")
