"""Gateway shards: served by one process, or by several gateways whose tasks are processed by workers."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

import pytest

from bot.cli import main
from bot.client import Shards
from bot.sandbox.bot_process import BotProcess
from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.model import Channel, Guild, Role
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.bot.health.test_health import address, asked, samples, scraped
from tests.support.buttons import small, told_privately
from tests.support.crash_points import until
from tests.support.harness import CREATE, Harness, text_of
from tests.support.moderation import use

SIXTEEN = 16
CALLBACK, COMMANDS = "/interactions/.*/callback$", "/commands$"


def server_on(stage: Harness, shard: int, count: int = SIXTEEN) -> Channel:
    """Add a server whose events arrive on that shard, and return a channel of it."""
    world = stage.discord.world
    high = int(world.guild.id) >> 22
    guild_id = str((high - high % count + count + shard) << 22)
    members: dict[str, list[str]] = {user_id: [] for user_id in world.users}
    roles = {guild_id: Role(guild_id, "@everyone", permissions.TALK, position=0)}
    guild = world.guilds[guild_id] = Guild(guild_id, f"Server {shard}", stage.mia.id, roles, members)
    return world.add_channel(guild, f"room-{shard}")


def sharded(stage: Harness, count: int, buckets: int) -> None:
    """Make Discord demand this many shards and enforce its identify limit."""
    world = stage.discord.world
    world.shards = world.shards_demanded = count
    world.session_limits.max_concurrency, world.session_limits.seconds = buckets, 5.0


def said(stage: Harness, words: str, times: int = 1) -> bool:
    return sum(words in line for line in stage.lines) >= times


async def started(stack: AsyncExitStack, stage: Harness, *arguments: str) -> BotProcess:
    process = await stack.enter_async_context(stage.process(*arguments))
    await process.start()
    return process


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_sixteen_shards_over_two_gateways(stage: Harness) -> None:
    """Each server gets one response, on any shard; the worker continues a crashed gateway's tasks."""
    sharded(stage, SIXTEEN, buckets=SIXTEEN)
    rooms = [server_on(stage, shard) for shard in range(SIXTEEN)]
    async with AsyncExitStack() as stack:
        gateways = [await started(stack, stage, "gateway", "--shards", written) for written in ("0-7/16", "8-15/16")]
        await until(lambda: stage.discord.gateway.shards == list(range(SIXTEEN)))
        await stage.discord.faults.wait("PUT", COMMANDS)
        for room in rooms:
            await stage.ana.command("notify", room.id, mode="never")
            await stage.ana.wait_message(lambda it, room=room: it["channel_id"] == room.id and it["ephemeral"])  # type: ignore[misc]
        assert len(stage.discord.faults.matching("POST", CALLBACK)) == SIXTEEN
        assert len(stage.discord.faults.matching("PUT", COMMANDS)) == 1
        halfway = Pause(at=40)
        stage.fox.next_quirks = Quirks(pause=halfway)
        upload = await stage.ana.upload(small(stage.clips))
        await stage.ana.command("extend", rooms[12].id, prompt="a door opens", video=upload, seconds=2)
        await started(stack, stage, "worker")
        await halfway.reached.wait()
        await gateways[1].kill()
        halfway.release.set()
        await stage.ana.wait_message(lambda it: it["channel_id"] == rooms[12].id and bool(it["attachments"]))
        await gateways[1].start()
        await until(lambda: stage.discord.gateway.shards == list(range(SIXTEEN)))
        await until(lambda: said(stage, "in 8 servers"))
    assert len(stage.fox.payments) == len(stage.fox.faults.matching("POST", CREATE)) == 1
    assert stage.discord.world.session_limits.refused == 0
    assert stage.database.sql("SELECT home FROM servers WHERE left_at IS NOT NULL") == []


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_gateways_take_turns_to_identify(stage: Harness) -> None:
    """Two gateways that start together keep Discord's five seconds between identifies of one bucket."""
    sharded(stage, 2, buckets=1)
    async with AsyncExitStack() as stack:
        for written in ("0/2", "1/2"):
            await started(stack, stage, "gateway", "--shards", written)
        await until(lambda: stage.discord.gateway.shards == [0, 1])
    assert stage.discord.world.session_limits.refused == 0
    assert said(stage, "before it identifies")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_gateway_shows_queue_positions(stage: Harness) -> None:
    """A gateway answers /quota and /tasks with queue positions, although a worker runs the queue."""
    stage.limits["MAX_RUNNING"] = "1"
    held = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=held)
    async with AsyncExitStack() as stack:
        await started(stack, stage, "gateway", "--shards", "0/1")
        await until(lambda: stage.discord.gateway.shards == [0])
        await started(stack, stage, "worker")
        first = await stage.extend(stage.ana, small(stage.clips), seconds=2)
        await held.reached.wait()
        waiting = [await stage.extend(stage.ana, small(stage.clips), seconds=2) for _ in range(2)]
        for reply in waiting:
            await stage.until(stage.ana, reply, "Queued")
        for command, words in (
            ("quota", ("Next in the queue", "Queued, number 2")),
            ("tasks", ("number 1", "number 2")),
        ):
            shown = text_of(await use(stage.ana, command))
            assert all(each in shown for each in words), shown
        held.release.set()
        for reply in (first, *waiting):
            await stage.until(stage.ana, reply, "Finished")


async def test_one_bot_holds_as_many_as_discord_wants(stage: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """Without configuration the bot serves all recommended shards; each is a metric, and readiness needs all."""
    caplog.set_level(logging.INFO)
    sharded(stage, 2, buckets=2)
    rooms = [server_on(stage, shard, 2) for shard in range(2)]
    async with stage.bot(HTTP_PORT="0") as bot:
        await until(bot.is_connected)
        for room in rooms:
            await stage.ana.command("notify", room.id, mode="never")
            await stage.ana.wait_message(lambda it, room=room: it["channel_id"] == room.id and it["ephemeral"])  # type: ignore[misc]
        page = samples(await scraped(address(caplog.text)))
        assert (await asked(f"{address(caplog.text)}/healthz"))[0] == 200
    assert [page[f"extendbot_shard_open{{shard={shard}}}"] for shard in range(2)] == [1, 1]


async def test_direct_messages_come_by_the_first_shard(stage: Harness) -> None:
    """Direct messages arrive on shard 0."""
    sharded(stage, 2, buckets=2)
    async with stage.bot() as bot:
        await until(bot.is_connected)
        await stage.ana.command("notify", stage.discord.world.open_dm(stage.ana.id).id, mode="never")
        assert "will not mention you" in text_of(await told_privately(stage.ana, "mention"))


@pytest.mark.parametrize(
    ("written", "words"),
    [("8-3/16", "no shard 3"), ("0-16/16", "no shard 16"), ("all", "write 0-7/16"), ("0/0", "no shard 0")],
)
def test_shards_that_are_none(written: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid --shards value prints a sentence, and nothing is started."""
    with pytest.raises(SystemExit) as ended:
        main(["gateway", "--shards", written])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_shards_own_their_servers() -> None:
    """A server belongs to the shard of Discord's formula: its timestamp modulo the shard count."""
    first, last = Shards.parse("0-7/16"), Shards.parse(" 15/16")
    for shard in range(SIXTEEN):
        guild_id = (SIXTEEN * 1000 + shard) << 22 | 4_194_303
        assert (first.owns_guild(guild_id), last.owns_guild(guild_id)) == (shard < 8, shard == 15)


@pytest.mark.parametrize("arguments", [("worker",), ("gateway", "--shards", "0/1")])
@pytest.mark.only_sqlite
async def test_a_file_is_not_shared(stage: Harness, arguments: tuple[str, ...]) -> None:
    """Workers and gateways do not start on an SQLite file, and say what to do."""
    async with stage.process(*arguments) as process:
        await process.start()
        assert await process.wait() == 1
    assert "over PostgreSQL: set DATABASE_URL" in stage.lines[-1]


async def test_discord_allows_no_more_starts(stage: Harness) -> None:
    """A bot without remaining session starts says when it can be started again, and does not identify."""
    stage.discord.world.session_limits.remaining = 0
    async with stage.process() as process:
        await process.start()
        assert await process.wait() == 1
    assert "start me again in 24.0 hours" in stage.lines[-1]
    assert stage.discord.world.session_limits.refused == 0
