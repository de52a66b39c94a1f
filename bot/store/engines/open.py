"""Opens the database that DATABASE_URL names."""

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
    """Open and migrate the database at `url` while the context is entered. Raises StoreUnusable."""
    address = parse_url(url)
    match address.drivername:
        case "sqlite+aiosqlite":
            return sqlite.open_sqlite(address)
        case "postgresql+asyncpg":
            return postgres.open_postgres(address)
    raise StoreUnusable("DATABASE_URL must begin with sqlite+aiosqlite:/// or with postgresql+asyncpg://.")


def parse_url(url: str) -> URL:
    """Parse a DATABASE_URL. Raises StoreUnusable."""
    try:
        return make_url(url)
    except ArgumentError:
        raise StoreUnusable(
            "DATABASE_URL is not a database address, such as sqlite+aiosqlite:///data/bot.db."
        ) from None


def find_sqlite_path(url: str) -> Path:
    """Return the file that a DATABASE_URL names. Raises StoreUnusable, also if it names a server."""
    address = parse_url(url)
    if address.drivername == "postgresql+asyncpg":
        raise StoreUnusable("DATABASE_URL names a PostgreSQL server: use its own pg_dump and pg_restore.")
    if address.drivername != "sqlite+aiosqlite" or not address.database:
        raise StoreUnusable("DATABASE_URL must begin with sqlite+aiosqlite:/// and name a file.")
    return Path(address.database)
