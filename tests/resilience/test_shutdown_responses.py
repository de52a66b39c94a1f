"""Shutdown during a first response: the command is still accepted, and its reply does not wait forever."""

from __future__ import annotations

import asyncio

from bot.sandbox.faults import Hold
from tests.support.crash_points import until
from tests.support.harness import Harness, title_of


async def test_a_command_that_is_being_answered_is_accepted(stage: Harness) -> None:
    """A command whose first response is in flight at SIGTERM is accepted, and its task finishes after the restart.

    The bot disconnects from the gateway before that, so that it gets no command that it cannot answer any more.
    """
    answering = Hold(after=True)
    stage.discord.faults.add("POST", "/callback$", answering)
    async with stage.process() as bot:
        await bot.start()
        await stage.ana.wait_event("bot", lambda it: it["online"] is True, timeout=20)
        channel, upload = await stage.ana.channel("videos"), await stage.ana.upload(stage.clips.plain)
        await stage.ana.command("extend", channel, prompt="it snows", video=upload, seconds=2)
        await answering.reached.wait()
        stopping = asyncio.create_task(bot.stop())
        await until(lambda: not stage.discord.gateway.shards)  # events go to another gateway, if there is one
        answering.release.set()
        assert await stopping == 0
        await bot.start()
        await stage.ana.wait_message(lambda it: title_of(it) == "Finished", timeout=20)
    assert len(await stage.ana.messages(channel)) == 1
    assert not [line for line in stage.lines if "Traceback" in line]
