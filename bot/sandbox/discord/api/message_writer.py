"""Applies a validated body to a message: content, embeds, components, files and mentions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.sandbox.discord.api.component_schema import number_components
from bot.sandbox.discord.api.request_body import apply_attachments
from bot.sandbox.discord.api.validation_errors import ValidationErrors
from bot.sandbox.discord.state import permissions, serialize
from bot.sandbox.discord.state.errors import DiscordError, missing_permissions
from bot.sandbox.discord.state.model import EPHEMERAL, LOADING, SUPPRESS_EMBEDS, Channel, Json, Message, Upload

if TYPE_CHECKING:
    from bot.sandbox.discord.state.changes import LiveWorld

_USER, _ROLE, _ALL = re.compile(r"<@!?(\d+)>"), re.compile(r"<@&(\d+)>"), re.compile(r"@(everyone|here)\b")
_LINK = re.compile(r"https?://(?!discord\.com/)")
_SILENT = 1 << 12
_IGNORED_EMBED_FIELDS = frozenset({"type", "flags", "provider", "video"})


def fill(world: LiveWorld, message: Message, form: Json, files: dict[int, Upload], path: tuple[str, ...] = ()) -> None:
    """Apply `form` to the message; other fields are kept. Raises 50006 if the message would be empty.

    An archived thread refuses edits with 50083, and a new message opens it; a server's filters raise their own codes.
    """
    check_thread(world, message)
    check_filters(world, world.channels.get(message.channel_id), form, files)
    attachments = apply_attachments(form, files, message.attachments, path)
    content = (form["content"] or "") if "content" in form else message.content
    embeds = [_clean_embed(each) for each in form["embeds"] or []] if "embeds" in form else message.embeds
    components = number_components(form["components"] or []) if "components" in form else message.components
    if not (content or embeds or components or attachments):
        raise DiscordError(400, 50006, "Cannot send an empty message")
    _check_attachment_links(embeds, attachments)
    message.content, message.embeds = content, embeds
    message.components, message.attachments = components, attachments
    message.tts = bool(form.get("tts", message.tts))
    flags = form.get("flags")
    if flags is not None:
        message.flags = message.flags & ~SUPPRESS_EMBEDS | flags & (SUPPRESS_EMBEDS | _SILENT)
    message.flags &= ~LOADING
    if "content" in form or "allowed_mentions" in form:
        _set_mentions(world, message, form.get("allowed_mentions"))


def check_thread(world: LiveWorld, message: Message) -> None:
    """Refuse to edit a message in an archived thread, and to write to a locked one; open it for a new message.

    Private responses are no part of the thread.
    """
    thread = world.channels.get(message.channel_id)
    if thread is None or not thread.thread or message.flags & EPHEMERAL:
        return
    may_manage = world.permissions_in(world.bot.id, thread) & permissions.MANAGE_THREADS
    if thread.locked and not may_manage:
        raise DiscordError(403, 160005, "Thread is locked")
    if thread.archived:
        if message.id in world.messages.get(thread.id, {}):
            raise DiscordError(400, 50083, "Thread is archived")
        world.edit_thread(thread, thread.name, False)


def check_filters(world: LiveWorld, channel: Channel | None, form: Json, files: dict[int, Upload]) -> None:
    """Raise what a server's filters raise (Discord docs, JSON Error Codes): 200000, 240000, 400001."""
    guild = world.guilds.get(channel.guild_id or "") if channel else None
    if guild is None:
        return
    shown = str([form.get("content"), form.get("embeds")])
    if any(word in shown for word in guild.blocked_words):
        raise DiscordError(400, 200000, "Message was blocked by automatic moderation")
    if guild.blocks_links and _LINK.search(shown):
        raise DiscordError(400, 240000, "Message blocked by harmful links filter")
    if guild.blocks_uploads and files:
        raise DiscordError(400, 400001, "Access to file uploads has been limited for this guild")


def check_permissions(
    world: LiveWorld, channel: Channel, form: Json, files: dict[int, Upload], by_interaction: bool
) -> None:
    """Check the body against the bot's permissions in the channel.

    Files without Attach Files and embeds without Embed Links raise 403/50013. Embeds of an interaction response are
    dropped instead, like link previews.
    """
    bits = int(serialize.app_permissions(world, channel))
    if files and not bits & permissions.ATTACH_FILES:
        raise missing_permissions()
    if form.get("embeds") and not bits & permissions.EMBED_LINKS:
        if not by_interaction:
            raise missing_permissions()
        form["embeds"] = []


def is_ephemeral(form: Json) -> bool:
    """Whether the body has the EPHEMERAL flag."""
    return bool((form.get("flags") or 0) & EPHEMERAL)


def _clean_embed(embed: Json) -> Json:
    return {name: value for name, value in embed.items() if name not in _IGNORED_EMBED_FIELDS and value is not None}


def _check_attachment_links(embeds: list[Json], attachments: list[Upload]) -> None:
    names = {each.filename for each in attachments}
    errors = ValidationErrors()
    for at, embed in enumerate(embeds):
        for name in ("image", "thumbnail"):
            url = (embed.get(name) or {}).get("url") or ""
            if url.startswith("attachment://") and url.removeprefix("attachment://") not in names:
                errors.add(("embeds", at, name, "url"), "URL_TYPE_INVALID_URL", "Not a well formed URL.")
    errors.raise_if_any()


def _set_mentions(world: LiveWorld, message: Message, rule: Json | None) -> None:
    """Set the message's mentions: those in its content that `rule` (allowed_mentions) allows.

    Discord docs, Allowed Mentions Object: without a rule all are allowed; `parse` lists types, `users` and `roles` ids.
    """
    parse = {"everyone", "users", "roles"} if rule is None else set(rule.get("parse") or [])
    named = (rule or {}).get("users") or []
    users = [each for each in dict.fromkeys(_USER.findall(message.content)) if each in world.users]
    message.mentions = [each for each in users if "users" in parse or each in map(str, named)]
    roles = dict.fromkeys(_ROLE.findall(message.content))
    named = (rule or {}).get("roles") or []
    message.mention_roles = [each for each in roles if "roles" in parse or each in map(str, named)]
    channel = world.channels[message.channel_id]
    may_all = bool(world.permissions_in(message.author_id, channel) & permissions.MENTION_EVERYONE)
    message.mention_everyone = bool(_ALL.search(message.content)) and "everyone" in parse and may_all


def ping(world: LiveWorld, message: Message) -> None:
    """Record whom the message notifies; called once, when it is posted."""
    channel = world.channels[message.channel_id]
    guild = world.guilds.get(channel.guild_id or "")
    members = guild.members if guild else {}
    pinged = dict.fromkeys(message.mentions)
    for user_id, roles in members.items():
        if message.mention_everyone or set(roles) & set(message.mention_roles):
            pinged[user_id] = None
    readers = [message.owner_id] if message.owner_id else pinged
    message.pinged = [each for each in pinged if each in readers and each != message.author_id]
