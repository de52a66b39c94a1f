"""The Repository base: a cancelled caller never interrupts a transaction, and no coroutine can be left unshielded."""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from types import FunctionType

import pytest

import bot.store
from bot.store import Store
from bot.store.engines.dialect import upsert
from bot.store.engines.shielded import SHIELDING, cancellable
from bot.store.repository import Repository
from bot.store.tables import notes

CANCELLABLE = {"TaskRepository.wait_until_recorded", "Retention.delete_tokens", "Retention.expire"}
"""Coroutines of many transactions, or of one read after another, which may be cancelled in between."""
TRANSACTIONS = {"_database", "_read", "_read_scalar", "_write"}


class SlowNotes(Repository):
    """A repository as anybody would write it, without a decorator."""

    started: asyncio.Event
    release: asyncio.Event

    async def set_note(self, value: str) -> None:
        async with self._database.write_transaction() as connection:
            await upsert(connection, notes, {"name": "slow"}, {"value": "half"})
            self.started.set()
            await self.release.wait()
            await upsert(connection, notes, {"name": "slow"}, {"value": value})

    async def _set_note_unshielded(self) -> None:
        await SlowNotes.set_note.__wrapped__(self, "whole")  # type: ignore[attr-defined]


class DerivedNotes(SlowNotes):
    """A subclass that overrides a public coroutine."""

    async def set_note(self, value: str) -> None:
        assert value == "whole"
        await self._set_note_unshielded()


@pytest.mark.parametrize("kind", [SlowNotes, DerivedNotes])
async def test_a_public_coroutine_of_any_subclass_is_shielded(store: Store, kind: type[SlowNotes]) -> None:
    """A caller that is cancelled twice inside a transaction gets its CancelledError after the commit, and no sooner."""
    slow = kind(store._database)
    slow.started, slow.release = asyncio.Event(), asyncio.Event()
    caller = asyncio.ensure_future(slow.set_note("whole"))
    await slow.started.wait()
    for _ in range(2):
        caller.cancel()
        await asyncio.sleep(0)
        assert not caller.done()
    slow.release.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await store.get_note("slow") == "whole"


async def test_without_the_shield_the_transaction_is_lost(store: Store) -> None:
    """The same private coroutine, which is not shielded, ends at once and commits nothing: the test above can fail."""
    slow = SlowNotes(store._database)
    slow.started, slow.release = asyncio.Event(), asyncio.Event()
    caller = asyncio.ensure_future(slow._set_note_unshielded())
    await slow.started.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await store.get_note("slow") is None


@pytest.mark.parametrize("kind", [classmethod, staticmethod])
def test_a_coroutine_that_cannot_be_shielded_is_refused(kind: type) -> None:
    """A public coroutine that is a class method or a static method fails at import, instead of staying unshielded."""

    async def count(*_: object) -> int:
        return 0

    with pytest.raises(TypeError, match=r"Bad\.count must be a method of an instance"):
        type("Bad", (Repository,), {"count": kind(count)})


def test_every_public_coroutine_of_the_store_is_shielded() -> None:
    """All of them are, except the few that opt out by name."""
    opted_out = set()
    for cls in repositories():
        for name, method in vars(cls).items():
            if not name.startswith("_") and inspect.iscoroutinefunction(method):
                assert hasattr(method, SHIELDING), f"{cls.__name__}.{name}"
                opted_out |= set() if getattr(method, SHIELDING) else {f"{cls.__name__}.{name}"}
    assert opted_out == CANCELLABLE


def test_every_class_that_opens_transactions_is_a_repository() -> None:
    """No class of bot/store has coroutines on a database without the base that shields them."""
    for cls in classes():
        uses_database = any("_database" in names_in(method) for method in vars(cls).values() if is_method(method))
        assert not uses_database or issubclass(cls, Repository), cls


def test_what_opts_out_opens_no_transaction_itself() -> None:
    """Each transaction that a cancellable coroutine reaches is inside a shielded one."""
    for cls in repositories():
        for name, method in vars(cls).items():
            if getattr(method, SHIELDING, True) is False:
                assert not opens_transaction(cls, name), f"{cls.__name__}.{name}"


def test_an_unshielded_transaction_would_be_found() -> None:
    """A coroutine that opts out and writes, itself or by a helper, is found."""

    class Careless(Repository):
        @cancellable
        async def clear(self) -> None:
            await self._clear()

        async def _clear(self) -> None:
            async with self._database.write_transaction():
                pass

    assert opens_transaction(Careless, "clear")


def opens_transaction(cls: type, name: str) -> bool:
    method = getattr(cls, name, None)
    if method is None or getattr(method, SHIELDING, False) or not is_method(method):
        return False
    used = names_in(method)
    inner = {each for each in used if inspect.iscoroutinefunction(getattr(cls, each, None))} - {name}
    return bool(used & TRANSACTIONS) or any(opens_transaction(cls, each) for each in inner)


def names_in(method: object) -> set[str]:
    """The attributes of self that a method uses."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(method))))  # type: ignore[arg-type]
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in nodes if isinstance(node.value, ast.Name) and node.value.id == "self"}


def is_method(member: object) -> bool:
    return isinstance(member, FunctionType) and not member.__qualname__.startswith("__create_fn__")


def repositories() -> list[type[Repository]]:
    found = [cls for cls in classes() if issubclass(cls, Repository) and cls is not Repository]
    assert len(found) >= 10
    return found


def classes() -> Iterator[type]:
    for module in pkgutil.iter_modules(bot.store.__path__, "bot.store."):
        loaded = importlib.import_module(module.name)
        for cls in vars(loaded).values():
            if inspect.isclass(cls) and cls.__module__ == module.name and not hasattr(cls, "__dataclass_fields__"):
                yield cls
