"""Drives the sandbox's page in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, Locator, Page

from bot.sandbox.app import Sandbox

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NO_BROWSER = "no Chromium on this machine's PATH"
QUIET = ["--no-sandbox", "--disable-sync", "--disable-background-networking", "--disable-component-update"]
_TIMEOUT = 30_000.0
"""Milliseconds."""


@asynccontextmanager
async def open_page(browser: Browser, url: str, width: int = 1280, height: int = 800) -> AsyncIterator[Page]:
    """Open a new page at `url`; it is closed on exit."""
    page = await browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(_TIMEOUT)
    await page.goto(url)
    yield page
    await page.close()


@dataclass
class Visitor:
    """A user of the page."""

    page: Page
    sandbox: Sandbox
    restarts: bool = False
    """Whether the bot is killed and restarted before each press."""

    async def act_as(self, name: str, channel: str) -> None:
        """Switch to this member and channel."""
        await self.page.click(f"[data-user={name}]")
        await self.page.wait_for_selector(f"[data-user={name}][aria-pressed=true]")
        await self.enter(channel)

    async def enter(self, channel: str) -> None:
        """Select a channel."""
        await self.page.click(f"[data-channel={channel}]")
        await self.page.wait_for_selector(f"[data-channel={channel}][aria-current=page]")

    async def wait_connected(self) -> None:
        """Wait until the bot is online."""
        await self.page.wait_for_selector(".presence.online", state="attached")  # a phone hides the sidebar

    async def extend_sample(self, prompt: str, *, private: bool = False) -> None:
        """Type /extend, pick the first sample clip, write a prompt and press Enter."""
        await self.wait_connected()
        await self.page.fill("#composer", "/extend")
        await self.page.keyboard.press("Tab")
        await self.page.click("[data-sample]")
        await self.page.wait_for_selector(".staged")
        if private:
            await self.page.click("[data-testid=more-options]")
            await self.page.click("[data-add-option=private]")
            await self.page.keyboard.press("Enter")  # the list of a boolean option starts with true
        await self.page.fill("[data-option=prompt]", prompt)
        await self.page.keyboard.press("Enter")

    def messages(self, words: str = "") -> Locator:
        """The channel's messages that contain these words."""
        return self.page.locator("#messages li[data-message-id]", has_text=words)

    async def wait_for_film(self, words: str) -> Locator:
        """Wait for the newest message with these words and a video."""
        found = self.messages(words).filter(has=self.page.locator("video")).last
        await found.wait_for()
        return found

    async def press(self, message: Locator, label: str) -> None:
        """Press one of the message's buttons; with `restarts`, after a restart of the bot."""
        await message.wait_for()
        if self.restarts:
            await self.sandbox.bot.kill()
            await self.page.wait_for_selector(".presence:not(.online)")
            await self.sandbox.bot.start()
            await self.wait_connected()
        await message.get_by_role("button", name=label, exact=True).click()

    async def submit(self, title: str, **fields: str) -> None:
        """Fill in the fields of a modal by the first word of their labels, and submit it."""
        modal = self.page.get_by_role("dialog", name=title)
        await modal.wait_for()
        for word, value in fields.items():
            field = modal.locator("label", has_text=word).locator("input, textarea, select")
            if await field.evaluate("it => it.tagName") == "SELECT":
                await field.select_option(label=value)
            else:
                await field.fill(value)
        await modal.get_by_role("button", name="Submit").click()
        await modal.wait_for(state="detached")
