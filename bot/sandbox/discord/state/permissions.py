"""Discord's permission bits and overwrites."""

from __future__ import annotations

from bot.sandbox.discord.state.model import Channel, Guild

ADMINISTRATOR = 1 << 3
MANAGE_CHANNELS = 1 << 4
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
USE_APPLICATION_COMMANDS = 1 << 31
MANAGE_THREADS = 1 << 34
SEND_MESSAGES_IN_THREADS = 1 << 38

EVERYTHING = (1 << 53) - 1
TALK = (
    VIEW_CHANNEL
    | SEND_MESSAGES
    | SEND_MESSAGES_IN_THREADS
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | ADD_REACTIONS
    | USE_APPLICATION_COMMANDS
)
"""The permissions of @everyone in the seeded server."""
IN_DMS = TALK | MENTION_EVERYONE


def compute_for_member(guild: Guild, user_id: str) -> int:
    """The member's server-wide bits; 0 for users who are not members."""
    if user_id not in guild.members:
        return 0
    if user_id == guild.owner_id:
        return EVERYTHING
    bits = guild.roles[guild.id].permissions
    for role_id in guild.members[user_id]:
        bits |= guild.roles[role_id].permissions
    return EVERYTHING if bits & ADMINISTRATOR else bits


def compute_in_thread(guild: Guild, parent: Channel, user_id: str) -> int:
    """The member's bits in a thread of `parent`; SEND_MESSAGES says whether the member may write there.

    Threads use their parent's overwrites, and writing only needs Send Messages in Threads (Discord docs, Threads,
    Permissions).
    """
    bits = compute_in_channel(guild, parent, user_id, speak=SEND_MESSAGES_IN_THREADS)
    speaks = bits & SEND_MESSAGES_IN_THREADS
    return bits | SEND_MESSAGES if speaks else bits & ~SEND_MESSAGES


def compute_in_channel(guild: Guild, channel: Channel, user_id: str, speak: int = SEND_MESSAGES) -> int:
    """The member's bits in `channel` (Discord docs, Permissions, Permission Overwrites): @everyone, roles, member.

    Without View Channel there are no permissions; without Send Messages there is no embedding, attaching or pinging.
    """
    bits = compute_for_member(guild, user_id)
    if bits == 0 or bits & ADMINISTRATOR:
        return bits
    everyone = [each for each in channel.overwrites if each.id == guild.id]
    roles = [each for each in channel.overwrites if each.kind == 0 and each.id in guild.members[user_id]]
    member = [each for each in channel.overwrites if each.kind == 1 and each.id == user_id]
    for level in (everyone, roles, member):
        deny = allow = 0
        for overwrite in level:
            deny |= overwrite.deny
            allow |= overwrite.allow
        bits = (bits & ~deny) | allow
    if not bits & VIEW_CHANNEL:
        return 0
    if not bits & speak:
        bits &= ~(EMBED_LINKS | ATTACH_FILES | MENTION_EVERYONE)
    return bits
