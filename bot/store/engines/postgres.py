"""PostgreSQL: a server that several processes share, and that may go away and come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from weakref import WeakValueDictionary

from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.store.engines.base import Database, Lock
from bot.store.engines.dialect import to_json
from bot.store.engines.postgres_notify import notifications
from bot.store.errors import StoreUnusable
from bot.store.schema import migrate

log = logging.getLogger(__name__)

_POOL = {"pool_size": 10, "max_overflow": 20, "pool_timeout": 10, "pool_pre_ping": True}
_CONNECT_SECONDS, _ANSWER_SECONDS = 5, 20
_MIGRATION_SECONDS: float = 3600
"""For one step of an upgrade, or for another process's upgrade: a large table takes minutes."""
_TOO_LONG = (
    "The upgrade of the database at {where} did not end within {seconds} seconds, and nothing was changed: see in "
    "pg_stat_activity what holds its tables locked, and start the bot again."
)
_SESSION = {
    "application_name": "extend-bot",
    "jit": "off",  # it takes longer than our queries
    "synchronous_commit": "on",  # whatever the server's default is: what is written before a payment must be there
    "timezone": "UTC",  # days are counted in it
    # A process that is stopped in the middle of a transaction may not hold up all others with its locks.
    "idle_in_transaction_session_timeout": "5000",
    "lock_timeout": "10000",
}
_MAY_NOT = "PostgreSQL's user {user} may not make tables in {name}: make it the owner."
_GAPS = (0.1, 0.3, 0.8, 1.5)
"""Seconds between tries to connect. Nothing was done yet, so nothing is done twice; after them the caller decides."""


class Postgres(Database):
    """Its locks are advisory ones, held until the transaction ends."""

    shared = True

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self._queues: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        """By lock: of this process one at a time waits for it in the database, and the others need no connection."""

    def notifications(
        self, on_notify: Callable[[int | None], None]
    ) -> AbstractAsyncContextManager[Callable[[int | None], None]]:
        """By NOTIFY."""
        return notifications(self._engine, on_notify)

    @asynccontextmanager
    async def _write_transaction(self, locks: tuple[int, ...]) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            for lock in locks:
                await stack.enter_async_context(self._queues.setdefault(lock, asyncio.Lock()))
            connection = await stack.enter_async_context(aclosing(await self._connect()))
            await stack.enter_async_context(connection.begin())
            # Read committed: each statement after a lock sees what its last holder has written.
            for lock in locks:
                await connection.execute(select(func.pg_advisory_xact_lock(lock)))
            yield connection

    @asynccontextmanager
    async def _read_transaction(self) -> AsyncIterator[AsyncConnection]:
        async with aclosing(await self._connect()) as connection:
            yield await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def _connect(self) -> AsyncConnection:
        for gap in _GAPS:
            try:
                return await self._engine.connect()
            except (DBAPIError, OSError) as error:
                log.warning("PostgreSQL does not answer, trying again: %s", _why(error))
                await asyncio.sleep(gap)
        return await self._engine.connect()


@asynccontextmanager
async def opened(address: URL) -> AsyncIterator[Postgres]:
    """Open and migrate the database; raises StoreUnusable."""
    await _migrate(address)
    engine = _engine(address)
    try:
        yield Postgres(engine)
    finally:
        await engine.dispose()


async def _migrate(address: URL) -> None:
    """Bring the database up to date, or wait until another process has done so. Raises StoreUnusable."""
    engine = _engine(address, _MIGRATION_SECONDS)
    try:
        async with engine.begin() as connection:
            try:
                await _bring_up_to_date(connection)
            except TimeoutError:
                told = _TOO_LONG.format(where=location(address), seconds=_MIGRATION_SECONDS)
                raise StoreUnusable(told) from None
    except (DBAPIError, OSError) as error:
        raise StoreUnusable(_sentence(error, address)) from None  # (its text may hold what was tried)
    finally:
        await engine.dispose()


async def _bring_up_to_date(connection: AsyncConnection) -> None:
    # No limit of the session's or the server's: a statement may take as long as _MIGRATION_SECONDS says.
    for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
        await connection.execute(text(f"SET LOCAL {name} = 0"))
    if not await connection.scalar(select(func.pg_try_advisory_xact_lock(Lock.MIGRATION))):
        log.info("another process brings the database up to date: waiting for it")
        await connection.execute(select(func.pg_advisory_xact_lock(Lock.MIGRATION)))
    await connection.run_sync(migrate)


async def version_of(address: URL) -> str | None:
    """The version of the database's tables, None if there are none yet; raises StoreUnusable. Changes nothing."""
    engine = _engine(address)
    may_make = select(func.has_schema_privilege(text("current_schema()"), "CREATE"))
    try:
        async with engine.connect() as connection:
            if not await connection.scalar(may_make):
                raise StoreUnusable(_MAY_NOT.format(user=address.username, name=address.database))
            return await connection.run_sync(lambda it: MigrationContext.configure(it).get_current_revision())
    except (DBAPIError, OSError) as error:
        raise StoreUnusable(_sentence(error, address)) from None
    finally:
        await engine.dispose()


def location(address: URL) -> str:
    """The server and the database on it, without user and password."""
    return f"{address.host or 'localhost'}:{address.port or 5432}/{address.database}"


def _engine(address: URL, answer_seconds: float | None = None) -> AsyncEngine:
    answer = answer_seconds or _ANSWER_SECONDS
    arguments = {"timeout": _CONNECT_SECONDS, "command_timeout": answer, "server_settings": _SESSION}
    try:
        return create_async_engine(
            address, connect_args=arguments, hide_parameters=True, json_serializer=to_json, **_POOL
        )
    except ModuleNotFoundError:
        raise StoreUnusable(
            "DATABASE_URL names PostgreSQL, whose driver is not installed: run pip install 'extend-bot[postgres]'."
        ) from None


def _why(error: Exception) -> str:
    """The server's own words, or what the network said, without the statement."""
    return str(getattr(error, "orig", None) or error).rpartition(": ")[2] or type(error).__name__


def _sentence(error: Exception, address: URL) -> str:
    """What the operator can do about it, by PostgreSQL's error code (its docs, appendix A)."""
    where = f"{address.host or 'localhost'}:{address.port or 5432}"
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    user = address.username or "you"
    match code:
        case "28P01" | "28000":
            return f"PostgreSQL at {where} does not let {user} in: correct user and password in DATABASE_URL."
        case "3D000":
            return f"PostgreSQL at {where} has no database {address.database}: create it, or correct DATABASE_URL."
        case "42501":
            return _MAY_NOT.format(user=user, name=address.database)
        case None:
            return f"PostgreSQL cannot be reached at {where}: start it, or correct DATABASE_URL ({_why(error)})."
    return f"PostgreSQL at {where} cannot be used: {_why(error)}."
