"""Five extensions in a row of a phone's clip; the final video plays in a browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.support.browser import CHROMIUM
from tests.support.clips import H264, seconds_of
from tests.support.harness import Harness, Json, text_of

FIRST, PARTS, EACH = 20, 5, 3
LENGTHS = [FIRST + EACH * part for part in range(1, PARTS + 1)]


async def again(stage: Harness, done: Json, prompt: str) -> Json:
    """Press "Extend further" on a finished reply, submit the modal, and wait for that part."""
    asked = await stage.ana.modal(await stage.ana.press(done, "Extend further"))
    await stage.ana.submit_modal(asked, {"prompt": prompt, "seconds": str(EACH)})
    return await stage.ana.wait_message(lambda it: prompt in text_of(it) and "Finished" in text_of(it), 20)


async def seconds_in(stage: Harness, done: Json) -> float:
    (attachment,) = done["attachments"]
    return seconds_of(await stage.ana.fetch(attachment["url"]), stage.folder)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH")
async def test_five_parts_make_one_film_that_plays(stage: Harness, browser: Browser) -> None:
    """A .mov of 20 s is extended five times; each part links to the one before, and the last video has all of it."""
    small = ("-r", "10", "-s", "128x72")
    clip = stage.clips.make("tale.mov", FIRST, *H264, *small, "-c:a", "aac", sound=True)
    async with stage.bot():
        reply = await stage.extend(stage.ana, clip, "part 1 of a tale", seconds=EACH)
        chain = [await stage.until(stage.ana, reply, "Finished")]
        for part in range(2, PARTS + 1):
            chain.append(await again(stage, chain[-1], f"part {part} of a tale"))
            assert f"Part {part}, after [part {part - 1}](" in text_of(chain[-1])
            assert f"/{chain[-2]['channel_id']}/{chain[-2]['id']})" in text_of(chain[-1])
        await stage.tidied()
    assert [await seconds_in(stage, done) for done in chain] == pytest.approx(LENGTHS, abs=0.3)
    await plays_to_the_end(browser, stage, chain[-1], LENGTHS[-1])


async def plays_to_the_end(browser: Browser, stage: Harness, done: Json, seconds: float) -> None:
    """Open the chat page and play that message's video at its beginning and at its end."""
    film = f"#messages li[data-message-id='{done['id']}'] video"
    async with await browser.new_page() as page:
        page.set_default_timeout(10_000)
        await page.goto(f"{stage.discord.url}/")
        await page.click("[data-channel=videos]")
        await page.wait_for_function("film => document.querySelector(film)?.duration > 0", arg=film)
        video = page.locator(film)
        assert await video.evaluate("it => it.duration") == pytest.approx(seconds, abs=0.3)
        for start in (0, seconds - 1):
            await video.evaluate("async (it, at) => { it.muted = true; it.currentTime = at; await it.play() }", start)
            await page.wait_for_function(
                "([film, at]) => document.querySelector(film).currentTime > at + 0.3", arg=[film, start]
            )
        await page.wait_for_function("film => document.querySelector(film).ended", arg=film)
        assert await video.evaluate("it => it.error") is None
