"""What a reply shows, read back from Discord: a restored backup may know less than the reply does."""

from __future__ import annotations

import discord

from bot.client import REQUEST_ERRORS, ExtendBot, Failure, classify
from bot.runner import NotNow, Seen
from bot.task import Place
from cogs._cards import BLUE, RESULT_NAME

_RUNNING = {"cancel", "fetch"}
_FINISHED = {"more", "delete"}


async def look(bot: ExtendBot, place: Place) -> Seen:
    """Read the reply; raises NotNow while Discord does not answer."""
    if place.ephemeral:
        return Seen.NOWHERE  # the bot is not shown it, and its token may be a dead one
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    try:
        return seen_in(await channel.fetch_message(place.message_id))
    except REQUEST_ERRORS as error:
        if classify(error) in {Failure.FORBIDDEN, Failure.GONE}:
            return Seen.NOWHERE
        raise NotNow(type(error).__name__, getattr(error, "retry_after", None)) from error


def seen_in(message: discord.Message) -> Seen:
    """Tell by attachment, buttons and colour, which no language changes."""
    actions = {
        child.custom_id.split(":")[1]
        for row in message.components
        for child in getattr(row, "children", ())
        if (getattr(child, "custom_id", None) or "").startswith("task:")
    }
    if actions & _FINISHED or any(each.filename == RESULT_NAME for each in message.attachments):
        return Seen.DELIVERED
    if actions & _RUNNING or not message.embeds:
        return Seen.UNDER_WAY
    colour = message.embeds[0].colour
    between = not actions and colour is not None and colour.value == BLUE  # "putting it together" has no buttons
    return Seen.UNDER_WAY if between else Seen.ENDED
