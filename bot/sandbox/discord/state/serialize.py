"""Records as JSON: Discord's objects for the bot, and the chat page's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.model import DM_CHANNEL, FORUM_CHANNEL, Channel, Guild, Json, Message, Role, User
from bot.sandbox.discord.state.snowflakes import format_iso

if TYPE_CHECKING:
    from bot.sandbox.discord.state.world import World

_REQUIRES_TAG = 1 << 4
"""Channel flag (Discord docs, Channel Object)."""
JOINED = "2024-01-01T00:00:00.000000+00:00"


def user(one: User) -> Json:
    """Discord docs, User Object."""
    out: Json = {"id": one.id, "username": one.name.lower(), "discriminator": "0", "global_name": one.name}
    if one.bot:
        # Bots still have a discriminator and no display name.
        out |= {"username": one.name, "discriminator": "0001", "global_name": None, "bot": True}
    out |= {"avatar": None, "public_flags": 0, "flags": 0}
    out |= {"banner": None, "accent_color": None, "avatar_decoration_data": None, "primary_guild": None}
    return out


def member(guild: Guild, one: User) -> Json:
    """Discord docs, Guild Member Object, with its user."""
    out: Json = {"user": user(one), "roles": guild.members.get(one.id, []), "joined_at": JOINED, "flags": 0}
    out |= {"nick": None, "avatar": None, "banner": None, "premium_since": None, "deaf": False, "mute": False}
    out |= {"pending": False, "communication_disabled_until": None}
    return out


def role(one: Role) -> Json:
    """Discord docs, Role Object."""
    out: Json = {"id": one.id, "name": one.name, "permissions": str(one.permissions), "position": one.position}
    out |= {"color": 0, "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None}}
    out |= {"hoist": False, "managed": one.managed_by is not None, "mentionable": False, "flags": 0}
    out |= {"icon": None, "unicode_emoji": None}
    if one.managed_by:
        out["tags"] = {"bot_id": one.managed_by}
    return out


def channel(world: World, one: Channel) -> Json:
    """Discord docs, Channel Object."""
    last = next(reversed(world.messages.get(one.id, {})), None)
    if one.recipient_id is not None:
        recipients = [user(world.users[one.recipient_id])]
        return {"id": one.id, "type": DM_CHANNEL, "recipients": recipients, "last_message_id": last, "flags": 0}
    overwrites = [
        {"id": each.id, "type": each.kind, "allow": str(each.allow), "deny": str(each.deny)} for each in one.overwrites
    ]
    if one.thread:
        return _serialize_thread(world, one, last)
    out: Json = {"id": one.id, "type": one.kind, "guild_id": one.guild_id, "name": one.name, "topic": one.topic}
    out |= {"position": one.position, "permission_overwrites": overwrites, "parent_id": None, "nsfw": one.nsfw}
    out |= {"rate_limit_per_user": 0, "last_message_id": last, "flags": _REQUIRES_TAG if one.requires_tag else 0}
    if one.kind == FORUM_CHANNEL:
        tags = [
            {"id": str(number), "name": name, "moderated": False, "emoji_id": None, "emoji_name": None}
            for number, name in enumerate(one.tags, 1)
        ]
        out |= {"available_tags": tags, "default_auto_archive_duration": 4320, "default_forum_layout": 0}
        out |= {"default_reaction_emoji": None, "default_sort_order": None, "template": ""}
    return out


def _serialize_thread(world: World, one: Channel, last: str | None) -> Json:
    count = max(0, len(world.messages.get(one.id, {})) - 1)
    begun = format_iso(one.created_at)
    out: Json = {"id": one.id, "type": one.kind, "guild_id": one.guild_id, "name": one.name, "flags": 0}
    out |= {"parent_id": one.parent_id, "owner_id": one.owner_id, "last_message_id": last, "rate_limit_per_user": 0}
    out |= {"message_count": count, "total_message_sent": count, "member_count": 1, "applied_tags": one.tags}
    about = {"archived": one.archived, "locked": one.locked, "auto_archive_duration": 4320}
    out["thread_metadata"] = about | {"archive_timestamp": begun, "create_timestamp": begun}
    return out


def guild(one: Guild) -> Json:
    """Discord docs, Guild Object (what both REST and the gateway give)."""
    out: Json = {"id": one.id, "name": one.name, "owner_id": one.owner_id, "preferred_locale": one.locale}
    out |= {"icon": None, "splash": None, "discovery_splash": None, "banner": None, "description": None}
    out |= {"roles": [role(each) for each in one.roles.values()], "emojis": [], "stickers": [], "features": []}
    out |= {"verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0}
    out |= {"mfa_level": 0, "nsfw_level": 0, "nsfw": False, "premium_tier": 0, "premium_subscription_count": 0}
    out |= {"afk_channel_id": None, "afk_timeout": 300, "system_channel_id": None, "system_channel_flags": 0}
    out |= {"rules_channel_id": None, "public_updates_channel_id": None, "safety_alerts_channel_id": None}
    out |= {"vanity_url_code": None, "premium_progress_bar_enabled": False, "widget_enabled": False}
    out |= {"application_id": None, "max_members": 500000, "max_presences": None}
    return out


def full_guild(world: World, one: Guild, all_members: bool) -> Json:
    """The data of GUILD_CREATE; without the members intent `members` holds only the bot and the owner."""
    shown = one.members if all_members else [one.owner_id, world.bot.id]
    mine = [each for each in world.channels.values() if each.guild_id == one.id]
    channels = [channel(world, each) for each in mine if not each.thread]
    threads = [channel(world, each) for each in mine if each.thread and not each.archived]
    out = guild(one) | {"joined_at": JOINED, "large": False, "unavailable": False}
    out |= {"member_count": len(one.members), "members": [member(one, world.users[each]) for each in shown]}
    out |= {"channels": channels, "threads": threads, "voice_states": [], "presences": [], "stage_instances": []}
    out |= {"guild_scheduled_events": [], "soundboard_sounds": []}
    return out


def message(world: World, one: Message, viewer_id: str | None = None) -> Json:
    """Discord docs, Message Object, complete and with fresh links; `me` of reactions is the viewer's."""
    embeds, shown = _resolve_attachment_links(world, one)
    out: Json = {"id": one.id, "channel_id": one.channel_id, "author": user(world.users[one.author_id])}
    out |= {"type": one.type, "content": one.content, "flags": one.flags, "tts": one.tts, "pinned": False}
    out |= {
        "timestamp": format_iso(one.timestamp),
        "edited_timestamp": None if one.edited is None else format_iso(one.edited),
    }
    out |= {"embeds": embeds, "components": one.components}
    out["attachments"] = [world.files.to_json(each) for each in one.attachments if each.id not in shown]
    out |= {"mention_everyone": one.mention_everyone, "mention_roles": one.mention_roles}
    out["mentions"] = [user(world.users[each]) for each in one.mentions]
    if one.reactions:
        out["reactions"] = [
            {
                "emoji": {"id": None, "name": emoji},
                "count": len(who),
                "count_details": {"burst": 0, "normal": len(who)},
                "me": (viewer_id or world.bot.id) in who,
                "me_burst": False,
                "burst_colors": [],
            }
            for emoji, who in one.reactions.items()
        ]
    if one.reference is not None:
        out["message_reference"] = one.reference
    if one.snapshots:
        out["message_snapshots"] = [_refresh_links(world, each) for each in one.snapshots]
    if one.nonce is not None:
        out["nonce"] = one.nonce
    if one.interaction is not None:
        kept = one.interaction
        who = user(world.users[kept["user_id"]])
        out["interaction"] = {"id": kept["id"], "type": kept["type"], "name": kept["name"], "user": who}
        out["interaction_metadata"] = {"id": kept["id"], "type": kept["type"], "user": who, **kept["metadata"]}
    if one.webhook_token is not None:
        out |= {"webhook_id": world.application_id, "application_id": world.application_id}
    return out


def _refresh_links(world: World, snapshot: Json) -> Json:
    """The forwarded content with fresh links to its files."""
    kept = snapshot["message"]
    files = [world.files.to_json(world.files.uploads[each["id"]]) for each in kept["attachments"]]
    return {"message": {**kept, "attachments": files}}


def _resolve_attachment_links(world: World, one: Message) -> tuple[list[Json], set[str]]:
    """The embeds with `attachment://` resolved, and the ids of their files (which are not listed as attachments)."""
    by_name = {each.filename: each for each in one.attachments}
    shown: set[str] = set()
    embeds = []
    for embed in one.embeds:
        out = {"type": "rich", **embed}
        for name in ("image", "thumbnail"):
            url = embed.get(name, {}).get("url", "") if embed.get(name) else ""
            upload = by_name.get(url.removeprefix("attachment://")) if url.startswith("attachment://") else None
            if upload is not None:
                link = world.files.make_link(upload)
                out[name] = {**embed[name], "url": link, "proxy_url": link}
                shown.add(upload.id)
        embeds.append(out)
    return embeds, shown


def for_bot(world: World, one: Message) -> Json:
    """The message for a bot without the message content intent, in REST and gateway.

    Own messages, direct messages and mentions of the bot are complete (Discord docs, Message Content Intent).
    """
    out = message(world, one)
    whole = one.author_id == world.bot.id or world.bot.id in one.mentions or world.channels[one.channel_id].dm
    if whole or world.privileged & (1 << 15):
        return out
    out |= {"content": "", "embeds": [], "attachments": [], "components": []}
    out.pop("message_snapshots", None)
    return out


def page_user(world: World, one: User) -> Json:
    """The page's user."""
    return {
        "id": one.id,
        "name": one.name,
        "color": one.color,
        "locale": one.locale,
        "moderator": world.is_moderator(one.id),
        "bot": one.bot,
    }


def page_roles(one: Guild) -> list[Json]:
    """The page's roles, highest first, without @everyone."""
    roles = sorted(one.roles.values(), key=lambda each: -each.position)
    return [{"id": each.id, "name": each.name} for each in roles if each.id != one.id]


def page_channel(one: Channel) -> Json:
    """The page's channel."""
    kind = DM_CHANNEL if one.dm else one.kind
    shown = {"id": one.id, "name": one.name, "type": kind, "topic": one.topic, "dm": one.dm}
    return shown | ({"parent_id": one.parent_id} if one.thread else {})


def page_message(world: World, one: Message) -> Json:
    """The page's message: Discord's object and fields for the page; `pinged` is for tests."""
    out = message(world, one)
    kept = one.interaction
    command: Json | None = None
    if kept is not None and kept["name"]:
        command = {"name": kept["name"], "user": page_user(world, world.users[kept["user_id"]])}
    out |= {"author": page_user(world, world.users[one.author_id]) | out["author"]}
    out |= {"ephemeral": one.owner_id is not None, "loading": one.loading, "interaction": command, "pinged": one.pinged}
    return out


def bot_application(world: World) -> Json:
    """Discord docs, Application Object."""
    owner = world.users[world.guild.owner_id]
    out: Json = {"id": world.application_id, "name": world.bot.name, "description": "", "icon": None, "summary": ""}
    out |= {"bot_public": True, "bot_require_code_grant": False, "verify_key": "0" * 64, "owner": user(owner)}
    out |= {"team": None, "flags": 0, "tags": [], "hook": True, "bot": user(world.bot), "redirect_uris": []}
    out |= {"interactions_endpoint_url": None, "integration_types_config": {"0": {}}, "approximate_guild_count": 1}
    return out


def app_permissions(world: World, one: Channel) -> str:
    """The bot's bits in a channel, as interactions state them: it may respond even where it cannot view the channel."""
    return str(world.permissions_in(world.bot.id, one) or permissions.IN_DMS & ~permissions.VIEW_CHANNEL)
