"""What the rules look at: everything that comes in, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bot.rules import Asker, Ceilings, Limits, Roofs, Usage
from bot.task import Order


@dataclass(frozen=True)
class Facts:
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
