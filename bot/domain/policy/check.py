"""Check a request against the rules. No I/O and no clock: everything is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.errors import ExtendBotError
from bot.domain.limits import DailyLimits, GuildLimits, OperatorLimits, Requester, UsageSnapshot
from bot.domain.policy.context import RuleContext, Screening, daily_limits_of
from bot.domain.policy.rules import ACCESS_RULES, NUMBER_RULES
from bot.domain.policy.word_filter import find_forbidden
from bot.domain.task import ReplyTarget, TaskRequest

_REASONS_MAX = 3
"""The longest list of reasons."""


class WordsChanged(ExtendBotError):
    """The server's forbidden words changed since the prompt was screened; screen it again."""


@dataclass(frozen=True, slots=True)
class SubmissionCheck:
    """A request and everything needed to check it that does not come from the store."""

    request: TaskRequest
    requester: Requester
    now: datetime
    defaults: GuildLimits
    """The limits of servers that have set none, and of direct messages."""
    operator_limits: OperatorLimits
    screening: Screening = field(default_factory=Screening)
    """Computed beforehand, because screening can be slow and the check runs inside a transaction."""

    def daily_limits(self, limits: GuildLimits | None) -> DailyLimits:
        """Return the daily limits of the member, the server and all servers."""
        return daily_limits_of(limits or self.defaults, self.requester, self.operator_limits)

    def check(self, limits: GuildLimits | None, usage: UsageSnapshot) -> bool:
        """Raise RequestRefused or WordsChanged, or return whether the request uses one of the member's extra runs."""
        limits = limits or self.defaults
        if limits.forbidden != self.screening.entries:
            raise WordsChanged
        return check(limits, usage, self.request, self.requester, self.now, self.operator_limits, self.screening)

    def with_guild_locale(self, limits: GuildLimits | None, place: ReplyTarget) -> ReplyTarget:
        """Set the locale of a public reply to the language that the server's moderators chose, if they did."""
        if place.ephemeral or place.guild_id is None:
            return place
        return place.model_copy(update={"locale": (limits or self.defaults).locale_or(place.locale)})


def screen(prompt: str, entries: tuple[str, ...]) -> Screening:
    """Search for forbidden words. This can take half a second, so do not call it on the event loop."""
    return Screening(entries, find_forbidden(prompt, entries))


def check(
    limits: GuildLimits,
    usage: UsageSnapshot,
    order: TaskRequest,
    requester: Requester,
    now: datetime,
    operator_limits: OperatorLimits,
    screening: Screening | None = None,
) -> bool:
    """Raise the RequestRefused of the first rule that refuses; return whether the request uses an extra run.

    It names the other rules that refuse too, each with its own time, unless the first one does so altogether: a member
    who is blocked need not hear of a cooldown. Without a `screening` the prompt is screened here.
    """
    facts = RuleContext(
        limits, usage, order, requester, now, operator_limits, screening or screen(order.prompt, limits.forbidden)
    )
    if refusal := next((refusal for rule in ACCESS_RULES if (refusal := rule(facts))), None):
        raise refusal
    refusals = [refusal for rule in NUMBER_RULES if (refusal := rule(facts))]
    if not refusals:
        return facts.over_daily_limit
    first, *others = refusals
    first.others = tuple(others[: _REASONS_MAX - 1])
    raise first
