"""Records the pictures of README.md at the sandbox's page: python -m tests.browser.record.

Writes .github/sandbox.png (the whole page) and .github/extend.webp (from /extend to Share, animated).
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Locator, Page, async_playwright

from bot.sandbox.app import Sandbox
from tests.support.browser import CHROMIUM, NO_BROWSER, QUIET, Visitor, open_page

FOLDER = Path(__file__).resolve().parents[2] / ".github"
PROMPT = "The sun sets and a flock of birds crosses the sky"
STEP_MS = 220
"""Between two frames while something moves."""
PLAYED = "at => { const it = document.querySelector('#messages video'); return it && it.currentTime > at; }"


@dataclass
class Recording:
    """Screenshots of a page, each with the time for which it is shown."""

    page: Page
    frames: list[Image.Image] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)

    async def shoot(self, milliseconds: int) -> None:
        """Add the page as it is; an unchanged picture only lasts longer."""
        frame = Image.open(io.BytesIO(await self.page.screenshot())).convert("RGB")
        if self.frames and frame.tobytes() == self.frames[-1].tobytes():
            self.durations[-1] += milliseconds
            return
        self.frames.append(frame)
        self.durations.append(milliseconds)

    async def shoot_until(self, ready: str, arg: object = None) -> None:
        """Add frames until the page's function `ready` returns true."""
        while not await self.page.evaluate(ready, arg):
            await self.shoot(STEP_MS)
            await asyncio.sleep(STEP_MS / 1000)

    def save(self, path: Path) -> None:
        """Write an animated WebP that loops."""
        first, *rest = self.frames
        first.save(
            path, save_all=True, append_images=rest, duration=self.durations, loop=0, quality=80, allow_mixed=True
        )


async def record_extend(visitor: Visitor) -> Recording:
    """Use /extend with a sample clip, watch the result, and share it to #showcase."""
    page, recording = visitor.page, Recording(visitor.page)
    await visitor.enter("videos")
    await visitor.wait_connected()
    await recording.shoot(600)
    await page.fill("#composer", "/extend")
    await recording.shoot(900)
    await page.keyboard.press("Tab")
    await page.wait_for_function("() => [...document.querySelectorAll('[data-sample] img')].every(it => it.complete)")
    await recording.shoot(1100)
    await page.click("[data-sample]")
    await page.wait_for_selector(".staged")
    for end in range(8, len(PROMPT) + 8, 8):
        await page.fill("[data-option=prompt]", PROMPT[:end])
        await recording.shoot(110)
    await recording.shoot(700)
    await page.keyboard.press("Enter")
    await recording.shoot_until("() => Boolean(document.querySelector('#messages video'))")
    film = await visitor.wait_for_film(PROMPT)
    await recording.shoot(900)
    await play(film, since=5.0)
    await recording.shoot_until(PLAYED, 8)
    await film.locator("video").evaluate("it => it.pause()")
    await visitor.press(film, "Share")
    where = page.get_by_role("dialog", name="Share").locator("label", has_text="Where").locator("select")
    await where.wait_for()
    await recording.shoot(700)
    await where.select_option(label="showcase")
    await recording.shoot(900)
    await visitor.submit("Share", Where="showcase")
    await visitor.messages("Shared:").last.wait_for()
    await recording.shoot(1200)
    await visitor.enter("showcase")
    post = await visitor.wait_for_film("A film by")
    await play(post, since=7.0)
    await recording.shoot_until(PLAYED, 10.5)
    await recording.shoot(1500)
    return recording


async def play(film: Locator, since: float) -> None:
    """Play a message's video without sound from `since` seconds."""
    start = "async (it, since) => { it.muted = true; it.currentTime = since; await it.play(); }"
    await film.locator("video").evaluate(start, since)


async def shoot_page(browser: Browser, url: str) -> None:
    """Write the picture of the whole page: a finished video that plays, and the control panel."""
    async with open_page(browser, url) as page:
        await page.click("[data-channel=videos]")
        await page.wait_for_selector("#messages video")
        await play(page.locator("#messages li[data-message-id]").first, since=4.5)
        await page.wait_for_function(PLAYED, arg=8.5)  # by now the player has hidden its controls
        await page.screenshot(path=FOLDER / "sandbox.png")


async def record() -> None:
    """Run the sandbox and write both pictures."""
    if CHROMIUM is None:
        raise SystemExit(NO_BROWSER)
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as playwright, Sandbox(folder=Path(folder), pace=5.0) as sandbox:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            async with open_page(browser, sandbox.url, width=960, height=720) as page:
                recording = await record_extend(Visitor(page, sandbox))
            await asyncio.to_thread(recording.save, FOLDER / "extend.webp")
            await shoot_page(browser, sandbox.url)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(record())
