"""Several processes edit one reply: the one that shows queue positions, and the one that shows the outcome.

A second ReplyUpdater over the same bot stands for the other process: the two share the database and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from discord.webhook.async_ import AsyncWebhookAdapter, async_context

from bot.client import ExtendBot
from bot.domain.task import Task
from bot.sandbox.faults import Hold
from bot.sandbox.foxapi.quirks import Pause, Quirks
from cogs.delivery.cog import ReplyUpdater
from tests.support.clips import Clips
from tests.support.crash_points import within
from tests.support.fast_timeouts import tiny
from tests.support.harness import Harness, Json, text_of, title_of

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
CANCELLED = "Cancelled"
SETTINGS = {"EDIT_SECONDS": "0.5", "MAX_RUNNING": "1"}


@pytest.fixture
def clip(clips: Clips) -> Path:
    return tiny(clips)


async def put_in_line(stage: Harness, bot: ExtendBot, clip: Path) -> tuple[Json, Task]:
    """Return the reply and the row of Ana's task, which waits for the only slot."""
    rendering = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=rendering)
    await stage.extend(stage.ben, clip, seconds=2)
    await within(rendering.reached)
    reply = await stage.extend(stage.ana, clip, seconds=2)
    reply = await stage.until(stage.ana, reply, "Queued")
    (waiting,) = await bot.services.queue.add_positions(await bot.services.tasks.list_tasks(int(stage.ana.id)))
    assert waiting.queue_position == 1
    return reply, waiting


@asynccontextmanager
async def other_process(bot: ExtendBot) -> AsyncIterator[ReplyUpdater]:
    """Yield an updater that knows nothing about what the bot's own updater shows, nor waits for its requests."""
    other = ReplyUpdater(bot)
    before = async_context.set(AsyncWebhookAdapter())  # type: ignore[no-untyped-call]
    yield other
    async_context.reset(before)
    await other.cog_unload()


async def show_position(other: ReplyUpdater, waiting: Task) -> None:
    """Have the other process show a position that its reply does not show yet."""
    other.update(waiting.model_copy(update={"queue_position": 2}), None)
    while not other.is_idle(waiting.id):
        await asyncio.sleep(0.01)


async def wait_for_position(stage: Harness, reply: Json) -> None:
    """Wait until the reply shows what the other process has to say."""
    await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and "number 2" in text_of(it))


async def current_title(stage: Harness, reply: Json) -> str:
    (shown,) = [each for each in await stage.ana.messages("videos") if each["id"] == reply["id"]]
    return title_of(shown)


async def test_a_position_never_replaces_an_outcome(stage: Harness, clip: Path) -> None:
    """A process that does not know yet that the task has ended does not show its position any more."""
    async with stage.bot(None, **SETTINGS) as bot:
        reply, waiting = await put_in_line(stage, bot, clip)
        async with other_process(bot) as other:
            await show_position(other, waiting)
        await wait_for_position(stage, reply)
        await stage.ana.press(reply, "Cancel")
        await stage.until(stage.ana, reply, CANCELLED)
        async with other_process(bot) as other:
            await show_position(other, waiting)
        assert await current_title(stage, reply) == CANCELLED


async def test_an_outcome_that_was_replaced_is_shown_again(stage: Harness, clip: Path) -> None:
    """An edit that was on its way while the outcome was shown replaces it; the outcome is then shown again."""
    async with stage.bot(None, **SETTINGS) as bot:
        reply, waiting = await put_in_line(stage, bot, clip)
        late = Hold()
        async with other_process(bot) as other:
            stage.discord.faults.add("PATCH", reply["id"], late)
            showing = asyncio.create_task(show_position(other, waiting))
            await within(late.reached)
            await stage.ana.press(reply, "Cancel")
            await stage.until(stage.ana, reply, CANCELLED)
            late.release.set()
            await wait_for_position(stage, reply)
            await stage.until(stage.ana, reply, CANCELLED)
            await showing
