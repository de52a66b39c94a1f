"""The page's live socket, the acting user, and where commands can be used."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import DiscordError
from bot.sandbox.discord.state.model import Channel, Json, User
from bot.sandbox.discord.websocket import Websocket


def get_acting_user(world: LiveWorld, request: web.Request) -> User:
    """The member given by `?user=`, or the first one on the page; raises 404 with a sentence."""
    user = world.users.get(request.query.get("user") or get_first_user_id(world))
    if user is None or user.bot:
        raise DiscordError(404, 0, "This member does not exist.")
    return user


def get_first_user_id(world: LiveWorld) -> str:
    """The id of the page's first member."""
    return next(user.id for user in world.users.values() if user.on_page and not user.bot)


def is_usable_in(command: Json, channel: Channel) -> bool:
    """Whether the command's contexts allow this kind of channel."""
    if channel.dm and "guild_id" in command:
        return False
    if command["contexts"] is None:
        return bool(command["dm_permission"]) or not channel.dm
    return (1 if channel.dm else 0) in command["contexts"]


class LiveRoutes:
    """WS /client/live, from server to page only."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world
        self._sockets: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.RouteDef]:
        """The route, for the server's application."""
        return [web.get("/client/live", self._handle_live)]

    async def _handle_live(self, request: web.Request) -> web.WebSocketResponse:
        user = get_acting_user(self._world, request)
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        self._sockets.add(socket)
        async with Websocket(socket) as websocket:
            self._world.page_listeners[websocket.push] = user.id
            try:
                async for _ in socket:
                    pass
            finally:
                del self._world.page_listeners[websocket.push]
                self._sockets.discard(socket)
        return socket

    async def close(self) -> None:
        """Close every page's socket."""
        for socket in list(self._sockets):
            await socket.close(code=1001)
