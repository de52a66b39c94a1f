"""The page's live socket, and what each person is shown of the bot's commands."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord import permissions
from bot.sandbox.discord.model import Channel, Json, User
from bot.sandbox.discord.outbox import Websocket
from bot.sandbox.discord.refusal import DiscordError
from bot.sandbox.discord.world import World


def acting(world: World, request: web.Request) -> User:
    """The member who acts, of `?user=` (without it: the first of the page's switcher); raises 404 with a sentence."""
    user = world.users.get(request.query.get("user") or first_shown(world))
    if user is None or user.bot:
        raise DiscordError(404, 0, "There is no such member.")
    return user


def first_shown(world: World) -> str:
    """The id of the member with whom a page begins."""
    return next(user.id for user in world.users.values() if user.on_page and not user.bot)


def commands_for(world: World, user_id: str) -> list[Json]:
    """The commands that the member is offered: those of which `default_member_permissions` are theirs."""
    mine = permissions.of_member(world.guild, user_id)
    return [each for each in all_commands(world) if _offered(each["default_member_permissions"], mine)]


def all_commands(world: World) -> list[Json]:
    """The commands that are registered for the page's server."""
    return [*world.commands[None].values(), *world.commands.get(world.guild.id, {}).values()]


def _offered(needed: str | None, mine: int) -> bool:
    if needed is None or mine == permissions.EVERYTHING:
        return True
    # "0" hides a command from all but administrators (Discord docs, Application Command Permissions).
    return needed != "0" and mine & int(needed) == int(needed)


def usable_in(command: Json, channel: Channel) -> bool:
    """Whether the command's contexts allow this kind of channel."""
    if channel.dm and "guild_id" in command:
        return False
    if command["contexts"] is None:
        return bool(command["dm_permission"]) or not channel.dm
    return (1 if channel.dm else 0) in command["contexts"]


def announce_commands(world: World) -> None:
    """Tell every page the commands of its member."""
    for user_id in set(world.page_listeners.values()):
        world.announce({"t": "commands", "d": commands_for(world, user_id)}, {user_id})


class LiveRoutes:
    """WS /client/live: server to page only."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sockets: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.RouteDef]:
        """The route, for the server's application."""
        return [web.get("/client/live", self._live)]

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        user = acting(self._world, request)
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        self._sockets.add(socket)
        async with Websocket(socket) as outbox:
            self._world.page_listeners[outbox.push] = user.id
            try:
                async for _ in socket:
                    pass
            finally:
                del self._world.page_listeners[outbox.push]
                self._sockets.discard(socket)
        return socket

    async def close(self) -> None:
        """Say goodbye to every page."""
        for socket in list(self._sockets):
            await socket.close(code=1001)
