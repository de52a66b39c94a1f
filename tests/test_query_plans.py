"""A history costs nothing: no statement of the store reads all tasks or shares, or sorts a whole state of them.

On both makes, every public method of every part of the store is called on 20,000 finished tasks of one community, and
each statement that this sends is explained and run once. A new method that is not called here fails the test, and so
does a line of bot/store that sends a statement and was not passed.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.rules import Limits, Roofs
from bot.store import Store
from bot.store.tables import tasks
from bot.task import Billed, Notify, State, Task
from tests.databases import Database
from tests.history import FIRST_MEMBER, HOME, MEMBERS, History, add_history
from tests.makers import NOON, a_case, a_place, an_order
from tests.plans import Cost, Sent, Watch, all_sending, cost_of, keep_as_it_is, watched

FINISHED = 20_000
OF_A_MEMBER = FINISHED // MEMBERS
MOST = 2_000
"""Rows that a statement may look at: a tenth of them, which is no history, and far more than are at work here."""
DAY = timedelta(days=1)
ROOFS = Roofs(max_running=100, max_per_day=5000, share=50, max_waiting=10**6, server_waiting=10**6)
LIMITS = Limits(user_per_day=50, server_per_day=400, user_running=50, cooldown=1)
REPORTS = {
    "books.tallies": ("/usage tells of 30 days, by day and member", 30 * FINISHED // 60),
    "shares.posted": ("/gallery ranks the server's posts of 30 days by their stars", 30 * FINISHED // 600),
    "catalogue.search": ("words are looked for in a member's own tasks, the newest 2,000 at most", OF_A_MEMBER),
    "attic.forget": ("/privacy deletes a member's own tasks, all of them", OF_A_MEMBER),
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
Call = Callable[[], Awaitable[object]]


async def a_busy_store(store: Store) -> dict[str, Task]:
    """Add to the history what there is at one moment: some in line, some at work, some shared, some forgotten."""
    found: dict[str, Task] = {}
    for number in range(40):
        order = an_order(user_id=FIRST_MEMBER + number, guild_id=HOME, parent_id=19_000 + number)
        found["in line"] = await store.reserve(order, a_place(5000 + number), NOON, a_case(order))
    for number, state in enumerate([State.PREPARING, State.SENDING, State.RENDERING, State.READY] * 4):
        task = await store.claim(Roofs(max_running=10**6), 0, NOON)
        assert task
        found[state] = await store.move(task, state, NOON, overdue=number == 0)
    return found


def calls(store: Store, rows: dict[str, Task]) -> dict[str, Call]:
    """Every public method of every part, called as the bot calls it; in this order."""
    late = NOON + timedelta(minutes=1)
    user, ended = FIRST_MEMBER + 7, FINISHED - 2
    places = iter(range(7000, 8000))

    async def reserve() -> None:
        case = a_case(order, late, LIMITS, ROOFS)
        await store.servers.grant(HOME, user, 1)
        await store.reserve(order, a_place(next(places)), late, case)
        tight = LIMITS.model_copy(update={"user_per_day": 1, "server_per_day": 0})
        granted = await store.reserve(
            order, a_place(next(places)), late + DAY / 2, a_case(order, late + DAY / 2, tight)
        )
        await store.move(granted, State.CANCELLED, late, billed=Billed.NO, told=True)

    async def change_row() -> None:
        await store.note(rows[State.RENDERING], progress=50)

    async def share() -> None:
        task = await store.get(ended)
        assert task
        made = await store.shares.intend(task, HOME, 44, NOON, hidden=False)
        assert made
        await store.note(task, deleted=True)

    async def note_share() -> None:
        kept = await store.shares.get(9)
        assert kept
        await store.shares.note(kept, stars=1)

    async def showcase() -> None:
        await store.shares.set_showcase(HOME, 5)
        await store.shares.set_showcase(HOME, None)

    async def forget() -> None:
        await damage(store, FINISHED + 1 - 8)  # of the last day, and theirs
        await store.attic.forget(user + 1, NOON)

    async def present() -> None:
        await store.servers.present([], NOON)
        await store.servers.present([HOME], NOON)

    async def reset() -> None:
        await store.servers.reset(HOME, None)
        await store.servers.reset(HOME, user)

    async def sweep() -> None:
        await store.servers.left(33, NOON - 99 * DAY)
        await store.attic.sweep(NOON, 30 * DAY)

    async def retire() -> None:
        await store.attic.retire(NOON, DAY * 59.5)
        assert await store.attic.retire(NOON - DAY * 58, DAY)

    async def pause() -> None:
        assert await store.pauses.begin(lambda _: (1.0, 0.1))

    async def take() -> None:
        await store.leases.leave()
        await store.leases.join()
        await damage(store, rows[State.PREPARING].id)
        assert await store.leases.take([])
        assert await store.leases.take([])  # what it holds without knowing

    order = an_order(user_id=user, guild_id=HOME)
    shares, books, catalogue, servers, leases = store.shares, store.books, store.catalogue, store.servers, store.leases
    return {
        "leases.join": leases.join,
        "reserve": reserve,
        "claim": lambda: store.claim(Roofs(max_running=10**6), 5, NOON),
        "lineup": lambda: store.lineup(ROOFS, 5, NOON),
        "in_line": lambda: store.in_line([rows["in line"].id]),
        "get": lambda: store.get(ended),
        "settled": lambda: store.settled(ended),
        "shown_at": lambda: store.shown_at(1_000_000_005),
        "unfinished": store.unfinished,
        "unfinished_ids": store.unfinished_ids,
        "of_member": lambda: store.of_member(user, 25),
        "move": lambda: store.move(rows[State.SENDING], State.RENDERING, NOON),
        "note": change_row,
        "recent_durations": store.recent_durations,
        "remember": lambda: store.remember("a", "b"),
        "remembered": lambda: store.remembered("a"),
        "leases.beat": leases.beat,
        "leases.has_duty": lambda: leases.has_duty("line"),
        "leases.take": take,
        "paces.turn": lambda: store.paces.turn("identify", 5),
        "pauses.begin": pause,
        "pauses.turn": lambda: store.pauses.turn(1),
        "pauses.lasts": store.pauses.lasts,
        "pauses.end": store.pauses.end,
        "overview.read": store.overview.read,
        "books.look": lambda: books.look(HOME, user, a_case(order, late, LIMITS, ROOFS).ceilings, late),
        "books.in_use": lambda: books.in_use(HOME, NOON),
        "books.tallies": lambda: books.tallies(HOME, NOON - 30 * DAY),
        "books.of_person": lambda: books.of_person(user),
        "catalogue.page": lambda: catalogue.page(user, 0, 5),
        "catalogue.count": lambda: catalogue.count(user),
        "catalogue.search": lambda: catalogue.search(user, "nothing of the kind", 25),
        "catalogue.next_parts": lambda: catalogue.next_parts(range(19_000, 19_010)),
        "catalogue.worth_keeping": lambda: catalogue.worth_keeping(range(5, FINISHED, 200)),
        "catalogue.set_notify": lambda: catalogue.set_notify(user, Notify.NEVER),
        "catalogue.notify": lambda: catalogue.notify(user),
        "servers.limits_of": lambda: servers.limits_of(HOME),
        "servers.change": lambda: servers.change(HOME, lambda _: LIMITS),
        "servers.block": lambda: servers.block(HOME, user, 1, NOON),
        "servers.unblock": lambda: servers.unblock(HOME, user),
        "servers.reset": reset,
        "servers.grant": lambda: servers.grant(HOME, user, 1),
        "servers.ruled": lambda: servers.ruled(HOME),
        "servers.left": lambda: servers.left(33, NOON),
        "servers.joined": lambda: servers.joined(33),
        "servers.present": present,
        "shares.intend": share,
        "shares.note": note_share,
        "shares.note_all": lambda: shares.note_all([5, 6], stars=2),
        "shares.get": lambda: shares.get(5),
        "shares.of_task": lambda: shares.of_task(ended),
        "shares.at": lambda: shares.at(HOME, 2_000_000_011),
        "shares.left_behind": lambda: shares.left_behind(20),
        "shares.unsettled": lambda: shares.unsettled(20),
        "shares.posted": lambda: shares.posted(HOME, NOON - 30 * DAY, 50),
        "shares.set_showcase": showcase,
        "shares.showcase": lambda: shares.showcase(HOME),
        "shares.remove": lambda: shares.remove(7),
        "attic.forget": forget,
        "attic.sweep": sweep,
        "attic.retire": retire,
        "leases.leave": leases.leave,
    }


async def damage(store: Store, task_id: int) -> None:
    """Make a row one that cannot be read."""
    async with store._database.writing() as connection:
        await connection.execute(update(tasks).where(tasks.c.id == task_id).values(billed="nonsense"))


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
        for name, call in calls(store, rows).items():
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
        assert set(calls(store, rows)) == public_methods(store)
        watch = await all_sent(store, rows)
        other = SHARED if store.alone else {("leases.py", "join")}
    left_out = [each for each in all_sending(ELSEWHERE) if not each.was_passed(watch)]
    assert {(each.module, each.function) for each in left_out} == ONCE | other
