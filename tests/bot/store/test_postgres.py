"""PostgreSQL as the bot's database: messages for the operator, upgrades, and a restart of the server."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import create_async_engine

from bot.sandbox.faults import Hold
from bot.store import Store, StoreUnusable
from bot.store.engines import postgres
from bot.store.engines.base import Lock
from tests.support.clips import Clips
from tests.support.databases import Database, new_database
from tests.support.fast_timeouts import DONE, FAST, RESULT, STEADY, assert_told, tiny
from tests.support.harness import CREATE, Harness, on_stage
from tests.support.postgres_cluster import NOT_FOUND, Cluster, create_folder, find_programs

SECRET = "swordfish"


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A cluster of this module alone, which may be stopped."""
    if find_programs() is None:
        pytest.skip(NOT_FOUND)
    folder = create_folder()
    cluster = Cluster.create(folder / "cluster")
    yield cluster
    cluster.stop()
    shutil.rmtree(folder)


@pytest.fixture
async def stage(tmp_path: Path, clips: Clips, own_cluster: Cluster) -> AsyncIterator[Harness]:
    """A stage on a database that restarts."""
    async with (
        new_database(tmp_path, own_cluster, migrated=False) as database,
        on_stage(tmp_path, clips, database) as set_up,
    ):
        yield set_up


async def refused(url: str) -> str:
    """Return the message with which opening the store fails."""
    with pytest.raises(StoreUnusable) as caught:
        async with Store.open(url):
            pass
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None  # a traceback of the cause may show the address
    return str(caught.value)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_what_is_wrong_is_one_sentence(database: Database) -> None:
    """A wrong password, a missing database and a user who may not create tables are named, without the password."""
    url, name = database.url, database.url.rpartition("/")[2]
    wrong = url.replace(url.split(":")[2].partition("@")[0], SECRET)
    assert "rejects the password of bot: correct user and password in DATABASE_URL." in await refused(wrong)
    assert "has no database nowhere: create it" in await refused(url.replace(name, "nowhere"))
    database.sql(f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
    database.sql("DROP TABLE alembic_version")
    guest = f"postgresql+asyncpg://guest:{SECRET}@" + url.partition("@")[2]
    assert f"user guest may not create tables in {name}: make it the owner." in await refused(guest)


async def test_an_unreachable_server_is_one_sentence() -> None:
    """A closed port and an unknown host each give one sentence without a traceback."""
    closed = f"postgresql+asyncpg://bot:{SECRET}@127.0.0.1:1/bot"
    assert "cannot be reached at 127.0.0.1:1: start it, or correct DATABASE_URL" in await refused(closed)
    unknown = f"postgresql+asyncpg://bot:{SECRET}@nowhere.invalid/bot"
    assert "cannot be reached at nowhere.invalid:5432" in await refused(unknown)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_an_upgrade_may_take_longer_than_a_query(
    unmigrated: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An upgrade whose steps exceed the query time-out succeeds, and so does a second process that waits for it."""
    caplog.set_level("INFO")
    monkeypatch.setattr(postgres, "_RESPONSE_SECONDS", 0.2)
    unmigrated.sql(
        "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); END $$"
    )
    unmigrated.sql(
        "CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION slow()"
    )

    async def opened() -> None:
        async with Store.open(unmigrated.url) as store:
            assert await store.tasks.get(1) is None

    await asyncio.gather(opened(), opened())
    assert "waiting for another process to upgrade the database" in caplog.text


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_blocked_upgrade_names_its_cause(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blocked upgrade ends with a message about the upgrade, not about an unreachable server."""
    monkeypatch.setattr(postgres, "_MIGRATION_SECONDS", 0.3)
    engine = create_async_engine(database.url)
    async with engine.begin() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(Lock.MIGRATION)))
        said = await refused(database.url)
    await engine.dispose()
    assert "did not end within 0.3 seconds, and nothing was changed" in said
    assert "cannot be reached" not in said


async def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the optional driver, the message says how to install it."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert "pip install 'extend-bot[postgres]'" in await refused(f"postgresql+asyncpg://bot:{SECRET}@127.0.0.1:1/bot")


@pytest.mark.parametrize("moment", ["clip", "create", "result"])
async def test_a_restart_of_the_database(stage: Harness, clips: Clips, own_cluster: Cluster, moment: str) -> None:
    """PostgreSQL crashes and restarts while a task runs: it is paid once and delivered once by the same bot process."""
    hold = Hold(after=True)
    match moment:
        case "clip":
            stage.discord.faults.add("GET", "/cdn/", hold)
        case "create":
            stage.fox.faults.add("POST", CREATE, hold)
        case _:
            stage.fox.faults.add("GET", RESULT, hold)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, tiny(clips), seconds=2)
        await hold.reached.wait()
        await asyncio.to_thread(own_cluster.stop)
        hold.release.set()
        await asyncio.to_thread(own_cluster.start)
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)
