"""The soak: many tasks over random faults and sudden ends of the bot, and then the books are balanced.

Run as `python -m tests.soak [--tasks 500] [--minutes 10] [--seed N] [--processes N]`; it is no part of the test suite.
Three members use /extend while `soak_weather` makes trouble; then all is well again, every accepted task must reach its
end, and `soak_account` compares what FoxAPI was paid, what the members see and what the database says. Ends with 1 if
they differ.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.bot_process import BotProcess
from bot.sandbox.discord.state.interactions import ANSWER_SECONDS
from bot.sandbox.discord.state.model import Json
from tests.soak.chaos import Chaos, ProcessHandle
from tests.soak.reconcile import Account, rows_of
from tests.support.clips import H264, Clips
from tests.support.databases import Database, SQLiteFile, new_database
from tests.support.harness import Harness, on_stage, text_of
from tests.support.member import Member, PageRefused
from tests.support.postgres_cluster import Cluster, create_folder, stop_shared

TRIES = 6
"""How often a member types the command again after "The application did not respond"."""
SLOTS, SETTLE_SECONDS = 150, 660
"""A lost answer keeps its slot for ten minutes: there must be more slots than these take, or time for the last."""
CHANNELS = ("general", "videos", "showcase")
GOOD = {"plain": 3, "longer": 4, "mov": 3}
"""Clips that can be extended, and their seconds; the last must be prepared and uploaded."""
BAD = ("text", "empty", "one_second")


@dataclass(frozen=True, slots=True)
class Wish:
    """One video that a member wants: `at` seconds from the start."""

    number: int
    at: float
    who: Member
    channel: str
    clip: str
    seconds: int
    private: bool
    cancel_after: float | None
    """Press Cancel so many seconds after the reply shows it."""


@dataclass(slots=True)
class Order:
    """One use of /extend. Its prompt is its own."""

    wish: Wish
    prompt: str
    interaction: str
    asked: float
    offline: bool
    """Whether its member saw the bot offline, before or after."""
    pressed: bool = False
    """Whether its member pressed Cancel."""


def wishes(stage: Harness, chance: random.Random, number: int, seconds: float) -> Iterator[Wish]:
    """Draw what the members want, and when."""
    for index in range(number):
        bad = chance.random() < 0.06
        yield Wish(
            number=index,
            at=chance.uniform(0, seconds),
            who=chance.choice([stage.ana, stage.ben, stage.mia]),
            channel=stage.discord.world.channel_named(chance.choice(CHANNELS)).id,
            clip=chance.choice(BAD if bad else list(GOOD)),
            seconds=chance.choice([2, 3]),
            private=chance.random() < 0.2,
            cancel_after=chance.uniform(0, 1.5) if chance.random() < 0.12 else None,
        )


class Members:
    """What the members do; `orders` is all that they ever asked for."""

    def __init__(self, stage: Harness, clips: dict[str, Path]) -> None:
        self._stage = stage
        self._clips = clips
        self.orders: list[Order] = []

    async def wish(self, wish: Wish) -> None:
        """Use /extend until the bot answers, and perhaps think better of it."""
        await asyncio.sleep(wish.at)
        for attempt in range(1, TRIES + 1):
            order = await self._ask(wish, f"soak {wish.number} try {attempt}")
            if await self._answered(order):
                break
        else:
            return
        if wish.cancel_after is not None:
            with contextlib.suppress(PageRefused, KeyError):  # it ended before the button was pressed
                await self._cancel(order, wish.cancel_after)

    async def _ask(self, wish: Wish, prompt: str) -> Order:
        video = await wish.who.upload(self._clips[wish.clip])
        asked, offline = time.time(), not self._stage.discord.world.online
        interaction = await wish.who.command(
            "extend", wish.channel, prompt=prompt, video=video, seconds=wish.seconds, private=wish.private
        )
        self.orders.append(order := Order(wish, prompt, interaction, asked, offline))
        return order

    async def _answered(self, order: Order) -> bool:
        interaction = self._stage.discord.interactions.get(order.interaction)
        assert interaction is not None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(interaction.answer), ANSWER_SECONDS + 0.5)
        order.offline |= not self._stage.discord.world.online
        return interaction.callback is not None

    async def _cancel(self, order: Order, after: float) -> None:
        who = order.wish.who
        card = await self._latest(who, lambda it: order.prompt in text_of(it) and custom_id(it, "Cancel"))
        if card is None:
            return
        sure = custom_id(card, "Cancel").replace("cancel", "stop")
        await asyncio.sleep(after)
        order.pressed = True
        await who.press(who.seen[card["id"]], "Cancel")
        if ask := await self._latest(who, lambda it: custom_id(it, "Cancel anyway") == sure):
            await who.press(ask, "Cancel anyway")

    async def _latest(self, who: Member, wanted: Callable[[Json], object]) -> Json | None:
        """One of the member's latest messages that is as wanted; None if none comes in four seconds."""
        for _ in range(40):
            if found := next(filter(wanted, list(who.seen.values())[-60:]), None):
                return found
            await asyncio.sleep(0.1)
        return None


def custom_id(message: Json, label: str) -> str:
    """The custom_id of the message's button of that label, or nothing."""
    buttons = [each for row in message["components"] for each in row["components"]]
    return next((str(each["custom_id"]) for each in buttons if each.get("label") == label), "")


async def soak(tasks: int, minutes: float, seed: int, folder: Path, processes: int = 1) -> Account:
    """Let it rain for so many minutes; return the books, balanced."""
    clips = Clips(folder)
    files = {name: getattr(clips, name) for name in ("plain", "mov", *BAD)} | {
        "longer": clips.make("longer.mp4", 4, *H264)
    }
    async with AsyncExitStack() as open_:
        database, cluster = await open_.enter_async_context(database_for(processes, folder))
        stage = await open_.enter_async_context(on_stage(folder, clips, database, at_once=8, reel={}))
        settings = {"MAX_RUNNING": str(SLOTS), "POLL_SECONDS": "0.3", "EDIT_SECONDS": "0.5", "LEASE_SECONDS": "4"}
        crew = [await open_.enter_async_context(hired(stage, number, settings)) for number in range(processes)]
        chaos, members = Chaos(stage, crew, seed, cluster), Members(stage, files)
        keeping = asyncio.create_task(chaos.keep())
        reporting = asyncio.create_task(report(stage, chaos, members, time.monotonic()))
        try:
            await stage.ana.wait_event("bot", lambda it: it["online"] is True, timeout=30)
            await storm(stage, chaos, members, random.Random(f"{seed} members"), tasks, minutes * 60)  # noqa: S311
            settled = await calm(stage, crew, members)
        finally:
            await ended(reporting, keeping)
        codes = [await hand.process.stop() for hand in crew]
        lines = [line for hand in crew for line in hand.lines]
        account = Account(stage, chaos.journal, members.orders, GOOD, lines)
        await account.balance(folder, settled=settled, codes=codes)
        return account


@asynccontextmanager
async def database_for(processes: int, folder: Path) -> AsyncIterator[tuple[Database, Cluster | None]]:
    """A file for one process; for several a PostgreSQL of their own, that may be restarted."""
    if processes == 1:
        yield SQLiteFile(folder / "data" / "bot.db"), None
        return
    where = create_folder()
    cluster = await asyncio.to_thread(Cluster.create, where / "cluster")
    try:
        await cluster.make_template()
        async with new_database(folder, cluster) as database:
            yield database, cluster
    finally:
        stop_shared(where)


@asynccontextmanager
async def hired(stage: Harness, number: int, settings: dict[str, str]) -> AsyncIterator[ProcessHandle]:
    """A process, not begun: the first answers members too, the others only work."""
    stage.data.mkdir(exist_ok=True)
    lines: list[str] = []
    role = ["worker"] if number else []
    process = BotProcess(stage.environment(**settings), stage.folder, lines.append, lambda: None, role)
    try:
        yield ProcessHandle(process, lines)
    finally:
        await process.stop()


async def storm(
    stage: Harness, chaos: Chaos, members: Members, chance: random.Random, tasks: int, seconds: float
) -> None:
    """The members wish for so many videos in so many seconds, in bad weather."""
    blowing = asyncio.create_task(chaos.blow())
    try:
        await asyncio.gather(*(members.wish(each) for each in wishes(stage, chance, tasks, seconds * 0.95)))
    finally:
        await ended(blowing)
        chaos.clear()


async def ended(*running: asyncio.Task[None]) -> None:
    """End them; raises what one of them ended with by itself."""
    for each in running:
        each.cancel()
    for each in running:
        with contextlib.suppress(asyncio.CancelledError):
            await each


async def calm(stage: Harness, crew: Sequence[ProcessHandle], members: Members) -> bool:
    """Wait until every task has ended and is told; whether that came in time."""
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end:
        rows = rows_of(stage.database)
        if all(hand.process.running for hand in crew) and rows and all(row.ended and row.told for row in rows):
            await asyncio.sleep(2)  # for a task that was accepted just now, and for what is tidied up afterwards
            if (rows := rows_of(stage.database)) and all(row.ended and row.told for row in rows):
                return bool(members.orders)
        await asyncio.sleep(0.5)
    return False


async def report(stage: Harness, chaos: Chaos, members: Members, begun: float) -> None:
    """Print one line every ten seconds."""
    while True:
        await asyncio.sleep(10)
        states = Counter(row.state for row in await asyncio.to_thread(rows_of, stage.database))
        told = " ".join(f"{state} {number}" for state, number in sorted(states.items()))
        ends = Counter(end.how for end in chaos.journal.ends)
        asked, paid = len(members.orders), len(stage.fox.payments)
        print(
            f"{time.monotonic() - begun:4.0f} s  asked {asked}  accepted {states.total()} ({told})  paid {paid}  "
            f"faults {chaos.journal.armed.total()}  ends {dict(ends)}",
            flush=True,
        )


def main() -> int:
    """Read the command line and run; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--processes", type=int, default=1, help="several share a PostgreSQL, and are paused too")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--log", type=Path, help="write the bot's own lines to this file")
    wanted = parser.parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it tells of every connection that we cut
    print(f"seed {wanted.seed}: {wanted.tasks} tasks in {wanted.minutes:g} minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        account = asyncio.run(soak(wanted.tasks, wanted.minutes, wanted.seed, Path(folder), wanted.processes))
    if wanted.log:
        wanted.log.write_text("\n".join(account.lines))
    print(account.table())
    return 1 if account.violations else 0


if __name__ == "__main__":
    sys.exit(main())
