"""A start with many tasks under way in the store: how soon and how fast they are asked for, and what each weighs."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from bot.app import utc_now
from bot.domain.limits import GuildLimits, OperatorLimits
from bot.domain.task import TaskState, VideoInfo
from bot.sandbox.foxapi import Quirks, Task
from bot.sandbox.foxapi.contract import RenderRequest
from bot.store import Store
from tests.benchmarks.load_harness import CHANNELS, BenchStage, bench_stage
from tests.benchmarks.load_process import running
from tests.support.builders import a_case, a_place, an_order
from tests.support.world import find_channel

WATCHED = 20.0
"""Seconds for which the bot is watched once it has begun to ask."""
_USUAL = {"QUERIES_PER_SECOND": "20"}
PROMPT = "The camera pulls back slowly while the sun goes down behind the hills and the first stars come out"


async def pending(tasks: int, film: Path) -> str:
    """Start the bot without any task, and with so many that FoxAPI is rendering; return the figures as a sentence."""
    with tempfile.TemporaryDirectory(prefix="bench-pending-") as name:
        async with bench_stage(Path(name), film, 600, seed=1) as stage:
            empty, _ = await _started(stage, Path(name) / "empty", 0)
            folder = Path(name) / "full"
            (folder / "data").mkdir(parents=True)
            await _fill(stage, folder, tasks)
            full, first = await _started(stage, folder, tasks)
    asked = stage.queries
    if not asked:
        return f"{tasks:,} pending tasks: nothing was asked for within {WATCHED:.0f} s."
    each = (full - empty) / tasks
    return (
        f"A start with {tasks:,} pending tasks: the first query after {first:.1f} s; {len(asked):,} queries in "
        f"{asked[-1] - asked[0]:.0f} s, at most {most_in_a_second(asked)} in any second, {stage.calls['429']} 429s of "
        f"Discord; memory {full / 1e6:.0f} MB, without tasks {empty / 1e6:.0f} MB: {each / 1e3:.1f} MB per 1,000."
    )


async def _started(stage: BenchStage, folder: Path, tasks: int) -> tuple[int, float]:
    """Run the bot; the most memory that it took, and the seconds from its start to its first query."""
    folder.mkdir(exist_ok=True)
    began = time.perf_counter()
    async with running("bot", stage.environment(folder, max(tasks, 20)) | _USUAL, folder) as process:
        await stage.online(60)
        deadline = time.perf_counter() + WATCHED
        while tasks and not stage.queries and time.perf_counter() < deadline:
            await asyncio.sleep(0.05)
        watching = asyncio.create_task(process.watch())
        await asyncio.sleep(WATCHED if tasks else 3)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return process.most, (stage.queries[0] - began if stage.queries else float("nan"))


async def _fill(stage: BenchStage, folder: Path, tasks: int) -> None:
    """Tasks that FoxAPI took some minutes ago, and their replies, whose tokens have ended."""
    world, now = stage.discord.world, utc_now()
    channels = [find_channel(world, name) for name in CHANNELS]
    messages = []
    for number in range(tasks):
        message = world.create(world.new_message(channels[number % len(channels)].id, world.bot.id))
        messages.append((int(message.id), int(message.channel_id)))
        remote = Task(
            f"pending-{number}", int(now.timestamp()), RenderRequest(PROMPT, "http://x.test/a", 6), 5, 60, Quirks()
        )
        remote.status, remote.progress = "processing", 40
        stage.fox.tasks[remote.id] = remote
    file = folder / "data" / "bot.db"
    async with Store.open(f"sqlite+aiosqlite:///{file}") as store:
        await _one(store, messages[0], now, int(world.guild.id), int(world.application_id))
    await asyncio.to_thread(_multiply, file, messages)


async def _one(store: Store, at: tuple[int, int], now: datetime, guild_id: int, application_id: int) -> None:
    """Take one task through the store's own doors."""
    earlier = now - timedelta(minutes=20)
    order = an_order(guild_id=guild_id, channel_id=at[1], prompt=PROMPT)
    token = SecretStr("t" * 200)
    where = {"channel_id": at[1], "guild_id": guild_id, "application_id": application_id, "token": token}
    place = a_place(at[0], token_expires_at=earlier + timedelta(minutes=14), **where)
    task = await store.tasks.create(order, place, earlier, a_case(order, earlier, GuildLimits()))
    claimed = await store.queue.claim(OperatorLimits(max_preparing=1), earlier)
    assert claimed is not None
    clip = VideoInfo(
        seconds=4, width=640, height=360, video_codec="h264", container="mp4", fps=25, audio=True, size=90_000
    )
    task = await store.tasks.update(claimed, clip=clip, submitted=clip, video_url="http://x.test/a")
    task = await store.tasks.transition(task, TaskState.SUBMITTING, earlier)
    known = {"remote_id": "pending-0", "sent_at": earlier, "expected_at": now.astimezone(UTC), "progress": 40}
    await store.tasks.transition(task, TaskState.RENDERING, earlier, **known)


def _multiply(file: Path, messages: Sequence[tuple[int, int]]) -> None:
    """Copy the one row, each with a reply and a FoxAPI task of its own; whatever columns the schema has."""
    with sqlite3.connect(file) as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(tasks)")]
        own = {
            "id": ":id",
            "message_id": ":message",
            "remote_id": ":remote",
            "place": "json_set(place, '$.message_id', :message, '$.channel_id', :channel)",
        }
        wanted = ", ".join(own.get(name, f'"{name}"') for name in names)
        columns = ", ".join(f'"{name}"' for name in names)
        copy = f"INSERT INTO tasks ({columns}) SELECT {wanted} FROM tasks WHERE id = 1"  # noqa: S608
        rows = [
            {"id": number + 1, "message": message, "channel": channel, "remote": f"pending-{number}"}
            for number, (message, channel) in enumerate(messages)
        ]
        database.executemany(copy, rows[1:])
    database.close()


def most_in_a_second(moments: Sequence[float]) -> int:
    """The most of the sorted `moments` that lie within one second."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] > 1:
            first += 1
        most = max(most, last - first + 1)
    return most
