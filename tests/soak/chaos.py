"""What befalls the bot in a soak: faults of both stand-ins, quirks of tasks, a shaky gateway, and sudden ends.

All of it is drawn from a seeded random.Random. The journal keeps what was done and when, so that the account can
explain what came of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.sandbox.bot_process import BotProcess
from bot.sandbox.faults import Faults, Hold
from bot.sandbox.foxapi.quirks import Failure, Pause, Quirks, Shape
from tests.soak.faults import FAULTS, HELD
from tests.support.harness import Harness
from tests.support.postgres_cluster import Cluster

FAULTS_A_SECOND = 1.6
QUIRKS_A_SECOND = 0.4
BACK_SECONDS = 3.0
"""After which everybody has found a database that came back."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of the bot's process, asked for or not; times in seconds since the epoch."""

    began: float
    over: float
    how: str
    """SIGKILL, SIGTERM, or "by itself"."""
    code: int | None
    last_line: str = ""
    number: int = 0
    """Which process it was; the first is the one that answers members."""


@dataclass(slots=True)
class ChaosLog:
    """What the soak did to the bot."""

    ends: list[End] = field(default_factory=list)
    gateway: list[float] = field(default_factory=list)
    """When the gateway was shaken."""
    pauses: list[tuple[float, float, int]] = field(default_factory=list)
    """From when to when which process stood still."""
    database: list[tuple[float, float]] = field(default_factory=list)
    """From when to when the database was away."""
    armed: Counter[str] = field(default_factory=Counter)
    releases: list[asyncio.Event] = field(default_factory=list)
    """What lets go on whatever was held."""

    def end_between(self, begin: float, end: float) -> End | None:
        """The end of the bot's process that lies between the two moments, if there is one."""
        return next((each for each in self.ends if each.began <= end and each.over >= begin), None)

    def gateway_end_between(self, begin: float, end: float) -> End | None:
        """The same of the process that answers members."""
        return next((it for it in self.ends if not it.number and it.began <= end and it.over >= begin), None)

    def paused_between(self, begin: float, end: float, number: int | None = None) -> bool:
        """Whether that process (None: any) stood still meanwhile."""
        return any(on <= end and off >= begin for on, off, who in self.pauses if number in (None, who))

    def database_away_between(self, begin: float, end: float) -> bool:
        """Whether the database did."""
        return any(on <= end and off + BACK_SECONDS >= begin for on, off in self.database)


@dataclass(frozen=True, slots=True)
class ProcessHandle:
    """A process of the bot, and the lines that it wrote."""

    process: BotProcess
    lines: list[str]


class Chaos:
    """Makes trouble until it is cancelled."""

    def __init__(
        self, stage: Harness, crew: Sequence[ProcessHandle], seed: int, cluster: Cluster | None = None
    ) -> None:
        """`cluster`: the database that several processes share; it is restarted, and they are paused, too."""
        self._stage = stage
        self._crew = crew
        self._seed = seed
        self._cluster = cluster
        self._asked: dict[int, tuple[str, float]] = {}
        """How and when a process was last asked to end, until it has."""
        self._paused: set[int] = set()
        self.journal = ChaosLog()

    async def blow(self) -> None:
        """All kinds of trouble at once, each by a chance of its own."""
        async with asyncio.TaskGroup() as group:
            troubles = [self._faults, self._storms, self._quirks, self._gateway, self._ends]
            for trouble in [*troubles, self._pauses, self._restarts] if self._cluster else troubles:
                group.create_task(trouble(random.Random(f"{self._seed} {trouble.__name__}")))  # noqa: S311

    async def keep(self) -> None:
        """Start every process, and start it again whenever it has ended, as a supervisor does."""
        async with asyncio.TaskGroup() as group:
            for number in range(len(self._crew)):
                group.create_task(self._keep(number))

    async def _keep(self, number: int) -> None:
        hand = self._crew[number]
        while True:
            await hand.process.start()
            code = await hand.process.wait()
            how, began = self._asked.pop(number, ("by itself", time.time()))
            last = next((line for line in reversed(hand.lines) if line.strip()), "")
            self.journal.ends.append(End(began, time.time(), how, code, last, number))

    def clear(self) -> None:
        """Fair weather from now on."""
        for server in (self._stage.fox, self._stage.discord):
            server.faults.clear()
        self._stage.fox.next_quirks = None
        for release in self.journal.releases:
            release.set()

    def _server(self, fox: bool) -> Faults:
        return self._stage.fox.faults if fox else self._stage.discord.faults

    async def _faults(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(FAULTS_A_SECOND))
            (fault,) = chance.choices(FAULTS, [each.weight for each in FAULTS])
            self._server(fault.fox).add(fault.method, fault.path, fault.make(chance))
            self.journal.armed[fault.name] += 1

    async def _storms(self, chance: random.Random) -> None:
        """Now and then everything of one kind fails for some seconds."""
        while True:
            await asyncio.sleep(chance.uniform(15, 45))
            fault = chance.choice([each for each in FAULTS if each.weight > 2])
            rule = self._server(fault.fox).add(fault.method, fault.path, fault.make(chance), times=None)
            self.journal.armed[f"storm of {fault.name}"] += 1
            await asyncio.sleep(chance.uniform(0.5, 4))
            rule.times = 1

    async def _quirks(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(QUIRKS_A_SECOND))
            self._stage.fox.next_quirks = quirks = self._quirk(chance)
            if quirks.pause:
                self.journal.releases.append(quirks.pause.release)
                asyncio.get_running_loop().call_later(chance.uniform(1, 9), quirks.pause.release.set)

    def _quirk(self, chance: random.Random) -> Quirks:
        shapes: list[Shape] = ["documented", "strings", "output.url", "output.urls"]
        kinds = [
            Quirks(failure=Failure("service_error", "The upstream service failed.", at=chance.choice([0, 60]))),
            Quirks(failure=Failure("content_policy_violation", "Rejected.")),
            Quirks(ends_cancelled=True),
            Quirks(withheld=chance.randint(1, 8)),
            Quirks(sparse=True),
            Quirks(shape=chance.choice(shapes)),
            *[Quirks(pause=Pause(at=chance.choice([0, 40, 99])), shape=chance.choice(shapes)) for _ in range(4)],
        ]
        return chance.choice(kinds)

    async def _gateway(self, chance: random.Random) -> None:
        gateway = self._stage.discord.gateway
        while True:
            await asyncio.sleep(chance.uniform(8, 20))
            self.journal.gateway.append(time.time())
            match chance.choice(["drop", "reconnect", "invalidate"]):
                case "drop":
                    await gateway.drop()
                case "reconnect":
                    gateway.reconnect()
                case _:
                    gateway.invalidate()

    async def _ends(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.uniform(5, 12))
            match chance.choices(["kill", "held", "stop"], [4, 4, 2])[0]:
                case "kill":
                    await self._end("SIGKILL", self._any(chance))
                case "held":
                    await self._end_in_the_middle(chance)
                case _:
                    await self._end("SIGTERM", self._any(chance))

    async def _end_in_the_middle(self, chance: random.Random) -> None:
        fox, method, path = chance.choice(HELD)
        hold = Hold(after=chance.random() < 0.5)
        self.journal.releases.append(hold.release)
        self._server(fox).add(method, path, hold)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(6):
                await hold.reached.wait()
        how = chance.choices(["SIGKILL", "SIGTERM"], [3, 1])[0]
        if how == "SIGTERM":  # the call is answered while the bot is stopping
            asyncio.get_running_loop().call_later(chance.uniform(0, 0.5), hold.release.set)
        elif chance.random() < 0.5:  # not in its middle, but between its answer and what the bot writes down of it
            hold.release.set()
            await asyncio.sleep(chance.uniform(0, 0.04))
        await self._end(how, self._any(chance))
        hold.release.set()

    async def _end(self, how: str, number: int) -> None:
        process = self._crew[number].process
        if process.running and number not in self._paused:
            self._asked[number] = how, time.time()
            await (process.kill() if how == "SIGKILL" else process.stop())

    def _any(self, chance: random.Random) -> int:
        return chance.randrange(len(self._crew))

    async def _pauses(self, chance: random.Random) -> None:
        """A process stands still, for less or more than a lease lasts, and comes back."""
        while True:
            await asyncio.sleep(chance.uniform(6, 15))
            number = self._any(chance)
            pid, began = self._crew[number].process.pid, time.time()
            if pid is None or number in self._asked:
                continue
            self._paused.add(number)
            try:
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep(chance.uniform(0.5, 9))
            finally:
                os.kill(pid, signal.SIGCONT)
                self._paused.remove(number)
                self.journal.pauses.append((began, time.time(), number))

    async def _restarts(self, chance: random.Random) -> None:
        """The database is stopped, in an orderly way or as a crash would, and started again."""
        assert self._cluster
        while True:
            await asyncio.sleep(chance.uniform(25, 50))
            await asyncio.shield(asyncio.create_task(self._restart(self._cluster, chance)))

    async def _restart(self, cluster: Cluster, chance: random.Random) -> None:
        began = time.time()
        self.journal.database.append((began, float("inf")))
        await asyncio.to_thread(cluster.stop, chance.choice(["fast", "immediate"]))
        await asyncio.sleep(chance.uniform(0, 3))
        await asyncio.to_thread(cluster.start)
        self.journal.database[-1] = began, time.time()
