"""The claim race: many processes claim tasks at once (`python -m tests.benchmarks.claim_race`).

On a temporary PostgreSQL, or the empty --database, 8 processes claim 2,000 queued tasks; then their leases expire, and
8 other processes take the tasks over. It fails unless each task is claimed exactly once each time. The race is repeated
on SQLite with one process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from bot.domain.limits import OperatorLimits
from bot.store import Store
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.databases import Database, PostgresDatabase, SQLiteFile
from tests.support.postgres_cluster import NOT_FOUND, create_folder, find_programs, open_shared_cluster, stop_shared

MEMBERS, SERVERS = 500, 50
CONCURRENT_CLAIMS = 4
"""Concurrent claims of one process."""
Claims = list[tuple[int, int]]
"""Task ids with their fencing tokens."""


async def main() -> int:
    """Race on both database engines; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.claim_race", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--database", help="an empty PostgreSQL database, as in DATABASE_URL")
    parser.add_argument("--worker", choices=("turns", "take-over"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        await run_worker(args.database, args.worker)
        return 0
    async with AsyncExitStack() as stack:
        url = args.database
        if url is None:
            if find_programs() is None:
                print(NOT_FOUND, file=sys.stderr)
                return 1
            folder = create_folder()
            stack.callback(stop_shared, folder)
            cluster = await open_shared_cluster(folder)
            url = await stack.enter_async_context(cluster.database())
        database = PostgresDatabase(url)
        stack.callback(database.close)
        exact = await race(
            database, args.tasks, f"PostgreSQL, {args.processes} processes", race_processes(args.processes)
        )
        folder_of_file = Path(tempfile.mkdtemp())
        stack.callback(shutil.rmtree, folder_of_file)
        exact &= await race(SQLiteFile(folder_of_file / "bot.db"), args.tasks, "SQLite, 1 process", race_alone)
    print("each task was claimed once per lease" if exact else "SOME TASKS WERE CLAIMED TWICE, OR NOT AT ALL")
    return 0 if exact else 1


Race = Callable[[str, str], Awaitable[tuple[list[Claims], float]]]
"""Takes a database URL and a mode; returns each process's claims and the seconds taken."""


async def race(database: Database, count: int, name: str, run_race: Race) -> bool:
    """Have all tasks claimed twice, print the rates, and return whether each was claimed once each time."""
    async with Store.open(database.url) as store:
        await queue_tasks(store, count)
    exact = True
    for fence, mode in enumerate(("turns", "take-over"), 1):
        by_process, took = await run_race(database.url, mode)
        claims = sorted(claim for claims in by_process for claim in claims)
        exact &= (
            claims == [(task_id, fence) for task_id, _ in claims] and len({task_id for task_id, _ in claims}) == count
        )
        shares = ", ".join(str(len(claims)) for claims in by_process)
        print(f"{name}: {len(claims)} claims by {mode} in {took:.1f} s: {len(claims) / took:.0f} a second ({shares})")
        database.sql("UPDATE processes SET alive_until = 0")
    return exact


async def queue_tasks(store: Store, count: int) -> None:
    """Queue that many tasks of many members on many servers."""
    for number in range(1, count + 1):
        order = an_order(user_id=1 + number % MEMBERS, guild_id=1000 + number % SERVERS)
        await store.tasks.create(order, a_place(number), NOON, a_case(order))


def race_processes(count: int) -> Race:
    """Return a race of that many processes, which start claiming when all are ready."""

    async def run_race(url: str, mode: str) -> tuple[list[Claims], float]:
        command = (sys.executable, "-m", "tests.benchmarks.claim_race", "--database", url, "--worker", mode)
        pipe = asyncio.subprocess.PIPE
        started = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe) for _ in range(count)]
        for each in started:
            assert each.stdout
            assert await each.stdout.readline() == b"ready\n"
        began = time.monotonic()
        outputs = await asyncio.gather(*(each.communicate(b"go\n") for each in started))
        took = time.monotonic() - began
        return [[(task_id, fence) for task_id, fence in json.loads(output)] for output, _ in outputs], took

    return run_race


async def run_worker(url: str, mode: str) -> None:
    """Run one of several processes: claim after the start signal and print the claims."""
    async with Store.open(url) as store:
        await store.leases.register()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(json.dumps(await claim_tasks(store, mode)))


async def race_alone(url: str, mode: str) -> tuple[list[Claims], float]:
    """Race in this process alone."""
    async with Store.open(url) as store:
        await store.leases.register()
        began = time.monotonic()
        return [await claim_tasks(store, mode)], time.monotonic() - began


async def claim_tasks(store: Store, mode: str) -> Claims:
    """Claim tasks until none is left."""
    claims: Claims = []

    async def claim_all() -> None:
        while tasks := await claim_once(store, mode, [task_id for task_id, _ in claims]):
            claims.extend(tasks)

    await asyncio.gather(*(claim_all() for _ in range(CONCURRENT_CLAIMS if mode == "turns" else 1)))
    return claims


async def claim_once(store: Store, mode: str, held: list[int]) -> Claims:
    """Claim the next queued task, or a batch of orphaned ones."""
    if mode == "turns":
        operator_limits = OperatorLimits(max_running=10**6, max_preparing=10**6)
        task = await store.queue.claim(operator_limits, NOON)
        if task is None:
            return []
        await store.tasks.update(task, prepared_at=NOON)
        await store.queue.give_slot(operator_limits, 0, NOON)
        return [(task.id, task.fencing_token)]
    return [(task.id, task.fencing_token) for task in await store.leases.claim_orphaned(held)]


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
