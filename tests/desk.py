"""The service over a real database, at a time that the test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from bot.news import News
from bot.rules import Limits, Roofs
from bot.service import Service
from bot.store import Store
from bot.task import Billed, Refused, State, Task
from tests.databases import Database
from tests.makers import NOON, ROOMY, a_place, an_asker, an_order

GUILD, MOD, ALF, BEA = 22, 1, 11, 12
GRACE = timedelta(days=30)
HOUR = timedelta(hours=1)


@dataclass
class Desk:
    """The service at a time that the test sets."""

    store: Store
    database: Database
    defaults: Limits = field(default_factory=Limits)
    roofs: Roofs = ROOMY
    time: datetime = NOON
    news: News = field(default_factory=News)
    messages: int = 0
    rung: list[int | None] = field(default_factory=list)

    @property
    def service(self) -> Service:
        return Service(self.store, lambda: self.time, self.rung.append, self.defaults, self.roofs, self.news)

    async def submit(self, user: int = ALF, guild: int | None = GUILD, prompt: str = "go on") -> Task:
        self.messages += 1
        order = an_order(user_id=user, guild_id=guild, prompt=prompt)
        return await self.service.submit(order, a_place(self.messages), an_asker(user_id=user, guild_id=guild))

    async def refused(self, user: int = ALF, guild: int | None = GUILD) -> Refused:
        with pytest.raises(Refused) as caught:
            await self.submit(user, guild)
        return caught.value

    async def end(self, task: Task, state: State, billed: Billed, **changes: object) -> Task:
        return await self.store.move(task, state, self.time, billed=billed, told=True, **changes)


@asynccontextmanager
async def at_desk(database: Database) -> AsyncIterator[Desk]:
    """Open the service on a new database."""
    async with Store.open(database.url) as store:
        yield Desk(store, database)
