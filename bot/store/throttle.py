"""The state of the circuit breaker and of the rate limiters that all processes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import case, delete, select, update

from bot.store.engines.base import Database, Lock
from bot.store.engines.dialect import DatabaseClock, insert_into, upsert
from bot.store.repository import Repository
from bot.store.tables import paces, pauses

_NAME = "FoxAPI"

_HERE = pauses.c.name == _NAME


class Opening(NamedTuple):
    """The circuit was opened."""

    until: float
    """When the pause ends, by the clock of whoever keeps the state; it identifies the opening."""
    seconds: float
    """How long the pause is."""


class CircuitState(Repository):
    """The state of FoxAPI's circuit breaker, by the database's clock. A part of :class:`bot.store.Store`."""

    async def open(
        self, next_backoff: Callable[[float | None], tuple[float, float]], seen: float | None
    ) -> Opening | None:
        """Open the circuit after a failure; return None if it was opened after the failed request was sent.

        `next_backoff` receives the back-off of the latest opening in a row (None: this is the first) and returns the
        new one and the seconds to wait, which may be longer. `seen`: what :meth:`read_opening` returned before the
        failed request was sent.
        """
        async with self._database.write_transaction(Lock.CIRCUIT) as connection:
            latest = select(pauses.c.gap, pauses.c.until, pauses.c.until > DatabaseClock()).where(_HERE)
            backoff, until, is_open = (await connection.execute(latest)).one_or_none() or (None, None, False)
            if is_open or (until is not None and until != seen):
                return None
            backoff, seconds = next_backoff(backoff)
            values = {"until": DatabaseClock() + seconds, "turn": 0.0, "gap": backoff}
            await upsert(connection, pauses, {"name": _NAME}, values)
            written = await connection.execute(select(pauses.c.until).where(_HERE))
            return Opening(written.scalar_one(), seconds)

    async def acquire_probe(self, interval: float) -> float | None:
        """Return the seconds until the next probe, 0 if the caller may probe now, None if the circuit is closed.

        After a caller got 0, nobody else does for `interval` seconds.
        """
        now = DatabaseClock()
        mine = update(pauses).where(_HERE, pauses.c.until <= now, pauses.c.turn <= now).values(turn=now + interval)
        async with self._database.write_transaction(Lock.CIRCUIT) as connection:
            if (await connection.execute(mine.returning(pauses.c.name))).one_or_none():
                return 0.0
            rest = await connection.execute(select(pauses.c.until - now, pauses.c.turn - now).where(_HERE))
            return max(0.01, *row) if (row := rest.one_or_none()) else None

    async def close(self) -> None:
        """Close the circuit: the service works again."""
        await self._write(delete(pauses).where(_HERE))

    async def read_opening(self) -> float | None:
        """Return a value that identifies the latest opening; None if the circuit is closed."""
        until: float | None = await self._read_scalar(select(pauses.c.until).where(_HERE))
        return until


class SharedTurns(Repository):
    """Rate limiters by name, by the database's clock. A part of :class:`bot.store.Store`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._free_at: dict[str, float] = {}
        """By name; used only by a single process (bot/store/single_process.py)."""

    async def reserve(self, name: str, interval: float) -> float:
        """Reserve the next turn of the limiter; return the seconds until it, `interval` after the one before.

        A turn that is not used is lost.
        """
        now = DatabaseClock()
        free_at = case((paces.c.free_at > now, paces.c.free_at), else_=now)
        async with self._database.write_transaction() as connection:
            row = insert_into(connection, paces).values(name=name, free_at=now + interval)
            row = row.on_conflict_do_update(index_elements=["name"], set_={"free_at": free_at + interval})
            left = (await connection.execute(row.returning(paces.c.free_at - interval - now))).scalar_one()
            return max(0.0, float(left))
