"""Points at which a bot process is killed from outside.

The bot has no code for these: a fake holds a response, a rendering pauses, or a request gets stuck on the wire, and
the process is killed while it waits there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

from bot.domain.task import TaskState
from bot.sandbox.bot_process import BotProcess
from bot.sandbox.faults import Answer, Hold
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.harness import A_VIDEO, CREATE, Harness, Json

CLIP, RESULT, EDIT, POST = "/cdn/", "^/results/", "/webhooks/.*/messages/", "/channels/.*/messages$"
"""Paths of calls: the member's clip, FoxAPI's result, an edit of the reply, a new message."""


class Row(NamedTuple):
    """A task's row in the database."""

    id: int
    state: TaskState
    told: bool
    billed: str
    remote_id: str | None
    not_before: object


@dataclass
class Scene:
    """A harness, its bot process, and everything that is held."""

    stage: Harness
    process: BotProcess
    wire: Wire
    replies: list[Json] = field(default_factory=list)
    """One per task, oldest first."""
    pauses: list[Pause] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)

    async def bring_to(self, point: Point, **options: Any) -> None:
        """Let Ana use /extend with these options; returns when her task has reached `point`."""
        reached = point.arm(self)
        self.replies.append(await self.stage.extend(self.stage.ana, self.stage.clips.plain, seconds=2, **options))
        await reached()

    def rows(self) -> list[Row]:
        """All tasks, read directly from the database."""
        columns = ", ".join(Row._fields)
        found = [Row(*each) for each in self.stage.database.sql(f"SELECT {columns} FROM tasks ORDER BY id")]  # noqa: S608
        return [row._replace(state=TaskState(row.state), told=bool(row.told)) for row in found]

    def kept(self) -> list[str]:
        """The tasks whose files still exist."""
        folder = self.stage.data / "tasks"
        return sorted(each.name for each in folder.iterdir()) if folder.exists() else []

    async def start(self) -> None:
        """Start the process; returns when it accepts commands."""
        await self.process.start()
        await until(lambda: self.stage.discord.world.online)
        await self.stage.discord.faults.wait("PUT", r"/commands$")

    def resume_rendering(self) -> None:
        """Resume every paused rendering."""
        for pause in self.pauses:
            pause.release.set()

    def let_go(self) -> None:
        """Release everything that is held."""
        self.resume_rendering()
        for hold in self.holds:
            hold.release.set()


Reached = Callable[[], Awaitable[None]]


class Point(Protocol):
    """A point in a task's lifecycle."""

    def arm(self, scene: Scene) -> Reached:
        """Stop the next task at this point; the returned function waits until it is there."""


@dataclass(frozen=True)
class Held:
    """A call to a fake is held before it is handled, or with `after` before it is responded to."""

    server: Literal["discord", "fox"]
    method: str
    path: str
    after: bool = False
    with_file: bool = False
    """Only the edit that uploads the video."""

    def arm(self, scene: Scene) -> Reached:
        """See :class:`Point`."""
        hold = Hold(after=self.after)
        faults = scene.stage.fox.faults if self.server == "fox" else scene.stage.discord.faults
        faults.add(self.method, self.path, hold, at_least=A_VIDEO if self.with_file else 0)
        scene.holds.append(hold)
        return lambda: within(hold.reached)


@dataclass(frozen=True)
class Rendering:
    """FoxAPI pauses in the middle of a rendering, and the bot knows the task's id."""

    at: int = 40

    def arm(self, scene: Scene) -> Reached:
        """See :class:`Point`."""
        pause = Pause(at=self.at)
        scene.stage.fox.next_quirks = Quirks(pause=pause)
        scene.pauses.append(pause)

        async def reached() -> None:
            await within(pause.reached)
            await until(lambda: scene.rows()[-1].state is TaskState.RENDERING)

        return reached


@dataclass(frozen=True)
class InLine:
    """The task waits for a slot, because earlier tasks use them up."""

    def arm(self, scene: Scene) -> Reached:
        """See :class:`Point`."""
        return lambda: until(lambda: len(scene.rows()) == len(scene.replies))


@dataclass(frozen=True)
class OnTheWire:
    """The paid request has left the bot but never arrives."""

    def arm(self, scene: Scene) -> Reached:
        """See :class:`Point`."""
        scene.wire.stick_at(f"POST {CREATE} ")
        return lambda: within(scene.wire.stuck)


@dataclass(frozen=True)
class Refused:
    """FoxAPI responded with 429 and Retry-After in seconds: the request was certainly not accepted."""

    retry_after: int

    def arm(self, scene: Scene) -> Reached:
        """See :class:`Point`."""
        headers = {"Retry-After": str(self.retry_after)}
        scene.stage.fox.faults.add("POST", CREATE, Answer(429, '{"error":{"message":"slow down"}}', headers))
        faults = scene.stage.fox.faults
        # A task has `not_before` before its first request too; the request clears it until the refusal is recorded.
        return lambda: until(
            lambda: bool(faults.matching("POST", CREATE)) and any(row.not_before for row in scene.rows())
        )


@dataclass(frozen=True)
class ReplyGone:
    """The reply is deleted before the task reaches `point`."""

    point: Point

    def arm(self, scene: Scene) -> Reached:
        """See :class:`Point`."""
        there = self.point.arm(scene)

        async def reached() -> None:
            world, reply = scene.stage.discord.world, scene.replies[-1]
            message = world.find_message(reply["channel_id"], reply["id"])
            assert message
            world.remove(message)
            await there()

        return reached


class Wire:
    """A TCP proxy to a server, as an async context manager; one request can be made to get stuck in it."""

    def __init__(self, to: str) -> None:
        self._to = urlsplit(to)
        self._stick_at: re.Pattern[bytes] | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.stuck = asyncio.Event()
        """Set once the request is stuck."""

    @property
    def url(self) -> str:
        """The URL to connect to."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stick_at(self, head: str) -> None:
        """Make the next request whose start matches this regular expression get stuck, and no later one."""
        self._stick_at = re.compile(head.encode())

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for line in self._connections:
            line.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(self._handle_connection(reader, writer))
        self._connections.add(line)
        line.add_done_callback(self._connections.discard)

    async def _handle_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(self._to.hostname, self._to.port)
        ways = [self._copy_to_server(reader, to_server), _copy_from_server(from_server, writer)]
        try:
            await asyncio.gather(*ways)
        except OSError:
            pass  # one side was killed, as the tests intend
        finally:
            to_server.close()
            writer.close()

    async def _copy_to_server(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        while part := await reader.read(1 << 16):
            if self._stick_at and self._stick_at.match(part):
                self._stick_at = None
                self.stuck.set()
                await reader.read()  # until the sender disconnects
                break
            to_server.write(part)
            await to_server.drain()
        to_server.close()


async def _copy_from_server(from_server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await from_server.read(1 << 16):
        writer.write(part)
        await writer.drain()
    writer.close()


async def until(holds: Callable[[], bool], timeout: float = 20) -> None:
    """Wait until `holds()` is true; raises TimeoutError after `timeout` seconds."""
    async with asyncio.timeout(timeout):
        while not holds():
            await asyncio.sleep(0.02)


async def within(event: asyncio.Event, timeout: float = 20) -> None:
    """Wait for an event; raises TimeoutError after `timeout` seconds."""
    async with asyncio.timeout(timeout):
        await event.wait()


@asynccontextmanager
async def scene_on(stage: Harness, **settings: str) -> AsyncIterator[Scene]:
    """Start a bot process that reaches FoxAPI through a :class:`Wire`."""
    async with Wire(stage.fox.url) as wire, stage.process(FOXAPI_URL=wire.url, **settings) as process:
        scene = Scene(stage, process, wire)
        try:
            await scene.start()
            yield scene
        finally:
            scene.let_go()
