"""For any sequence of events, the service allows exactly what a simple model of the rules allows."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.errors import RequestRefused
from bot.domain.limits import OperatorLimits, Requester
from bot.domain.task import Billed, Task, TaskRequest, TaskState
from tests.support.builders import NOON, a_place, a_requester, an_order
from tests.support.databases import SQLiteFile
from tests.support.service_harness import GRACE, ServiceHarness, open_service_harness
from tests.support.starting import start

T = TypeVar("T")

DAY, HELD = timedelta(hours=24), timedelta(minutes=10)
OPERATOR_LIMITS = OperatorLimits(
    max_running=3, max_per_day=10, guild_share_percent=60, max_waiting=999, server_waiting=999
)
SHARE_PER_DAY, SHARE_RUNNING, ROLE = 6, 1, 901
GUILDS, MEMBERS = st.sampled_from([22, 33]), st.sampled_from([1, 2, 3])
ENDS = st.sampled_from(
    [
        (TaskState.DELIVERED, Billed.YES),
        (TaskState.FAILED, Billed.NO),
        (TaskState.FAILED, Billed.UNKNOWN),
        (TaskState.UNCLEAR, Billed.UNKNOWN),
        (TaskState.CANCELLED, Billed.UNKNOWN),
    ]
)
NUMBERS = {
    "user_per_day": st.sampled_from([1, 2, 3, 0]),
    "server_per_day": st.sampled_from([0, 0, 5, 2]),
    "user_running": st.sampled_from([0, 0, 0, 2]),
    "cooldown": st.sampled_from([0, 0, 0, 60]),
    "max_seconds": st.sampled_from([0, 0, 2]),
    "role_per_day": st.sampled_from([{}, {ROLE: 0}, {ROLE: 3}]),
}
LIMITS = st.fixed_dictionaries({}, optional={**NUMBERS, "paused": st.sampled_from([None, None, None, None, "later"])})
COMMANDS = st.lists(st.tuples(GUILDS, MEMBERS, st.sampled_from([2, 2, 6]), st.booleans()), min_size=1, max_size=8)


@dataclass
class Kept:
    """A task in the model."""

    row: Task
    started: datetime
    ended: datetime | None = None
    granted: bool = False

    @property
    def counts(self) -> bool:
        return self.row.state not in {TaskState.FAILED, TaskState.CANCELLED} or self.row.billed is not Billed.NO

    def at_work(self, now: datetime) -> bool:
        if self.ended:
            lost = self.row.state is TaskState.UNCLEAR
            return lost and self.ended > now - HELD
        return self.row.state is not TaskState.QUEUED


@dataclass
class Server:
    """A server in the model."""

    limits: dict[str, Any] = field(default_factory=dict)
    tasks: list[Kept] = field(default_factory=list)
    fresh: list[Kept] = field(default_factory=list)
    """Starts since the server's last reset; `own`: by member, since the member's last reset."""
    own: dict[int, list[Kept]] = field(default_factory=dict)
    blocked: set[int] = field(default_factory=set)
    extra: dict[int, int] = field(default_factory=dict)

    def limit(self, name: str) -> int:
        return int(self.limits.get(name, 0))


class Rules(RuleBasedStateMachine):
    """Random commands, outcomes, times and limit changes, on two servers with three members."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.open = AsyncExitStack()
        file = SQLiteFile(Path(self.folder.name) / "bot.db")
        self.harness: ServiceHarness = self.run(self.open.enter_async_context(open_service_harness(file)))
        self.harness.operator_limits = OPERATOR_LIMITS
        self.service = self.harness.service
        self.now = NOON
        self.servers = {22: Server(), 33: Server()}
        self.messages = 0

    def run(self, work: Awaitable[T]) -> T:
        async def whole() -> T:
            return await work

        return self.runner.run(whole())

    def teardown(self) -> None:
        self.run(self.open.aclose())
        self.runner.close()
        self.folder.cleanup()

    @initialize(limits=st.fixed_dictionaries(NUMBERS))
    def limits_are_set(self, limits: dict[str, Any]) -> None:
        for guild in self.servers:
            self.limits_change(guild, limits)

    @rule(commands=COMMANDS)
    def commands(self, commands: list[tuple[int, int, int, bool]]) -> None:
        for guild, member, seconds, helper in commands:
            self._command(guild, member, seconds, helper=helper)

    def _command(self, guild: int, member: int, seconds: int, *, helper: bool) -> None:
        self.messages += 1
        roles = frozenset({ROLE} if helper else ())
        order = an_order(user_id=member, guild_id=guild, seconds=seconds)
        requester = a_requester(user_id=member, guild_id=guild, role_ids=roles)
        server, allowed = self.servers[guild], self._allowed(self.now, guild, member, seconds, helper=helper)
        answer = self.run(self._answer(order, requester))
        assert isinstance(answer, Task) == allowed, f"{answer!r}, but allowed is {allowed}"
        if isinstance(answer, RequestRefused):
            times = [each.allowed_at for each in (answer, *answer.others) if each.allowed_at]
            if times:
                just_before = max(times) - timedelta(microseconds=1)
                assert not self._times_allow(just_before, guild, member, helper=helper)
                assert self._times_allow(max(times), guild, member, helper=helper)
            return
        kept = Kept(answer, self.now, granted=self._over_own(self.now, guild, member, helper=helper))
        if kept.granted:
            server.extra[member] -= 1
        for kept_in in (server.tasks, server.fresh, server.own.setdefault(member, [])):
            kept_in.append(kept)

    @rule(times=st.integers(1, 3))
    def turns(self, times: int) -> None:
        for _ in range(times):
            self._claim()

    def _claim(self) -> None:
        expected = self._busy() < OPERATOR_LIMITS.max_running and any(
            any(each.row.state is TaskState.QUEUED for each in server.tasks) and self._has_slot(server)
            for server in self.servers.values()
        )
        row = self.run(start(self.harness.store, OPERATOR_LIMITS, 0, self.now))
        assert (row is not None) == expected
        if row:
            self._kept(row.id).row = row

    @precondition(lambda self: self._open())
    @rule(ends=st.lists(st.tuples(st.integers(0, 99), ENDS), min_size=1, max_size=5))
    def tasks_end(self, ends: list[tuple[int, tuple[TaskState, Billed]]]) -> None:
        for which, end in ends:
            if still := self._open():
                self._end(still[which % len(still)], *end)

    def _end(self, kept: Kept, state: TaskState, billed: Billed) -> None:
        if kept.row.state is TaskState.QUEUED:
            state, billed = TaskState.CANCELLED, Billed.NO
        seen = self.run(self.harness.store.tasks.get(kept.row.id))  # it may have been prepared
        assert seen
        kept.row = self.run(
            self.harness.store.tasks.transition(seen, state, self.now, billed=billed, outcome_shown=True)
        )
        kept.ended = self.now
        if kept.granted and not kept.counts:
            self.servers[kept.row.order.scope_id].extra[kept.row.order.user_id] += 1

    @rule(minutes=st.sampled_from([0.5, 1, 9, 10, 59, 60, 23 * 60, 24 * 60]))
    def time_passes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)
        self.harness.time = self.now
        self.service = self.harness.service
        self.run(self.harness.store.retention.delete_due(self.now, GRACE))

    @rule(guild=GUILDS, changes=LIMITS)
    def limits_change(self, guild: int, changes: dict[str, Any]) -> None:
        self.run(self.harness.moderation.change_limits(guild, 9, **changes))
        self.servers[guild].limits |= changes

    @rule(guild=GUILDS, member=MEMBERS, action=st.sampled_from(["block", "grant", "reset", "reset all"]))
    def moderators_decide(self, guild: int, member: int, action: str) -> None:
        server, moderation = self.servers[guild], self.harness.moderation
        match action:
            case "block":
                change = moderation.unblock if member in server.blocked else moderation.block
                assert self.run(change(guild, 9, member))
                server.blocked ^= {member}
            case "grant":
                server.extra[member] = server.extra.get(member, 0) + 2
                assert self.run(moderation.grant(guild, 9, member, 2)) == server.extra[member]
            case "reset":
                self.run(moderation.reset(guild, 9, member))
                server.own[member] = []
            case _:
                self.run(moderation.reset(guild, 9))
                server.fresh = []

    @invariant()
    def never_more_than_the_slots(self) -> None:
        assert self._busy() <= OPERATOR_LIMITS.max_running
        for server in self.servers.values():
            assert sum(each.at_work(self.now) for each in server.tasks) <= SHARE_RUNNING

    def _allowed(self, now: datetime, guild: int, member: int, seconds: int, *, helper: bool) -> bool:
        server = self.servers[guild]
        unfinished = sum(each.ended is None for each in server.tasks if each.row.order.user_id == member)
        return (
            server.limits.get("paused") is None
            and member not in server.blocked
            and not 0 < server.limit("max_seconds") < seconds
            and not 0 < server.limit("user_running") <= unfinished
            and self._times_allow(now, guild, member, helper=helper)
        )

    def _times_allow(self, now: datetime, guild: int, member: int, *, helper: bool) -> bool:
        server = self.servers[guild]
        mine = [each.started for each in server.tasks if each.row.order.user_id == member and each.counts]
        everybody = [each for one in self.servers.values() for each in one.tasks]
        return (
            not (mine and now < max(mine) + timedelta(seconds=server.limit("cooldown")))
            and (not self._over_own(now, guild, member, helper=helper) or server.extra.get(member, 0) > 0)
            and not 0 < server.limit("server_per_day") <= _of_today(server.fresh, now)
            and _of_today(server.tasks, now) < SHARE_PER_DAY
            and _of_today(everybody, now) < OPERATOR_LIMITS.max_per_day
        )

    def _over_own(self, now: datetime, guild: int, member: int, *, helper: bool) -> bool:
        server = self.servers[guild]
        by_role = server.limits.get("role_per_day", {})
        most = by_role[ROLE] if helper and ROLE in by_role else server.limit("user_per_day")
        return 0 < most <= _of_today(server.own.get(member, []), now)

    def _has_slot(self, server: Server) -> bool:
        return sum(each.at_work(self.now) for each in server.tasks) < SHARE_RUNNING

    def _busy(self) -> int:
        return sum(each.at_work(self.now) for server in self.servers.values() for each in server.tasks)

    def _open(self) -> list[Kept]:
        return [each for server in self.servers.values() for each in server.tasks if each.ended is None]

    def _kept(self, task_id: int) -> Kept:
        return next(each for server in self.servers.values() for each in server.tasks if each.row.id == task_id)

    async def _answer(self, order: TaskRequest, requester: Requester) -> Task | RequestRefused:
        try:
            return await self.service.submit(order, a_place(self.messages), requester)
        except RequestRefused as refused:
            return refused


def _of_today(tasks: list[Kept], now: datetime) -> int:
    return sum(each.counts and each.started > now - DAY for each in tasks)


TestRules = Rules.TestCase
TestRules.settings = settings(
    max_examples=12,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking would outlast the test's time-out
)
