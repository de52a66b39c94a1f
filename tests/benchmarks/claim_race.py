"""The claim race: many processes claim tasks at once (`python -m tests.benchmarks.claim_race`).

On a PostgreSQL of its own (or the --database that is given: an empty one), 2,000 tasks stand in line and 8 processes
take turns until none is left; then all of them fall silent, and 8 others take their tasks over. It fails unless each
task went to exactly one process each time. Then the same on SQLite, where one process has the file.
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
HANDS = 4
"""Claims that one process has under way at once."""
Claims = list[tuple[int, int]]
"""Tasks and the numbers of their leases."""


async def main() -> int:
    """Race on both makes; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.claim_race", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--database", help="an empty PostgreSQL database, as in DATABASE_URL")
    parser.add_argument("--worker", choices=("turns", "take-over"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        await work(asked.database, asked.worker)
        return 0
    async with AsyncExitStack() as stack:
        url = asked.database
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
        fair = await race(database, asked.tasks, f"PostgreSQL, {asked.processes} processes", several(asked.processes))
        home = Path(tempfile.mkdtemp())
        stack.callback(shutil.rmtree, home)
        fair &= await race(SQLiteFile(home / "bot.db"), asked.tasks, "SQLite, 1 process", alone)
    print("each task was claimed once per lease" if fair else "SOME TASKS WERE CLAIMED TWICE, OR NOT AT ALL")
    return 0 if fair else 1


Reaching = Callable[[str, str], Awaitable[tuple[list[Claims], float]]]
"""From an address and a way to what each process got, and the seconds that it took."""


async def race(database: Database, count: int, name: str, reaching: Reaching) -> bool:
    """Let all be claimed, twice; print how fast that was, and return whether each was claimed once each time."""
    async with Store.open(database.url) as store:
        await fill(store, count)
    fair = True
    for fence, way in enumerate(("turns", "take-over"), 1):
        by_process, took = await reaching(database.url, way)
        claims = sorted(claim for claims in by_process for claim in claims)
        fair &= (
            claims == [(task_id, fence) for task_id, _ in claims] and len({task_id for task_id, _ in claims}) == count
        )
        shares = ", ".join(str(len(claims)) for claims in by_process)
        print(f"{name}: {len(claims)} claims by {way} in {took:.1f} s: {len(claims) / took:.0f} a second ({shares})")
        database.sql("UPDATE processes SET alive_until = 0")
    return fair


async def fill(store: Store, count: int) -> None:
    """Put so many tasks in line, of many members on many servers."""
    for number in range(1, count + 1):
        order = an_order(user_id=1 + number % MEMBERS, guild_id=1000 + number % SERVERS)
        await store.tasks.create(order, a_place(number), NOON, a_case(order))


def several(count: int) -> Reaching:
    """So many processes, which begin to reach once all of them are ready."""

    async def reaching(url: str, way: str) -> tuple[list[Claims], float]:
        words = (sys.executable, "-m", "tests.benchmarks.claim_race", "--database", url, "--worker", way)
        pipe = asyncio.subprocess.PIPE
        started = [await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe) for _ in range(count)]
        for each in started:
            assert each.stdout
            assert await each.stdout.readline() == b"ready\n"
        began = time.monotonic()
        outputs = await asyncio.gather(*(each.communicate(b"go\n") for each in started))
        took = time.monotonic() - began
        return [[(task_id, fence) for task_id, fence in json.loads(output)] for output, _ in outputs], took

    return reaching


async def work(url: str, way: str) -> None:
    """One of several: reach when told to, and say what it got."""
    async with Store.open(url) as store:
        await store.leases.register()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(json.dumps(await reach(store, way)))


async def alone(url: str, way: str) -> tuple[list[Claims], float]:
    """In this process."""
    async with Store.open(url) as store:
        await store.leases.register()
        began = time.monotonic()
        return [await reach(store, way)], time.monotonic() - began


async def reach(store: Store, way: str) -> Claims:
    """Claim until nothing is left."""
    claims: Claims = []

    async def hand() -> None:
        while tasks := await one_claim(store, way, [task_id for task_id, _ in claims]):
            claims.extend(tasks)

    await asyncio.gather(*(hand() for _ in range(HANDS if way == "turns" else 1)))
    return claims


async def one_claim(store: Store, way: str, mine: list[int]) -> Claims:
    """The next in line, or a handful of those that nobody holds."""
    if way == "turns":
        operator_limits = OperatorLimits(max_running=10**6, max_preparing=10**6)
        task = await store.queue.claim(operator_limits, NOON)
        if task is None:
            return []
        await store.tasks.update(task, prepared_at=NOON)
        await store.queue.give_slot(operator_limits, 0, NOON)
        return [(task.id, task.fencing_token)]
    return [(task.id, task.fencing_token) for task in await store.leases.claim_orphaned(mine)]


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
