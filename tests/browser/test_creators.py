"""What creators do with a result in a real browser: extend again, try again, share, delete.

The bot is killed before each press, so every button was sent by an earlier process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from bot.sandbox.app import Sandbox
from tests.support.bot_process import ForkedBot
from tests.support.browser import CHROMIUM, NO_BROWSER, Visitor, open_page

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER), pytest.mark.timeout(150)]


@pytest.fixture
async def visitor(tmp_path: Path, browser: Browser) -> AsyncIterator[Visitor]:
    """A visitor for whom the bot is killed and restarted before each press."""
    async with Sandbox(folder=tmp_path, pace=0.2, kind=ForkedBot) as sandbox, open_page(browser, sandbox.url) as page:
        yield Visitor(page, sandbox, restarts=True)


async def test_a_chain_of_three_is_shared_and_deleted(visitor: Visitor) -> None:
    """A chain of three shows its lineage, retried and shared twice; only its owner shares it, a moderator deletes."""
    await visitor.act_as("Mia", "general")
    await choose_showcase(visitor)
    await visitor.act_as("Ana", "videos")
    await visitor.extend_sample("a gate opens")
    await visitor.press(await visitor.wait_for_film("a gate opens"), "Extend further")
    await visitor.submit("Extend further", What="a deer walks in", Seconds="2")
    await visitor.press(await visitor.wait_for_film("a deer walks in"), "Extend further")
    await visitor.submit("Extend further", What="it looks up", Seconds="2")
    last = await visitor.wait_for_film("it looks up")
    await expect(last).to_contain_text("3, after part 2")
    await visitor.press(last, "New take")
    await visitor.submit("New take", What="it runs away", Seconds="2")
    again = await visitor.wait_for_film("it runs away")
    await expect(again).to_contain_text("3, after part 2")

    await visitor.press(again, "Share")
    await visitor.submit("Share", Where="showcase")
    await visitor.messages("Shared:").last.wait_for()
    await visitor.press(again, "Share")
    await visitor.submit("Share", Where="general")
    await visitor.messages("Shared:").nth(1).wait_for()
    for channel in ("showcase", "general"):
        await visitor.enter(channel)
        post = await visitor.wait_for_film("A film by")
        await expect(post).to_contain_text("→ part 1 → part 2 → part 3")

    await visitor.act_as("Ben", "videos")
    await visitor.press(await visitor.wait_for_film("it runs away"), "Share")
    await visitor.messages("Only the member who started that task").wait_for()
    await visitor.act_as("Mia", "videos")
    await visitor.press(await visitor.wait_for_film("it looks up"), "Delete")
    await visitor.press(visitor.messages("It cannot be undone").last, "Delete it")
    await expect(visitor.messages("it looks up")).to_have_count(0)
    assert len(visitor.sandbox.fox.payments) == 4


async def test_a_private_film_is_shared(visitor: Visitor) -> None:
    """Only its creator sees a private reply, and Share posts it publicly."""
    await visitor.act_as("Ana", "videos")
    await visitor.extend_sample("a secret garden", private=True)
    film = await visitor.wait_for_film("a secret garden")
    await visitor.act_as("Ben", "videos")
    await expect(visitor.messages("a secret garden")).to_have_count(0)
    await visitor.act_as("Ana", "videos")
    await visitor.press(film, "Share")
    await visitor.submit("Share", Where="general")
    await visitor.messages("Shared:").last.wait_for()
    await visitor.act_as("Ben", "general")
    await visitor.wait_for_film("a secret garden")


async def choose_showcase(visitor: Visitor) -> None:
    """Choose #showcase with /showcase, as a moderator."""
    page = visitor.page
    await visitor.wait_connected()
    await page.fill("#composer", "/showcase")
    await page.keyboard.press("Tab")
    await page.click("[data-testid=more-options]")
    await page.click("[data-add-option=channel]")
    await page.keyboard.type("showcase")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await visitor.messages("This server's showcase is").wait_for()
