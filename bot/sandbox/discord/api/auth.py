"""Checks the bot's token and its access to channels, messages and guilds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import missing_access, missing_permissions, unauthorized, unknown
from bot.sandbox.discord.state.model import Channel, Guild, Message

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def require_bot_token(world: LiveWorld, handler: Handler) -> Handler:
    """Wrap a handler to require the bot's token; other callers get 401."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bot {world.token}":
            raise unauthorized()
        return await handler(request)

    return guarded


def get_channel(world: LiveWorld, request: web.Request, need: int = 0) -> Channel:
    """The route's channel; raises 10003, 50001 (not visible), or 50013 (a bit of `need` is missing)."""
    channel = world.channels.get(request.match_info["channel_id"])
    if channel is None:
        raise unknown("Channel")
    bits = world.permissions_in(world.bot.id, channel)
    if not bits & permissions.VIEW_CHANNEL:
        raise missing_access()
    if bits & need != need:
        raise missing_permissions()
    return channel


def get_message(world: LiveWorld, channel: Channel, request: web.Request) -> Message:
    """The route's message; raises 10008, also for ephemeral messages, which bot tokens cannot access."""
    message = world.find_message(channel.id, request.match_info["message_id"])
    if message is None or message.owner_id is not None:
        raise unknown("Message")
    return message


def get_guild(world: LiveWorld, request: web.Request) -> Guild:
    """The route's server; raises 10004 if it is unknown or the bot is not in it."""
    guild = world.guilds.get(request.match_info["guild_id"])
    if guild is None or world.bot.id not in guild.members:
        raise unknown("Guild")
    return guild
