"""The rules, in their fixed order: each says why it forbids an order, or None."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bot.limits.facts import Facts
from bot.phrase import counted, say
from bot.task import Refused

_CHANNELS_NAMED = 5


class RoofReached(Refused):
    """One of the operator's own limits said no, not one of the server's."""


def _served(facts: Facts) -> Refused | None:
    guild, roofs = facts.asker.guild_id, facts.roofs
    if guild is None and roofs.allowed_servers:
        return Refused(say("I do not work in direct messages: use me on a server."))
    if guild in roofs.blocked_servers or (roofs.allowed_servers and guild not in roofs.allowed_servers):
        return Refused(
            say("I do not work on this server: whoever runs this bot has chosen the servers on which it does.")
        )
    return None


def _paused(facts: Facts) -> Refused | None:
    if facts.limits.paused is None:
        return None
    if reason := facts.limits.paused.strip():
        return Refused(say("The moderators have paused me here: {reason}", reason=reason))
    return Refused(say("The moderators have paused me here."))


def _blocked(facts: Facts) -> Refused | None:
    if not facts.usage.blocked:
        return None
    return Refused(say("The moderators have blocked you from using me here: ask them why."))


def _channel(facts: Facts) -> Refused | None:
    limits, asker = facts.limits, facts.asker
    if limits.channels and not limits.channels & {asker.channel_id, asker.parent_id}:
        named = ", ".join(f"<#{channel}>" for channel in sorted(limits.channels)[:_CHANNELS_NAMED])
        if len(limits.channels) > _CHANNELS_NAMED:
            return Refused(say("I may not be used in this channel: go to {channels} and some others.", channels=named))
        return Refused(say("I may not be used in this channel: go to {channels}.", channels=named))
    if not (limits.open_everywhere or asker.age_restricted or asker.moderator or facts.exempt):
        return Refused(say("I may be used only in age-restricted channels here: go to one of those."))
    if facts.order.private and not limits.private_allowed:
        return Refused(say("Private replies are not allowed here: leave `private` out."))
    return None


def _role(facts: Facts) -> Refused | None:
    role = facts.limits.required_role
    if role is None or role in facts.asker.role_ids:
        return None
    return Refused(
        say("Only members with the role {role} may use me here: ask a moderator for it.", role=f"<@&{role}>")
    )


def _words(facts: Facts) -> Refused | None:
    found = facts.screening.found
    if found is None:
        return None
    return Refused(say("Your prompt contains “{word}”, which is forbidden here: change the prompt.", word=found))


def _seconds(facts: Facts) -> Refused | None:
    most = facts.limits.max_seconds
    if facts.exempt or not most or facts.order.seconds <= most:
        return None
    return Refused(
        say(
            "At most {most} seconds may be added at a time here: choose fewer than {seconds}.",
            most=most,
            seconds=facts.order.seconds,
        )
    )


def _cooldown(facts: Facts) -> Refused | None:
    gap, last = facts.limits.cooldown, facts.usage.last_start
    if facts.exempt or not gap or last is None or facts.now >= last + timedelta(seconds=gap):
        return None
    return Refused(
        counted(
            "There must be {count} second between the starts of your videos here.",
            "There must be {count} seconds between the starts of your videos here.",
            gap,
        ),
        last + timedelta(seconds=gap),
    )


def _failures(facts: Facts) -> Refused | None:
    most, failures = facts.roofs.free_failures, facts.usage.free_failures
    if not 0 < most <= failures.count:
        return None
    return Refused(
        counted(
            "{count} of your videos could not be used in the last hour, and that is the limit: look at what was wrong "
            "with it first.",
            "{count} of your videos could not be used in the last hour, and that is the limit: look at what was wrong "
            "with them first.",
            most,
        ),
        failures.frees_at,
    )


def _running(facts: Facts) -> Refused | None:
    most, unfinished = facts.limits.user_running, facts.usage.unfinished
    if facts.exempt or not most or unfinished < most:
        return None
    return Refused(
        counted(
            "You have {count} unfinished video here, and the limit is {most} at a time: wait until one has ended.",
            "You have {count} unfinished videos here, and the limit is {most} at a time: wait until one has ended.",
            unfinished,
            most=most,
        )
    )


def _line(facts: Facts) -> Refused | None:
    """The line is what does not fit into the slots that are free."""
    usage, roofs = facts.usage, facts.roofs
    free = max(0, roofs.max_running - usage.at_work)
    if usage.queued - free >= roofs.max_waiting:
        return RoofReached(
            counted(
                "{count} video over all servers is waiting in line, and that is the limit: try again in a few minutes.",
                "{count} videos over all servers are waiting in line, and that is the limit: try again in a few "
                "minutes.",
                roofs.max_waiting,
            )
        )
    slots = min(facts.limits.server_running or roofs.server_running, roofs.server_running)
    free = min(free, max(0, slots - usage.server_at_work))
    if usage.server_queued - free >= roofs.server_waiting:
        return RoofReached(
            counted(
                "{count} video is waiting in line here, and that is the limit: try again in a few minutes.",
                "{count} videos are waiting in line here, and that is the limit: try again in a few minutes.",
                roofs.server_waiting,
            )
        )
    return None


def _own_day(facts: Facts) -> Refused | None:
    if not facts.over_own_day or facts.usage.granted:
        return None
    most = facts.ceilings.member
    return Refused(
        counted(
            "Your limit here is {count} video in 24 hours, and you have reached it.",
            "Your limit here is {count} videos in 24 hours, and you have reached it.",
            most,
        ),
        facts.usage.member.frees_at,
    )


def _server_day(facts: Facts) -> Refused | None:
    most, server = facts.ceilings.server, facts.usage.server
    if not 0 < most <= server.count:
        return None
    return Refused(
        counted(
            "This server's limit is {count} video in 24 hours, and it has been reached.",
            "This server's limit is {count} videos in 24 hours, and it has been reached.",
            most,
        ),
        server.frees_at,
    )


def _share_of_day(facts: Facts) -> Refused | None:
    most, share = facts.ceilings.share, facts.usage.share
    if not 0 < most <= share.count:
        return None
    return RoofReached(
        counted(
            "This server's share of my work is {count} video in 24 hours, and it has been used.",
            "This server's share of my work is {count} videos in 24 hours, and it has been used.",
            most,
        ),
        share.frees_at,
    )


def _everybodys_day(facts: Facts) -> Refused | None:
    most, everywhere = facts.ceilings.everywhere, facts.usage.everywhere
    if not 0 < most <= everywhere.count:
        return None
    return RoofReached(
        counted(
            "I may make {count} video in 24 hours over all servers, and I have.",
            "I may make {count} videos in 24 hours over all servers, and I have.",
            most,
        ),
        everywhere.frees_at,
    )


IN_ORDER: tuple[Callable[[Facts], Refused | None], ...] = (
    _served,
    _paused,
    _blocked,
    _channel,
    _role,
    _words,
    _seconds,
    _cooldown,
    _failures,
    _running,
    _line,
    _own_day,
    _server_day,
    _share_of_day,
    _everybodys_day,
)
