"""Measures a startup with many running tasks: delay and rate of the first queries, and memory per task."""

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
from tests.benchmarks.load_harness import CHANNELS, BenchStage, RenderProfile, bench_stage
from tests.benchmarks.load_process import run_process
from tests.support.builders import a_case, a_place, an_order
from tests.support.world import find_channel

WATCH_SECONDS = 20.0
"""Seconds of measurement after the first query."""
_DEFAULT_RATE = {"QUERIES_PER_SECOND": "20"}
PROMPT = "The camera pulls back slowly while the sun goes down behind the hills and the first stars come out"


async def measure_pending(tasks: int, film: Path) -> str:
    """Start the bot without tasks and with that many rendering ones; return the figures as a sentence."""
    with tempfile.TemporaryDirectory(prefix="bench-pending-") as name:
        async with bench_stage(Path(name), film, RenderProfile(600), seed=1) as stage:
            empty, _ = await _measure_start(stage, Path(name) / "empty", 0)
            folder = Path(name) / "full"
            (folder / "data").mkdir(parents=True)
            await _create_tasks(stage, folder, tasks)
            full, first = await _measure_start(stage, folder, tasks)
    asked = stage.queries
    if not asked:
        return f"{tasks:,} pending tasks: no query within {WATCH_SECONDS:.0f} s."
    each = (full - empty) / tasks
    return (
        f"A start with {tasks:,} pending tasks: the first query after {first:.1f} s; {len(asked):,} queries in "
        f"{asked[-1] - asked[0]:.0f} s, at most {max_per_second(asked)} in any second, {stage.calls['429']} 429s of "
        f"Discord; memory {full / 1e6:.0f} MB, without tasks {empty / 1e6:.0f} MB: {each / 1e3:.1f} MB per 1,000."
    )


async def _measure_start(stage: BenchStage, folder: Path, tasks: int) -> tuple[int, float]:
    """Run the bot; return its largest memory and the seconds from its start to its first query."""
    folder.mkdir(exist_ok=True)
    began = time.perf_counter()
    async with run_process("bot", stage.environment(folder, max(tasks, 20)) | _DEFAULT_RATE, folder) as process:
        await stage.wait_until_online(60)
        deadline = time.perf_counter() + WATCH_SECONDS
        while tasks and not stage.queries and time.perf_counter() < deadline:
            await asyncio.sleep(0.05)
        watching = asyncio.create_task(process.watch())
        await asyncio.sleep(WATCH_SECONDS if tasks else 3)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return process.max_memory, (stage.queries[0] - began if stage.queries else float("nan"))


async def _create_tasks(stage: BenchStage, folder: Path, tasks: int) -> None:
    """Create tasks that FoxAPI accepted some minutes ago, and their replies, whose tokens have expired."""
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
        await _create_task(store, messages[0], now, int(world.guild.id), int(world.application_id))
    await asyncio.to_thread(_copy_row, file, messages)


async def _create_task(store: Store, at: tuple[int, int], now: datetime, guild_id: int, application_id: int) -> None:
    """Create one task through the store's own methods."""
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
    known = {"remote_id": "pending-0", "submitted_at": earlier, "expected_at": now.astimezone(UTC), "progress": 40}
    await store.tasks.transition(task, TaskState.RENDERING, earlier, **known)


def _copy_row(file: Path, messages: Sequence[tuple[int, int]]) -> None:
    """Copy the row once per message, with its own reply and FoxAPI task, whatever columns the schema has."""
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


def max_per_second(moments: Sequence[float]) -> int:
    """Return the largest number of the sorted `moments` within one second."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] > 1:
            first += 1
        most = max(most, last - first + 1)
    return most
