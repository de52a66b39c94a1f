"""The words of a server's rules: what its moderators set, what the operator sets, who asks, and what goes on.

Nothing here decides anything: bot/domain/policy does. Numbers of 0 are no limit; "a day" is the last 24 hours.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bot.domain.task import SECONDS_MAX, SECONDS_MIN, FrozenModel, scope_of

LimitValue = Annotated[int, Field(ge=0, le=1_000_000)]
"""A limit's number; 0 is no limit."""


SECONDS_ERROR = "added_seconds"
"""The type of pydantic's error for seconds that FoxAPI does not add."""


def _added_seconds(value: int) -> int:
    if value and not SECONDS_MIN <= value <= SECONDS_MAX:
        bounds = {"least": SECONDS_MIN, "most": SECONDS_MAX}
        raise PydanticCustomError(
            SECONDS_ERROR, "FoxAPI adds {least} to {most} seconds at a time: choose one of those, or 0", bounds
        )
    return value


MostSeconds = Annotated[LimitValue, AfterValidator(_added_seconds)]
Cooldown = Annotated[int, Field(ge=0, le=7 * 86400)]


class GuildLimits(FrozenModel):
    """One server's rules, as its moderators set them."""

    user_per_day: LimitValue = 0
    """Tasks that one member may start in a day."""
    server_per_day: LimitValue = 0
    """Tasks that all of them may start in a day."""
    user_running: LimitValue = 0
    """A member's unfinished tasks, those in line included; one more is refused."""
    server_running: LimitValue = 0
    """The server's tasks at FoxAPI at once; one more waits in line."""
    max_seconds: MostSeconds = 0
    """Seconds that one task may add."""
    cooldown: Cooldown = 0
    """Seconds between the starts of a member's tasks."""
    role_per_day: dict[int, LimitValue] = Field(default_factory=dict)
    """By role id: takes the place of user_per_day; of a member's several roles the most generous counts."""
    required_role: int | None = None
    """Without this role nobody may use the bot."""
    exempt_roles: frozenset[int] = frozenset()
    """Their members are free of this server's numbers, but not of its pause, blocks, places, roles and words."""
    channels: frozenset[int] = frozenset()
    """Where the bot may be used, threads and forum posts counting as their parent; empty: everywhere."""
    private_allowed: bool = True
    """Whether a reply may be for its member's eyes only."""
    open_everywhere: bool = True
    """Whether everyone may use the bot in channels that are not age-restricted; else moderators and exempt roles."""
    forbidden: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=200)] = ()
    """Words that a prompt may not contain; * stands for any characters within a word."""
    paused: Annotated[str, Field(max_length=300)] | None = None
    """Why nobody may start anything now (an empty reason is a pause too); None: not paused."""
    log_channel_id: int | None = None
    """Where the bot writes one line per task and per change of these rules."""
    language: Annotated[str, Field(max_length=16)] | None = None
    """In which the bot speaks to everybody here: Discord's name of a locale; None: the server's own at Discord."""

    def locale_or(self, native: str) -> str:
        """The locale of what everybody here reads; `native`: the server's own at Discord."""
        return self.language or native


class OperatorLimits(FrozenModel):
    """The operator's own bounds, over all servers; direct messages count as one server per member."""

    max_running: int = 20
    """Tasks at FoxAPI at once."""
    max_preparing: int = 20
    """Tasks being prepared at once; they are not at FoxAPI yet."""
    max_per_day: int = 0
    """Tasks started in a day; 0: no limit."""
    guild_share_percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Percent of max_running and max_per_day that one server may take."""
    max_waiting: int = 200
    """Tasks in line, over all servers..."""
    server_waiting: int = 50
    """...and of one server."""
    free_failures: int = 0
    """Tasks of one member that may fail in an hour without being paid for; 0: no limit."""
    allowed_servers: frozenset[int] = frozenset()
    """If there are any: the only servers that are served, and direct messages are not."""
    blocked_servers: frozenset[int] = frozenset()

    @property
    def server_running(self) -> int:
        """One server's share of max_running."""
        return max(1, self.max_running * self.guild_share_percent // 100)

    @property
    def server_preparing(self) -> int:
        """One server's part of max_preparing: a quarter, so that slow links of one leave room to the others."""
        return max(1, self.max_preparing // 4)

    @property
    def member_preparing(self) -> int:
        """One member's part of max_preparing, over all servers."""
        return 2

    @property
    def server_per_day(self) -> int:
        """One server's share of max_per_day; 0: no limit but that."""
        return (
            max(1, self.max_per_day * self.guild_share_percent // 100)
            if self.max_per_day and self.guild_share_percent < 100
            else 0
        )


class Requester(FrozenModel):
    """Who asks, and where: what the rules must know of a member and a channel."""

    user_id: int
    guild_id: int | None
    role_ids: frozenset[int] = frozenset()
    channel_id: int
    parent_id: int | None = None
    """The channel that a thread or forum post belongs to."""
    age_restricted: bool = False
    """Of the channel, or its parent."""
    moderator: bool = False
    """Has Manage Server here."""

    @property
    def scope_id(self) -> int:
        """Whose limits hold; see :func:`home_of`."""
        return scope_of(self.guild_id, self.user_id)


class RollingCount(FrozenModel):
    """Tasks that count in the last 24 hours: all but those that ended without being billed for sure.

    (Of `free_failures` it is just those, and the last hour.)
    """

    count: int = 0
    below_limit_at: datetime | None = None
    """When the count falls below the ceiling, if it is not below it now."""


class DailyLimits(FrozenModel):
    """How high each :class:`RollingCount` may go; 0: no limit."""

    member: int = 0
    server: int = 0
    share: int = 0
    all_guilds: int = 0
    free_failures: int = 0


class UsageSnapshot(FrozenModel):
    """What the rules must know of what is going on, read in one transaction."""

    blocked: bool = False
    granted: int = 0
    """Extra runs that the member has left."""
    last_start: datetime | None = None
    """Of the member's tasks that count, here."""
    unfinished: int = 0
    """The member's, here; overdue ones are not counted."""
    member: RollingCount = RollingCount()
    """The member's tasks here, since their last reset."""
    server: RollingCount = RollingCount()
    """The server's tasks, since its last reset."""
    share: RollingCount = RollingCount()
    """The server's tasks, whatever was reset."""
    all_guilds: RollingCount = RollingCount()
    server_queued: int = 0
    """The server's tasks that are not at FoxAPI yet, those being prepared included."""
    server_running: int = 0
    queued: int = 0
    running: int = 0
    free_failures: RollingCount = RollingCount()
    """The member's tasks, everywhere, that failed in the last hour and were not paid for."""


class MemberModeration(FrozenModel):
    """What a server's moderators decided on one member."""

    user_id: int
    blocked_at: datetime | None = None
    blocked_by: int | None = None
    granted: int = 0
    """Extra runs left."""


NOBODY = 0
"""The member of tallies whose tasks were deleted at their members' wish."""


class UsageRow(FrozenModel):
    """What became of one member's tasks that were started on one day (UTC) on one server; tallies can be added."""

    day: date
    user_id: int
    delivered: int = 0
    failed: int = 0
    cancelled: int = 0
    unclear: int = 0
    unfinished: int = 0
    seconds: int = 0
    """Added to videos by the delivered ones."""
    credits: float = 0.0
    """Where FoxAPI said what a task costs."""

    @property
    def tasks(self) -> int:
        """All of them."""
        return self.delivered + self.failed + self.cancelled + self.unclear + self.unfinished

    def __add__(self, other: UsageRow) -> UsageRow:
        """The sum, with this one's day and member."""
        mine, theirs = self.model_dump(), other.model_dump()
        return UsageRow(**{name: mine[name] + theirs[name] for name in _COUNTED}, day=self.day, user_id=self.user_id)


_COUNTED = ("delivered", "failed", "cancelled", "unclear", "unfinished", "seconds", "credits")
