"""What store operations cost with a history: `python -m tests.benchmarks.store [--history 0 10000] [--orders]`.

It is no part of the test suite. Each database gets so many finished tasks of one community; then every operation that
a task or an idle minute brings is timed. `--orders`: how many orders a second PostgreSQL takes from twenty members at
once, with so many tasks started in the last day. Prints Markdown.
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

TIMES = 15
AT_ONCE = 20
OPERATOR_LIMITS = OperatorLimits(max_running=10**6, max_preparing=10**6, max_waiting=10**6, server_waiting=10**6)
Operation = Callable[[], Awaitable[object]]


@asynccontextmanager
async def opened(engine: str, history: History) -> AsyncIterator[Store]:
    """The store over a new database with that history."""
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
                    await _some_at_work(store, database)
                    yield store
    finally:
        stop_shared(folder)


async def _some_at_work(store: Store, database: Database) -> None:
    for number in range(10):
        order = an_order(user_id=FIRST_MEMBER + number, guild_id=HOME)
        await store.tasks.create(order, a_place(5000 + number), NOON, a_case(order))
        if number < 5:
            task = await store.queue.claim(OPERATOR_LIMITS, NOON)
            assert task
            await store.tasks.transition(task, TaskState.RENDERING, NOON)
    if not database.url.startswith("sqlite"):
        database.sql("ANALYZE")


def operations(store: Store, tasks: int) -> dict[str, Operation]:
    """What is timed, by name."""
    messages = iter(range(10_000, 10**6))
    order = an_order(user_id=FIRST_MEMBER + 30, guild_id=HOME)

    async def take_order() -> None:
        now = NOON + timedelta(seconds=60)
        task = await store.tasks.create(order, a_place(next(messages)), now, a_case(order, now))
        await store.tasks.transition(task, TaskState.CANCELLED, NOON, outcome_shown=True)

    return {
        "an order": take_order,
        "leases.take": lambda: store.leases.claim_orphaned(range(10**6)),
        "claim (no slot)": lambda: store.queue.claim(OperatorLimits(max_preparing=1), NOON),
        "give_slot (none)": lambda: store.queue.give_slot(OperatorLimits(max_running=1), 0, NOON),
        "lineup": lambda: store.queue.snapshot(OPERATOR_LIMITS, 0, NOON),
        "recent_durations": store.tasks.recent_durations,
        "next_parts": lambda: store.tasks.children([max(1, tasks // 2)]),
        "a page of /tasks": lambda: store.tasks.page(FIRST_MEMBER, 0, 5),
        "overview": store.reports.read_task_counts,
        "attic.sweep": lambda: store.retention.delete_due(NOON, timedelta(days=30)),
        "attic.delete_tokens": lambda: store.retention.delete_tokens(NOON),
        "attic.forget": lambda: store.retention.delete_member(1, NOON),
        "servers.present": lambda: store.guilds.sync([HOME], NOON),
        "worth_keeping": lambda: store.tasks.with_keepable_video(range(1, min(tasks, 50))),
        "left_behind": lambda: store.shares.of_deleted_tasks(10),
        "unsettled": lambda: store.shares.unconfirmed(10),
    }


async def costs(engine: str, tasks: int) -> dict[str, float]:
    """Milliseconds of each operation, as the median of several."""
    found: dict[str, float] = {}
    async with opened(engine, History(tasks)) as store:
        for name, operation in operations(store, tasks).items():
            await operation()
            spent = []
            for _ in range(TIMES):
                began = time.perf_counter()
                await operation()
                spent.append(time.perf_counter() - began)
            found[name] = statistics.median(spent) * 1000
    return found


async def orders_a_second(tasks_a_day: int, seconds: float = 5) -> float:
    """Accepted orders in a second, without a limit over all servers, on PostgreSQL."""
    history = History(tasks_a_day, days=1, shares=False)
    async with opened("postgresql", history) as store:
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

        await asyncio.gather(*(member(1 + number) for number in range(AT_ONCE)))
        return done / seconds


async def tell(engine: str, histories: list[int]) -> None:
    """Print the table of one engine."""
    columns = [await costs(engine, tasks) for tasks in histories]
    print(f"\n{engine}, milliseconds with so many finished tasks\n")
    print("| operation | " + " | ".join(f"{tasks:,}" for tasks in histories) + " |")
    print("|---|" + "---:|" * len(histories))
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{column[name]:.1f}" for column in columns) + " |", flush=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.store", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--history", type=int, nargs="*", default=[0, 10_000, 100_000])
    parser.add_argument("--engine", choices=ENGINES, nargs="*", default=list(ENGINES))
    parser.add_argument("--orders", type=int, nargs="*", help="tasks of the last day, such as 1000 50000 500000")
    wanted = parser.parse_args()
    if find_programs() is None:
        wanted.engine, wanted.orders = ["sqlite"], None
        print("PostgreSQL is not on this machine: SQLite alone is measured.", file=sys.stderr)
    for engine in wanted.engine if wanted.history else []:
        asyncio.run(tell(engine, wanted.history))
    for tasks in wanted.orders or []:
        print(f"{tasks:,} tasks a day: {asyncio.run(orders_a_second(tasks)):.0f} orders a second", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
