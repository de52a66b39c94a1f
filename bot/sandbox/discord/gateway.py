"""The gateway: sessions over a websocket, events in sequence, and resuming (Discord docs, Gateway)."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.discord.state import serialize
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.model import Json
from bot.sandbox.discord.websocket import Websocket

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, RECONNECT, MEMBERS = 0, 1, 2, 3, 4, 6, 7, 8
INVALID_SESSION, HELLO, ACK = 9, 10, 11

UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, WRONG_TOKEN, ALREADY_AUTHENTICATED = 4001, 4002, 4003, 4004, 4005
INVALID_SEQ, SESSION_TIMED_OUT, INVALID_SHARD, SHARDING_REQUIRED = 4007, 4009, 4010, 4011
INVALID_VERSION, INVALID_INTENTS, DISALLOWED_INTENTS = 4012, 4013, 4014

PRIVILEGED = 1 << 1 | 1 << 8 | 1 << 15
"""Guild members, presences, message content."""
_KEPT_EVENTS = 500


@dataclass(eq=False, slots=True)
class Session:
    """One identified session; it outlives its socket, so that it can be resumed."""

    id: str
    intents: int
    shard: tuple[int, int] = (0, 1)
    """Its number, and how many there are."""
    outbox: Websocket | None = None
    seq: int = 0
    sent: deque[Json] = field(default_factory=lambda: deque(maxlen=_KEPT_EVENTS))

    def owns(self, guild_id: str | None) -> bool:
        """Whether this server's events come here; direct messages (None) come to the first shard."""
        number, count = self.shard
        return (int(guild_id) >> 22) % count == number if guild_id else number == 0

    def dispatch(self, name: str, data: Json) -> None:
        """Number the event, keep it for a resume, and send it if a socket is there."""
        self.seq += 1
        event = {"op": DISPATCH, "t": name, "s": self.seq, "d": data}
        self.sent.append(event)
        if self.outbox:
            self.outbox.push(event)


class _Close(Exception):
    """Close the socket with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class _ClientClosed(Exception):
    """The client closed the socket with a code that ends its session (Discord docs, Gateway, Disconnecting)."""


class Gateway:
    """All sessions; `heartbeat_seconds` is what HELLO asks for."""

    def __init__(self, world: LiveWorld, heartbeat_seconds: float = 41.25) -> None:
        self._world = world
        self.heartbeat_seconds = heartbeat_seconds
        self._sessions: dict[str, Session] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        world.dispatchers.append(self._dispatch)

    def _dispatch(self, name: str, data: Json, intents: int) -> None:
        guild_id = data["id"] if name in {"GUILD_CREATE", "GUILD_DELETE"} else data.get("guild_id")
        for session in self._sessions.values():
            if session.owns(guild_id) and (not intents or session.intents & intents):
                session.dispatch(name, data)

    def _list_connected(self) -> list[tuple[Session, Websocket]]:
        return [(each, each.outbox) for each in self._sessions.values() if each.outbox]

    @property
    def shards(self) -> list[int]:
        """The numbers of the shards whose sessions are connected."""
        return sorted(session.shard[0] for session, _ in self._list_connected())

    def reconnect(self) -> None:
        """Ask the bot to reconnect and resume (opcode 7)."""
        for _, outbox in self._list_connected():
            outbox.push({"op": RECONNECT, "d": None})

    def invalidate(self) -> None:
        """End the sessions: the bot must identify anew (opcode 9)."""
        for session, outbox in self._list_connected():
            outbox.push({"op": INVALID_SESSION, "d": False})
            del self._sessions[session.id]

    async def drop(self, code: int = 4000) -> None:
        """Close every socket; the sessions can be resumed."""
        await asyncio.gather(*(socket.close(code=code) for socket in list(self._sockets)))

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """One websocket, from HELLO to its end."""
        socket = web.WebSocketResponse(autoping=True, compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        session: Session | None = None
        try:
            async with Websocket(socket) as outbox:
                if request.query.get("v") != "10":
                    await socket.close(code=INVALID_VERSION, message=b"Invalid API version.")
                    return socket
                outbox.push(
                    {"op": HELLO, "d": {"heartbeat_interval": int(self.heartbeat_seconds * 1000), "_trace": []}}
                )
                try:
                    session = await self._start_session(outbox)
                    if session is not None:
                        await self._run_session(outbox, session)
                except _ClientClosed:
                    if session is not None:
                        self._sessions.pop(session.id, None)
                except _Close as end:
                    await outbox.wait_until_sent()
                    await socket.close(code=end.code, message=end.reason.encode())
        finally:
            self._sockets.discard(socket)
            self._detach(session, socket)
        return socket

    def _detach(self, session: Session | None, socket: web.WebSocketResponse) -> None:
        if session is None or session.outbox is None or session.outbox.socket is not socket:
            return
        session.outbox = None
        self._announce_presence()

    async def _receive(self, outbox: Websocket) -> Json | None:
        """The next payload; None when the socket ends. Answers heartbeats itself, also before an identify."""
        while True:
            try:
                message = await outbox.socket.receive(timeout=self.heartbeat_seconds * 1.5)
            except TimeoutError:
                raise _Close(SESSION_TIMED_OUT, "Session timed out.") from None
            if message.type is WSMsgType.CLOSE and message.data in (1000, 1001):
                raise _ClientClosed
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return None
            try:
                payload: Any = json.loads(message.data)
                op = payload["op"]
            except (ValueError, KeyError, TypeError):
                raise _Close(DECODE_ERROR, "Error while decoding payload.") from None
            if op != HEARTBEAT:
                return dict(payload)
            outbox.push({"op": ACK, "d": None})

    async def _start_session(self, outbox: Websocket) -> Session | None:
        """The session that the socket identifies or resumes; None if it ends first."""
        while (payload := await self._receive(outbox)) is not None:
            if payload["op"] not in (IDENTIFY, RESUME):
                raise _Close(NOT_AUTHENTICATED, "Not authenticated.")
            data = payload.get("d") or {}
            if str(data.get("token")).removeprefix("Bot ") != self._world.token:
                raise _Close(WRONG_TOKEN, "Authentication failed.")
            session = self._identify(outbox, data) if payload["op"] == IDENTIFY else self._resume(outbox, data)
            if session is not None:
                self._announce_presence()
                return session
            # (also to who identifies more often than is allowed: Discord docs, Gateway, Rate Limiting)
            outbox.push({"op": INVALID_SESSION, "d": False})
        return None

    def _identify(self, outbox: Websocket, data: Json) -> Session | None:
        intents = data.get("intents")
        if not isinstance(intents, int) or intents < 0 or intents >= 1 << 26:
            raise _Close(INVALID_INTENTS, "Invalid intent(s).")
        if intents & PRIVILEGED & ~self._world.privileged:
            raise _Close(DISALLOWED_INTENTS, "Disallowed intent(s).")
        world, shard = self._world, self._parse_shard(data.get("shard", [0, 1]))
        if not world.session_limits.try_start(shard[0]):
            return None
        # A new identify is a new start of this shard: what it left behind unresumed is of no use any more.
        self._sessions = {key: each for key, each in self._sessions.items() if each.outbox or each.shard != shard}
        session = Session(secrets.token_hex(16), intents, shard, outbox)
        self._sessions[session.id] = session
        mine = [each for each in world.guilds.values() if world.bot.id in each.members and session.owns(each.id)]
        session.dispatch("READY", self._build_ready(session, [each.id for each in mine]))
        if intents & 1:
            for guild in mine:
                session.dispatch("GUILD_CREATE", serialize.full_guild(world, guild, bool(intents & 1 << 1)))
        return session

    def _parse_shard(self, given: object) -> tuple[int, int]:
        match given:
            case [int(number), int(count)] if 0 <= number < count:
                if count < self._world.shards_demanded:
                    raise _Close(SHARDING_REQUIRED, "Sharding required.")
                return number, count
        raise _Close(INVALID_SHARD, "Invalid shard.")

    def _build_ready(self, session: Session, guild_ids: list[str]) -> Json:
        return {
            "v": 10,
            "user": serialize.user(self._world.bot) | {"verified": True, "mfa_enabled": True},
            "guilds": [{"id": each, "unavailable": True} for each in guild_ids],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._world.files.base.replace("http", "ws", 1) + "/gateway",
            "application": {"id": self._world.application_id, "flags": 0},
            "private_channels": [],
            "shard": list(session.shard),
        }

    def _resume(self, outbox: Websocket, data: Json) -> Session | None:
        session = self._sessions.get(str(data.get("session_id")))
        seq = data.get("seq")
        if session is None or not isinstance(seq, int):
            return None
        if seq > session.seq:
            raise _Close(INVALID_SEQ, "Invalid seq.")
        missed = [each for each in session.sent if each["s"] > seq]
        if len(missed) < session.seq - seq:
            return None
        session.outbox = outbox
        for event in missed:
            outbox.push(event)
        session.dispatch("RESUMED", {"_trace": []})
        return session

    async def _run_session(self, outbox: Websocket, session: Session) -> None:
        while (payload := await self._receive(outbox)) is not None:
            if payload["op"] == MEMBERS:
                self._send_members(session, payload.get("d") or {})
            elif payload["op"] in (IDENTIFY, RESUME):
                raise _Close(ALREADY_AUTHENTICATED, "Already authenticated.")
            elif payload["op"] not in (PRESENCE, VOICE):
                raise _Close(UNKNOWN_OPCODE, "Unknown opcode.")

    def _send_members(self, session: Session, data: Json) -> None:
        guild = self._world.guilds.get(str(data.get("guild_id")))
        if guild is None:
            return
        wanted = [str(each) for each in data.get("user_ids") or guild.members]
        members = [serialize.member(guild, self._world.users[each]) for each in wanted if each in guild.members]
        chunk = {"guild_id": guild.id, "members": members, "chunk_index": 0, "chunk_count": 1, "not_found": []}
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk | {"nonce": data.get("nonce")})

    def _announce_presence(self) -> None:
        online = bool(self._list_connected())
        if online != self._world.online:
            self._world.online = online
            self._world.announce({"t": "bot", "d": {"online": online}})
