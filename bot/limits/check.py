"""Judging an order by the rules. No I/O, no clock: everything comes in as an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.limits.facts import Facts, Screening, ceilings
from bot.limits.rules import IN_ORDER
from bot.limits.words import first_forbidden
from bot.rules import Asker, Ceilings, Limits, Roofs, Usage
from bot.task import Order, Place


class WordsChanged(Exception):
    """The server's forbidden words are no longer those that were looked for: look again."""


@dataclass(frozen=True, slots=True)
class Case:
    """One order to be judged, and everything about it that needs no look into the store."""

    order: Order
    asker: Asker
    now: datetime
    defaults: Limits
    """For a server that has set no limits, and for direct messages."""
    roofs: Roofs
    screening: Screening = field(default_factory=Screening)
    """Made beforehand, because looking for words may take a while and a case is judged inside a transaction."""

    def ceilings(self, limits: Limits | None) -> Ceilings:
        """How many tasks a day are allowed to the member, the server and everybody."""
        return ceilings(limits or self.defaults, self.asker, self.roofs)

    def check(self, limits: Limits | None, usage: Usage) -> bool:
        """Raise Refused, or WordsChanged, or return whether one of the member's extra runs is used up."""
        limits = limits or self.defaults
        if limits.forbidden != self.screening.entries:
            raise WordsChanged
        return check(limits, usage, self.order, self.asker, self.now, self.roofs, self.screening)

    def placed(self, limits: Limits | None, place: Place) -> Place:
        """What everybody on a server reads is written in the language that its moderators chose, if they did."""
        if place.ephemeral or place.guild_id is None:
            return place
        return place.model_copy(update={"locale": (limits or self.defaults).spoken(place.locale)})


def screen(prompt: str, entries: tuple[str, ...]) -> Screening:
    """Look for forbidden words; half a second at the very worst, so not for the event loop."""
    return Screening(entries, first_forbidden(prompt, entries))


def check(
    limits: Limits,
    usage: Usage,
    order: Order,
    asker: Asker,
    now: datetime,
    roofs: Roofs,
    screening: Screening | None = None,
) -> bool:
    """Raise Refused by the first of the rules that forbids the order; return whether an extra run is used up for it.

    A rule of time says when it will allow the order; if several of them forbid it, the latest moment is told.
    Without a `screening` the prompt is looked at here.
    """
    facts = Facts(limits, usage, order, asker, now, roofs, screening or screen(order.prompt, limits.forbidden))
    refusals = [refusal for rule in IN_ORDER if (refusal := rule(facts))]
    if not refusals:
        return facts.over_own_day
    first = refusals[0]
    if first.allowed_at:
        first.allowed_at = max(refusal.allowed_at for refusal in refusals if refusal.allowed_at)
    raise first
