"""A history costs nothing: no statement of the store reads all tasks or shares, or sorts all of one state.

On both engines, every public method of every repository is called on 20,000 finished tasks of one community, and each
statement that it sends is explained and run once. A new method that is not called here fails the test, and so does a
line of bot/store that sends a statement and was not executed.
"""

from __future__ import annotations

import inspect
from contextlib import nullcontext

import pytest

from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits
from bot.domain.task import Task
from bot.store import Store
from tests.support.builders import NOON, ROOMY, a_case, a_place, an_order
from tests.support.databases import Database
from tests.support.history import HOME, MEMBERS, History, add_history
from tests.support.query_plans import Cost, Sent, Watch, find_sending, keep_copy, measure_cost, watched
from tests.support.store_calls import FINISHED, StoreCalls, a_busy_store

AT_WORK = 600
"""Rows that tell how many tasks are running: those that changed in the last ten minutes of so busy a day as below."""
OF_A_MEMBER = FINISHED // MEMBERS
MOST = 4_000
"""Rows that a statement may read: a fifth of the history. /quota's statement counts seven things, each at most a day's
340 tasks of this history, and the planner may read a few of them twice."""
REPORTS = {
    "reports.list_usage_rows": ("/usage reports 30 days, by day and member", 30 * FINISHED // 60),
    "shares.list_posted": ("/gallery ranks the server's posts of 30 days by their stars", 30 * FINISHED // 600),
    "tasks.search": ("a search reads the member's own tasks, the newest 2,000 at most", OF_A_MEMBER),
    "retention.delete_member": ("/privacy deletes all of a member's own tasks, column by column", 2 * OF_A_MEMBER),
}
"""Methods that read more, why, and how many rows these are; they may read these, and do ten steps' work with each."""
ELSEWHERE = {"admin", "migrations", "schema.py", "repository.py"} | {
    f"engines/{name}.py" for name in ("dialect", "postgres_notify", "sqlite", "sqlite_driver", "sqlite_file")
}
"""Modules whose statements are an operator's, are sent on behalf of a caller that is recorded, or read no rows."""
ONCE = {("engines/postgres.py", name) for name in ("_migrate_locked", "read_version")}
"""Statements that are sent when a database is opened."""
SHARED = {
    ("engines/postgres.py", "_write_transaction"),
    ("leases.py", "send_heartbeat"),
    ("leases.py", "_read_shares"),
    ("leases.py", "acquire_duty"),
    ("leases.py", "_prune_stalled"),
    ("leases.py", "_has_orphans"),
    ("queue.py", "claim"),
    *(("throttle.py", name) for name in ("open", "acquire_probe", "close", "read_opening", "reserve")),
}
"""Statements that are sent only where several processes may share the work."""


def public_methods(store: Store) -> set[str]:
    """Return the names of the public coroutines of the store and of its repositories."""
    parts = {f"{name}.": part for name, part in vars(store).items() if hasattr(part, "_database")}
    return {
        f"{prefix}{name}"
        for prefix, part in ({"": store} | parts).items()
        for name, method in inspect.getmembers(type(part), inspect.isfunction)
        if not name.startswith("_") and inspect.iscoroutinefunction(inspect.unwrap(method))
    }


async def record_all(store: Store, rows: dict[str, Task]) -> Watch:
    """Call every method and return what was sent."""
    with watched(store) as watch:
        for name, call in StoreCalls(store, rows).all().items():
            watch.method = name
            await call()
    return watch


@pytest.fixture
async def aged(database: Database) -> Database:
    """A database of a community that has used the bot for two months."""
    async with Store.open(database.url):
        pass
    add_history(database, History(FINISHED))
    return database


async def test_no_statement_reads_a_history(aged: Database) -> None:
    """Every statement of the store reads few of 20,000 finished tasks, and never all tasks or shares."""
    async with Store.open(aged.url) as store:
        rows = await a_busy_store(store)
        keep_copy(aged)
        sent = (await record_all(store, rows)).sent
    if not aged.url.startswith("sqlite"):
        aged.sql("ANALYZE")
    costs = {each.statement: (each, await measure_cost(aged, each)) for each in sent}
    bad = [describe(each, cost) for each, cost in costs.values() if is_bad(each, cost)]
    assert not bad, "\n\n".join(bad)


def is_bad(sent: Sent, cost: Cost) -> bool:
    if sent.method in REPORTS:
        return cost.rows > REPORTS[sent.method][1] * 10
    return cost.rows > MOST or bool(cost.scans)


def describe(sent: Sent, cost: Cost) -> str:
    return f"{sent.method}: {cost.rows} rows {cost.scans}\n{sent.statement}\n{sent.values}\n{cost.plan}"


async def test_no_method_and_no_statement_is_left_out(aged: Database) -> None:
    """Every method of the store is called above, and each line of bot/store that sends a statement is executed."""
    async with Store.open(aged.url) as store:
        rows = await a_busy_store(store)
        assert set(StoreCalls(store, rows).all()) == public_methods(store)
        watch = await record_all(store, rows)
        other = SHARED if store.is_single_process else {("leases.py", "register")}
    left_out = [each for each in find_sending(ELSEWHERE) if not each.was_executed(watch)]
    assert {(each.module, each.function) for each in left_out} == ONCE | other


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM tasks WHERE progress = 7",
        "SELECT id FROM tasks WHERE state = 'delivered' ORDER BY progress LIMIT 20",
        "SELECT home, COUNT(*) FROM tasks WHERE state = 'delivered' GROUP BY home",
        "SELECT id FROM shares WHERE stars = 99",
    ],
)
async def test_a_bad_statement_is_found(aged: Database, statement: str) -> None:
    """A search without an index, a sort of all tasks of a state, and a count of them are each found."""
    keep_copy(aged)
    sent = Sent("somewhere", statement, ())
    assert is_bad(sent, await measure_cost(aged, sent))


@pytest.mark.parametrize("limit", [0, 200])
async def test_an_order_counts_only_what_is_limited(database: Database, limit: int) -> None:
    """Without a daily limit a submission reads none of 20,000 tasks of the last day; with one, at most that many."""
    async with Store.open(database.url):
        pass
    add_history(database, History(FINISHED, days=1))
    order, operator_limits = an_order(user_id=5, guild_id=HOME), ROOMY.model_copy(update={"max_per_day": limit})
    case = a_case(order, NOON, GuildLimits(user_per_day=limit, server_per_day=limit), operator_limits)
    async with Store.open(database.url) as store:
        keep_copy(database)
        with watched(store) as watch, pytest.raises(RequestRefused) if limit else nullcontext():
            await store.tasks.create(order, a_place(), NOON, case)
    costs = [(await measure_cost(database, sent)).rows for sent in watch.sent]
    assert max(costs) < AT_WORK + 10 * limit
