"""The sandbox as a newcomer uses it: the real page in a real browser, with the bot in its own process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

from bot.sandbox.app import Sandbox
from tests.support.browser import CHROMIUM, NO_BROWSER, open_page

PERCENT = "() => document.querySelector('#messages li[data-message-id]')?.innerText.match(/(\\d+) %/)?.[1]"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """One sandbox for all tests; each test uses another channel."""
    async with Sandbox(folder=tmp_path_factory.mktemp("sandbox"), pace=4.0) as running:
        yield running


@pytest.fixture
async def page(sandbox: Sandbox, browser: Browser) -> AsyncIterator[Page]:
    async with open_page(browser, sandbox.url) as page:
        yield page


async def extend_sample(page: Page, channel: str, prompt: str) -> None:
    """Type /extend, pick the first sample clip, write a prompt and press Enter."""
    await page.click(f"[data-channel={channel}]")
    await page.wait_for_function("() => document.querySelector('#panel').innerText.includes('connected to Discord')")
    await page.fill("#composer", "/extend")
    await page.keyboard.press("Tab")
    await page.click("[data-sample]")
    await page.wait_for_selector(".staged")
    await page.fill("[data-option=prompt]", prompt)
    await page.keyboard.press("Enter")


async def test_a_member_extends_a_sample_and_plays_it(page: Page) -> None:
    """One message shows at least three rising percentages and then a video of input + seconds, which plays."""
    await extend_sample(page, "videos", "A flock of birds crosses the sky")
    seen: list[int] = []
    while not await page.query_selector("#messages video"):
        handle = await page.wait_for_function(
            "last => { const now = (" + PERCENT + ")(); "
            "return document.querySelector('#messages video') ? 'done' : (now && now !== last ? now : null) }",
            arg=str(seen[-1]) if seen else None,
        )
        value = await handle.json_value()
        if value != "done":
            seen.append(int(value))
    assert seen == sorted(seen)
    assert len(set(seen)) >= 3
    assert await page.locator("#messages li[data-message-id]").count() == 1
    video = page.locator("#messages video")
    await page.wait_for_function("() => document.querySelector('#messages video').duration > 0")
    length = await video.evaluate("video => video.duration")
    assert abs(length - (6 + 6)) < 0.5
    await video.evaluate("async video => { video.muted = true; await video.play(); }")
    await page.wait_for_function("() => document.querySelector('#messages video').currentTime > 0.3")


async def test_the_bot_is_stopped_and_started_from_the_panel(page: Page, sandbox: Sandbox) -> None:
    """After the panel has stopped and started the bot, the same message continues to the finished video."""
    paid = len(sandbox.fox.payments)
    await extend_sample(page, "general", "The wind grows")
    await page.wait_for_function(PERCENT)
    await page.click("[data-bot=stop]")
    await page.wait_for_function("() => document.querySelector('[data-bot=start]').disabled === false")
    assert not sandbox.bot.running
    await page.click("[data-bot=start]")
    await page.wait_for_selector("#messages video")
    assert await page.locator("#messages li[data-message-id]").count() == 1
    assert len(sandbox.fox.payments) == paid + 1


async def test_nothing_is_cut_off_on_a_phone(page: Page) -> None:
    """At phone widths the page with a message, its card and the composer does not scroll sideways."""
    await extend_sample(page, "showcase", "Rain, " * 40)
    await page.wait_for_function(
        "() => document.querySelector('#messages li[data-message-id]')?.innerText.includes('Rain')"
    )
    for width in (390, 360):
        await page.set_viewport_size({"width": width, "height": 740})
        overflow = await page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0
        wide = await page.evaluate(
            "() => [...document.querySelectorAll('#messages *')].filter(e => e.getBoundingClientRect().right > "
            "window.innerWidth + 1).length"
        )
        assert wide == 0
