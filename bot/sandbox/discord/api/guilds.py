"""REST: the bot, users, guilds and channels (Discord docs, User, Guild and Channel Resources)."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord.api.auth import get_channel, get_guild, require_bot_token
from bot.sandbox.discord.api.request_body import read_json
from bot.sandbox.discord.api.validation_errors import ValidationErrors
from bot.sandbox.discord.state import serialize
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import json_response, no_content, unknown


class GuildRoutes:
    """Routes about the bot, its guilds, their members and channels."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the API's application."""
        world = self._world
        return [
            web.get("/gateway", self._get_gateway),
            web.get("/gateway/bot", require_bot_token(world, self._get_gateway_bot)),
            web.get("/users/@me", require_bot_token(world, self._get_me)),
            web.get("/users/@me/guilds", require_bot_token(world, self._list_my_guilds)),
            web.post("/users/@me/channels", require_bot_token(world, self._open_dm)),
            web.delete("/users/@me/guilds/{guild_id}", require_bot_token(world, self._leave)),
            web.get("/users/{user_id}", require_bot_token(world, self._get_user)),
            web.get("/oauth2/applications/@me", require_bot_token(world, self._get_application)),
            web.get("/applications/@me", require_bot_token(world, self._get_application)),
            web.get("/guilds/{guild_id}", require_bot_token(world, self._get_guild)),
            web.get("/guilds/{guild_id}/channels", require_bot_token(world, self._list_channels)),
            web.get("/guilds/{guild_id}/roles", require_bot_token(world, self._list_roles)),
            web.get("/guilds/{guild_id}/members/{user_id}", require_bot_token(world, self._get_member)),
            web.get("/channels/{channel_id}", require_bot_token(world, self._get_channel)),
        ]

    @property
    def _gateway_url(self) -> str:
        return self._world.files.base.replace("http", "ws", 1) + "/gateway"

    async def _get_gateway(self, _: web.Request) -> web.Response:
        return json_response({"url": self._gateway_url})

    async def _get_gateway_bot(self, _: web.Request) -> web.Response:
        starts = self._world.session_limits.to_json()
        return json_response({"url": self._gateway_url, "shards": self._world.shards, "session_start_limit": starts})

    async def _get_me(self, _: web.Request) -> web.Response:
        return json_response(
            serialize.user(self._world.bot) | {"verified": True, "mfa_enabled": True, "locale": "en-US"}
        )

    async def _list_my_guilds(self, _: web.Request) -> web.Response:
        mine = [each for each in self._world.guilds.values() if self._world.bot.id in each.members]
        return json_response([{"id": each.id, "name": each.name, "icon": None, "owner": False} for each in mine])

    async def _open_dm(self, request: web.Request) -> web.Response:
        body = await read_json(request)
        errors = ValidationErrors()
        form = errors.check_object((), body, ("recipient_id",))
        errors.raise_if_any()
        user = self._world.users.get(str(form.get("recipient_id")))
        if user is None:
            raise unknown("User")
        return json_response(serialize.channel(self._world, self._world.open_dm(user.id)))

    async def _leave(self, request: web.Request) -> web.Response:
        self._world.remove_bot(get_guild(self._world, request).id)
        return no_content()

    async def _get_user(self, request: web.Request) -> web.Response:
        user = self._world.users.get(request.match_info["user_id"])
        if user is None:
            raise unknown("User")
        return json_response(serialize.user(user))

    async def _get_application(self, _: web.Request) -> web.Response:
        return json_response(serialize.bot_application(self._world))

    async def _get_guild(self, request: web.Request) -> web.Response:
        guild = get_guild(self._world, request)
        counts = {"approximate_member_count": len(guild.members), "approximate_presence_count": len(guild.members)}
        return json_response(
            serialize.guild(guild) | (counts if request.query.get("with_counts") in ("1", "true") else {})
        )

    async def _list_channels(self, request: web.Request) -> web.Response:
        guild = get_guild(self._world, request)
        here = [each for each in self._world.channels.values() if each.guild_id == guild.id]
        return json_response([serialize.channel(self._world, each) for each in here])

    async def _list_roles(self, request: web.Request) -> web.Response:
        return json_response([serialize.role(each) for each in get_guild(self._world, request).roles.values()])

    async def _get_member(self, request: web.Request) -> web.Response:
        guild = get_guild(self._world, request)
        user_id = request.match_info["user_id"]
        if user_id not in self._world.users:
            raise unknown("User")
        if user_id not in guild.members:
            raise unknown("Member")
        return json_response(serialize.member(guild, self._world.users[user_id]))

    async def _get_channel(self, request: web.Request) -> web.Response:
        return json_response(serialize.channel(self._world, get_channel(self._world, request)))
