"""First responses are sent before the requested work starts."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from bot.client.response_gate import ResponseGate
from bot.sandbox.faults import Hold
from tests.support.clips import Clips
from tests.support.harness import CREATE, on_stage


async def test_work_waits_while_somebody_waits_for_a_first_answer() -> None:
    """Work waits until the last pending response was sent."""
    response_gate = ResponseGate(most=30)
    with response_gate.responding():
        with response_gate.responding():
            work = asyncio.create_task(response_gate.wait_until_idle())
        await asyncio.sleep(0.2)
        assert not work.done()
    await asyncio.wait_for(work, 5)


async def test_work_does_not_wait_for_ever() -> None:
    """A hanging response delays other work only for a bounded time."""
    response_gate = ResponseGate(most=0.2)
    with response_gate.responding():
        await asyncio.wait_for(response_gate.wait_until_idle(), 5)


async def test_an_answer_that_failed_is_no_longer_waited_for() -> None:
    """An exception in the block also ends the waiting."""
    response_gate = ResponseGate(most=30)
    with contextlib.suppress(ConnectionError), response_gate.responding():
        raise ConnectionError
    await asyncio.wait_for(response_gate.wait_until_idle(), 5)


async def test_a_bot_that_stops_holds_up_nobody() -> None:
    """Delayed work continues at once at shutdown."""
    response_gate = ResponseGate(most=30)
    with response_gate.responding():
        work = asyncio.create_task(response_gate.wait_until_idle())
        await asyncio.sleep(0)
        response_gate.open_for_good()
        await asyncio.wait_for(work, 5)
        await asyncio.wait_for(response_gate.wait_until_idle(), 5)


async def test_nothing_is_prepared_while_another_member_has_no_first_answer(tmp_path: Path, clips: Clips) -> None:
    """While Ben's response is delayed, Ana's task is not submitted, although her response was sent before."""
    async with on_stage(tmp_path, clips, render_cache={}) as stage, stage.bot():
        hold = Hold()
        stage.discord.faults.add("POST", "/interactions/.*/callback", hold)
        asking = asyncio.create_task(stage.extend(stage.ben, clips.plain, "from Ben"))
        await asyncio.wait_for(hold.reached.wait(), 20)
        reply = await stage.extend(stage.ana, clips.plain, "from Ana")
        assert not stage.fox.faults.matching("POST", CREATE)
        hold.release.set()
        await asking
        await stage.until(stage.ana, reply, "Finished")
