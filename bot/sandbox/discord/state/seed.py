"""The initial server of the sandbox."""

from __future__ import annotations

from bot.sandbox.clock import Clock
from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.model import Guild, Overwrite, Role, User

BOT_ID = "1100000000000000001"
GUILD_ID = "1100000000000000100"
MODERATOR_ROLE, BOT_ROLE = "1100000000000000101", "1100000000000000102"


def build_film_club(clock: Clock) -> LiveWorld:
    """Build the server "Film Club" with its members, channels and the bot."""
    world = LiveWorld(clock, User(BOT_ID, "extend-bot", "#5865f2", bot=True))
    populate(world)
    return world


def populate(world: LiveWorld) -> None:
    """Add Film Club: Ana and Ben, the moderator Mia, an owner who is not shown on the page, and the bot."""
    ana = User("1100000000000000011", "Ana", "#e67e22")
    ben = User("1100000000000000012", "Ben", "#2ecc71")
    mia = User("1100000000000000013", "Mia", "#e84393")
    olga = User("1100000000000000014", "Olga", "#95a5a6", on_page=False)
    world.users |= {user.id: user for user in (ana, ben, mia, olga)}
    moderate = permissions.MANAGE_GUILD | permissions.MANAGE_MESSAGES
    roles = {
        GUILD_ID: Role(GUILD_ID, "@everyone", permissions.TALK, position=0),
        MODERATOR_ROLE: Role(MODERATOR_ROLE, "Moderator", moderate, position=2),
        BOT_ROLE: Role(BOT_ROLE, world.bot.name, permissions.TALK, position=1, managed_by=world.bot.id),
    }
    members: dict[str, list[str]] = {user.id: [] for user in world.users.values()}
    members[mia.id] = [MODERATOR_ROLE]
    members[world.bot.id] = [BOT_ROLE]
    guild = Guild(GUILD_ID, "Film Club", olga.id, roles, members)
    world.guilds[guild.id] = guild
    _add_channels(world, guild)


def _add_channels(world: LiveWorld, guild: Guild) -> None:
    world.add_channel(guild, "general", "Say hello; try the bot")
    world.add_channel(guild, "videos", "Extend your clips here")
    world.add_channel(guild, "showcase", "Finished videos")
    no_files = world.add_channel(guild, "no-files", "The bot cannot attach files or embed links here")
    forbidden = permissions.ATTACH_FILES | permissions.EMBED_LINKS
    no_files.overwrites = [Overwrite(world.bot.id, 1, deny=forbidden)]
    hidden = world.add_channel(guild, "moderators", "For moderators only")
    hidden.overwrites = [
        Overwrite(guild.id, 0, deny=permissions.VIEW_CHANNEL),
        Overwrite(MODERATOR_ROLE, 0, allow=permissions.VIEW_CHANNEL),
        Overwrite(BOT_ROLE, 0, allow=permissions.VIEW_CHANNEL),
    ]
