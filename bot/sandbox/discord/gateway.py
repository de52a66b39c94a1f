"""The gateway: sessions over a websocket, sequenced events and resuming (Discord docs, Gateway)."""

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
    """One identified session. It outlives its socket, so that it can be resumed."""

    id: str
    intents: int
    shard: tuple[int, int] = (0, 1)
    """Shard id and number of shards."""
    websocket: Websocket | None = None
    seq: int = 0
    sent: deque[Json] = field(default_factory=lambda: deque(maxlen=_KEPT_EVENTS))

    def owns(self, guild_id: str | None) -> bool:
        """Whether this session gets the guild's events; direct messages (None) go to shard 0."""
        number, count = self.shard
        return (int(guild_id) >> 22) % count == number if guild_id else number == 0

    def dispatch(self, name: str, data: Json) -> None:
        """Number the event, keep it for a resume, and send it if connected."""
        self.seq += 1
        event = {"op": DISPATCH, "t": name, "s": self.seq, "d": data}
        self.sent.append(event)
        if self.websocket:
            self.websocket.push(event)


class _Close(Exception):
    """Close the socket with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class _ClientClosed(Exception):
    """The client closed the socket with a code that ends its session (Discord docs, Gateway, Disconnecting)."""


class Gateway:
    """All sessions; HELLO announces `heartbeat_seconds`."""

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
        return [(each, each.websocket) for each in self._sessions.values() if each.websocket]

    @property
    def shards(self) -> list[int]:
        """The ids of the connected shards."""
        return sorted(session.shard[0] for session, _ in self._list_connected())

    def reconnect(self) -> None:
        """Ask the bot to reconnect and resume (opcode 7)."""
        for _, websocket in self._list_connected():
            websocket.push({"op": RECONNECT, "d": None})

    def invalidate(self) -> None:
        """Invalidate the sessions: the bot must identify again (opcode 9)."""
        for session, websocket in self._list_connected():
            websocket.push({"op": INVALID_SESSION, "d": False})
            del self._sessions[session.id]

    async def drop(self, code: int = 4000) -> None:
        """Close every socket; the sessions can be resumed."""
        await asyncio.gather(*(socket.close(code=code) for socket in list(self._sockets)))

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Handle one websocket from HELLO to its close."""
        socket = web.WebSocketResponse(autoping=True, compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        session: Session | None = None
        try:
            async with Websocket(socket) as websocket:
                if request.query.get("v") != "10":
                    await socket.close(code=INVALID_VERSION, message=b"Invalid API version.")
                    return socket
                websocket.push(
                    {"op": HELLO, "d": {"heartbeat_interval": int(self.heartbeat_seconds * 1000), "_trace": []}}
                )
                try:
                    session = await self._start_session(websocket)
                    if session is not None:
                        await self._run_session(websocket, session)
                except _ClientClosed:
                    if session is not None:
                        self._sessions.pop(session.id, None)
                except _Close as end:
                    await websocket.wait_until_sent()
                    await socket.close(code=end.code, message=end.reason.encode())
        finally:
            self._sockets.discard(socket)
            self._detach(session, socket)
        return socket

    def _detach(self, session: Session | None, socket: web.WebSocketResponse) -> None:
        if session is None or session.websocket is None or session.websocket.socket is not socket:
            return
        session.websocket = None
        self._announce_presence()

    async def _receive(self, websocket: Websocket) -> Json | None:
        """The next payload, or None when the socket closes. Answers heartbeats, also before an identify."""
        while True:
            try:
                message = await websocket.socket.receive(timeout=self.heartbeat_seconds * 1.5)
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
            websocket.push({"op": ACK, "d": None})

    async def _start_session(self, websocket: Websocket) -> Session | None:
        """The session that the client identifies or resumes; None if the socket closes first."""
        while (payload := await self._receive(websocket)) is not None:
            if payload["op"] not in (IDENTIFY, RESUME):
                raise _Close(NOT_AUTHENTICATED, "Not authenticated.")
            data = payload.get("d") or {}
            if str(data.get("token")).removeprefix("Bot ") != self._world.token:
                raise _Close(WRONG_TOKEN, "Authentication failed.")
            session = self._identify(websocket, data) if payload["op"] == IDENTIFY else self._resume(websocket, data)
            if session is not None:
                self._announce_presence()
                return session
            # Discord also sends this to clients that identify too often (Discord docs, Gateway, Rate Limiting).
            websocket.push({"op": INVALID_SESSION, "d": False})
        return None

    def _identify(self, websocket: Websocket, data: Json) -> Session | None:
        intents = data.get("intents")
        if not isinstance(intents, int) or intents < 0 or intents >= 1 << 26:
            raise _Close(INVALID_INTENTS, "Invalid intent(s).")
        if intents & PRIVILEGED & ~self._world.privileged:
            raise _Close(DISALLOWED_INTENTS, "Disallowed intent(s).")
        world, shard = self._world, self._parse_shard(data.get("shard", [0, 1]))
        if not world.session_limits.try_start(shard[0]):
            return None
        # A new identify replaces this shard's disconnected sessions.
        self._sessions = {key: each for key, each in self._sessions.items() if each.websocket or each.shard != shard}
        session = Session(secrets.token_hex(16), intents, shard, websocket)
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

    def _resume(self, websocket: Websocket, data: Json) -> Session | None:
        session = self._sessions.get(str(data.get("session_id")))
        seq = data.get("seq")
        if session is None or not isinstance(seq, int):
            return None
        if seq > session.seq:
            raise _Close(INVALID_SEQ, "Invalid seq.")
        missed = [each for each in session.sent if each["s"] > seq]
        if len(missed) < session.seq - seq:
            return None
        session.websocket = websocket
        for event in missed:
            websocket.push(event)
        session.dispatch("RESUMED", {"_trace": []})
        return session

    async def _run_session(self, websocket: Websocket, session: Session) -> None:
        while (payload := await self._receive(websocket)) is not None:
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
