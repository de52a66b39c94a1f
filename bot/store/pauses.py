"""The pause that all processes make together while a service outside is ill."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete, func, select, update

from bot.store.database import Database, Lock
from bot.store.dialect import DatabaseClock, upsert
from bot.store.tables import pauses
from bot.store.uninterrupted import shielded

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
