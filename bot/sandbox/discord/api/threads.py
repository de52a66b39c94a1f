"""REST: forum posts, which are threads (Discord docs, Channel Resource; Threads)."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord.api.auth import get_channel, get_guild, require_bot_token
from bot.sandbox.discord.api.message_schema import EDIT, check_message
from bot.sandbox.discord.api.message_writer import check_permissions, fill, ping
from bot.sandbox.discord.api.request_body import read_form, read_json
from bot.sandbox.discord.api.validation_errors import ValidationErrors, split_names
from bot.sandbox.discord.state import permissions, serialize
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import DiscordError, json_response, missing_permissions
from bot.sandbox.discord.state.model import FORUM_CHANNEL, Channel, Json

_POST = split_names("name auto_archive_duration rate_limit_per_user type message applied_tags")
_FIRST = EDIT | split_names("sticker_ids")
"""The first message has no nonce (Discord docs, Forum and Media Thread Message Params Object)."""
_ARCHIVE_MINUTES = (60, 1440, 4320, 10080)


class ThreadRoutes:
    """Creates, lists, archives and deletes posts."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the API's application."""
        world = self._world
        return [
            web.post("/channels/{channel_id}/threads", require_bot_token(world, self._create)),
            web.patch("/channels/{channel_id}", require_bot_token(world, self._edit)),
            web.delete("/channels/{channel_id}", require_bot_token(world, self._delete)),
            web.get("/guilds/{guild_id}/threads/active", require_bot_token(world, self._list_active)),
            web.get("/channels/{channel_id}/threads/archived/public", require_bot_token(world, self._list_archived)),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        world = self._world
        # In a forum, Send Messages allows creating posts.
        forum = get_channel(world, request, permissions.SEND_MESSAGES)
        if forum.kind != FORUM_CHANNEL:
            raise DiscordError(400, 50024, "Cannot execute action on this channel type")
        thread_id = world.ids.next()
        form = await read_form(request, world.files, world.bot.id, thread_id, world.upload_limit(forum))
        body = _parse_post(forum, form.body)
        first: Json = body["message"]
        check_permissions(world, forum, first, form.files, by_interaction=False)
        message = world.new_message(thread_id, world.bot.id)
        message.id = thread_id
        thread = world.add_thread(forum, thread_id, body["name"], world.bot.id, body.get("applied_tags") or [])
        try:
            fill(world, message, first, form.files)
        except DiscordError:
            world.remove_channel(thread_id)
            raise
        ping(world, message)
        world.create(message)
        return json_response(serialize.channel(world, thread) | {"message": serialize.for_bot(world, message)}, 201)

    async def _edit(self, request: web.Request) -> web.Response:
        """Rename or archive a thread; allowed to its owner and with Manage Threads."""
        world = self._world
        thread = get_channel(world, request)
        if not thread.thread:
            raise missing_permissions()
        may_manage = world.permissions_in(world.bot.id, thread) & permissions.MANAGE_THREADS
        if thread.locked and not may_manage:
            raise DiscordError(403, 160005, "Thread is locked")
        body = await read_json(request)
        if body == {"archived": False} and world.permissions_in(world.bot.id, thread) & permissions.SEND_MESSAGES:
            world.edit_thread(thread, thread.name, False)  # anyone who may write can open a thread that is not locked
            return json_response(serialize.channel(world, thread))
        if thread.owner_id != world.bot.id and not may_manage:
            raise missing_permissions()
        errors = ValidationErrors()
        body = errors.check_object((), body, ("name", "archived"))
        name = errors.check_text(("name",), body.get("name", thread.name), 100, low=1)
        errors.check_bool(("archived",), body.get("archived"))
        errors.raise_if_any()
        if thread.archived and body.get("archived") is not False:
            raise DiscordError(400, 50083, "Thread is archived")
        world.edit_thread(thread, name, bool(body.get("archived", thread.archived)))
        return json_response(serialize.channel(world, thread))

    async def _delete(self, request: web.Request) -> web.Response:
        channel = get_channel(self._world, request)
        need = permissions.MANAGE_THREADS if channel.thread else permissions.MANAGE_CHANNELS
        if not self._world.permissions_in(self._world.bot.id, channel) & need:
            raise missing_permissions()
        deleted = serialize.channel(self._world, channel)
        self._world.remove_channel(channel.id)
        return json_response(deleted)

    async def _list_active(self, request: web.Request) -> web.Response:
        guild = get_guild(self._world, request)
        here = [each for each in self._world.channels.values() if each.guild_id == guild.id]
        return self._reply_with_threads([each for each in here if not each.archived])

    async def _list_archived(self, request: web.Request) -> web.Response:
        parent = get_channel(self._world, request, permissions.READ_MESSAGE_HISTORY)
        here = [each for each in self._world.channels.values() if each.parent_id == parent.id]
        return self._reply_with_threads([each for each in here if each.archived])

    def _reply_with_threads(self, channels: list[Channel]) -> web.Response:
        world = self._world
        seen = [each for each in channels if world.permissions_in(world.bot.id, each) & permissions.VIEW_CHANNEL]
        threads = [serialize.channel(world, each) for each in reversed(seen) if each.thread]
        return json_response({"threads": threads, "members": [], "has_more": False})


def _parse_post(forum: Channel, value: object) -> Json:
    """Validate the body of a new post; raises the 50035 error, or 40067 if a required tag is missing."""
    errors = ValidationErrors()
    body = errors.check_object((), value, _POST)
    errors.check_text(("name",), body.get("name"), 100, low=1)
    if body.get("auto_archive_duration") is not None:
        errors.check_choice(("auto_archive_duration",), body["auto_archive_duration"], _ARCHIVE_MINUTES)
    for at, tag in enumerate(errors.check_list(("applied_tags",), body.get("applied_tags"), 5)):
        errors.check_choice(("applied_tags", at), tag, [str(number + 1) for number in range(len(forum.tags))])
    first = errors.check_object(("message",), body.get("message"), _FIRST)
    check_message(errors, ("message",), first)
    errors.raise_if_any()
    if forum.requires_tag and not body.get("applied_tags"):
        raise DiscordError(400, 40067, "A tag is required to create a forum post in this channel")
    return body
