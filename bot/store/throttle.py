"""The pause that all processes make together while a service outside is ill."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import case, delete, func, select, update

from bot.store.engines.base import Database, Lock
from bot.store.engines.dialect import DatabaseClock, insert_into, upsert
from bot.store.engines.shielded import shielded
from bot.store.tables import paces, pauses

_NAME = "FoxAPI"

_HERE = pauses.c.name == _NAME


class CircuitState:
    """A part of :class:`bot.store.Store`. Seconds are the database's, so that no two clocks have to agree."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @shielded
    async def open(self, longer: Callable[[float | None], tuple[float, float]]) -> float | None:
        """Somebody met a fault: pause, unless there is a pause already; return its seconds, or None.

        `longer` makes of the gap of the latest pause in a row (None: this is the first) the new one, and the seconds
        to wait, which may be more.
        """
        async with self._database.write_transaction(Lock.PAUSES) as connection:
            latest = select(pauses.c.gap, pauses.c.until > DatabaseClock()).where(_HERE)
            gap, lasts = (await connection.execute(latest)).one_or_none() or (None, False)
            if lasts:
                return None
            gap, seconds = longer(gap)
            until = {"until": DatabaseClock() + seconds, "turn": 0.0, "gap": gap}
            await upsert(connection, pauses, {"name": _NAME}, until)
            return seconds

    @shielded
    async def acquire_probe(self, apart: float) -> float | None:
        """Seconds until one may ask again; 0: the caller may, and others no sooner than `apart` seconds later.

        None: there is no pause.
        """
        now = DatabaseClock()
        mine = update(pauses).where(_HERE, pauses.c.until <= now, pauses.c.turn <= now).values(turn=now + apart)
        async with self._database.write_transaction(Lock.PAUSES) as connection:
            if (await connection.execute(mine.returning(pauses.c.name))).one_or_none():
                return 0.0
            rest = await connection.execute(select(pauses.c.until - now, pauses.c.turn - now).where(_HERE))
            return max(0.01, *row) if (row := rest.one_or_none()) else None

    @shielded
    async def close(self) -> None:
        """The service is well again."""
        async with self._database.write_transaction() as connection:
            await connection.execute(delete(pauses).where(_HERE))

    @shielded
    async def is_open(self) -> bool:
        """Whether the service is ill, as far as anybody knows."""
        async with self._database.read_transaction() as connection:
            return bool(await connection.scalar(select(func.count()).select_from(pauses).where(_HERE)))


class SharedTurns:
    """A part of :class:`bot.store.Store`. Seconds are the database's, so that no two clocks have to agree."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free_at: dict[str, float] = {}
        """By name, where no other process takes turns (bot/store/single_process.py)."""

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
