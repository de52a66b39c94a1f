"""Before a database is brought up to date: tried on a copy first, and the old state kept beside it."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot.store import schema
from bot.store.engines.sqlite_file import copy_database, fsync, version_of
from bot.store.errors import StoreUnusable

log = logging.getLogger(__name__)

_KEPT, _PART, _TRIAL = ".before-upgrade", ".before-upgrade.part", ".trial"


def trial_upgrade(file: Path) -> None:
    """See that the upgrade works, and keep a copy of the state before it (the latest one only).

    Does nothing for a new database and for one that is up to date. Raises StoreUnusable; the database itself is not
    touched in any case.
    """
    version = version_of(file) if file.is_file() else None
    if version is None or version == schema.head_revision():
        return
    if not schema.is_known(version):
        raise StoreUnusable(f"The database {schema.NEWER}")
    kept, part, trial = (file.with_name(file.name + ending) for ending in (_KEPT, _PART, _TRIAL))
    for left in (part, trial):
        left.unlink(missing_ok=True)
    try:
        copy_database(file, part)
        copy_database(part, trial)
        _try(trial)
        part.replace(kept)
        fsync(file.parent)
    finally:
        for left in (part, trial):
            left.unlink(missing_ok=True)
    log.info(
        "upgrading the database from %s to %s; its state before that is kept at %s",
        version,
        schema.head_revision(),
        kept,
    )


def _try(trial: Path) -> None:
    try:
        schema.migrate_copy(trial, "A copy of the database")
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__)
        raise StoreUnusable(
            f"The database is left as it was, because its upgrade failed on a copy: {reason}. "
            "Go on with the older version of the bot, and report this."
        ) from error
