"""What befalls the bot in a soak: faults of both stand-ins, quirks of tasks, a shaky gateway, and sudden ends.

All of it is drawn from a seeded random.Random. The journal keeps what was done and when, so that the account can
explain what came of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.botprocess import BotProcess
from bot.sandbox.faults import Action, Answer, Faults, Hold, Lose, Reset, Slow, Truncate
from bot.sandbox.fox.quirks import Failure, Pause, Quirks, Shape
from tests.stage import CREATE, Stage

FAULTS_A_SECOND = 1.6
QUIRKS_A_SECOND = 0.4
QUERY, RESULT, UPLOAD = r"^/v1/tasks/", r"^/results/", r"^/v1/files/upload/stream$"
EDIT, CALLBACK, CLIP = r"^/api/v10/webhooks/[^/]+/[^/]+/messages/", r"^/api/v10/interactions/.*/callback$", r"^/cdn/"
START = r"^/api/v10/(users/@me|gateway/bot|oauth2/applications/@me)$"


@dataclass(frozen=True, slots=True)
class End:
    """One end of the bot's process, asked for or not; times in seconds since the epoch."""

    began: float
    over: float
    how: str
    """SIGKILL, SIGTERM, or "by itself"."""
    code: int | None
    last_line: str = ""


@dataclass(slots=True)
class Journal:
    """What the soak did to the bot."""

    ends: list[End] = field(default_factory=list)
    gateway: list[float] = field(default_factory=list)
    """When the gateway was shaken."""
    armed: Counter[str] = field(default_factory=Counter)
    releases: list[asyncio.Event] = field(default_factory=list)
    """What lets go on whatever was held."""

    def end_between(self, begin: float, end: float) -> End | None:
        """The end of the bot's process that lies between the two moments, if there is one."""
        return next((each for each in self.ends if each.began <= end and each.over >= begin), None)


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault: `weight` is how often it is drawn, `make` draws its details."""

    name: str
    weight: int
    fox: bool
    method: str
    path: str
    make: Callable[[random.Random], Action]


def _fox_error(status: int, message: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps({"error": {"message": message, "type": "api_error"}}), named)


def _ill_fox(chance: random.Random) -> Action:
    html = Answer(502, "<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
    slow = Slow(chance.uniform(0.2, 2.0))
    ill: list[Action] = [_fox_error(500, "upstream error"), _fox_error(503, "no channel"), html, slow, Reset()]
    return chance.choice(ill)


def _busy_fox(_: random.Random) -> Action:
    return _fox_error(429, "rate limit exceeded", Retry_After="1")


def _lost_answer(chance: random.Random) -> Action:
    lost: list[Action] = [Lose(), Truncate(), Answer(200, "{"), Slow(chance.uniform(0.5, 3.0))]
    return chance.choice(lost)


def _refusing_fox(chance: random.Random) -> Action:
    return chance.choice([_fox_error(402, "insufficient balance"), _fox_error(422, "no channel for this model")])


def _broken_file(chance: random.Random) -> Action:
    broken: list[Action] = [Answer(500), Answer(503), Reset(), Truncate(), Slow(chance.uniform(0.2, 2.0))]
    return chance.choice(broken)


def _ill_discord(chance: random.Random) -> Action:
    error = Answer(chance.choice([500, 502, 503]), '{"message": "500: Internal Server Error", "code": 0}')
    body = json.dumps({"message": "You are being rate limited.", "retry_after": 1.0, "global": False})
    busy = Answer(429, body, {"Retry-After": "1", "Via": "1.1 google", "X-RateLimit-Scope": "shared"})
    ill: list[Action] = [error, error, busy, Reset(), Lose(), Truncate(), Slow(chance.uniform(0.2, 2.0))]
    return chance.choice(ill)


FAULTS = (
    Fault("submit ill", 3, True, "POST", CREATE, _ill_fox),
    Fault("submit busy", 4, True, "POST", CREATE, _busy_fox),
    Fault("submit lost", 3, True, "POST", CREATE, _lost_answer),
    Fault("submit refused", 1, True, "POST", CREATE, _refusing_fox),
    Fault("upload ill", 3, True, "POST", UPLOAD, _ill_fox),
    Fault("upload lost", 3, True, "POST", UPLOAD, _lost_answer),
    Fault("query ill", 6, True, "GET", QUERY, _ill_fox),
    Fault("query busy", 2, True, "GET", QUERY, _busy_fox),
    Fault("query unknown", 3, True, "GET", QUERY, lambda _: _fox_error(404, "task not found")),
    Fault("query lost", 3, True, "GET", QUERY, _lost_answer),
    Fault("result broken", 9, True, "GET", RESULT, _broken_file),
    Fault("edit ill", 12, False, "PATCH", EDIT, _ill_discord),
    Fault("callback ill", 4, False, "POST", CALLBACK, _ill_discord),
    Fault("clip broken", 6, False, "GET", CLIP, _broken_file),
    Fault("start ill", 1, False, "GET", START, _ill_discord),
)
HELD = (
    (True, "POST", CREATE),
    (True, "POST", UPLOAD),
    (True, "GET", QUERY),
    (True, "GET", RESULT),
    (False, "PATCH", EDIT),
    (False, "POST", CALLBACK),
)
"""Calls in whose middle, or right after which, the bot is ended."""


class Weather:
    """Makes trouble until it is cancelled."""

    def __init__(self, stage: Stage, process: BotProcess, seed: int) -> None:
        self._stage = stage
        self._process = process
        self._seed = seed
        self._asked: tuple[str, float] | None = None
        """How and when the process was last asked to end, until it has."""
        self.journal = Journal()

    async def blow(self) -> None:
        """All kinds of trouble at once, each by a chance of its own."""
        async with asyncio.TaskGroup() as group:
            for trouble in (self._faults, self._storms, self._quirks, self._gateway, self._ends):
                group.create_task(trouble(random.Random(f"{self._seed} {trouble.__name__}")))  # noqa: S311

    async def keep(self) -> None:
        """Start the bot, and start it again whenever it has ended, as a supervisor does."""
        while True:
            await self._process.start()
            code = await self._process.wait()
            how, began = self._asked or ("by itself", time.time())
            last = next((line for line in reversed(self._stage.lines) if line.strip()), "")
            self.journal.ends.append(End(began, time.time(), how, code, last))
            self._asked = None

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
                    await self._end("SIGKILL")
                case "held":
                    await self._end_in_the_middle(chance)
                case _:
                    await self._end("SIGTERM")

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
        await self._end(how)
        hold.release.set()

    async def _end(self, how: str) -> None:
        if self._process.running:
            self._asked = how, time.time()
            await (self._process.kill() if how == "SIGKILL" else self._process.stop())
