"""Tries an upgrade on a copy of the database first, and keeps a copy of the old state."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot.store import schema
from bot.store.engines.sqlite_file import copy_database, fsync, read_version
from bot.store.errors import StoreUnusable

log = logging.getLogger(__name__)

_KEPT, _PART, _TRIAL = ".before-upgrade", ".before-upgrade.part", ".trial"


def trial_upgrade(file: Path) -> None:
    """Try the upgrade on a copy, and keep a copy of the database as it was before its latest upgrade.

    Does nothing if the database is new or up to date. Never changes the database itself. Raises StoreUnusable.
    """
    version = read_version(file) if file.is_file() else None
    if version is None or version == schema.get_head_revision():
        return
    if not schema.is_known(version):
        raise StoreUnusable(f"The database {schema.NEWER}")
    kept, part, trial = (file.with_name(file.name + ending) for ending in (_KEPT, _PART, _TRIAL))
    for left in (part, trial):
        left.unlink(missing_ok=True)
    try:
        copy_database(file, part)
        copy_database(part, trial)
        _migrate_trial(trial)
        part.replace(kept)
        fsync(file.parent)
    finally:
        for left in (part, trial):
            left.unlink(missing_ok=True)
    log.info(
        "upgrading the database from version %s to %s; a copy of the old state is kept at %s",
        version,
        schema.get_head_revision(),
        kept,
    )


def _migrate_trial(trial: Path) -> None:
    try:
        schema.migrate_copy(trial, "A copy of the database")
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__)
        raise StoreUnusable(
            f"The database was not changed, because its upgrade failed on a copy: {reason}. "
            "Keep using the older version of the bot, and report this."
        ) from error
