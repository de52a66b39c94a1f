"""Judging an order by the rules. No I/O, no clock: everything comes in as an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.limits import DailyLimits, GuildLimits, OperatorLimits, Requester, UsageSnapshot
from bot.domain.policy.context import RuleContext, Screening, daily_limits_of
from bot.domain.policy.rules import RULES
from bot.domain.policy.word_filter import find_forbidden
from bot.domain.task import ReplyTarget, TaskRequest


class WordsChanged(Exception):
    """The server's forbidden words are no longer those that were looked for: look again."""


@dataclass(frozen=True, slots=True)
class SubmissionCheck:
    """One order to be judged, and everything about it that needs no look into the store."""

    request: TaskRequest
    requester: Requester
    now: datetime
    defaults: GuildLimits
    """For a server that has set no limits, and for direct messages."""
    operator_limits: OperatorLimits
    screening: Screening = field(default_factory=Screening)
    """Made beforehand, because looking for words may take a while and a case is judged inside a transaction."""

    def daily_limits(self, limits: GuildLimits | None) -> DailyLimits:
        """How many tasks a day are allowed to the member, the server and everybody."""
        return daily_limits_of(limits or self.defaults, self.requester, self.operator_limits)

    def check(self, limits: GuildLimits | None, usage: UsageSnapshot) -> bool:
        """Raise Refused, or WordsChanged, or return whether one of the member's extra runs is used up."""
        limits = limits or self.defaults
        if limits.forbidden != self.screening.entries:
            raise WordsChanged
        return check(limits, usage, self.request, self.requester, self.now, self.operator_limits, self.screening)

    def with_guild_locale(self, limits: GuildLimits | None, place: ReplyTarget) -> ReplyTarget:
        """What everybody on a server reads is written in the language that its moderators chose, if they did."""
        if place.ephemeral or place.guild_id is None:
            return place
        return place.model_copy(update={"locale": (limits or self.defaults).locale_or(place.locale)})


def screen(prompt: str, entries: tuple[str, ...]) -> Screening:
    """Look for forbidden words; half a second at the very worst, so not for the event loop."""
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
    """Raise Refused by the first of the rules that forbids the order; return whether an extra run is used up for it.

    A rule of time says when it will allow the order; if several of them forbid it, the latest moment is told.
    Without a `screening` the prompt is looked at here.
    """
    facts = RuleContext(
        limits, usage, order, requester, now, operator_limits, screening or screen(order.prompt, limits.forbidden)
    )
    refusals = [refusal for rule in RULES if (refusal := rule(facts))]
    if not refusals:
        return facts.over_daily_limit
    first = refusals[0]
    if first.allowed_at:
        first.allowed_at = max(refusal.allowed_at for refusal in refusals if refusal.allowed_at)
    raise first
