"""REST: messages and reactions (Discord docs, Message Resource)."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord.api.auth import get_channel, get_message, require_bot_token
from bot.sandbox.discord.api.message_schema import CREATE, EDIT, parse_message
from bot.sandbox.discord.api.message_writer import check_permissions, check_thread, fill, ping
from bot.sandbox.discord.api.request_body import Form, read_form
from bot.sandbox.discord.api.validation_errors import ValidationErrors
from bot.sandbox.discord.state import permissions, serialize
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import DiscordError, json_response, missing_permissions, no_content, unknown
from bot.sandbox.discord.state.model import FORUM_CHANNEL, REPLY, Channel, Json, Message

_NONCE_SECONDS = 300
"""Discord checks nonces over "the past few minutes"."""


class MessageRoutes:
    """Message and reaction routes for the bot's token."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world
        self._nonces: dict[str, tuple[float, Message]] = {}

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the API's application."""
        world, base = self._world, "/channels/{channel_id}/messages"
        one, reactions = base + "/{message_id}", base + "/{message_id}/reactions/{emoji}"
        return [
            web.get(base, require_bot_token(world, self._list)),
            web.post(base, require_bot_token(world, self._create)),
            web.get(one, require_bot_token(world, self._get)),
            web.patch(one, require_bot_token(world, self._edit)),
            web.delete(one, require_bot_token(world, self._delete)),
            web.get(reactions, require_bot_token(world, self._list_reactors)),
            web.put(reactions + "/@me", require_bot_token(world, self._add_reaction)),
            web.delete(reactions + "/{user_id}", require_bot_token(world, self._remove_reaction)),
            web.post("/channels/{channel_id}/typing", require_bot_token(world, self._start_typing)),
        ]

    async def _read_form(self, request: web.Request, channel: Channel, names: frozenset[str]) -> Form:
        world = self._world
        form = await read_form(request, world.files, world.bot.id, channel.id, world.upload_limit(channel))
        form.body = parse_message(form.body, names)
        return form

    async def _create(self, request: web.Request) -> web.Response:
        world = self._world
        channel = get_channel(world, request, permissions.SEND_MESSAGES)
        if channel.kind == FORUM_CHANNEL:
            raise DiscordError(400, 50024, "Cannot execute action on this channel type")
        if channel.recipient_id and not world.users[channel.recipient_id].dms_open:
            raise DiscordError(403, 50007, "Cannot send messages to this user")
        form = await self._read_form(request, channel, CREATE)
        check_permissions(world, channel, form.body, form.files, by_interaction=False)
        earlier = self._find_by_nonce(form.body)
        if earlier is not None:
            return json_response(serialize.for_bot(world, earlier))
        message = world.new_message(channel.id, world.bot.id)
        message.nonce = form.body.get("nonce")
        message.reference = self._resolve_reference(channel, form.body)
        fill(world, message, form.body, form.files)
        if message.reference is not None:
            message.type = REPLY
            self._mention_author(message, message.reference, form.body)
        ping(world, message)
        world.create(message)
        if message.nonce is not None:
            self._nonces[str(message.nonce)] = (world.clock.now(), message)
        return json_response(serialize.for_bot(world, message))

    def _find_by_nonce(self, body: Json) -> Message | None:
        """The earlier message with the same nonce, if the body sets `enforce_nonce` (Discord docs)."""
        if body.get("nonce") is None or not body.get("enforce_nonce"):
            return None
        at, message = self._nonces.get(str(body["nonce"]), (0.0, None))
        return message if self._world.clock.now() - at < _NONCE_SECONDS else None

    def _resolve_reference(self, channel: Channel, body: Json) -> Json | None:
        wanted = body.get("message_reference")
        if not wanted:
            return None
        message_id = str(wanted.get("message_id"))
        found = self._world.find_message(channel.id, message_id)
        if found is None or found.owner_id is not None:
            if wanted.get("fail_if_not_exists") is False:
                return None
            errors = ValidationErrors()
            errors.add(("message_reference",), "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
            errors.raise_if_any()
        return {"type": 0, "message_id": message_id, "channel_id": channel.id, "guild_id": channel.guild_id}

    def _mention_author(self, message: Message, reference: Json, body: Json) -> None:
        rule = body.get("allowed_mentions")
        replied_to = self._world.find_message(message.channel_id, reference["message_id"])
        if replied_to and (rule is None or rule.get("replied_user")) and replied_to.author_id not in message.mentions:
            message.mentions.append(replied_to.author_id)

    async def _edit(self, request: web.Request) -> web.Response:
        world = self._world
        channel = get_channel(world, request)
        message = get_message(world, channel, request)
        if message.author_id != world.bot.id:
            raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
        if world.clock.now() - message.timestamp > 3600:
            world.ratelimits.count_old_edit(channel.id)
        form = await self._read_form(request, channel, EDIT)
        check_permissions(world, channel, form.body, form.files, by_interaction=False)
        fill(world, message, form.body, form.files)
        message.edited = world.clock.now()
        return json_response(serialize.for_bot(world, world.update(message)))

    async def _get(self, request: web.Request) -> web.Response:
        channel = get_channel(self._world, request, permissions.READ_MESSAGE_HISTORY)
        return json_response(serialize.for_bot(self._world, get_message(self._world, channel, request)))

    async def _list(self, request: web.Request) -> web.Response:
        world = self._world
        channel = get_channel(world, request)
        # Without Read Message History the list is empty, not refused (Discord docs, Get Channel Messages).
        if not world.permissions_in(world.bot.id, channel) & permissions.READ_MESSAGE_HISTORY:
            return json_response([])
        limit = min(int(request.query.get("limit", "50")), 100)
        before = int(request.query.get("before", str(1 << 63)))
        after = int(request.query.get("after", "0"))
        known = [each for each in world.messages.get(channel.id, {}).values() if each.owner_id is None]
        known = [each for each in known if after < int(each.id) < before]
        chosen = known[:limit] if "after" in request.query else known[-limit:]
        return json_response([serialize.for_bot(world, each) for each in reversed(chosen)])

    async def _delete(self, request: web.Request) -> web.Response:
        channel = get_channel(self._world, request)
        message = get_message(self._world, channel, request)
        bits = self._world.permissions_in(self._world.bot.id, channel)
        if message.author_id != self._world.bot.id and not bits & permissions.MANAGE_MESSAGES:
            raise missing_permissions()
        check_thread(self._world, message)
        self._world.remove(message)
        return no_content()

    async def _add_reaction(self, request: web.Request) -> web.Response:
        need = permissions.READ_MESSAGE_HISTORY | permissions.ADD_REACTIONS
        channel = get_channel(self._world, request, need)
        message = get_message(self._world, channel, request)
        self._world.set_reaction(message, self._world.bot.id, _parse_emoji(request), remove=False)
        return no_content()

    async def _remove_reaction(self, request: web.Request) -> web.Response:
        who = request.match_info["user_id"]
        mine = who in ("@me", self._world.bot.id)
        channel = get_channel(self._world, request, 0 if mine else permissions.MANAGE_MESSAGES)
        message = get_message(self._world, channel, request)
        self._world.set_reaction(message, self._world.bot.id if mine else who, _parse_emoji(request), remove=True)
        return no_content()

    async def _list_reactors(self, request: web.Request) -> web.Response:
        channel = get_channel(self._world, request)
        message = get_message(self._world, channel, request)
        who = sorted(message.reactions.get(_parse_emoji(request), []), key=int)
        after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "25"))
        chosen = [each for each in who if int(each) > after][: min(limit, 100)]
        return json_response([serialize.user(self._world.users[each]) for each in chosen])

    async def _start_typing(self, request: web.Request) -> web.Response:
        get_channel(self._world, request, permissions.SEND_MESSAGES)
        return no_content()


def _parse_emoji(request: web.Request) -> str:
    """The route's emoji; raises 10014 for custom emojis (none exist here) and plain text."""
    emoji = request.match_info["emoji"]
    if not emoji or emoji.isascii():
        raise unknown("Emoji")
    return emoji
