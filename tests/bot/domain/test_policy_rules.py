"""The rules alone: their order, their sentences, and when they will allow a request."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from bot.domain.errors import RequestRefused
from bot.domain.limits import DailyLimits, GuildLimits, OperatorLimits, Requester, RollingCount, UsageSnapshot
from bot.domain.policy import OperatorLimitReached, check, daily_limits_of
from bot.domain.task import TaskRequest
from tests.support.builders import NOON, a_requester, an_order

LATER = NOON + timedelta(hours=3)
ROLE, OTHER, FREE = 901, 902, 903


def refusal(
    limits: GuildLimits,
    usage: UsageSnapshot | None = None,
    order: TaskRequest | None = None,
    requester: Requester | None = None,
    operator_limits: OperatorLimits | None = None,
    now: datetime = NOON,
) -> RequestRefused | None:
    """Return the refusal of `check`, or None."""
    try:
        check(
            limits,
            usage or UsageSnapshot(),
            order or an_order(),
            requester or a_requester(),
            now,
            operator_limits or OperatorLimits(),
        )
    except RequestRefused as refused:
        return refused
    return None


EVERYTHING_FORBIDS = GuildLimits(
    paused="cleaning up",
    channels=frozenset({1, 2}),
    required_role=ROLE,
    forbidden=("cat",),
    max_seconds=2,
    cooldown=3600,
    user_running=1,
    user_per_day=1,
    server_per_day=1,
)
ALL_USED = UsageSnapshot(
    blocked=True,
    last_start=NOON,
    unfinished=1,
    queued=500,
    member=RollingCount(count=1, below_limit_at=LATER),
    server=RollingCount(count=1, below_limit_at=LATER),
    share=RollingCount(count=1, below_limit_at=LATER),
    all_guilds=RollingCount(count=1, below_limit_at=LATER),
)
LOW_OPERATOR_LIMITS = OperatorLimits(max_per_day=1, guild_share_percent=50, blocked_servers=frozenset({22}))

ONE_BY_ONE: list[tuple[str, dict[str, object], dict[str, object], dict[str, object]]] = [
    ("has not enabled it", {}, {}, {"blocked_servers": frozenset()}),
    ("paused me here: cleaning up", {"paused": None}, {}, {}),
    ("blocked you", {}, {"blocked": False}, {}),
    ("cannot be used in this channel: go to <#1>, <#2>", {"channels": frozenset()}, {}, {}),
    ("the role <@&901>", {"required_role": None}, {}, {}),
    ("contains “cat”", {"forbidden": ()}, {}, {}),
    ("At most 2 seconds", {"max_seconds": 0}, {}, {}),
    ("3,600 seconds between the starts", {"cooldown": 0}, {}, {}),
    ("1 unfinished video here, and the limit is 1", {"user_running": 0}, {}, {}),
    ("The queue is full, with 200 videos", {}, {"queued": 0}, {}),
    ("Your limit here is 1 video in 24 hours", {"user_per_day": 0}, {}, {}),
    ("This server's limit is 1 video in 24 hours", {"server_per_day": 0}, {}, {}),
    ("This server's share is 1 video", {}, {"share": RollingCount()}, {}),
    ("My limit over all servers is 1 video", {}, {"all_guilds": RollingCount()}, {}),
]


def test_the_order_of_the_rules_is_fixed() -> None:
    """If all rules refuse, the first one is reported; removing the rules one by one reports the next."""
    limits, usage, operator_limits = EVERYTHING_FORBIDS, ALL_USED, LOW_OPERATOR_LIMITS
    for words, in_limits, in_usage, in_operator_limits in ONE_BY_ONE:
        refused = refusal(limits, usage, an_order(seconds=6, prompt="a cat"), operator_limits=operator_limits)
        assert refused is not None
        assert words in str(refused.message)
        assert str(refused.message).endswith((".", "up"))
        limits = limits.model_copy(update=in_limits)
        usage = usage.model_copy(update=in_usage)
        operator_limits = operator_limits.model_copy(update=in_operator_limits)
    assert refusal(limits, usage, an_order(seconds=6, prompt="a cat"), operator_limits=operator_limits) is None


def test_each_reason_of_a_refusal_has_its_own_time() -> None:
    """The cooldown and the daily limit are both reported, each with the time at which it allows the request."""
    refused = refusal(
        GuildLimits(cooldown=60, user_per_day=1),
        UsageSnapshot(last_start=NOON, member=RollingCount(count=1, below_limit_at=LATER)),
    )
    assert refused is not None
    assert "60 seconds" in str(refused.message)
    assert refused.allowed_at == NOON + timedelta(seconds=60)
    (daily,) = refused.others
    assert "1 video in 24 hours" in str(daily.message)
    assert daily.allowed_at == LATER


def test_a_member_without_access_hears_of_nothing_else() -> None:
    """A paused server or a block is the only reason given, because no other rule matters then."""
    refused = refusal(EVERYTHING_FORBIDS, ALL_USED, an_order(seconds=6, prompt="a cat"))
    assert refused is not None
    assert refused.others == ()


def test_a_pause_ends_at_its_very_second() -> None:
    """A pause for some hours refuses until its end, which the refusal tells, and nothing from then on."""
    limits = GuildLimits(paused="lunch", paused_until=LATER)
    refused = refusal(limits, now=LATER - timedelta(seconds=1))
    assert refused is not None
    assert refused.allowed_at == LATER
    assert refusal(limits, now=LATER) is None


def test_at_most_three_reasons_are_listed() -> None:
    """A request that breaks every number still gets a list that can be read on a phone."""
    limits = EVERYTHING_FORBIDS.model_copy(update={"paused": None, "channels": frozenset(), "required_role": None})
    usage = ALL_USED.model_copy(update={"blocked": False})
    refused = refusal(limits, usage, an_order(seconds=6, prompt="a cat"))
    assert refused is not None
    assert len(refused.others) == 2


def test_the_cooldown_ends_at_its_very_second() -> None:
    """A request is refused one second before the reported time and allowed at that time."""
    limits, usage = GuildLimits(cooldown=60), UsageSnapshot(last_start=NOON)
    early = refusal(limits, usage, now=NOON + timedelta(seconds=59))
    assert early is not None
    assert early.allowed_at == NOON + timedelta(seconds=60)
    assert refusal(limits, usage, now=NOON + timedelta(seconds=60)) is None


@pytest.mark.parametrize(
    ("roles", "number"),
    [(set(), 5), ({ROLE}, 2), ({ROLE, OTHER}, 9), ({ROLE, OTHER, 904}, 0), ({FREE}, 0)],
)
def test_the_most_generous_role_counts(roles: set[int], number: int) -> None:
    """A role's limit replaces the server's; of several roles the highest applies, and 0 (no limit) beats all."""
    limits = GuildLimits(user_per_day=5, role_per_day={ROLE: 2, OTHER: 9, 904: 0}, exempt_roles=frozenset({FREE}))
    assert daily_limits_of(limits, a_requester(role_ids=frozenset(roles)), OperatorLimits()).member == number


def test_exempt_roles_are_free_of_numbers_and_of_nothing_else() -> None:
    """Exempt members ignore numeric limits, but not blocks, words, roles and operator limits."""
    free = a_requester(role_ids=frozenset({FREE}))
    numbers = GuildLimits(
        exempt_roles=frozenset({FREE}), max_seconds=2, cooldown=9, user_running=1, user_per_day=1, server_per_day=1
    )
    used = ALL_USED.model_copy(update={"blocked": False, "queued": 0})
    assert refusal(numbers, used, requester=free) is None
    for changes in ({"paused": ""}, {"forbidden": ("cat",)}, {"required_role": ROLE}, {"channels": frozenset({1})}):
        assert refusal(numbers.model_copy(update=changes), used, requester=free)
    assert refusal(numbers, used.model_copy(update={"blocked": True}), requester=free)
    operator_limit = refusal(numbers, used, requester=free, operator_limits=OperatorLimits(max_per_day=1))
    assert isinstance(operator_limit, OperatorLimitReached)
    assert operator_limit.allowed_at == LATER


def test_a_granted_run_is_used_only_over_the_daily_number() -> None:
    """An extra run is used only at the daily limit, and does not override other rules."""
    limits, full = GuildLimits(user_per_day=1, server_per_day=5), RollingCount(count=1, below_limit_at=LATER)
    ask = (an_order(), a_requester(), NOON, OperatorLimits())
    assert check(limits, UsageSnapshot(granted=1), *ask) is False
    assert check(limits, UsageSnapshot(granted=1, member=full), *ask) is True
    assert refusal(limits, UsageSnapshot(granted=1, member=full, server=RollingCount(count=5, below_limit_at=LATER)))


def test_places() -> None:
    """A thread counts as its parent; age-restricted channels and private replies follow the moderators' settings."""
    only = GuildLimits(channels=frozenset({77}))
    assert refusal(only, requester=a_requester(channel_id=5, parent_id=77)) is None
    assert refusal(only, requester=a_requester(channel_id=5, parent_id=78))
    grown_up = GuildLimits(open_everywhere=False, exempt_roles=frozenset({FREE}))
    assert refusal(grown_up)
    for changes in ({"age_restricted": True}, {"moderator": True}, {"role_ids": frozenset({FREE})}):
        assert refusal(grown_up, requester=a_requester(**changes)) is None
    assert refusal(GuildLimits(private_allowed=False)) is None
    assert refusal(GuildLimits(private_allowed=False), order=an_order(private=True))


def test_the_operators_choice_of_servers() -> None:
    """An allow-list excludes all other servers and direct messages; a block-list excludes its servers."""
    listed = OperatorLimits(allowed_servers=frozenset({22}))
    assert refusal(GuildLimits(), operator_limits=listed) is None
    assert refusal(GuildLimits(), requester=a_requester(guild_id=23), operator_limits=listed)
    assert refusal(GuildLimits(), requester=a_requester(guild_id=None), operator_limits=listed)
    assert refusal(GuildLimits(), requester=a_requester(guild_id=None)) is None
    assert refusal(GuildLimits(), operator_limits=OperatorLimits(blocked_servers=frozenset({22})))


def test_the_line_is_what_finds_no_free_slot() -> None:
    """Tasks that can start at once do not count as queued; a request beyond a full queue is refused."""
    operator_limits, limits = (
        OperatorLimits(max_running=10, max_waiting=5, server_waiting=3),
        GuildLimits(server_running=2),
    )
    assert refusal(limits, UsageSnapshot(server_queued=4, queued=4), operator_limits=operator_limits) is None
    assert refusal(limits, UsageSnapshot(server_queued=5, queued=5), operator_limits=operator_limits)
    assert refusal(
        limits, UsageSnapshot(server_running=2, running=2, server_queued=3, queued=3), operator_limits=operator_limits
    )
    assert refusal(limits, UsageSnapshot(running=10, queued=5), operator_limits=operator_limits)


def test_a_share_of_the_operators_limits() -> None:
    """Half of seven slots is three, and a share is never less than one."""
    assert OperatorLimits(max_running=7, guild_share_percent=50).server_running == 3
    assert OperatorLimits(max_running=1, max_per_day=3, guild_share_percent=10).server_running == 1
    assert daily_limits_of(
        GuildLimits(), a_requester(), OperatorLimits(max_per_day=30, guild_share_percent=10)
    ) == DailyLimits(share=3, all_guilds=30)


@pytest.mark.parametrize(
    "changes", [{"max_seconds": 1}, {"max_seconds": 11}, {"user_per_day": -1}, {"forbidden": [""]}]
)
def test_limits_that_make_no_sense_are_none(changes: dict[str, object]) -> None:
    """Negative numbers, seconds that FoxAPI does not add, and empty words are rejected."""
    with pytest.raises(ValidationError):
        GuildLimits.model_validate(changes)
