"""What several processes do in turn, each so long after the other."""

from __future__ import annotations

from sqlalchemy import case

from bot.store.database import Database
from bot.store.dialect import DatabaseClock, insert_into
from bot.store.tables import paces
from bot.store.uninterrupted import shielded


class SharedTurns:
    """A part of :class:`bot.store.Store`. Seconds are the database's, so that no two clocks have to agree."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free_at: dict[str, float] = {}
        """By name, where no other process takes turns (bot/store/alone.py)."""

    @shielded
    async def turn(self, name: str, apart: float) -> float:
        """Take the next turn of that name, and return the seconds until it comes: `apart` after the one before.

        A turn that is not used passes unused.
        """
        now = DatabaseClock()
        free_at = case((paces.c.free_at > now, paces.c.free_at), else_=now)
        async with self._database.write_transaction() as connection:
            row = insert_into(connection, paces).values(name=name, free_at=now + apart)
            row = row.on_conflict_do_update(index_elements=["name"], set_={"free_at": free_at + apart})
            left = (await connection.execute(row.returning(paces.c.free_at - apart - now))).scalar_one()
            return max(0.0, float(left))
