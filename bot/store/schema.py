"""The version of a database, and its migration to this program's version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, create_engine

from bot.store.errors import StoreUnusable

NEWER = "was written by a newer version of this bot: upgrade the bot, or restore a backup."


def get_head_revision() -> str:
    """Return the version that this program works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # noqa: S101 (the migrations are part of the program)
    return head


def is_known(version: str) -> bool:
    """Return whether this program can migrate a database of that version."""
    return version in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def migrate(connection: Connection, what: str = "The database") -> None:
    """Migrate a database to the latest version, inside the caller's transaction. Raises StoreUnusable."""
    config = _config()
    config.attributes["connection"] = connection
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and not is_known(current):
        raise StoreUnusable(f"{what} {NEWER}")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreUnusable(f"{what} cannot be upgraded: {error}.") from error


def migrate_copy(file: Path, what: str) -> None:
    """Migrate a SQLite file that no other process uses. Raises StoreUnusable, and SQLAlchemyError for a bad row."""
    engine = create_engine(URL.create("sqlite", database=str(file)))
    try:
        with engine.begin() as connection:
            migrate(connection, what)
    finally:
        engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
