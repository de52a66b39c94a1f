"""The Discord fake's state and who may see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.clock import Clock
from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.files import Files
from bot.sandbox.discord.state.model import DEFAULT, Channel, Guild, Json, Message, User
from bot.sandbox.discord.state.rate_limits import RateLimits
from bot.sandbox.discord.state.session_limits import SessionLimits
from bot.sandbox.discord.state.snowflakes import Snowflakes

PageListener = Callable[[Json], None]
"""Receives one event for a page's live socket; must not wait."""

Dispatch = Callable[[str, Json, int], None]
"""Receives a gateway event's name and data, and the intents of which a session needs one (0: none)."""


@dataclass(eq=False)
class World:
    """Users, guilds, channels and messages, and who may see them.

    `token` is the bot's; `member_upload_limit` is members' limit in bytes; `privileged` are the privileged intents
    granted to the application (none); `samples` describe the page's sample clips. `shards` is the recommended number
    of shards, and `shards_demanded` the smallest number that the gateway accepts.
    """

    clock: Clock
    bot: User
    token: str = "sandbox-bot-token"  # noqa: S105 (of a fake that listens on loopback only)
    member_upload_limit: int = 100 * 1024 * 1024
    privileged: int = 0
    shards: int = 1
    shards_demanded: int = 1
    online: bool = False
    users: dict[str, User] = field(default_factory=dict)
    guilds: dict[str, Guild] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: dict[str, dict[str, Message]] = field(default_factory=dict)
    commands: dict[str | None, dict[str, Json]] = field(default_factory=lambda: {None: {}})
    samples: list[Json] = field(default_factory=list)
    page_listeners: dict[PageListener, str] = field(default_factory=dict)
    dispatchers: list[Dispatch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = Snowflakes(self.clock)
        self.files = Files(self.clock, self.ids)
        self.ratelimits = RateLimits(self.clock)
        self.session_limits = SessionLimits()
        self.users[self.bot.id] = self.bot

    @property
    def application_id(self) -> str:
        """The application's id, which equals the bot user's id for newer applications."""
        return self.bot.id

    @property
    def guild(self) -> Guild:
        """The server that the page shows."""
        return next(iter(self.guilds.values()))

    def permissions_in(self, user_id: str, channel: Channel) -> int:
        """The user's permission bits in that channel; 0 for users who are not in it."""
        if channel.guild_id is None:
            return permissions.IN_DMS if user_id in (channel.recipient_id, self.bot.id) else 0
        guild = self.guilds.get(channel.guild_id)
        if guild is None:
            return 0
        if channel.parent_id is not None:
            parent = self.channels.get(channel.parent_id)
            return permissions.compute_in_thread(guild, parent, user_id) if parent else 0
        return permissions.compute_in_channel(guild, channel, user_id)

    def can_read(self, user_id: str, message: Message) -> bool:
        """Whether the user can read that message on their page."""
        channel = self.channels.get(message.channel_id)
        if channel is None or message.owner_id not in (None, user_id):
            return False
        return bool(self.permissions_in(user_id, channel) & permissions.VIEW_CHANNEL)

    def is_moderator(self, user_id: str) -> bool:
        """Whether the user has Manage Server."""
        return bool(permissions.compute_for_member(self.guild, user_id) & permissions.MANAGE_GUILD)

    def upload_limit(self, channel: Channel) -> int:
        """The bot's upload limit there, in bytes per file."""
        guild = self.guilds.get(channel.guild_id or "")
        return guild.upload_limit if guild else 10 * 1024 * 1024

    def find_message(self, channel_id: str, message_id: str) -> Message | None:
        """The message, if it exists."""
        return self.messages.get(channel_id, {}).get(message_id)

    def new_message(self, channel_id: str, author_id: str, kind: int = DEFAULT, flags: int = 0) -> Message:
        """A new, empty message with an id and a timestamp; :meth:`create` publishes it."""
        now = self.clock.now()
        return Message(self.ids.next(), channel_id, author_id, type=kind, flags=flags, timestamp=now)

    def close(self) -> None:
        """Delete the files on disk."""
        self.files.close()
