"""The chaos of a soak test: faults of both fakes, task quirks, gateway disconnects, kills and restarts.

Everything is drawn from a seeded random.Random. ChaosLog records what was done and when, so that the reconciliation can
explain its effects.
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
RECONNECT_SECONDS = 3.0
"""Seconds until every process has reconnected to a restarted database."""
MUTE_SECONDS = 120.0
"""Seconds during which FoxAPI takes requests and answers none, once a run; a fifth of the run at most."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a bot process, requested or not; times in seconds since the epoch."""

    began: float
    over: float
    how: str
    """SIGKILL, SIGTERM, or "by itself"."""
    code: int | None
    last_line: str = ""
    number: int = 0
    """The process; number 0 serves members."""


@dataclass(slots=True)
class ChaosLog:
    """A record of everything the soak test did to the bot."""

    ends: list[End] = field(default_factory=list)
    gateway: list[float] = field(default_factory=list)
    """Times of gateway disconnects."""
    pauses: list[tuple[float, float, int]] = field(default_factory=list)
    """Start, end and process of each pause."""
    database: list[tuple[float, float]] = field(default_factory=list)
    """Start and end of each database outage."""
    mute: list[tuple[float, float]] = field(default_factory=list)
    """Start and end of each time in which FoxAPI answered nothing."""
    armed: Counter[str] = field(default_factory=Counter)
    releases: list[asyncio.Event] = field(default_factory=list)
    """Events that release held calls."""

    def end_between(self, begin: float, end: float) -> End | None:
        """Return the first end of any process between the two times, if any."""
        return next((each for each in self.ends if each.began <= end and each.over >= begin), None)

    def gateway_end_between(self, begin: float, end: float) -> End | None:
        """Return the first end of the process that serves members between the two times, if any."""
        return next((it for it in self.ends if not it.number and it.began <= end and it.over >= begin), None)

    def paused_between(self, begin: float, end: float, number: int | None = None) -> bool:
        """Return whether that process, or any process for None, was paused between the two times."""
        return any(on <= end and off >= begin for on, off, who in self.pauses if number in (None, who))

    def database_away_between(self, begin: float, end: float) -> bool:
        """Return whether the database was unavailable between the two times."""
        return any(on <= end and off + RECONNECT_SECONDS >= begin for on, off in self.database)

    def mute_at(self, moment: float) -> bool:
        """Return whether FoxAPI answered nothing at that time."""
        return any(on <= moment <= off for on, off in self.mute)


@dataclass(frozen=True, slots=True)
class ProcessHandle:
    """A bot process and the lines it wrote."""

    process: BotProcess
    lines: list[str]


class Chaos:
    """Injects faults until it is cancelled."""

    def __init__(
        self, stage: Harness, handles: Sequence[ProcessHandle], seed: int, cluster: Cluster | None = None
    ) -> None:
        """With a `cluster`, shared by several processes, the database is restarted and the processes are paused too."""
        self._stage = stage
        self._handles = handles
        self._seed = seed
        self._cluster = cluster
        self._asked: dict[int, tuple[str, float]] = {}
        """How and when each process was asked to end, until it has ended."""
        self._paused: set[int] = set()
        self.log = ChaosLog()

    async def inject(self, seconds: float) -> None:
        """Inject all kinds of faults at once for about that long, each with its own random generator."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._silence(seconds))
            kinds = [self._faults, self._bursts, self._quirks, self._gateway, self._ends]
            for kind in [*kinds, self._pauses, self._restarts] if self._cluster else kinds:
                group.create_task(kind(random.Random(f"{self._seed} {kind.__name__}")))  # noqa: S311

    async def supervise(self) -> None:
        """Start every process, and restart it whenever it ends, as a supervisor does."""
        async with asyncio.TaskGroup() as group:
            for number in range(len(self._handles)):
                group.create_task(self._supervise(number))

    async def _supervise(self, number: int) -> None:
        handle = self._handles[number]
        while True:
            await handle.process.start()
            code = await handle.process.wait()
            how, began = self._asked.pop(number, ("by itself", time.time()))
            last = next((line for line in reversed(handle.lines) if line.strip()), "")
            self.log.ends.append(End(began, time.time(), how, code, last, number))

    def clear(self) -> None:
        """Remove all faults and release all held calls."""
        for server in (self._stage.fox, self._stage.discord):
            server.faults.clear()
        self._stage.fox.next_quirks = None
        for release in self.log.releases:
            release.set()

    def _server(self, fox: bool) -> Faults:
        return self._stage.fox.faults if fox else self._stage.discord.faults

    async def _faults(self, rng: random.Random) -> None:
        while True:
            await asyncio.sleep(rng.expovariate(FAULTS_A_SECOND))
            (fault,) = rng.choices(FAULTS, [each.weight for each in FAULTS])
            self._server(fault.fox).add(fault.method, fault.path, fault.make(rng))
            self.log.armed[fault.name] += 1

    async def _bursts(self, rng: random.Random) -> None:
        """From time to time, fail every call of one kind for some seconds."""
        while True:
            await asyncio.sleep(rng.uniform(15, 45))
            fault = rng.choice([each for each in FAULTS if each.weight > 2])
            rule = self._server(fault.fox).add(fault.method, fault.path, fault.make(rng), times=None)
            self.log.armed[f"burst of {fault.name}"] += 1
            await asyncio.sleep(rng.uniform(0.5, 4))
            rule.times = 1

    async def _silence(self, seconds: float) -> None:
        """Once, in the middle of the run: FoxAPI takes every request and answers none."""
        await asyncio.sleep(seconds * 0.4)
        faults, began, held = self._stage.fox.faults, time.time(), Hold()
        self.log.mute.append((began, float("inf")))
        self.log.releases.append(held.release)
        rules = [faults.add(method, "", held, times=None, first=True) for method in ("GET", "POST")]
        try:
            await asyncio.sleep(min(MUTE_SECONDS, seconds * 0.2))
        finally:
            for rule in rules:
                faults.remove(rule)
            held.release.set()
            self.log.mute[-1] = began, time.time()

    async def _quirks(self, rng: random.Random) -> None:
        while True:
            await asyncio.sleep(rng.expovariate(QUIRKS_A_SECOND))
            self._stage.fox.next_quirks = quirks = self._quirk(rng)
            if quirks.pause:
                self.log.releases.append(quirks.pause.release)
                asyncio.get_running_loop().call_later(rng.uniform(1, 9), quirks.pause.release.set)

    def _quirk(self, rng: random.Random) -> Quirks:
        shapes: list[Shape] = ["documented", "strings", "output.url", "output.urls"]
        kinds = [
            Quirks(failure=Failure("service_error", "The upstream service failed.", at=rng.choice([0, 60]))),
            Quirks(failure=Failure("content_policy_violation", "Rejected.")),
            Quirks(ends_cancelled=True),
            Quirks(withheld=rng.randint(1, 8)),
            Quirks(sparse=True),
            Quirks(shape=rng.choice(shapes)),
            *[Quirks(pause=Pause(at=rng.choice([0, 40, 99])), shape=rng.choice(shapes)) for _ in range(4)],
        ]
        return rng.choice(kinds)

    async def _gateway(self, rng: random.Random) -> None:
        gateway = self._stage.discord.gateway
        while True:
            await asyncio.sleep(rng.uniform(8, 20))
            self.log.gateway.append(time.time())
            match rng.choice(["drop", "reconnect", "invalidate"]):
                case "drop":
                    await gateway.drop()
                case "reconnect":
                    gateway.reconnect()
                case _:
                    gateway.invalidate()

    async def _ends(self, rng: random.Random) -> None:
        while True:
            await asyncio.sleep(rng.uniform(5, 12))
            match rng.choices(["kill", "held", "stop"], [4, 4, 2])[0]:
                case "kill":
                    await self._end("SIGKILL", self._pick_process(rng))
                case "held":
                    await self._end_during_call(rng)
                case _:
                    await self._end("SIGTERM", self._pick_process(rng))

    async def _end_during_call(self, rng: random.Random) -> None:
        fox, method, path = rng.choice(HELD)
        hold = Hold(after=rng.random() < 0.5)
        self.log.releases.append(hold.release)
        self._server(fox).add(method, path, hold)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(6):
                await hold.reached.wait()
        how = rng.choices(["SIGKILL", "SIGTERM"], [3, 1])[0]
        if how == "SIGTERM":  # the call is answered during the shutdown
            asyncio.get_running_loop().call_later(rng.uniform(0, 0.5), hold.release.set)
        elif rng.random() < 0.5:  # kill between the response and its record instead of during the call
            hold.release.set()
            await asyncio.sleep(rng.uniform(0, 0.04))
        await self._end(how, self._pick_process(rng))
        hold.release.set()

    async def _end(self, how: str, number: int) -> None:
        process = self._handles[number].process
        if process.running and number not in self._paused:
            self._asked[number] = how, time.time()
            await (process.kill() if how == "SIGKILL" else process.stop())

    def _pick_process(self, rng: random.Random) -> int:
        return rng.randrange(len(self._handles))

    async def _pauses(self, rng: random.Random) -> None:
        """Pause a process for less or more than the duration of a lease, and resume it."""
        while True:
            await asyncio.sleep(rng.uniform(6, 15))
            number = self._pick_process(rng)
            pid, began = self._handles[number].process.pid, time.time()
            if pid is None or number in self._asked:
                continue
            self._paused.add(number)
            try:
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep(rng.uniform(0.5, 9))
            finally:
                os.kill(pid, signal.SIGCONT)
                self._paused.remove(number)
                self.log.pauses.append((began, time.time(), number))

    async def _restarts(self, rng: random.Random) -> None:
        """Stop the database, cleanly or like a crash, and start it again."""
        assert self._cluster
        while True:
            await asyncio.sleep(rng.uniform(25, 50))
            await asyncio.shield(asyncio.create_task(self._restart(self._cluster, rng)))

    async def _restart(self, cluster: Cluster, rng: random.Random) -> None:
        began = time.time()
        self.log.database.append((began, float("inf")))
        await asyncio.to_thread(cluster.stop, rng.choice(["fast", "immediate"]))
        await asyncio.sleep(rng.uniform(0, 3))
        await asyncio.to_thread(cluster.start)
        self.log.database[-1] = began, time.time()
