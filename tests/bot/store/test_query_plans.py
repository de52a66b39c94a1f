"""A history costs nothing: no statement of the store reads all tasks or shares, or sorts a whole state of them.

On both makes, every public method of every part of the store is called on 20,000 finished tasks of one community, and
each statement that this sends is explained and run once. A new method that is not called here fails the test, and so
does a line of bot/store that sends a statement and was not passed.
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
from tests.support.query_plans import Cost, Sent, Watch, all_sending, cost_of, keep_as_it_is, watched
from tests.support.store_calls import FINISHED, StoreCalls, a_busy_store

AT_WORK = 600
"""Rows that tell how many are at work: those that changed in the last ten minutes, of so busy a day as below."""
OF_A_MEMBER = FINISHED // MEMBERS
MOST = 2_000
"""Rows that a statement may look at: a tenth of them, which is no history, and far more than are at work here."""
REPORTS = {
    "books.tallies": ("/usage tells of 30 days, by day and member", 30 * FINISHED // 60),
    "shares.posted": ("/gallery ranks the server's posts of 30 days by their stars", 30 * FINISHED // 600),
    "catalogue.search": ("words are looked for in a member's own tasks, the newest 2,000 at most", OF_A_MEMBER),
    "attic.forget": (
        "/privacy deletes a member's own tasks, all of them; each is written, column by column",
        2 * OF_A_MEMBER,
    ),
}
"""What reads more, why, and how many rows it is about; it may read these, and do ten steps' work with each."""
ELSEWHERE = {"__init__.py", "backup.py", "inspection.py", "ledger.py", "mark.py", "move.py", "restore.py"} | {
    "schema.py", "signals.py", "sqlite.py", "sqlite_file.py", "upgrade.py", "hops.py",
}  # fmt: skip
"""Modules whose statements are an operator's, sent while no bot works on the database, or are no queries of rows."""
ONCE = {("postgres.py", "_bring_up_to_date"), ("postgres.py", "version_of")}
"""What is asked when a database is opened, not while the bot works."""
SHARED = {("postgres.py", "_writing"), ("paces.py", "turn"), ("leases.py", "beat"), ("leases.py", "has_duty")} | {
    *(("pauses.py", name) for name in ("begin", "turn", "end", "lasts")),
    ("leases.py", "_bury"),
    ("leases.py", "_is_some"),
}
"""What is asked only where several processes may share the work."""


def public_methods(store: Store) -> set[str]:
    """All that anybody can ask of the store: its own methods that are awaited, and those of its parts."""
    parts = {f"{name}.": part for name, part in vars(store).items() if hasattr(part, "_database")}
    return {
        f"{prefix}{name}"
        for prefix, part in ({"": store} | parts).items()
        for name, method in inspect.getmembers(type(part), inspect.isfunction)
        if not name.startswith("_") and inspect.iscoroutinefunction(inspect.unwrap(method))
    }


async def all_sent(store: Store, rows: dict[str, Task]) -> Watch:
    """Call everything, and return what was sent."""
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
    """Every statement of the store looks at few of 20,000 finished tasks, and never at all tasks or shares."""
    async with Store.open(aged.url) as store:
        rows = await a_busy_store(store)
        keep_as_it_is(aged)
        sent = (await all_sent(store, rows)).sent
    if not aged.url.startswith("sqlite"):
        aged.sql("ANALYZE")
    costs = {each.statement: (each, await cost_of(aged, each)) for each in sent}
    bad = [told(each, cost) for each, cost in costs.values() if is_bad(each, cost)]
    assert not bad, "\n\n".join(bad)


def is_bad(sent: Sent, cost: Cost) -> bool:
    if sent.method in REPORTS:
        return cost.rows > REPORTS[sent.method][1] * 10
    return cost.rows > MOST or bool(cost.scans)


def told(sent: Sent, cost: Cost) -> str:
    return f"{sent.method}: {cost.rows} rows {cost.scans}\n{sent.statement}\n{sent.values}\n{cost.plan}"


async def test_no_method_and_no_statement_is_left_out(aged: Database) -> None:
    """All that can be asked of the store is asked above, and each line of bot/store that sends something is passed."""
    async with Store.open(aged.url) as store:
        rows = await a_busy_store(store)
        assert set(StoreCalls(store, rows).all()) == public_methods(store)
        watch = await all_sent(store, rows)
        other = SHARED if store.is_single_process else {("leases.py", "join")}
    left_out = [each for each in all_sending(ELSEWHERE) if not each.was_passed(watch)]
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
async def test_a_bad_statement_would_be_found(aged: Database, statement: str) -> None:
    """A search by a column without an index, a sort of a whole state, and a count of one are each refused."""
    keep_as_it_is(aged)
    sent = Sent("somewhere", statement, ())
    assert is_bad(sent, await cost_of(aged, sent))


@pytest.mark.parametrize("limit", [0, 200])
async def test_an_order_counts_only_what_is_limited(database: Database, limit: int) -> None:
    """With no daily limit an order reads none of 20,000 tasks of the last day; with one, no more than that many."""
    async with Store.open(database.url):
        pass
    add_history(database, History(FINISHED, days=1))
    order, operator_limits = an_order(user_id=5, guild_id=HOME), ROOMY.model_copy(update={"max_per_day": limit})
    case = a_case(order, NOON, GuildLimits(user_per_day=limit, server_per_day=limit), operator_limits)
    async with Store.open(database.url) as store:
        keep_as_it_is(database)
        with watched(store) as watch, pytest.raises(RequestRefused) if limit else nullcontext():
            await store.tasks.create(order, a_place(), NOON, case)
    costs = [(await cost_of(database, sent)).rows for sent in watch.sent]
    assert max(costs) < AT_WORK + 10 * limit
