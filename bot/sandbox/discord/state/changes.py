"""Changes to the world, which also notify the gateway and the pages."""

from __future__ import annotations

from collections.abc import Collection

from bot.sandbox.discord.state import permissions, serialize
from bot.sandbox.discord.state.model import EPHEMERAL, PUBLIC_THREAD, TEXT_CHANNEL, Channel, Guild, Json, Message
from bot.sandbox.discord.state.world import World

GUILDS, GUILD_MESSAGES, GUILD_REACTIONS = 1 << 0, 1 << 9, 1 << 10

DIRECT_MESSAGES, DIRECT_REACTIONS = 1 << 12, 1 << 13
"""Gateway intents (Discord docs, Gateway, List of Intents)."""


def list_commands_for(world: LiveWorld, user_id: str) -> list[Json]:
    """The commands offered to the member, by `default_member_permissions`."""
    mine = permissions.compute_for_member(world.guild, user_id)
    return [each for each in list_all_commands(world) if _is_offered(each["default_member_permissions"], mine)]


def list_all_commands(world: LiveWorld) -> list[Json]:
    """The global commands and those of the page's server."""
    return [*world.commands[None].values(), *world.commands.get(world.guild.id, {}).values()]


def _is_offered(needed: str | None, mine: int) -> bool:
    if needed is None or mine == permissions.EVERYTHING:
        return True
    # "0" hides a command from all but administrators (Discord docs, Application Command Permissions).
    return needed != "0" and mine & int(needed) == int(needed)


def announce_commands(world: LiveWorld) -> None:
    """Push to every page the commands of its member."""
    for user_id in set(world.page_listeners.values()):
        world.announce({"t": "commands", "d": list_commands_for(world, user_id)}, {user_id})


class LiveWorld(World):
    """A world that announces its changes to the gateway and to the pages that may see them."""

    def announce(self, event: Json, to: Collection[str] | None = None) -> None:
        """Push `event` ({"t", "d"}) to the live sockets of the users `to` (None: all users). Does not wait."""
        for listener, user_id in list(self.page_listeners.items()):
            if to is None or user_id in to:
                listener(event)

    def dispatch(self, name: str, data: Json, intents: int = 0) -> None:
        """Dispatch a gateway event to the sessions with one of `intents` (0: all)."""
        for each in self.dispatchers:
            each(name, data, intents)

    def create(self, message: Message) -> Message:
        """Store a new message and publish it."""
        self.messages.setdefault(message.channel_id, {})[message.id] = message
        self._publish(message, "MESSAGE_CREATE")
        return message

    def update(self, message: Message) -> Message:
        """Publish an edited message."""
        self._publish(message, "MESSAGE_UPDATE")
        return message

    def remove(self, message: Message) -> None:
        """Delete a message."""
        deleted = {"id": message.id, "channel_id": message.channel_id}
        readers = [user_id for user_id in self.users if self.can_read(user_id, message)]
        del self.messages[message.channel_id][message.id]
        self.announce({"t": "message_delete", "d": deleted}, readers)
        if not message.flags & EPHEMERAL:
            self.dispatch("MESSAGE_DELETE", self._with_guild_id(deleted), self._choose_intents(message))

    def set_reaction(self, message: Message, user_id: str, emoji: str, remove: bool) -> None:
        """Add or remove one user's reaction. Repeating it has no effect."""
        who = message.reactions.setdefault(emoji, [])
        if (user_id in who) != remove:
            return
        who.remove(user_id) if remove else who.append(user_id)
        if not who:
            del message.reactions[emoji]
        readers = [each for each in self.users if self.can_read(each, message)]
        self.announce({"t": "message", "d": serialize.page_message(self, message)}, readers)
        data: Json = {"user_id": user_id, "channel_id": message.channel_id, "message_id": message.id}
        data |= {
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
            "message_author_id": message.author_id,
        }
        name = "MESSAGE_REACTION_REMOVE" if remove else "MESSAGE_REACTION_ADD"
        dm = self.channels[message.channel_id].dm
        self.dispatch(name, self._with_guild_id(data), DIRECT_REACTIONS if dm else GUILD_REACTIONS)

    def open_dm(self, user_id: str) -> Channel:
        """The user's direct messages with the bot; the channel is created on first use."""
        for channel in self.channels.values():
            if channel.recipient_id == user_id:
                return channel
        channel = Channel(self.ids.next(), self.bot.name, recipient_id=user_id)
        self.channels[channel.id] = channel
        self.announce({"t": "channel", "d": serialize.page_channel(channel)}, {user_id})
        return channel

    def add_channel(self, guild: Guild, name: str, topic: str | None = None, kind: int = TEXT_CHANNEL) -> Channel:
        """Add a text channel (or a forum) at the end of the server's list."""
        position = sum(each.guild_id == guild.id and not each.thread for each in self.channels.values())
        channel = Channel(self.ids.next(), name, guild.id, topic, position, kind=kind)
        self.channels[channel.id] = channel
        self.dispatch("CHANNEL_CREATE", serialize.channel(self, channel), GUILDS)
        return channel

    def add_thread(self, parent: Channel, thread_id: str, name: str, owner_id: str, tags: list[str]) -> Channel:
        """Add a forum post; its first message must get the same id."""
        thread = Channel(thread_id, name, parent.guild_id, None, parent.position, kind=PUBLIC_THREAD)
        thread.parent_id, thread.owner_id, thread.created_at, thread.tags = parent.id, owner_id, self.clock.now(), tags
        self.channels[thread.id] = thread
        readers = [user_id for user_id in self.users if self.permissions_in(user_id, thread) & permissions.VIEW_CHANNEL]
        self.announce({"t": "channel", "d": serialize.page_channel(thread)}, readers)
        self.dispatch("THREAD_CREATE", {**serialize.channel(self, thread), "newly_created": True}, GUILDS)
        return thread

    def edit_thread(self, thread: Channel, name: str, archived: bool) -> None:
        """Rename a thread, and archive or unarchive it."""
        thread.name, thread.archived = name, archived
        readers = [user_id for user_id in self.users if self.permissions_in(user_id, thread) & permissions.VIEW_CHANNEL]
        self.announce({"t": "channel", "d": serialize.page_channel(thread)}, readers)
        self.dispatch("THREAD_UPDATE", serialize.channel(self, thread), GUILDS)

    def remove_channel(self, channel_id: str) -> None:
        """Delete a channel or thread with its messages, and dispatch CHANNEL_DELETE or THREAD_DELETE."""
        channel = self.channels.pop(channel_id)
        for message in list(self.messages.pop(channel_id, {}).values()):
            self.announce({"t": "message_delete", "d": {"id": message.id, "channel_id": channel_id}})
        self.announce({"t": "channel_delete", "d": {"id": channel_id}})
        if not channel.thread:
            self.dispatch("CHANNEL_DELETE", serialize.channel(self, channel), GUILDS)
            return
        deleted = {"id": channel.id, "guild_id": channel.guild_id, "parent_id": channel.parent_id, "type": channel.kind}
        self.dispatch("THREAD_DELETE", deleted, GUILDS)

    def remove_bot(self, guild_id: str) -> None:
        """Remove the bot from a server and dispatch GUILD_DELETE."""
        self.guilds[guild_id].members.pop(self.bot.id)
        self.dispatch("GUILD_DELETE", {"id": guild_id}, GUILDS)

    def _publish(self, message: Message, name: str) -> None:
        readers = [user_id for user_id in self.users if self.can_read(user_id, message)]
        self.announce({"t": "message", "d": serialize.page_message(self, message)}, readers)
        # Ephemeral messages reach no gateway (Discord docs, Message Flags).
        channel = self.channels[message.channel_id]
        if not message.flags & EPHEMERAL and self.permissions_in(self.bot.id, channel) & permissions.VIEW_CHANNEL:
            self.dispatch(name, self._with_guild_id(serialize.for_bot(self, message)), self._choose_intents(message))

    def _choose_intents(self, message: Message) -> int:
        return DIRECT_MESSAGES if self.channels[message.channel_id].dm else GUILD_MESSAGES

    def _with_guild_id(self, data: Json) -> Json:
        channel = self.channels[data["channel_id"]]
        return data if channel.dm else {**data, "guild_id": channel.guild_id}
