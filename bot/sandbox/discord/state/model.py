"""Plain records: users, roles, channels, guilds, messages and uploads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]
"""A JSON object."""

SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6
LOADING = 1 << 7

TEXT_CHANNEL, DM_CHANNEL, PUBLIC_THREAD, FORUM_CHANNEL = 0, 1, 11, 15
"""Channel types (Discord docs, Channel Object)."""
DEFAULT, REPLY, SLASH_REPLY, MENU_REPLY = 0, 19, 20, 23
"""Message types (Discord docs, Message Object)."""


@dataclass(slots=True)
class User:
    """A member or the bot. `dms_open` False: direct messages of the bot are rejected (50007)."""

    id: str
    name: str
    color: str
    bot: bool = False
    on_page: bool = True
    dms_open: bool = True
    locale: str = "en-US"


@dataclass(slots=True)
class Role:
    """A role of a server. The role with the server's id is @everyone."""

    id: str
    name: str
    permissions: int
    position: int = 1
    managed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Overwrite:
    """A permission overwrite for one role (kind 0) or one member (kind 1)."""

    id: str
    kind: int
    allow: int = 0
    deny: int = 0


@dataclass(slots=True)
class Channel:
    """A text channel, forum or thread of a server, or (guild_id None) one member's direct messages with the bot.

    A thread has a `parent_id`, the `owner_id` of its creator, and the id of its first message. `tags` are the tags of a
    forum (with `requires_tag` every post needs one) or of a post.
    """

    id: str
    name: str
    guild_id: str | None = None
    topic: str | None = None
    position: int = 0
    overwrites: list[Overwrite] = field(default_factory=list)
    recipient_id: str | None = None
    kind: int = TEXT_CHANNEL
    parent_id: str | None = None
    nsfw: bool = False
    owner_id: str | None = None
    created_at: float = 0.0
    archived: bool = False
    locked: bool = False
    """Whether only members with Manage Threads may write here and open the thread again."""
    tags: list[str] = field(default_factory=list)
    requires_tag: bool = False

    @property
    def dm(self) -> bool:
        """Whether this is a direct message channel."""
        return self.guild_id is None

    @property
    def thread(self) -> bool:
        """Whether this is a thread."""
        return self.parent_id is not None


@dataclass(slots=True)
class Guild:
    """A server. `members` maps a user's id to the ids of their roles; `upload_limit` is in bytes per file.

    Messages with one of the `blocked_words` are refused, and so are links and uploads if the server blocks them.
    """

    id: str
    name: str
    owner_id: str
    roles: dict[str, Role]
    members: dict[str, list[str]]
    upload_limit: int = 10 * 1024 * 1024
    locale: str = "en-US"
    blocked_words: tuple[str, ...] = ()
    blocks_links: bool = False
    blocks_uploads: bool = False


@dataclass(slots=True)
class Upload:
    """A file on the CDN. `ephemeral`: it was given to a command or a form, not posted."""

    id: str
    owner_id: str
    folder: str
    filename: str
    content_type: str
    size: int
    path: Path
    width: int | None = None
    height: int | None = None
    description: str | None = None
    ephemeral: bool = False


@dataclass(slots=True)
class Message:
    """A stored message; :mod:`serialize` makes Discord's message object, with fresh links.

    `owner_id` is the only user who sees an ephemeral message. `pinged` are the users who were notified when it was
    posted, according to its allowed_mentions (edits never notify).
    """

    id: str
    channel_id: str
    author_id: str
    content: str = ""
    type: int = DEFAULT
    flags: int = 0
    timestamp: float = 0.0
    edited: float | None = None
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Upload] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    mention_roles: list[str] = field(default_factory=list)
    mention_everyone: bool = False
    pinged: list[str] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    reference: Json | None = None
    snapshots: list[Json] = field(default_factory=list)
    nonce: str | int | None = None
    tts: bool = False
    owner_id: str | None = None
    interaction: Json | None = None
    webhook_token: str | None = None

    @property
    def loading(self) -> bool:
        """Whether it is the placeholder of a deferred response ("extend-bot is thinking…")."""
        return bool(self.flags & LOADING)
