"""A fake of Discord: REST v10, gateway, CDN and the chat page's API in one aiohttp server.

It implements Discord's documented behaviour and errors, and knows nothing about the bot.
"""

from bot.sandbox.discord.server import DiscordServer
from bot.sandbox.discord.state.changes import LiveWorld

__all__ = ["DiscordServer", "LiveWorld"]
