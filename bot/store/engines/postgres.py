"""PostgreSQL: a server that several processes share, and that may restart at any time."""

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
from bot.store.engines.postgres_notify import open_notifications
from bot.store.errors import StoreUnusable
from bot.store.schema import migrate

log = logging.getLogger(__name__)

_POOL = {"pool_size": 10, "max_overflow": 20, "pool_timeout": 10, "pool_pre_ping": True}
_CONNECT_SECONDS, _RESPONSE_SECONDS = 5, 20
_MIGRATION_SECONDS: float = 3600
"""Time-out of one step of an upgrade, and of waiting for another process's upgrade. A large table takes minutes."""
_TOO_LONG = (
    "The upgrade of the database at {where} did not end within {seconds} seconds, and nothing was changed: find in "
    "pg_stat_activity what locks its tables, and start the bot again."
)
_SESSION = {
    "application_name": "extend-bot",
    "jit": "off",  # compiling takes longer than our queries
    "synchronous_commit": "on",  # overrides the server's default: a row written before a payment must survive a crash
    "timezone": "UTC",  # reports group by UTC days
    # The locks of a process that is stopped inside a transaction must not block all others.
    "idle_in_transaction_session_timeout": "5000",
    "lock_timeout": "10000",
}
_NOT_OWNER = "PostgreSQL's user {user} may not create tables in {name}: make it the owner."
_BACKOFF = (0.1, 0.3, 0.8, 1.5)
"""Seconds between attempts to connect. These are safe to repeat, because no statement was sent yet."""


class Postgres(Database):
    """PostgreSQL. Its locks are advisory locks, held until the transaction ends."""

    shared = True

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self._local_locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        """By lock: one task of this process waits in the database; the others wait here and need no connection."""

    def open_notifications(
        self, on_notify: Callable[[int | None], None]
    ) -> AbstractAsyncContextManager[Callable[[int | None], None]]:
        """Exchange notifications by LISTEN and NOTIFY."""
        return open_notifications(self._engine, on_notify)

    @asynccontextmanager
    async def _write_transaction(self, locks: tuple[int, ...]) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            for lock in locks:
                await stack.enter_async_context(self._local_locks.setdefault(lock, asyncio.Lock()))
            connection = await stack.enter_async_context(aclosing(await self._connect()))
            await stack.enter_async_context(connection.begin())
            # READ COMMITTED: each statement after the lock sees what its last holder has written.
            for lock in locks:
                await connection.execute(select(func.pg_advisory_xact_lock(lock)))
            yield connection

    @asynccontextmanager
    async def _read_transaction(self) -> AsyncIterator[AsyncConnection]:
        async with aclosing(await self._connect()) as connection:
            yield await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def _connect(self) -> AsyncConnection:
        for seconds in _BACKOFF:
            try:
                return await self._engine.connect()
            except (DBAPIError, OSError) as error:
                log.warning("PostgreSQL does not respond, retrying: %s", _describe_cause(error))
                await asyncio.sleep(seconds)
        return await self._engine.connect()


@asynccontextmanager
async def open_postgres(address: URL) -> AsyncIterator[Postgres]:
    """Open and migrate the database. Raises StoreUnusable."""
    await _migrate(address)
    engine = _create_engine(address)
    try:
        yield Postgres(engine)
    finally:
        await engine.dispose()


async def _migrate(address: URL) -> None:
    """Migrate the database, or wait until another process has done so. Raises StoreUnusable."""
    engine = _create_engine(address, _MIGRATION_SECONDS)
    try:
        async with engine.begin() as connection:
            try:
                await _migrate_locked(connection)
            except TimeoutError:
                message = _TOO_LONG.format(where=get_location(address), seconds=_MIGRATION_SECONDS)
                raise StoreUnusable(message) from None
    except (DBAPIError, OSError) as error:
        raise StoreUnusable(_explain(error, address)) from None  # its text may quote the password
    finally:
        await engine.dispose()


async def _migrate_locked(connection: AsyncConnection) -> None:
    # Lift the session's and the server's limits: a statement may take up to _MIGRATION_SECONDS.
    for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
        await connection.execute(text(f"SET LOCAL {name} = 0"))
    if not await connection.scalar(select(func.pg_try_advisory_xact_lock(Lock.MIGRATION))):
        log.info("waiting for another process to upgrade the database")
        await connection.execute(select(func.pg_advisory_xact_lock(Lock.MIGRATION)))
    await connection.run_sync(migrate)


async def read_version(address: URL) -> str | None:
    """Return the version of the database's tables, None if there are none. Changes nothing. Raises StoreUnusable."""
    engine = _create_engine(address)
    may_create = select(func.has_schema_privilege(text("current_schema()"), "CREATE"))
    try:
        async with engine.connect() as connection:
            if not await connection.scalar(may_create):
                raise StoreUnusable(_NOT_OWNER.format(user=address.username, name=address.database))
            return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    except (DBAPIError, OSError) as error:
        raise StoreUnusable(_explain(error, address)) from None
    finally:
        await engine.dispose()


def get_location(address: URL) -> str:
    """Return the server and the database's name, without user and password."""
    return f"{address.host or 'localhost'}:{address.port or 5432}/{address.database}"


def _create_engine(address: URL, response_seconds: float | None = None) -> AsyncEngine:
    timeout = response_seconds or _RESPONSE_SECONDS
    arguments = {"timeout": _CONNECT_SECONDS, "command_timeout": timeout, "server_settings": _SESSION}
    try:
        return create_async_engine(
            address, connect_args=arguments, hide_parameters=True, json_serializer=to_json, **_POOL
        )
    except ModuleNotFoundError:
        raise StoreUnusable(
            "DATABASE_URL names PostgreSQL, whose driver is not installed: run pip install 'extend-bot[postgres]'."
        ) from None


def _describe_cause(error: Exception) -> str:
    """Return the server's or the network's message, without the statement."""
    return str(getattr(error, "orig", None) or error).rpartition(": ")[2] or type(error).__name__


def _explain(error: Exception, address: URL) -> str:
    """Return one sentence for the operator, by PostgreSQL's error code (PostgreSQL docs, appendix A)."""
    where = f"{address.host or 'localhost'}:{address.port or 5432}"
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    user = address.username or "you"
    match code:
        case "28P01" | "28000":
            return f"PostgreSQL at {where} rejects the password of {user}: correct user and password in DATABASE_URL."
        case "3D000":
            return f"PostgreSQL at {where} has no database {address.database}: create it, or correct DATABASE_URL."
        case "42501":
            return _NOT_OWNER.format(user=user, name=address.database)
        case None:
            cause = _describe_cause(error)
            return f"PostgreSQL cannot be reached at {where}: start it, or correct DATABASE_URL ({cause})."
    return f"PostgreSQL at {where} cannot be used: {_describe_cause(error)}."
