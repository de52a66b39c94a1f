"""Fixtures that more than one file of tests uses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clips import Clips
from tests.stage import Stage, on_stage


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Made once for all tests."""
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
async def stage(tmp_path: Path, clips: Clips) -> AsyncIterator[Stage]:
    """Both stand-ins and three members, fresh for each test."""
    async with on_stage(tmp_path, clips) as set_up:
        yield set_up
