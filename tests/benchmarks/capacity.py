"""The figures of the README's capacity plan: `python -m tests.benchmarks.capacity [--servers 1000 10000 100000]`.

One busy hour is simulated task by task: members come at random (Poisson), FoxAPI takes its time, and each task is asked
for when the bot's own schedule says (bot/worker/eta.py). What a process costs was measured; what members do is
assumed. Both stand below, and in the printed header.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from bot.domain.task import Task
from bot.worker import eta

TASKS_A_DAY, PEAK = 5.0, 3.0
"""Assumed: tasks of a server in a day, and how much busier the busiest hour is than the mean one."""
RENDER_SECONDS, SPREAD = 60.0, 0.35
"""Assumed: what FoxAPI takes, and the deviation of its logarithm."""
CONVERTED, CONVERT_CPU = 0.3, 4.5
"""Assumed: clips that must be converted; seconds of CPU for one (measured: ten seconds of 1080p)."""
CPU, MEDIA_CPU = 0.06, 0.043
"""Measured (tests/benchmarks/load.py): seconds of CPU for a task, and of its ffmpeg for a clip that passes as it is."""
GATEWAY_CPU = 0.3
"""Of a task's CPU, the part that its first answer and its buttons take."""
BUSY = 0.6
"""How busy a core may be in the busiest hour."""
STATEMENTS, STATEMENTS_A_QUERY = 15, 2
"""Measured: of the database for a task, and for each query of it."""
SERVERS_A_SHARD, SERVERS_A_GATEWAY = 1000, 16_000
"""Discord recommends the first (at most 2,500). The second are 0.4 GB: discord.py keeps 24 KB of a server with thirty
channels and twenty roles (measured)."""
POSTS_A_SECOND = 50
"""Of a bot's own requests (Discord docs, Rate Limits, Global); answers to interactions and their edits do not count."""
POLL_SECONDS = 5.0
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Hour:
    """What one busy hour was like."""

    servers: int
    tasks: int
    running: int
    """Most tasks at FoxAPI at once."""
    queries: int
    """All of them."""
    most_queries: int
    """In one second."""

    @property
    def rate(self) -> float:
        """Tasks in a second."""
        return self.tasks / 3600

    def cores(self) -> tuple[float, float]:
        """Cores that gateways and workers need."""
        media = (1 - CONVERTED) * MEDIA_CPU + CONVERTED * CONVERT_CPU
        work = self.rate * (CPU * (1 - GATEWAY_CPU) + media)
        return self.rate * CPU * GATEWAY_CPU / BUSY, work / BUSY

    def row(self) -> str:
        """A row of the table."""
        shards = math.ceil(self.servers / SERVERS_A_SHARD)
        answering, working = self.cores()
        gateways = max(1, math.ceil(answering), math.ceil(self.servers / SERVERS_A_GATEWAY))
        statements = self.rate * STATEMENTS + self.queries / 3600 * STATEMENTS_A_QUERY
        figures = (self.rate, self.running, self.most_queries, statements, self.rate / POSTS_A_SECOND * 100)
        told = "{:.1f} | {:,} | {:,} | {:,.0f} | {:.0f} %".format(*figures)
        return f"| {self.servers:,} | {shards} | {told} | {gateways} + {max(1, math.ceil(working))} |"


def hour(servers: int, chance: random.Random) -> Hour:
    """Simulate it; half an hour goes before, so that it begins in full swing."""
    rate = servers * TASKS_A_DAY * PEAK / 86_400
    at, arrivals = 0.0, []
    while (at := at + chance.expovariate(rate)) < 5400:
        arrivals.append(at)
    changes: list[tuple[float, int]] = []
    seconds: Counter[int] = Counter()
    for begun in arrivals:
        takes = RENDER_SECONDS * math.exp(chance.gauss(0, SPREAD))
        asked = asks(begun, takes)
        heapq.heappush(changes, (begun, 1))
        heapq.heappush(changes, (asked[-1], -1))
        seconds.update(int(each) for each in asked if 1800 <= each < 5400)
    running = most = 0
    while changes:
        when, change = heapq.heappop(changes)
        running += change
        most = max(most, running if 1800 <= when < 5400 else 0)
    tasks = sum(1800 <= each < 5400 for each in arrivals)
    return Hour(servers, tasks, most, seconds.total(), max(seconds.values(), default=0))


def asks(begun: float, takes: float) -> list[float]:
    """When a task is asked for, the last time once it is done."""
    sent_at = BEGIN + timedelta(seconds=begun)
    expected = eta.initial_eta(sent_at, None, [RENDER_SECONDS] * 3)
    now, asked = begun, list[float]()
    while not asked or asked[-1] < begun + takes:
        at = BEGIN + timedelta(seconds=now)
        known = cast("Task", _Known(sent_at, expected))
        now += eta.next_poll(known, at, POLL_SECONDS)
        asked.append(now)
        percent = min(99, int((now - begun) / takes * 100))
        expected = eta.updated_eta(sent_at, BEGIN + timedelta(seconds=now), percent, expected)
    return asked


@dataclass(frozen=True, slots=True)
class _Known:
    """What the schedule looks at in a task."""

    sent_at: datetime
    expected_at: datetime | None


def table(servers: Sequence[int]) -> str:
    """The plan."""
    assumed = (
        f"{TASKS_A_DAY:g} tasks a server and day, the busiest hour {PEAK:g} times the mean; FoxAPI takes about "
        f"{RENDER_SECONDS:g} s; {CONVERTED:.0%} of clips are converted, {CONVERT_CPU:g} s of CPU each; "
        f"cores are {BUSY:.0%} busy at most"
    )
    head = (
        "| servers | shards | tasks/s | at FoxAPI | queries/s | statements/s | of Discord's 50/s | gateways + workers |"
    )
    rows = [hour(each, random.Random(each)).row() for each in servers]  # noqa: S311
    return "\n".join([f"{assumed}.", "", head, "| --: " * 8 + "|", *rows])


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.capacity")
    parser.add_argument("--servers", type=int, nargs="*", default=[1000, 10_000, 100_000])
    print(table(parser.parse_args().servers))


if __name__ == "__main__":
    main()
