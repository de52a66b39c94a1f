"""The base of every class that reads and writes rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable

from bot.store.engines.base import Database
from bot.store.engines.shielded import SHIELDING, shielded

R = TypeVar("R")


class Repository:
    """Shields every public coroutine of its subclasses from cancellation; see :func:`shielded`.

    A coroutine of many short transactions opts out with ``@cancellable``; each of those transactions is then in a
    shielded coroutine of its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 (as object takes them)
        """Shield the coroutines that the subclass defines. Raises TypeError for one that cannot be shielded."""
        super().__init_subclass__(**options)
        for name, member in list(vars(cls).items()):
            if name.startswith("_") or hasattr(member, SHIELDING):
                continue
            function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
            if not inspect.iscoroutinefunction(function):
                continue
            if function is not member:
                raise TypeError(f"{cls.__name__}.{name} must be a method of an instance, because it is a coroutine")
            setattr(cls, name, shielded(function))

    async def _read(self, query: Executable, parse: Callable[[CursorResult[Any]], R]) -> R:
        """Run one query in a read transaction and return what `parse` makes of its rows."""
        async with self._database.read_transaction() as connection:
            return parse(await connection.execute(query))

    async def _read_scalar(self, query: Executable) -> Any:  # noqa: ANN401 (the column's own type)
        """Return the first column of the query's first row, or None."""
        return await self._read(query, lambda rows: rows.scalar())

    async def _write(self, statement: Executable, *locks: int) -> None:
        """Run one statement in a write transaction that holds `locks`."""
        async with self._database.write_transaction(*locks) as connection:
            await connection.execute(statement)
