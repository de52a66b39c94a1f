"""Reads what a reply shows from Discord: after a restore, the reply may be newer than the database."""

from __future__ import annotations

import discord

from bot.client import REQUEST_ERRORS, ExtendBot, Failure, classify
from bot.domain.reply_port import ReplyState, ReplyUnavailable
from bot.domain.task import ReplyTarget
from cogs.common.files import is_film_name
from cogs.common.formatting import BLUE

_RUNNING = {"cancel", "fetch"}
_FINISHED = {"more", "delete"}


async def read_state(bot: ExtendBot, place: ReplyTarget) -> ReplyState:
    """Read the reply's state. Raises ReplyUnavailable while Discord does not answer."""
    if place.ephemeral:
        return ReplyState.UNREADABLE  # the bot cannot read it, and its token may have expired
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    try:
        return state_of_message(await channel.fetch_message(place.message_id))
    except REQUEST_ERRORS as error:
        if classify(error) in {Failure.FORBIDDEN, Failure.GONE}:
            return ReplyState.UNREADABLE
        raise ReplyUnavailable(type(error).__name__, getattr(error, "retry_after", None)) from error


def state_of_message(message: discord.Message) -> ReplyState:
    """Decide by attachment, buttons and colour, which do not depend on the language."""
    actions = _list_actions(message)
    if actions & _FINISHED or any(is_film_name(each.filename) for each in message.attachments):
        return ReplyState.DELIVERED
    if actions & _RUNNING or not message.embeds:
        return ReplyState.RUNNING
    colour = message.embeds[0].colour
    assembling = not actions and colour is not None and colour.value == BLUE  # "Assembling the video" has no buttons
    return ReplyState.RUNNING if assembling else ReplyState.ENDED


def has_running_buttons(message: discord.Message) -> bool:
    """Whether the message shows a task that is not finished."""
    return bool(_list_actions(message) & _RUNNING)


def _list_actions(message: discord.Message) -> set[str]:
    return {
        child.custom_id.split(":")[1]
        for row in message.components
        for child in getattr(row, "children", ())
        if (getattr(child, "custom_id", None) or "").startswith("task:")
    }
