"""Everything that is so in the stand-in: who is there, what was said, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from bot.sandbox.clock import Clock
from bot.sandbox.discord import permissions, shapes
from bot.sandbox.discord.files import Files
from bot.sandbox.discord.model import (
    DEFAULT,
    EPHEMERAL,
    PUBLIC_THREAD,
    TEXT_CHANNEL,
    Channel,
    Guild,
    Json,
    Message,
    Role,
    User,
)
from bot.sandbox.discord.ratelimit import RateLimits
from bot.sandbox.discord.seed import BOT_ID, populate
from bot.sandbox.discord.snowflakes import Snowflakes
from bot.sandbox.discord.starts import SessionLimits

PageListener = Callable[[Json], None]
"""Takes one event of a page's live socket; never waits."""
Dispatch = Callable[[str, Json, int], None]
"""Takes a gateway event's name, its data, and the intents of which a session needs one (0: none)."""

GUILDS, GUILD_MESSAGES, GUILD_REACTIONS = 1 << 0, 1 << 9, 1 << 10
DIRECT_MESSAGES, DIRECT_REACTIONS = 1 << 12, 1 << 13
"""Gateway intents (Discord docs, Gateway, List of Intents)."""


@dataclass(eq=False)
class World:
    """The state of the stand-in; its methods change it and tell the pages and the gateway.

    `token` is the bot's; `member_upload_limit` is what members may post, in bytes; `privileged` are the privileged
    intents that the application was granted (none); `samples` are the page's sample clips, as the page's API has them.
    `shards` is how many the gateway recommends, and `shards_demanded` how few it takes no longer.
    """

    clock: Clock
    bot: User
    token: str = "sandbox-bot-token"  # noqa: S105 (of a stand-in that listens on loopback only)
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
        self.starts = SessionLimits()
        self.users[self.bot.id] = self.bot

    @classmethod
    def seeded(cls, clock: Clock) -> World:
        """The server "Film Club" with its members, channels and the bot."""
        world = cls(clock, User(BOT_ID, "extend-bot", "#5865f2", bot=True))
        populate(world)
        return world

    @property
    def application_id(self) -> str:
        """The application's id, which for newer applications is the bot user's."""
        return self.bot.id

    @property
    def guild(self) -> Guild:
        """The server that the page shows."""
        return next(iter(self.guilds.values()))

    def user_named(self, name: str) -> User:
        """The user of that name; raises KeyError."""
        return {user.name: user for user in self.users.values()}[name]

    def channel_named(self, name: str) -> Channel:
        """The server channel of that name (without #); raises KeyError."""
        return {channel.name: channel for channel in self.channels.values() if not channel.dm}[name]

    def permissions_in(self, user_id: str, channel: Channel) -> int:
        """The permission bits of the user in that channel; 0 for who is not there."""
        if channel.guild_id is None:
            return permissions.IN_DMS if user_id in (channel.recipient_id, self.bot.id) else 0
        guild = self.guilds.get(channel.guild_id)
        if guild is None:
            return 0
        if channel.parent_id is not None:
            parent = self.channels.get(channel.parent_id)
            return permissions.in_thread(guild, parent, user_id) if parent else 0
        return permissions.in_channel(guild, channel, user_id)

    def can_read(self, user_id: str, message: Message) -> bool:
        """Whether the user can read that message on their page."""
        channel = self.channels.get(message.channel_id)
        if channel is None or message.owner_id not in (None, user_id):
            return False
        return bool(self.permissions_in(user_id, channel) & permissions.VIEW_CHANNEL)

    def moderates(self, user_id: str) -> bool:
        """Whether the user has Manage Server."""
        return bool(permissions.of_member(self.guild, user_id) & permissions.MANAGE_GUILD)

    def upload_limit(self, channel: Channel) -> int:
        """Bytes per file that the bot may send there."""
        guild = self.guilds.get(channel.guild_id or "")
        return guild.upload_limit if guild else 10 * 1024 * 1024

    def message(self, channel_id: str, message_id: str) -> Message | None:
        """The message, if it is there."""
        return self.messages.get(channel_id, {}).get(message_id)

    def new_message(self, channel_id: str, author_id: str, kind: int = DEFAULT, flags: int = 0) -> Message:
        """An empty message with an id and a time of its own; :meth:`create` makes it known."""
        now = self.clock.now()
        return Message(self.ids.next(), channel_id, author_id, type=kind, flags=flags, timestamp=now)

    def announce(self, event: Json, to: Collection[str] | None = None) -> None:
        """Push `event` ({"t", "d"}) to the live sockets of the users `to` (None: of all). Never waits."""
        for hear, user_id in list(self.page_listeners.items()):
            if to is None or user_id in to:
                hear(event)

    def dispatch(self, name: str, data: Json, intents: int = 0) -> None:
        """Send a gateway event to the bot's sessions that have one of `intents`."""
        for each in self.dispatchers:
            each(name, data, intents)

    def create(self, message: Message) -> Message:
        """Keep a new message and tell who may see it."""
        self.messages.setdefault(message.channel_id, {})[message.id] = message
        self._tell(message, "MESSAGE_CREATE")
        return message

    def update(self, message: Message) -> Message:
        """Tell who may see it that a message is different now."""
        self._tell(message, "MESSAGE_UPDATE")
        return message

    def remove(self, message: Message) -> None:
        """Delete a message."""
        gone = {"id": message.id, "channel_id": message.channel_id}
        readers = [user_id for user_id in self.users if self.can_read(user_id, message)]
        del self.messages[message.channel_id][message.id]
        self.announce({"t": "message_delete", "d": gone}, readers)
        if not message.flags & EPHEMERAL:
            self.dispatch("MESSAGE_DELETE", self._placed(gone), self._intents(message))

    def reaction(self, message: Message, user_id: str, emoji: str, remove: bool) -> None:
        """Add or take away one user's reaction; the same one twice changes nothing."""
        who = message.reactions.setdefault(emoji, [])
        if (user_id in who) != remove:
            return
        who.remove(user_id) if remove else who.append(user_id)
        if not who:
            del message.reactions[emoji]
        readers = [each for each in self.users if self.can_read(each, message)]
        self.announce({"t": "message", "d": shapes.page_message(self, message)}, readers)
        data: Json = {"user_id": user_id, "channel_id": message.channel_id, "message_id": message.id}
        data |= {
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
            "message_author_id": message.author_id,
        }
        name = "MESSAGE_REACTION_REMOVE" if remove else "MESSAGE_REACTION_ADD"
        dm = self.channels[message.channel_id].dm
        self.dispatch(name, self._placed(data), DIRECT_REACTIONS if dm else GUILD_REACTIONS)

    def dm(self, user_id: str) -> Channel:
        """The user's direct messages with the bot, made on demand."""
        for channel in self.channels.values():
            if channel.recipient_id == user_id:
                return channel
        channel = Channel(self.ids.next(), self.bot.name, recipient_id=user_id)
        self.channels[channel.id] = channel
        self.announce({"t": "channel", "d": shapes.page_channel(channel)}, {user_id})
        return channel

    def add_channel(self, guild: Guild, name: str, topic: str | None = None, kind: int = TEXT_CHANNEL) -> Channel:
        """A new text channel (or forum) at the end of the server's list."""
        position = sum(each.guild_id == guild.id and not each.thread for each in self.channels.values())
        channel = Channel(self.ids.next(), name, guild.id, topic, position, kind=kind)
        self.channels[channel.id] = channel
        self.dispatch("CHANNEL_CREATE", shapes.channel(self, channel), GUILDS)
        return channel

    def add_thread(self, parent: Channel, thread_id: str, name: str, owner_id: str, tags: list[str]) -> Channel:
        """A new post of a forum; its first message is to have the same id."""
        thread = Channel(thread_id, name, parent.guild_id, None, parent.position, kind=PUBLIC_THREAD)
        thread.parent_id, thread.owner_id, thread.begun, thread.tags = parent.id, owner_id, self.clock.now(), tags
        self.channels[thread.id] = thread
        readers = [user_id for user_id in self.users if self.permissions_in(user_id, thread) & permissions.VIEW_CHANNEL]
        self.announce({"t": "channel", "d": shapes.page_channel(thread)}, readers)
        self.dispatch("THREAD_CREATE", {**shapes.channel(self, thread), "newly_created": True}, GUILDS)
        return thread

    def edit_thread(self, thread: Channel, name: str, archived: bool) -> None:
        """Rename a thread, and archive or open it."""
        thread.name, thread.archived = name, archived
        readers = [user_id for user_id in self.users if self.permissions_in(user_id, thread) & permissions.VIEW_CHANNEL]
        self.announce({"t": "channel", "d": shapes.page_channel(thread)}, readers)
        self.dispatch("THREAD_UPDATE", shapes.channel(self, thread), GUILDS)

    def remove_channel(self, channel_id: str) -> None:
        """Delete a channel or thread with all its messages; the bot hears CHANNEL_DELETE or THREAD_DELETE."""
        channel = self.channels.pop(channel_id)
        for message in list(self.messages.pop(channel_id, {}).values()):
            self.announce({"t": "message_delete", "d": {"id": message.id, "channel_id": channel_id}})
        self.announce({"t": "channel_delete", "d": {"id": channel_id}})
        if not channel.thread:
            self.dispatch("CHANNEL_DELETE", shapes.channel(self, channel), GUILDS)
            return
        gone = {"id": channel.id, "guild_id": channel.guild_id, "parent_id": channel.parent_id, "type": channel.kind}
        self.dispatch("THREAD_DELETE", gone, GUILDS)

    def remove_bot(self, guild_id: str) -> None:
        """Kick the bot from a server; it hears GUILD_DELETE and sees nothing there any more."""
        self.guilds[guild_id].members.pop(self.bot.id)
        self.dispatch("GUILD_DELETE", {"id": guild_id}, GUILDS)

    def invite_bot(self, guild_id: str) -> None:
        """Bring the bot (back) into a server; it hears GUILD_CREATE."""
        guild = self.guilds[guild_id]
        guild.members[self.bot.id] = []
        # `unavailable` is there after an outage or at the start, not when a bot joins: thus clients tell them apart.
        told = {
            name: it for name, it in shapes.full_guild(self, guild, all_members=False).items() if name != "unavailable"
        }
        self.dispatch("GUILD_CREATE", told, GUILDS)

    def add_role(self, guild: Guild, name: str, permission_bits: int) -> Role:
        """A new role above the others."""
        role = Role(self.ids.next(), name, permission_bits, position=len(guild.roles))
        guild.roles[role.id] = role
        self.dispatch("GUILD_ROLE_CREATE", {"guild_id": guild.id, "role": shapes.role(role)}, GUILDS)
        return role

    def close(self) -> None:
        """Forget the files on disk."""
        self.files.close()

    def _tell(self, message: Message, name: str) -> None:
        readers = [user_id for user_id in self.users if self.can_read(user_id, message)]
        self.announce({"t": "message", "d": shapes.page_message(self, message)}, readers)
        # Ephemeral messages reach no gateway (Discord docs, Message Flags).
        channel = self.channels[message.channel_id]
        if not message.flags & EPHEMERAL and self.permissions_in(self.bot.id, channel) & permissions.VIEW_CHANNEL:
            self.dispatch(name, self._placed(shapes.for_bot(self, message)), self._intents(message))

    def _intents(self, message: Message) -> int:
        return DIRECT_MESSAGES if self.channels[message.channel_id].dm else GUILD_MESSAGES

    def _placed(self, data: Json) -> Json:
        channel = self.channels[data["channel_id"]]
        return data if channel.dm else {**data, "guild_id": channel.guild_id}
