"""REST: messages of a channel, and reactions (Discord docs, Message Resource)."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord.api.auth import as_bot, channel_of, message_of
from bot.sandbox.discord.api.message_schema import CREATE, EDIT, message_form
from bot.sandbox.discord.api.message_writer import allowed, fill, ping
from bot.sandbox.discord.api.request_body import Form, read_form
from bot.sandbox.discord.api.validation_errors import ValidationErrors
from bot.sandbox.discord.state import permissions, serialize
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import DiscordError, missing_permissions, nothing, reply, unknown
from bot.sandbox.discord.state.model import FORUM_CHANNEL, REPLY, Channel, Json, Message

_NONCE_SECONDS = 300
"""Discord checks nonces over "the past few minutes"."""


class MessageRoutes:
    """What the bot's token can do with messages."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world
        self._nonces: dict[str, tuple[float, Message]] = {}

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the API's application."""
        world, base = self._world, "/channels/{channel_id}/messages"
        one, reactions = base + "/{message_id}", base + "/{message_id}/reactions/{emoji}"
        return [
            web.get(base, as_bot(world, self._list)),
            web.post(base, as_bot(world, self._create)),
            web.get(one, as_bot(world, self._get)),
            web.patch(one, as_bot(world, self._edit)),
            web.delete(one, as_bot(world, self._delete)),
            web.get(reactions, as_bot(world, self._reactors)),
            web.put(reactions + "/@me", as_bot(world, self._react)),
            web.delete(reactions + "/{user_id}", as_bot(world, self._unreact)),
            web.post("/channels/{channel_id}/typing", as_bot(world, self._typing)),
        ]

    async def _form(self, request: web.Request, channel: Channel, names: frozenset[str]) -> Form:
        world = self._world
        form = await read_form(request, world.files, world.bot.id, channel.id, world.upload_limit(channel))
        form.body = message_form(form.body, names)
        return form

    async def _create(self, request: web.Request) -> web.Response:
        world = self._world
        channel = channel_of(world, request, permissions.SEND_MESSAGES)
        if channel.kind == FORUM_CHANNEL:
            raise DiscordError(400, 50024, "Cannot execute action on this channel type")
        if channel.recipient_id and not world.users[channel.recipient_id].dms_open:
            raise DiscordError(403, 50007, "Cannot send messages to this user")
        form = await self._form(request, channel, CREATE)
        allowed(world, channel, form.body, form.files, by_interaction=False)
        earlier = self._earlier(form.body)
        if earlier is not None:
            return reply(serialize.for_bot(world, earlier))
        message = world.new_message(channel.id, world.bot.id)
        message.nonce = form.body.get("nonce")
        message.reference = self._reference(channel, form.body)
        fill(world, message, form.body, form.files)
        if message.reference is not None:
            message.type = REPLY
            self._ping_author(message, message.reference, form.body)
        ping(world, message)
        world.create(message)
        if message.nonce is not None:
            self._nonces[str(message.nonce)] = (world.clock.now(), message)
        return reply(serialize.for_bot(world, message))

    def _earlier(self, body: Json) -> Message | None:
        """The message of the same nonce, if the body asks that there be one only (Discord docs, `enforce_nonce`)."""
        if body.get("nonce") is None or not body.get("enforce_nonce"):
            return None
        at, message = self._nonces.get(str(body["nonce"]), (0.0, None))
        return message if self._world.clock.now() - at < _NONCE_SECONDS else None

    def _reference(self, channel: Channel, body: Json) -> Json | None:
        wanted = body.get("message_reference")
        if not wanted:
            return None
        message_id = str(wanted.get("message_id"))
        found = self._world.message(channel.id, message_id)
        if found is None or found.owner_id is not None:
            if wanted.get("fail_if_not_exists") is False:
                return None
            problems = ValidationErrors()
            problems.add(("message_reference",), "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
            problems.check()
        return {"type": 0, "message_id": message_id, "channel_id": channel.id, "guild_id": channel.guild_id}

    def _ping_author(self, message: Message, reference: Json, body: Json) -> None:
        rule = body.get("allowed_mentions")
        answered = self._world.message(message.channel_id, reference["message_id"])
        if answered and (rule is None or rule.get("replied_user")) and answered.author_id not in message.mentions:
            message.mentions.append(answered.author_id)

    async def _edit(self, request: web.Request) -> web.Response:
        world = self._world
        channel = channel_of(world, request)
        message = message_of(world, channel, request)
        if message.author_id != world.bot.id:
            raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
        if world.clock.now() - message.timestamp > 3600:
            world.ratelimits.old_edit(channel.id)
        form = await self._form(request, channel, EDIT)
        allowed(world, channel, form.body, form.files, by_interaction=False)
        fill(world, message, form.body, form.files)
        message.edited = world.clock.now()
        return reply(serialize.for_bot(world, world.update(message)))

    async def _get(self, request: web.Request) -> web.Response:
        channel = channel_of(self._world, request, permissions.READ_MESSAGE_HISTORY)
        return reply(serialize.for_bot(self._world, message_of(self._world, channel, request)))

    async def _list(self, request: web.Request) -> web.Response:
        world = self._world
        channel = channel_of(world, request)
        # Without Read Message History the list is empty, not refused (Discord docs, Get Channel Messages).
        if not world.permissions_in(world.bot.id, channel) & permissions.READ_MESSAGE_HISTORY:
            return reply([])
        limit = min(int(request.query.get("limit", "50")), 100)
        before = int(request.query.get("before", str(1 << 63)))
        after = int(request.query.get("after", "0"))
        known = [each for each in world.messages.get(channel.id, {}).values() if each.owner_id is None]
        known = [each for each in known if after < int(each.id) < before]
        chosen = known[:limit] if "after" in request.query else known[-limit:]
        return reply([serialize.for_bot(world, each) for each in reversed(chosen)])

    async def _delete(self, request: web.Request) -> web.Response:
        channel = channel_of(self._world, request)
        message = message_of(self._world, channel, request)
        bits = self._world.permissions_in(self._world.bot.id, channel)
        if message.author_id != self._world.bot.id and not bits & permissions.MANAGE_MESSAGES:
            raise missing_permissions()
        self._world.remove(message)
        return nothing()

    async def _react(self, request: web.Request) -> web.Response:
        need = permissions.READ_MESSAGE_HISTORY | permissions.ADD_REACTIONS
        channel = channel_of(self._world, request, need)
        message = message_of(self._world, channel, request)
        self._world.reaction(message, self._world.bot.id, _emoji(request), remove=False)
        return nothing()

    async def _unreact(self, request: web.Request) -> web.Response:
        who = request.match_info["user_id"]
        mine = who in ("@me", self._world.bot.id)
        channel = channel_of(self._world, request, 0 if mine else permissions.MANAGE_MESSAGES)
        message = message_of(self._world, channel, request)
        self._world.reaction(message, self._world.bot.id if mine else who, _emoji(request), remove=True)
        return nothing()

    async def _reactors(self, request: web.Request) -> web.Response:
        channel = channel_of(self._world, request)
        message = message_of(self._world, channel, request)
        who = sorted(message.reactions.get(_emoji(request), []), key=int)
        after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "25"))
        chosen = [each for each in who if int(each) > after][: min(limit, 100)]
        return reply([serialize.user(self._world.users[each]) for each in chosen])

    async def _typing(self, request: web.Request) -> web.Response:
        channel_of(self._world, request, permissions.SEND_MESSAGES)
        return nothing()


def _emoji(request: web.Request) -> str:
    """The emoji of the route; names of custom emojis (none exist here) and plain words are 10014."""
    emoji = request.match_info["emoji"]
    if not emoji or emoji.isascii():
        raise unknown("Emoji")
    return emoji
