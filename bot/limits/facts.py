"""What the rules look at: everything that comes in, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bot.rules import Asker, Ceilings, Limits, Roofs, Usage
from bot.task import Order


@dataclass(frozen=True, slots=True)
class Screening:
    """What a prompt was found to contain of a server's forbidden words."""

    entries: tuple[str, ...] = ()
    """The words that were looked for."""
    found: str | None = None
    """The first of them that it contains."""


def is_exempt(limits: Limits, asker: Asker) -> bool:
    """Whether the server's numbers do not bind this member."""
    return bool(limits.exempt_roles & asker.role_ids)


def ceilings(limits: Limits, asker: Asker, roofs: Roofs) -> Ceilings:
    """The daily numbers that hold for this member; 0: no limit."""
    daily = {"share": roofs.server_per_day, "everywhere": roofs.max_per_day}
    roof = Ceilings(**daily, free_failures=roofs.free_failures)
    if is_exempt(limits, asker):
        return roof
    by_role = [number for role, number in limits.role_per_day.items() if role in asker.role_ids]
    most_generous = 0 if 0 in by_role else max(by_role, default=limits.user_per_day)
    return roof.model_copy(update={"member": most_generous, "server": limits.server_per_day})


@dataclass(frozen=True)
class Facts:
    """What the rules look at."""

    limits: Limits
    usage: Usage
    order: Order
    asker: Asker
    now: datetime
    roofs: Roofs
    screening: Screening

    @cached_property
    def exempt(self) -> bool:
        """Whether the server's numbers do not bind the asker."""
        return is_exempt(self.limits, self.asker)

    @cached_property
    def ceilings(self) -> Ceilings:
        """The daily numbers that hold for the asker."""
        return ceilings(self.limits, self.asker, self.roofs)

    @cached_property
    def over_own_day(self) -> bool:
        """Whether the asker's daily number is used up."""
        return 0 < self.ceilings.member <= self.usage.member.count
