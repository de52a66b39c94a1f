"""The capacity plan: `python -m tests.benchmarks.capacity [--servers 1000 10000 100000]`.

It simulates the busiest hour task by task: tasks arrive at random (Poisson), FoxAPI takes a random time, and each task
is polled on the bot's own schedule (bot/worker/poll_schedule.py). The costs are measured and the members' behaviour is
assumed; both are listed below and printed in the header.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.worker.poll_schedule import PollSchedule, choose_first_gap

TASKS_A_DAY, PEAK = 5.0, 3.0
"""Assumed: tasks per server and day, and the ratio of the busiest hour to the mean."""
RENDER_SECONDS, SPREAD = 60.0, 0.35
"""Assumed: FoxAPI's median render time, and the standard deviation of its logarithm."""
CONVERTED, CONVERT_CPU = 0.3, 4.5
"""Fraction of clips to convert (assumed), and CPU seconds for one (measured with ten seconds of 1080p)."""
CPU, MEDIA_CPU = 0.06, 0.043
"""Measured (load.py): CPU seconds of a task, and of its ffmpeg for a clip that needs no conversion."""
GATEWAY_CPU = 0.3
"""Fraction of a task's CPU that its first response and buttons take."""
MAX_UTILIZATION = 0.6
"""Highest allowed utilization of a core in the busiest hour."""
STATEMENTS, STATEMENTS_A_QUERY = 15, 2
"""Measured: database statements per task and per query."""
SERVERS_A_SHARD, SERVERS_A_GATEWAY = 1000, 16_000
"""Discord recommends 1,000 servers per shard (at most 2,500). 16,000 servers take 0.4 GB, because discord.py caches
24 KB for a server with thirty channels and twenty roles (measured)."""
POSTS_A_SECOND = 50
"""Limit of a bot's requests (Discord docs, Rate Limits, Global); interaction responses and their edits do not count."""
POLL_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Hour:
    """The figures of one simulated hour."""

    servers: int
    tasks: int
    running: int
    """Largest number of tasks at FoxAPI at once."""
    queries: int
    """Number of queries."""
    most_queries: int
    """Largest number of queries in one second."""

    @property
    def rate(self) -> float:
        """Tasks per second."""
        return self.tasks / 3600

    def cores(self) -> tuple[float, float]:
        """Return the cores that gateways and workers need."""
        media = (1 - CONVERTED) * MEDIA_CPU + CONVERTED * CONVERT_CPU
        work = self.rate * (CPU * (1 - GATEWAY_CPU) + media)
        return self.rate * CPU * GATEWAY_CPU / MAX_UTILIZATION, work / MAX_UTILIZATION

    def format_row(self) -> str:
        """Format the table row."""
        shards = math.ceil(self.servers / SERVERS_A_SHARD)
        answering, working = self.cores()
        gateways = max(1, math.ceil(answering), math.ceil(self.servers / SERVERS_A_GATEWAY))
        statements = self.rate * STATEMENTS + self.queries / 3600 * STATEMENTS_A_QUERY
        figures = (self.rate, self.running, self.most_queries, statements, self.rate / POSTS_A_SECOND * 100)
        cells = "{:.1f} | {:,} | {:,} | {:,.0f} | {:.0f} %".format(*figures)
        return f"| {self.servers:,} | {shards} | {cells} | {gateways} + {max(1, math.ceil(working))} |"


def simulate_hour(servers: int, rng: random.Random) -> Hour:
    """Simulate an hour, after half an hour of warm-up."""
    rate = servers * TASKS_A_DAY * PEAK / 86_400
    at, arrivals = 0.0, []
    while (at := at + rng.expovariate(rate)) < 5400:
        arrivals.append(at)
    changes: list[tuple[float, int]] = []
    seconds: Counter[int] = Counter()
    for begun in arrivals:
        takes = RENDER_SECONDS * math.exp(rng.gauss(0, SPREAD))
        asked = list_queries(begun, takes)
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


def list_queries(begun: float, takes: float) -> list[float]:
    """Return the times of a task's queries; the last one follows its completion."""
    schedule, asked = PollSchedule(POLL_SECONDS), [begun + choose_first_gap(POLL_SECONDS)]
    while asked[-1] < begun + takes:
        age = asked[-1] - begun
        schedule.record(age, min(99, int(age / takes * 100)))
        asked.append(asked[-1] + schedule.choose_gap(age))
    return asked


def format_table(servers: Sequence[int]) -> str:
    """Format the capacity plan."""
    assumed = (
        f"{TASKS_A_DAY:g} tasks a server and day, the busiest hour {PEAK:g} times the mean; FoxAPI takes about "
        f"{RENDER_SECONDS:g} s; {CONVERTED:.0%} of clips are converted, {CONVERT_CPU:g} s of CPU each; "
        f"cores are {MAX_UTILIZATION:.0%} busy at most"
    )
    head = (
        "| servers | shards | tasks/s | at FoxAPI | queries/s | statements/s | of Discord's 50/s | gateways + workers |"
    )
    rows = [simulate_hour(each, random.Random(each)).format_row() for each in servers]  # noqa: S311
    return "\n".join([f"{assumed}.", "", head, "| --: " * 8 + "|", *rows])


def main() -> None:
    """Print the plan."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.capacity")
    parser.add_argument("--servers", type=int, nargs="*", default=[1000, 10_000, 100_000])
    print(format_table(parser.parse_args().servers))


if __name__ == "__main__":
    main()
