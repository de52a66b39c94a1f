"""Deletes a reply whose task has no record any more, because its member deleted their data or it expired.

Only the bot's own message is left to decide by: it names the member, and its button has the task's id.
"""

from __future__ import annotations

import re

import discord

from bot.client import REQUEST_ERRORS, ExtendBot, Failure, classify, get_language
from bot.domain.errors import RequestRefused
from bot.i18n.text import tr
from bot.services.history import NOT_YOURS
from cogs.common.interactions import acknowledge, actor_of
from cogs.sharing.posts import delete_posts

_UNKNOWN = tr("I no longer know that task.")
_DONE = tr("Deleted.")
_POSTS_LEFT = tr("Discord did not allow the bot to delete every shared post just now. Press again in a minute.")
_NOT_READABLE = tr("The bot can no longer read that reply. Delete it yourself, or ask a moderator.")
_MENTION = re.compile(r"<@!?(?P<id>[0-9]{1,20})>")


def check_unrecorded(
    interaction: discord.Interaction[ExtendBot], message: discord.Message | None, task_id: int
) -> discord.Message:
    """Return the message if it is the bot's reply to that task and the member may delete it; else RequestRefused."""
    bot_id = interaction.client.user.id if interaction.client.user else 0
    if message is None or message.author.id != bot_id or f"task:delete:{task_id}" not in _custom_ids(message):
        raise RequestRefused(_UNKNOWN)
    actor = actor_of(interaction)
    moderates = not message.flags.ephemeral and actor.moderates_channel(actor.guild_id, message.channel.id)
    if _member_of(message) != actor.user_id and not moderates:
        raise RequestRefused(NOT_YOURS)
    return message


async def delete_pressed_on(interaction: discord.Interaction[ExtendBot]) -> None:
    """Delete the private message that was pressed on; only this interaction's token can do that."""
    await acknowledge(interaction)
    await interaction.delete_original_response()


async def delete_unrecorded(interaction: discord.Interaction[ExtendBot], task_id: int, message_id: int) -> None:
    """Delete that message of this channel and the posts that share its video. Raises RequestRefused."""
    await acknowledge(interaction)
    bot, language = interaction.client, get_language(interaction)
    channel = bot.get_partial_messageable(interaction.channel_id or 0, guild_id=interaction.guild_id)
    try:
        message = check_unrecorded(interaction, await channel.fetch_message(message_id), task_id)
        if not await delete_posts(bot, task_id):
            await interaction.edit_original_response(content=language.translate(_POSTS_LEFT))
            return
        await message.delete()
    except REQUEST_ERRORS as error:
        failure = classify(error)
        if failure is Failure.FORBIDDEN:
            raise RequestRefused(_NOT_READABLE) from error
        if failure is not Failure.GONE:
            raise
    await interaction.edit_original_response(content=language.translate(_DONE), view=None)


def _member_of(message: discord.Message) -> int | None:
    """Return the task's member: the user of the command that the message answers, or the one named on its card."""
    if message.interaction_metadata is not None:
        return message.interaction_metadata.user.id
    named = message.embeds[0].fields[0].value if message.embeds and message.embeds[0].fields else None
    match = _MENTION.fullmatch(named or "")
    return int(match["id"]) if match else None


def _custom_ids(message: discord.Message) -> set[str | None]:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return {getattr(child, "custom_id", None) for row in rows for child in row.children}
