"""Fixtures that more than one file of tests uses."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.clips import Clips
from tests.stage import Stage, on_stage

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-sync", "--disable-background-networking", "--disable-component-update"]


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: a third of a test's time is waiting for what is waited for in life."""
    return (os.cpu_count() or 1) + 1


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
async def stage(tmp_path: Path, clips: Clips) -> AsyncIterator[Stage]:
    """Both stand-ins and three members, fresh for each test."""
    async with on_stage(tmp_path, clips) as set_up:
        yield set_up
