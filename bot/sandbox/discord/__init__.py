"""A stand-in Discord: REST v10, gateway, CDN, and the chat page's own API, in one aiohttp server.

It knows what Discord promises and what Discord refuses, and nothing about the bot.
"""

from bot.sandbox.discord.server import DiscordServer
from bot.sandbox.discord.state.changes import LiveWorld

__all__ = ["DiscordServer", "LiveWorld"]
