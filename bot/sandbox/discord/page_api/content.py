"""The page's API: what members see and post. Errors are 4xx with {"message": sentence}."""

from __future__ import annotations

from aiohttp import BodyPartReader, web

from bot.sandbox.discord.api.command_schema import LOCALES
from bot.sandbox.discord.api.message_writer import fill, ping
from bot.sandbox.discord.api.request_body import read_record
from bot.sandbox.discord.page_api.live import get_acting_user
from bot.sandbox.discord.state import permissions, serialize
from bot.sandbox.discord.state.changes import LiveWorld, list_all_commands, list_commands_for
from bot.sandbox.discord.state.errors import DiscordError, json_response, no_content
from bot.sandbox.discord.state.model import FORUM_CHANNEL, Channel, Json, Message, Upload, User

_SHOWN = 100


class ContentRoutes:
    """Routes for state, uploads, messages and reactions."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the server's application."""
        return [
            web.get("/client/state", self._get_state),
            web.post("/client/upload", self._upload),
            web.post("/client/message", self._post_message),
            web.post("/client/reaction", self._set_reaction),
            web.post("/client/dm", self._open_dm),
            web.post("/client/locale", self._set_locale),
        ]

    async def _get_state(self, request: web.Request) -> web.Response:
        world, me = self._world, get_acting_user(self._world, request)
        channels = [
            each for each in world.channels.values() if world.permissions_in(me.id, each) & permissions.VIEW_CHANNEL
        ]
        channels.sort(key=lambda each: (each.dm, each.position, each.thread, each.created_at))
        shown = [user for user in world.users.values() if user.on_page and not user.bot]
        guild, raw = world.guild, request.query.get("raw") in ("1", "true")
        return json_response(
            {
                "me": serialize.page_user(world, me),
                "users": [serialize.page_user(world, user) for user in shown],
                "guild": {"id": guild.id, "name": guild.name},
                "roles": serialize.page_roles(guild),
                "channels": [serialize.page_channel(each) for each in channels],
                "messages": {each.id: self._list_readable(me, each) for each in channels},
                "commands": list_all_commands(world) if raw else list_commands_for(world, me.id),
                "bot": {"online": world.online, "user": serialize.page_user(world, world.bot)},
                "samples": world.samples,
            }
        )

    def _list_readable(self, me: User, channel: Channel) -> list[Json]:
        world = self._world
        seen = [each for each in world.messages.get(channel.id, {}).values() if world.can_read(me.id, each)]
        return [serialize.page_message(world, each) for each in seen[-_SHOWN:]]

    async def _upload(self, request: web.Request) -> web.Response:
        world, me = self._world, get_acting_user(self._world, request)
        if not request.content_type.startswith("multipart/"):
            raise DiscordError(400, 0, "Send the file as a form.")
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file":
                upload = await world.files.store_upload(part, me.id, me.id, world.member_upload_limit)
                return json_response(world.files.to_json(upload))
        raise DiscordError(400, 0, "The form does not contain a file.")

    async def _post_message(self, request: web.Request) -> web.Response:
        world, me = self._world, get_acting_user(self._world, request)
        body = await read_record(request)
        channel = get_channel(world, me, body.get("channel_id"), permissions.SEND_MESSAGES)
        if channel.kind == FORUM_CHANNEL:
            raise DiscordError(400, 0, "Forums contain posts. Write in one of the posts.")
        message = world.new_message(channel.id, me.id)
        wanted = body.get("attachment_ids") or []
        if wanted and not world.permissions_in(me.id, channel) & permissions.ATTACH_FILES:
            raise DiscordError(403, 0, "You do not have permission to attach files here.")
        message.attachments = [world.files.copy_to(get_upload(world, me, each), channel.id) for each in wanted]
        content = str(body.get("content") or "")
        if len(content) > 2000:
            raise DiscordError(400, 0, "A message has at most 2,000 characters.")
        if body.get("forward"):
            self._forward(me, message, body["forward"])
        elif not (content or message.attachments):
            raise DiscordError(400, 0, "A message needs text or a file.")
        else:
            fill(world, message, {"content": content}, {})
        ping(world, message)
        return json_response(serialize.page_message(world, world.create(message)))

    def _forward(self, me: User, message: Message, source: Json) -> None:
        """Make the message a forward, with the source as a snapshot (Discord docs, Message Snapshot)."""
        found = get_message(self._world, me, source.get("channel_id"), source.get("message_id"))
        whole = serialize.message(self._world, found)
        kept = "type content embeds attachments timestamp edited_timestamp flags mentions mention_roles components"
        message.snapshots = [{"message": {name: whole[name] for name in kept.split()}}]
        message.reference = {"type": 1, "message_id": found.id, "channel_id": found.channel_id}
        message.flags |= 1 << 14

    async def _set_reaction(self, request: web.Request) -> web.Response:
        me = get_acting_user(self._world, request)
        body = await read_record(request)
        message = get_message(self._world, me, body.get("channel_id"), body.get("message_id"))
        emoji = str(body.get("emoji") or "")
        if not emoji or emoji.isascii() or len(emoji) > 16:
            raise DiscordError(400, 0, "React with an emoji.")
        self._world.set_reaction(message, me.id, emoji, bool(body.get("remove")))
        return no_content()

    async def _open_dm(self, request: web.Request) -> web.Response:
        return json_response(serialize.page_channel(self._world.open_dm(get_acting_user(self._world, request).id)))

    async def _set_locale(self, request: web.Request) -> web.Response:
        me, locale = get_acting_user(self._world, request), (await read_record(request)).get("locale")
        if locale not in LOCALES:
            raise DiscordError(400, 0, "Discord does not support this language.")
        me.locale = str(locale)
        return no_content()


def get_channel(world: LiveWorld, me: User, channel_id: object, need: int = 0) -> Channel:
    """The channel, if the member can view it (else 404) and has the permissions `need` (else 403)."""
    channel = world.channels.get(str(channel_id))
    bits = world.permissions_in(me.id, channel) if channel else 0
    if channel is None or not bits & permissions.VIEW_CHANNEL:
        raise DiscordError(404, 0, "This channel does not exist.")
    if bits & need != need:
        raise DiscordError(403, 0, "You do not have permission to do that in this channel.")
    return channel


def get_message(world: LiveWorld, me: User, channel_id: object, message_id: object) -> Message:
    """The message, if the member can read it; else 404."""
    message = world.find_message(str(channel_id), str(message_id))
    if message is None or not world.can_read(me.id, message):
        raise DiscordError(404, 0, "This message does not exist.")
    return message


def get_upload(world: LiveWorld, me: User, upload_id: object) -> Upload:
    """The member's own upload; else 404."""
    upload = world.files.uploads.get(str(upload_id))
    if upload is None or upload.owner_id != me.id:
        raise DiscordError(404, 0, "This upload does not exist.")
    return upload
