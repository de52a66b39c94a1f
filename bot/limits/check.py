"""The rules, in their fixed order. No I/O, no clock: everything comes in as an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from bot.limits.words import first_forbidden
from bot.rules import Asker, Ceilings, Limits, Roofs, Usage
from bot.task import Order, Refused

_CHANNELS_NAMED = 5


class RoofReached(Refused):
    """One of the operator's own limits said no, not one of the server's."""


@dataclass(frozen=True, slots=True)
class Case:
    """One order to be judged, and everything about it that needs no look into the store."""

    order: Order
    asker: Asker
    now: datetime
    defaults: Limits
    """For a server that has set no limits, and for direct messages."""
    roofs: Roofs

    def ceilings(self, limits: Limits | None) -> Ceilings:
        """How many tasks a day are allowed to the member, the server and everybody."""
        return ceilings(limits or self.defaults, self.asker, self.roofs)

    def check(self, limits: Limits | None, usage: Usage) -> bool:
        """Raise Refused, or return whether one of the member's extra runs is used up."""
        return check(limits or self.defaults, usage, self.order, self.asker, self.now, self.roofs)


def is_exempt(limits: Limits, asker: Asker) -> bool:
    """Whether the server's numbers do not bind this member."""
    return bool(limits.exempt_roles & asker.role_ids)


def ceilings(limits: Limits, asker: Asker, roofs: Roofs) -> Ceilings:
    """The daily numbers that hold for this member; 0: no limit."""
    roof = Ceilings(share=roofs.server_per_day, everywhere=roofs.max_per_day)
    if is_exempt(limits, asker):
        return roof
    by_role = [number for role, number in limits.role_per_day.items() if role in asker.role_ids]
    most_generous = 0 if 0 in by_role else max(by_role, default=limits.user_per_day)
    return roof.model_copy(update={"member": most_generous, "server": limits.server_per_day})


def check(limits: Limits, usage: Usage, order: Order, asker: Asker, now: datetime, roofs: Roofs) -> bool:
    """Raise Refused by the first of the rules that forbids the order; return whether an extra run is used up for it.

    A rule of time says when it will allow the order; if several of them forbid it, the latest moment is told.
    """
    facts = _Facts(limits, usage, order, asker, now, roofs)
    refusals = [refusal for rule in _IN_ORDER if (refusal := rule(facts))]
    if not refusals:
        return facts.over_own_day
    first = refusals[0]
    if first.allowed_at:
        first.allowed_at = max(refusal.allowed_at for refusal in refusals if refusal.allowed_at)
    raise first


@dataclass(frozen=True)
class _Facts:
    """What the rules look at."""

    limits: Limits
    usage: Usage
    order: Order
    asker: Asker
    now: datetime
    roofs: Roofs

    @cached_property
    def exempt(self) -> bool:
        return is_exempt(self.limits, self.asker)

    @cached_property
    def ceilings(self) -> Ceilings:
        return ceilings(self.limits, self.asker, self.roofs)

    @cached_property
    def over_own_day(self) -> bool:
        return 0 < self.ceilings.member <= self.usage.member.count


def _served(facts: _Facts) -> Refused | None:
    guild, roofs = facts.asker.guild_id, facts.roofs
    if guild is None and roofs.allowed_servers:
        return Refused("I do not work in direct messages: use me on a server.")
    if guild in roofs.blocked_servers or (roofs.allowed_servers and guild not in roofs.allowed_servers):
        return Refused("I do not work on this server: whoever runs this bot has chosen the servers on which it does.")
    return None


def _paused(facts: _Facts) -> Refused | None:
    if facts.limits.paused is None:
        return None
    reason = facts.limits.paused.strip()
    return Refused(f"The moderators have paused me here: {reason}" if reason else "The moderators have paused me here.")


def _blocked(facts: _Facts) -> Refused | None:
    return Refused("The moderators have blocked you from using me here: ask them why.") if facts.usage.blocked else None


def _channel(facts: _Facts) -> Refused | None:
    limits, asker = facts.limits, facts.asker
    if limits.channels and not limits.channels & {asker.channel_id, asker.parent_id}:
        named = ", ".join(f"<#{channel}>" for channel in sorted(limits.channels)[:_CHANNELS_NAMED])
        more = " and some others" if len(limits.channels) > _CHANNELS_NAMED else ""
        return Refused(f"I may not be used in this channel: go to {named}{more}.")
    if not (limits.open_everywhere or asker.age_restricted or asker.moderator or facts.exempt):
        return Refused("I may be used only in age-restricted channels here: go to one of those.")
    if facts.order.private and not limits.private_allowed:
        return Refused("Private replies are not allowed here: leave `private` out.")
    return None


def _role(facts: _Facts) -> Refused | None:
    role = facts.limits.required_role
    if role is None or role in facts.asker.role_ids:
        return None
    return Refused(f"Only members with the role <@&{role}> may use me here: ask a moderator for it.")


def _words(facts: _Facts) -> Refused | None:
    found = first_forbidden(facts.order.prompt, facts.limits.forbidden)
    return Refused(f"Your prompt contains “{found}”, which is forbidden here: change the prompt.") if found else None


def _seconds(facts: _Facts) -> Refused | None:
    most = facts.limits.max_seconds
    if facts.exempt or not most or facts.order.seconds <= most:
        return None
    return Refused(f"At most {most} seconds may be added at a time here: choose fewer than {facts.order.seconds}.")


def _cooldown(facts: _Facts) -> Refused | None:
    gap, last = facts.limits.cooldown, facts.usage.last_start
    if facts.exempt or not gap or last is None or facts.now >= last + timedelta(seconds=gap):
        return None
    return Refused(
        f"There must be {_counted(gap, 'second')} between the starts of your videos here.",
        last + timedelta(seconds=gap),
    )


def _running(facts: _Facts) -> Refused | None:
    most, unfinished = facts.limits.user_running, facts.usage.unfinished
    if facts.exempt or not most or unfinished < most:
        return None
    return Refused(
        f"You have {_counted(unfinished, 'unfinished video')} here, and the limit is {most} at a time: wait until one "
        "has ended."
    )


def _line(facts: _Facts) -> Refused | None:
    """The line is what does not fit into the slots that are free."""
    usage, roofs = facts.usage, facts.roofs
    free = max(0, roofs.max_running - usage.at_work)
    if usage.queued - free >= roofs.max_waiting:
        return RoofReached(
            f"{_counted(roofs.max_waiting, 'video')} over all servers are waiting in line, and that is the limit: try "
            "again in a few minutes."
        )
    slots = min(facts.limits.server_running or roofs.server_running, roofs.server_running)
    free = min(free, max(0, slots - usage.server_at_work))
    if usage.server_queued - free >= roofs.server_waiting:
        return RoofReached(
            f"{_counted(roofs.server_waiting, 'video')} are waiting in line here, and that is the limit: try again in "
            "a few minutes."
        )
    return None


def _own_day(facts: _Facts) -> Refused | None:
    if not facts.over_own_day or facts.usage.granted:
        return None
    most = facts.ceilings.member
    return Refused(
        f"Your limit here is {_counted(most, 'video')} in 24 hours, and you have reached it.",
        facts.usage.member.frees_at,
    )


def _server_day(facts: _Facts) -> Refused | None:
    most, server = facts.ceilings.server, facts.usage.server
    if not 0 < most <= server.count:
        return None
    return Refused(
        f"This server's limit is {_counted(most, 'video')} in 24 hours, and it has been reached.", server.frees_at
    )


def _share_of_day(facts: _Facts) -> Refused | None:
    most, share = facts.ceilings.share, facts.usage.share
    if not 0 < most <= share.count:
        return None
    return RoofReached(
        f"This server's share of my work is {_counted(most, 'video')} in 24 hours, and it has been used.",
        share.frees_at,
    )


def _everybodys_day(facts: _Facts) -> Refused | None:
    most, everywhere = facts.ceilings.everywhere, facts.usage.everywhere
    if not 0 < most <= everywhere.count:
        return None
    return RoofReached(
        f"I may make {_counted(most, 'video')} in 24 hours over all servers, and I have.", everywhere.frees_at
    )


_IN_ORDER: tuple[Callable[[_Facts], Refused | None], ...] = (
    _served,
    _paused,
    _blocked,
    _channel,
    _role,
    _words,
    _seconds,
    _cooldown,
    _running,
    _line,
    _own_day,
    _server_day,
    _share_of_day,
    _everybodys_day,
)


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
