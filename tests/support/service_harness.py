"""The task service with a real database and a clock that the test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import RequestRefused
from bot.domain.events import EventQueue
from bot.domain.limits import GuildLimits, OperatorLimits
from bot.domain.task import Billed, Task, TaskState
from bot.media import Workspaces
from bot.services import MemberService, ModerationService, TaskService
from bot.store import Store
from tests.support.builders import NOON, ROOMY, a_place, a_requester, an_order
from tests.support.databases import Database

GUILD, MOD, ALF, BEA = 22, 1, 11, 12
GRACE = timedelta(days=30)
HOUR = timedelta(hours=1)
NO_FILES = Path("no-such-folder") / "tasks"
"""These tests store no videos."""


@dataclass
class ServiceHarness:
    """The service and a clock that the test sets."""

    store: Store
    database: Database
    defaults: GuildLimits = field(default_factory=GuildLimits)
    operator_limits: OperatorLimits = ROOMY
    time: datetime = NOON
    events: EventQueue = field(default_factory=EventQueue)
    messages: int = 0
    rung: list[int | None] = field(default_factory=list)

    @property
    def service(self) -> TaskService:
        return TaskService(
            self.store, lambda: self.time, self.rung.append, self.defaults, self.operator_limits, self.events
        )

    @property
    def members(self) -> MemberService:
        no_files = Workspaces(NO_FILES, max_bytes=1)
        return MemberService(self.store, no_files, lambda: self.time, self.defaults, self.operator_limits)

    @property
    def moderation(self) -> ModerationService:
        def wake_worker() -> None:
            self.rung.append(None)

        return ModerationService(
            self.store, lambda: self.time, wake_worker, self.defaults, self.operator_limits, self.events
        )

    async def submit(self, user: int = ALF, guild: int | None = GUILD, prompt: str = "go on") -> Task:
        self.messages += 1
        order = an_order(user_id=user, guild_id=guild, prompt=prompt)
        return await self.service.submit(order, a_place(self.messages), a_requester(user_id=user, guild_id=guild))

    async def refused(self, user: int = ALF, guild: int | None = GUILD) -> RequestRefused:
        with pytest.raises(RequestRefused) as caught:
            await self.submit(user, guild)
        return caught.value

    async def end(self, task: Task, state: TaskState, billed: Billed, **changes: object) -> Task:
        return await self.store.tasks.transition(task, state, self.time, billed=billed, outcome_shown=True, **changes)


@asynccontextmanager
async def open_service_harness(database: Database) -> AsyncIterator[ServiceHarness]:
    """Open the service on a new database."""
    async with Store.open(database.url) as store:
        yield ServiceHarness(store, database)
