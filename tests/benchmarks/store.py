"""The cost of store operations with a history: `python -m tests.benchmarks.store [--history 0 10000] [--orders]`.

It is not part of the test suite. Each database is filled with that many finished tasks; then every operation of a task
and of an idle minute is timed. `--orders` measures how many requests per second PostgreSQL accepts from twenty members
at once, with that many tasks in the last day. Prints Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bot.domain.limits import OperatorLimits
from bot.domain.task import TaskState
from bot.store import Store
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.databases import ENGINES, Database, new_database
from tests.support.history import FIRST_MEMBER, HOME, History, add_history
from tests.support.postgres_cluster import create_folder, find_programs, open_shared_cluster, stop_shared

RUNS = 15
CONCURRENT_MEMBERS = 20
OPERATOR_LIMITS = OperatorLimits(max_running=10**6, max_preparing=10**6, max_waiting=10**6, server_waiting=10**6)
Operation = Callable[[], Awaitable[object]]


@asynccontextmanager
async def open_store(engine: str, history: History) -> AsyncIterator[Store]:
    """Open a store on a new database with that history."""
    folder = create_folder()
    try:
        cluster = await open_shared_cluster(folder) if engine == "postgresql" else None
        with tempfile.TemporaryDirectory(prefix="bench-store-") as name:
            async with new_database(Path(name), cluster) as database:
                async with Store.open(database.url):
                    pass
                add_history(database, history)
                async with Store.open(database.url) as store:
                    await store.leases.register()
                    await _start_tasks(store, database)
                    yield store
    finally:
        stop_shared(folder)


async def _start_tasks(store: Store, database: Database) -> None:
    for number in range(10):
        order = an_order(user_id=FIRST_MEMBER + number, guild_id=HOME)
        await store.tasks.create(order, a_place(5000 + number), NOON, a_case(order))
        if number < 5:
            task = await store.queue.claim(OPERATOR_LIMITS, NOON)
            assert task
            await store.tasks.transition(task, TaskState.RENDERING, NOON)
    if not database.url.startswith("sqlite"):
        database.sql("ANALYZE")


def list_operations(store: Store, tasks: int) -> dict[str, Operation]:
    """Return the timed operations by name."""
    messages = iter(range(10_000, 10**6))
    order = an_order(user_id=FIRST_MEMBER + 30, guild_id=HOME)

    async def create_task() -> None:
        now = NOON + timedelta(seconds=60)
        task = await store.tasks.create(order, a_place(next(messages)), now, a_case(order, now))
        await store.tasks.transition(task, TaskState.CANCELLED, NOON, outcome_shown=True)

    return {
        "tasks.create": create_task,
        "leases.claim_orphaned": lambda: store.leases.claim_orphaned(range(10**6)),
        "queue.claim (no slot)": lambda: store.queue.claim(OperatorLimits(max_preparing=1), NOON),
        "queue.give_slot (none)": lambda: store.queue.give_slot(OperatorLimits(max_running=1), 0, NOON),
        "queue.read_snapshot": lambda: store.queue.read_snapshot(OPERATOR_LIMITS, 0, NOON),
        "tasks.list_recent_durations": store.tasks.list_recent_durations,
        "tasks.list_children": lambda: store.tasks.list_children([max(1, tasks // 2)]),
        "tasks.get_page": lambda: store.tasks.get_page(FIRST_MEMBER, 0, 5),
        "reports.read_task_counts": store.reports.read_task_counts,
        "retention.delete_due": lambda: store.retention.delete_due(NOON, timedelta(days=30)),
        "retention.delete_tokens": lambda: store.retention.delete_tokens(NOON),
        "retention.delete_member": lambda: store.retention.delete_member(1, NOON),
        "guilds.sync": lambda: store.guilds.sync([HOME], NOON),
        "tasks.list_with_keepable_video": lambda: store.tasks.list_with_keepable_video(range(1, min(tasks, 50))),
        "shares.list_of_deleted_tasks": lambda: store.shares.list_of_deleted_tasks(10),
        "shares.list_unconfirmed": lambda: store.shares.list_unconfirmed(10),
    }


async def measure_operations(engine: str, tasks: int) -> dict[str, float]:
    """Measure each operation in milliseconds, as the median of several runs."""
    found: dict[str, float] = {}
    async with open_store(engine, History(tasks)) as store:
        for name, operation in list_operations(store, tasks).items():
            await operation()
            durations = []
            for _ in range(RUNS):
                began = time.perf_counter()
                await operation()
                durations.append(time.perf_counter() - began)
            found[name] = statistics.median(durations) * 1000
    return found


async def measure_requests_per_second(tasks_a_day: int, seconds: float = 5) -> float:
    """Measure the requests per second that PostgreSQL accepts without a global limit."""
    history = History(tasks_a_day, days=1, shares=False)
    async with open_store("postgresql", history) as store:
        messages, done = iter(range(10_000, 10**6)), 0
        ends = time.perf_counter() + seconds

        async def member(number: int) -> None:
            nonlocal done
            order = an_order(user_id=number, guild_id=5000 + number)
            while time.perf_counter() < ends:
                await store.tasks.create(
                    order, a_place(next(messages)), NOON, a_case(order, operator_limits=OPERATOR_LIMITS)
                )
                done += 1

        await asyncio.gather(*(member(1 + number) for number in range(CONCURRENT_MEMBERS)))
        return done / seconds


async def print_table(engine: str, histories: list[int]) -> None:
    """Print the table of one database engine."""
    columns = [await measure_operations(engine, tasks) for tasks in histories]
    print(f"\n{engine}, milliseconds by number of finished tasks\n")
    print("| operation | " + " | ".join(f"{tasks:,}" for tasks in histories) + " |")
    print("|---|" + "---:|" * len(histories))
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{column[name]:.1f}" for column in columns) + " |", flush=True)


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.store", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--history", type=int, nargs="*", default=[0, 10_000, 100_000])
    parser.add_argument("--engine", choices=ENGINES, nargs="*", default=list(ENGINES))
    parser.add_argument("--orders", type=int, nargs="*", help="tasks in the last day, such as 1000 50000 500000")
    args = parser.parse_args()
    if find_programs() is None:
        args.engine, args.orders = ["sqlite"], None
        print("PostgreSQL is not installed: only SQLite is measured.", file=sys.stderr)
    for engine in args.engine if args.history else []:
        asyncio.run(print_table(engine, args.history))
    for tasks in args.orders or []:
        print(
            f"{tasks:,} tasks a day: {asyncio.run(measure_requests_per_second(tasks)):.0f} requests per second",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
