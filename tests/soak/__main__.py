"""The soak test: many tasks through random faults and crashes, then a reconciliation of three records.

Run as `python -m tests.soak [--tasks 500] [--minutes 10] [--seed N] [--processes N]`; it is not part of the test suite.
Three members use /extend while chaos.py injects faults. Then the faults stop, every accepted task must finish, and
reconcile.py compares FoxAPI's payments, the members' messages and the database. Exits with 1 if they differ.
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
from tests.soak.reconcile import Reconciliation
from tests.soak.rows import read_rows
from tests.support.clips import H264, Clips
from tests.support.databases import Database, SQLiteFile, new_database
from tests.support.harness import Harness, on_stage, text_of
from tests.support.member import Member, PageRefused
from tests.support.postgres_cluster import Cluster, create_folder, stop_shared
from tests.support.world import find_channel

MAX_ATTEMPTS = 6
"""Attempts of a member who sees "The application did not respond"."""
SLOTS, SETTLE_SECONDS = 150, 660
"""A lost response keeps its slot for ten minutes, so there are more slots than these take, and time for the last."""
CHANNELS = ("general", "videos", "showcase")
GOOD = {"plain": 3, "longer": 4, "mov": 3}
"""Usable clips and their seconds; the last one must be converted and uploaded."""
BAD = ("text", "empty", "one_second")


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One video that a member will request, `at` seconds after the start."""

    number: int
    at: float
    who: Member
    channel: str
    clip: str
    seconds: int
    private: bool
    cancel_after: float | None
    """Seconds between the reply's Cancel button and the press; None to not cancel."""


@dataclass(slots=True)
class Submission:
    """One use of /extend, with a unique prompt."""

    planned: PlannedRequest
    prompt: str
    interaction: str
    asked: float
    offline: bool
    """Whether the member saw the bot offline, before or after."""
    pressed: bool = False
    """Whether the member pressed Cancel."""


def plan_requests(stage: Harness, rng: random.Random, number: int, seconds: float) -> Iterator[PlannedRequest]:
    """Draw the members' requests and their times."""
    for index in range(number):
        bad = rng.random() < 0.06
        yield PlannedRequest(
            number=index,
            at=rng.uniform(0, seconds),
            who=rng.choice([stage.ana, stage.ben, stage.mia]),
            channel=find_channel(stage.discord.world, rng.choice(CHANNELS)).id,
            clip=rng.choice(BAD if bad else list(GOOD)),
            seconds=rng.choice([2, 3]),
            private=rng.random() < 0.2,
            cancel_after=rng.uniform(0, 1.5) if rng.random() < 0.12 else None,
        )


class Members:
    """Acts for the members; `submissions` holds every command they used."""

    def __init__(self, stage: Harness, clips: dict[str, Path]) -> None:
        self._stage = stage
        self._clips = clips
        self.submissions: list[Submission] = []

    async def run(self, planned: PlannedRequest) -> None:
        """Use /extend until the bot responds, then cancel if planned."""
        await asyncio.sleep(planned.at)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            submission = await self._use_extend(planned, f"soak {planned.number} try {attempt}")
            if await self._wait_for_response(submission):
                break
        else:
            return
        if planned.cancel_after is not None:
            with contextlib.suppress(PageRefused, KeyError):  # the task finished before the press
                await self._cancel(submission, planned.cancel_after)

    async def _use_extend(self, planned: PlannedRequest, prompt: str) -> Submission:
        video = await planned.who.upload(self._clips[planned.clip])
        asked, offline = time.time(), not self._stage.discord.world.online
        interaction = await planned.who.command(
            "extend", planned.channel, prompt=prompt, video=video, seconds=planned.seconds, private=planned.private
        )
        self.submissions.append(submission := Submission(planned, prompt, interaction, asked, offline))
        return submission

    async def _wait_for_response(self, submission: Submission) -> bool:
        interaction = self._stage.discord.interactions.get(submission.interaction)
        assert interaction is not None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(interaction.answer), ANSWER_SECONDS + 0.5)
        submission.offline |= not self._stage.discord.world.online
        return interaction.callback is not None

    async def _cancel(self, submission: Submission, after: float) -> None:
        who = submission.planned.who
        card = await self._find_message(
            who, lambda it: submission.prompt in text_of(it) and find_custom_id(it, "Cancel")
        )
        if card is None:
            return
        confirm_id = find_custom_id(card, "Cancel").replace("cancel", "stop")
        await asyncio.sleep(after)
        submission.pressed = True
        await who.press(who.seen[card["id"]], "Cancel")
        if ask := await self._find_message(who, lambda it: find_custom_id(it, "Cancel anyway") == confirm_id):
            await who.press(ask, "Cancel anyway")

    async def _find_message(self, who: Member, wanted: Callable[[Json], object]) -> Json | None:
        """Return one of the member's latest messages that matches; None after four seconds."""
        for _ in range(40):
            if found := next(filter(wanted, list(who.seen.values())[-60:]), None):
                return found
            await asyncio.sleep(0.1)
        return None


def find_custom_id(message: Json, label: str) -> str:
    """Return the custom_id of the message's button with that label, or an empty string."""
    buttons = [each for row in message["components"] for each in row["components"]]
    return next((str(each["custom_id"]) for each in buttons if each.get("label") == label), "")


async def soak(tasks: int, minutes: float, seed: int, folder: Path, processes: int = 1) -> Reconciliation:
    """Inject faults for that many minutes; return the finished reconciliation."""
    clips = Clips(folder)
    files = {name: getattr(clips, name) for name in ("plain", "mov", *BAD)} | {
        "longer": clips.make("longer.mp4", 4, *H264)
    }
    async with AsyncExitStack() as exit_stack:
        database, cluster = await exit_stack.enter_async_context(open_database(processes, folder))
        stage = await exit_stack.enter_async_context(on_stage(folder, clips, database, at_once=8, render_cache={}))
        settings = {"MAX_RUNNING": str(SLOTS), "POLL_SECONDS": "0.3", "EDIT_SECONDS": "0.5", "LEASE_SECONDS": "4"}
        handles = [
            await exit_stack.enter_async_context(open_process(stage, number, settings)) for number in range(processes)
        ]
        chaos, members = Chaos(stage, handles, seed, cluster), Members(stage, files)
        supervising = asyncio.create_task(chaos.supervise())
        reporting = asyncio.create_task(report(stage, chaos, members, time.monotonic()))
        try:
            await stage.ana.wait_event("bot", lambda it: it["online"] is True, timeout=30)
            await run_chaos(stage, chaos, members, random.Random(f"{seed} members"), tasks, minutes * 60)  # noqa: S311
            settled = await wait_until_settled(stage, handles, members)
        finally:
            await cancel_tasks(reporting, supervising)
        codes = [await handle.process.stop() for handle in handles]
        lines = [line for handle in handles for line in handle.lines]
        reconciliation = Reconciliation(stage, chaos.log, members.submissions, GOOD, lines)
        await reconciliation.reconcile(folder, settled=settled, codes=codes)
        return reconciliation


@asynccontextmanager
async def open_database(processes: int, folder: Path) -> AsyncIterator[tuple[Database, Cluster | None]]:
    """Open a SQLite file for one process, or a PostgreSQL cluster that may be restarted for several."""
    if processes == 1:
        yield SQLiteFile(folder / "data" / "bot.db"), None
        return
    folder_of_cluster = create_folder()
    cluster = await asyncio.to_thread(Cluster.create, folder_of_cluster / "cluster")
    try:
        await cluster.make_template()
        async with new_database(folder, cluster) as database:
            yield database, cluster
    finally:
        stop_shared(folder_of_cluster)


@asynccontextmanager
async def open_process(stage: Harness, number: int, settings: dict[str, str]) -> AsyncIterator[ProcessHandle]:
    """Yield a process that is not started yet: the first also serves members, the others are workers."""
    stage.data.mkdir(exist_ok=True)
    lines: list[str] = []
    role = ["worker"] if number else []
    process = BotProcess(stage.environment(**settings), stage.folder, lines.append, lambda: None, role)
    try:
        yield ProcessHandle(process, lines)
    finally:
        await process.stop()


async def run_chaos(
    stage: Harness, chaos: Chaos, members: Members, rng: random.Random, tasks: int, seconds: float
) -> None:
    """Let the members request that many videos within the seconds while faults are injected."""
    injecting = asyncio.create_task(chaos.inject(seconds))
    try:
        await asyncio.gather(*(members.run(each) for each in plan_requests(stage, rng, tasks, seconds * 0.95)))
    finally:
        await cancel_tasks(injecting)
        chaos.clear()


async def cancel_tasks(*running: asyncio.Task[None]) -> None:
    """Cancel the tasks; raise the exception of one that failed before."""
    for each in running:
        each.cancel()
    for each in running:
        with contextlib.suppress(asyncio.CancelledError):
            await each


async def wait_until_settled(stage: Harness, handles: Sequence[ProcessHandle], members: Members) -> bool:
    """Wait until every task's outcome is shown; return False after a time-out."""
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end:
        rows = read_rows(stage.database)
        if all(handle.process.running for handle in handles) and rows and all(row.ended and row.told for row in rows):
            await asyncio.sleep(2)  # for a task accepted just now, and for the clean-up of files
            if (rows := read_rows(stage.database)) and all(row.ended and row.told for row in rows):
                return bool(members.submissions)
        await asyncio.sleep(0.5)
    return False


async def report(stage: Harness, chaos: Chaos, members: Members, begun: float) -> None:
    """Print a progress line every ten seconds."""
    while True:
        await asyncio.sleep(10)
        states = Counter(row.state for row in await asyncio.to_thread(read_rows, stage.database))
        counts = " ".join(f"{state} {number}" for state, number in sorted(states.items()))
        ends = Counter(end.how for end in chaos.log.ends)
        asked, paid = len(members.submissions), len(stage.fox.payments)
        print(
            f"{time.monotonic() - begun:4.0f} s  asked {asked}  accepted {states.total()} ({counts})  paid {paid}  "
            f"faults {chaos.log.armed.total()}  ends {dict(ends)}",
            flush=True,
        )


def main() -> int:
    """Run the soak test; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--processes", type=int, default=1, help="processes that share a PostgreSQL database and are also paused"
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--log", type=Path, help="write the bot's log to this file")
    args = parser.parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it logs every connection that the faults cut
    print(f"seed {args.seed}: {args.tasks} tasks in {args.minutes:g} minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        reconciliation = asyncio.run(soak(args.tasks, args.minutes, args.seed, Path(folder), args.processes))
    if args.log:
        args.log.write_text("\n".join(reconciliation.lines))
    print(reconciliation.format_table())
    return 1 if reconciliation.violations else 0


if __name__ == "__main__":
    sys.exit(main())
