"""Fixtures that more than one file of tests uses, and the choice of the database's make."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from playwright.async_api import Browser, async_playwright

from bot.store import Store
from tests.support.browser import CHROMIUM, QUIET
from tests.support.clips import Clips
from tests.support.databases import ENGINES, Database, new_database
from tests.support.harness import Harness, on_stage
from tests.support.postgres_cluster import (
    NOT_FOUND,
    Cluster,
    create_folder,
    find_programs,
    open_shared_cluster,
    stop_shared,
)

# How long an example takes to be drawn depends on what else the machine does.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
_FOLDER = pytest.StashKey[Path]()
ClusterFor = Callable[[str], Awaitable[Cluster | None]]


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: a third of a test's time is waiting for what is waited for in life."""
    return (os.cpu_count() or 1) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=ENGINES,
        help="run every test that needs a database on this make of it (else: the store's on both, few others too)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_engines: an end-to-end test that is run on PostgreSQL too")
    config.addinivalue_line("markers", "only_sqlite: not for PostgreSQL, whatever --engine says")
    known = getattr(config, "workerinput", {}).get("postgres")
    config.stash[_FOLDER] = Path(known) if known else create_folder()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist for each worker: they all share the one cluster."""
    node.workerinput["postgres"] = str(node.config.stash[_FOLDER])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if params.get("engine") == "postgresql" and item.get_closest_marker("only_sqlite"):
            item.add_marker(pytest.mark.skip("it is about the SQLite file"))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        stop_shared(config.stash[_FOLDER])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = list(metafunc.definition.iter_markers())
    if "engine" not in metafunc.fixturenames or any("engine" in mark.args[:1] for mark in marks):
        return
    chosen: str | None = metafunc.config.getoption("engine")
    end_to_end = {"stage", "runs"}.intersection(metafunc.fixturenames)
    if chosen or not end_to_end or any(mark.name == "both_engines" for mark in marks):
        metafunc.parametrize("engine", [chosen] if chosen else ENGINES, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The make of this test's database."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="session")
def cluster_for(request: pytest.FixtureRequest) -> ClusterFor:
    """The tests' own PostgreSQL where that is the make, made when it is first asked for; None for SQLite."""

    async def find(engine: str) -> Cluster | None:
        if engine == "sqlite":
            return None
        if find_programs() is None:
            pytest.skip(NOT_FOUND)
        return await open_shared_cluster(request.config.stash[_FOLDER])

    return find


@pytest.fixture
async def database(engine: str, tmp_path: Path, cluster_for: ClusterFor) -> AsyncIterator[Database]:
    """A database that no other test uses; on SQLite there is no file yet."""
    async with new_database(tmp_path / "data", await cluster_for(engine)) as made:
        yield made


@pytest.fixture
async def unmigrated(engine: str, tmp_path: Path, cluster_for: ClusterFor) -> AsyncIterator[Database]:
    """One that has no tables yet, though there may be a file."""
    async with new_database(tmp_path / "data", await cluster_for(engine), migrated=False) as made:
        (tmp_path / "data").mkdir()
        yield made


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    """The store over it."""
    async with Store.open(database.url) as opened:
        yield opened


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Made once for all tests, and for all processes that run them."""
    return Clips(shared_folder(tmp_path_factory, "clips"))


def shared_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder of this test run; xdist's processes share it."""
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    folder = (factory.getbasetemp() if alone else factory.getbasetemp().parent) / name
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of a process."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def stage(tmp_path: Path, clips: Clips, database: Database) -> AsyncIterator[Harness]:
    """Both stand-ins and three members, fresh for each test."""
    async with on_stage(tmp_path, clips, database) as set_up:
        yield set_up
        print(*set_up.lines, sep="\n")  # what its processes said, for the report of a test that fails
