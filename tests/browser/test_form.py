"""The form of /extend in a real browser, on a desktop and a phone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from bot.sandbox.app import Sandbox
from tests.support.bot_process import ForkedBot
from tests.support.browser import CHROMIUM, NO_BROWSER, Visitor, open_page

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER), pytest.mark.timeout(150)]


@pytest.fixture(params=[1280, 390])
async def visitor(tmp_path: Path, browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Visitor]:
    """A visitor with a wide or a narrow window."""
    async with (
        Sandbox(folder=tmp_path, pace=0.2, kind=ForkedBot) as sandbox,
        open_page(browser, sandbox.url, request.param, 800) as page,
    ):
        yield Visitor(page, sandbox)


async def shoot(visitor: Visitor, name: str) -> None:
    """Save a screenshot if SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        assert visitor.page.viewport_size
        width = visitor.page.viewport_size["width"]
        await visitor.page.screenshot(path=f"{folder}/{name}-{width}.png")


async def test_a_request_without_a_video_is_completed_in_the_form(visitor: Visitor) -> None:
    """No file, a refusal, Edit and a sample clip: the prompt is typed once, and the form fits the window."""
    page = visitor.page
    await visitor.wait_connected()
    await page.fill("#composer", "/extend")
    await page.keyboard.press("Tab")
    await page.fill("[data-option=prompt]", "a gate opens")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Submit").click()
    await dialog.get_by_text("Choose a file.").wait_for()
    await shoot(visitor, "form")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await dialog.locator("[data-sample]").first.click()
    await dialog.get_by_label("Seconds").fill("77")
    await dialog.get_by_role("button", name="Submit").click()
    refusal = visitor.messages("FoxAPI adds 2 to 10 seconds").last
    await refusal.wait_for()
    await expect(refusal).to_contain_text("a gate opens")
    await shoot(visitor, "refusal")
    await refusal.get_by_role("button", name="Edit").click()
    await dialog.wait_for()
    await expect(dialog.get_by_label("What happens next?")).to_have_value("a gate opens")
    await shoot(visitor, "edit")
    await dialog.get_by_label("Seconds").fill("2")
    await dialog.get_by_label("Only the new part").check()
    await dialog.get_by_label("Show the reply only to me").check()
    await dialog.get_by_role("button", name="Submit").click()
    film = await visitor.wait_for_film("a gate opens")
    await expect(film).to_contain_text("Only you can see this")
