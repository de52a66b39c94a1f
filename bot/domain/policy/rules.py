"""The rules, in a fixed order. Each returns why it refuses a request, or None."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits, RollingCount
from bot.domain.policy.context import RuleContext
from bot.i18n.text import Translatable, tr, tr_plural

_CHANNELS_NAMED = 5


class OperatorLimitReached(RequestRefused):
    """One of the operator's limits is reached, not one of the server's."""


def _served(facts: RuleContext) -> RequestRefused | None:
    guild, operator_limits = facts.requester.guild_id, facts.operator_limits
    if guild is None and operator_limits.allowed_servers:
        return RequestRefused(tr("I do not work in direct messages: use me on a server."))
    if guild in operator_limits.blocked_servers or (
        operator_limits.allowed_servers and guild not in operator_limits.allowed_servers
    ):
        return RequestRefused(tr("The operator of this bot has not enabled it on this server: use it on another one."))
    return None


def find_pause_or_block(limits: GuildLimits, now: datetime, *, blocked: bool) -> RequestRefused | None:
    """Return why a member may do nothing at all here now: a pause, or a block of theirs; None if they may."""
    if limits.is_paused(now):
        reason = (limits.paused or "").strip()
        sentence = tr("The moderators have paused me here.")
        if reason:
            sentence = tr("The moderators have paused me here: {reason}", reason=reason)
        return RequestRefused(sentence, limits.paused_until)
    if blocked:
        return RequestRefused(tr("The moderators have blocked you from using me here: ask them why."))
    return None


def _paused_or_blocked(facts: RuleContext) -> RequestRefused | None:
    return find_pause_or_block(facts.limits, facts.now, blocked=facts.usage.blocked)


def _channel(facts: RuleContext) -> RequestRefused | None:
    limits, requester = facts.limits, facts.requester
    if limits.channels and not limits.channels & {requester.channel_id, requester.parent_id}:
        named = ", ".join(f"<#{channel}>" for channel in sorted(limits.channels)[:_CHANNELS_NAMED])
        if len(limits.channels) > _CHANNELS_NAMED:
            return RequestRefused(
                tr("I cannot be used in this channel: go to {channels} and some others.", channels=named)
            )
        return RequestRefused(tr("I cannot be used in this channel: go to {channels}.", channels=named))
    if not (limits.open_everywhere or requester.age_restricted or requester.moderator or facts.exempt):
        return RequestRefused(tr("Here I can only be used in age-restricted channels: go to one of those."))
    if facts.request.private and not limits.private_allowed:
        return RequestRefused(tr("Private replies are not allowed here: leave `private` out."))
    return None


def _role(facts: RuleContext) -> RequestRefused | None:
    role = facts.limits.required_role
    if role is None or role in facts.requester.role_ids:
        return None
    return RequestRefused(
        tr("Only members with the role {role} can use me here: ask a moderator for it.", role=f"<@&{role}>")
    )


def _words(facts: RuleContext) -> RequestRefused | None:
    found = facts.screening.found
    if found is None:
        return None
    return RequestRefused(tr("Your prompt contains “{word}”, which is forbidden here: change the prompt.", word=found))


def _seconds(facts: RuleContext) -> RequestRefused | None:
    most = facts.limits.max_seconds
    if facts.exempt or not most or facts.request.seconds <= most:
        return None
    return RequestRefused(
        tr(
            "At most {most} seconds can be added at a time here: choose {most} or fewer.",
            most=most,
        )
    )


def _cooldown(facts: RuleContext) -> RequestRefused | None:
    gap, last = facts.limits.cooldown, facts.usage.last_start
    if facts.exempt or not gap or last is None or facts.now >= last + timedelta(seconds=gap):
        return None
    return RequestRefused(
        tr_plural(
            "There must be {count} second between the starts of your videos here.",
            "There must be {count} seconds between the starts of your videos here.",
            gap,
        ),
        last + timedelta(seconds=gap),
    )


def _failures(facts: RuleContext) -> RequestRefused | None:
    most, failures = facts.operator_limits.free_failures, facts.usage.free_failures
    if not 0 < most <= failures.count:
        return None
    return RequestRefused(
        tr_plural(
            "{count} of your videos could not be used in the last hour, which is the limit: check what was wrong with "
            "it first.",
            "{count} of your videos could not be used in the last hour, which is the limit: check what was wrong with "
            "them first.",
            most,
        ),
        failures.below_limit_at,
    )


def _running(facts: RuleContext) -> RequestRefused | None:
    most, unfinished = facts.limits.user_running, facts.usage.unfinished
    if facts.exempt or not most or unfinished < most:
        return None
    return RequestRefused(
        tr_plural(
            "You have {count} unfinished video here, and the limit is {most} at a time: wait until one has ended.",
            "You have {count} unfinished videos here, and the limit is {most} at a time: wait until one has ended.",
            unfinished,
            most=most,
        )
    )


def _queue_full(facts: RuleContext) -> RequestRefused | None:
    """The queue length is the number of tasks that do not fit into the free slots."""
    usage, operator_limits = facts.usage, facts.operator_limits
    free = max(0, operator_limits.max_running - usage.running)
    if usage.queued - free >= operator_limits.max_waiting:
        return OperatorLimitReached(
            tr_plural(
                "The queue is full, with {count} video of all servers: try again in a few minutes.",
                "The queue is full, with {count} videos of all servers: try again in a few minutes.",
                operator_limits.max_waiting,
            )
        )
    slots = min(facts.limits.server_running or operator_limits.server_running, operator_limits.server_running)
    free = min(free, max(0, slots - usage.server_running))
    if usage.server_queued - free >= operator_limits.server_waiting:
        return OperatorLimitReached(
            tr_plural(
                "This server's queue is full, with {count} video: try again in a few minutes.",
                "This server's queue is full, with {count} videos: try again in a few minutes.",
                operator_limits.server_waiting,
            )
        )
    return None


def _member_daily(facts: RuleContext) -> RequestRefused | None:
    if not facts.over_daily_limit or facts.usage.granted:
        return None
    most = facts.daily_limits.member
    return RequestRefused(
        tr_plural(
            "Your limit here is {count} video in 24 hours, and you have reached it.",
            "Your limit here is {count} videos in 24 hours, and you have reached it.",
            most,
        ),
        facts.usage.member.below_limit_at,
    )


def _refuse_if_reached(
    used: RollingCount, most: int, reason: Translatable, kind: type[RequestRefused] = RequestRefused
) -> RequestRefused | None:
    """Return the refusal if the limit `most` is reached; 0: no limit."""
    return kind(reason, used.below_limit_at) if 0 < most <= used.count else None


def _guild_daily(facts: RuleContext) -> RequestRefused | None:
    most = facts.daily_limits.server
    reason = tr_plural(
        "This server's limit is {count} video in 24 hours, and it has been reached.",
        "This server's limit is {count} videos in 24 hours, and it has been reached.",
        most,
    )
    return _refuse_if_reached(facts.usage.server, most, reason)


def _guild_share(facts: RuleContext) -> RequestRefused | None:
    most = facts.daily_limits.share
    reason = tr_plural(
        "This server's share is {count} video in 24 hours, and it has been used up.",
        "This server's share is {count} videos in 24 hours, and it has been used up.",
        most,
    )
    return _refuse_if_reached(facts.usage.share, most, reason, OperatorLimitReached)


def _global_daily(facts: RuleContext) -> RequestRefused | None:
    most = facts.daily_limits.all_guilds
    reason = tr_plural(
        "My limit over all servers is {count} video in 24 hours, and it has been reached.",
        "My limit over all servers is {count} videos in 24 hours, and it has been reached.",
        most,
    )
    return _refuse_if_reached(facts.usage.all_guilds, most, reason, OperatorLimitReached)


Rule = Callable[[RuleContext], RequestRefused | None]

ACCESS_RULES: tuple[Rule, ...] = (
    _served,
    _paused_or_blocked,
    _channel,
    _role,
)
"""Whether the member may use the bot here at all."""

NUMBER_RULES: tuple[Rule, ...] = (
    _words,
    _seconds,
    _cooldown,
    _failures,
    _running,
    _queue_full,
    _member_daily,
    _guild_daily,
    _guild_share,
    _global_daily,
)
"""What the request contains, and how much is used. Several of these may refuse."""
