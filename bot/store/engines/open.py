"""Which make of database DATABASE_URL names."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.store.engines import postgres, sqlite
from bot.store.engines.base import Database
from bot.store.errors import StoreUnusable


def open_database(url: str) -> AbstractAsyncContextManager[Database]:
    """The database at `url`, to be entered: then it is open and migrated. Both raise StoreUnusable."""
    address = parse_url(url)
    match address.drivername:
        case "sqlite+aiosqlite":
            return sqlite.opened(address)
        case "postgresql+asyncpg":
            return postgres.opened(address)
    raise StoreUnusable("DATABASE_URL must begin with sqlite+aiosqlite:/// or with postgresql+asyncpg://.")


def parse_url(url: str) -> URL:
    """The parts of a DATABASE_URL; raises StoreUnusable."""
    try:
        return make_url(url)
    except ArgumentError:
        raise StoreUnusable(
            "DATABASE_URL is not a database address, such as sqlite+aiosqlite:///data/bot.db."
        ) from None


def sqlite_path(url: str) -> Path:
    """The file that a DATABASE_URL names; raises StoreUnusable, also for a server."""
    address = parse_url(url)
    if address.drivername == "postgresql+asyncpg":
        raise StoreUnusable("DATABASE_URL names a PostgreSQL server: use its own pg_dump and pg_restore.")
    if address.drivername != "sqlite+aiosqlite" or not address.database:
        raise StoreUnusable("DATABASE_URL must begin with sqlite+aiosqlite:/// and name a file.")
    return Path(address.database)
