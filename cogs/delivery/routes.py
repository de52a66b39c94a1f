"""The ways to a member's message, first to last (Discord docs, Receiving and Responding).

By the interaction's token while it lives; by the bot's own edit; by a new message in the channel; by direct message.
Each returns the Place at which Discord took it, or raises Closed (this way is shut: try the next), TooLarge (send it
without the file) or NotNow (Discord is ill: the same way again, later).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import discord
from discord.utils import MISSING

from bot.client import ExtendBot
from bot.domain.task import ReplyTarget, Task
from cogs.common.files import open_files
from cogs.common.formatting import RESULT_NAME
from cogs.common.transport import RouteClosed, ignore_deleted, raise_route_errors
from cogs.tasks import card as tasks_card
from cogs.tasks.buttons import task_view
from cogs.tasks.card import Card

_CLOCK_SKEW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReplyContent:
    """What is to be shown: a card, and the file that belongs to it."""

    task_id: int
    user_id: int
    card: Card
    file: Path | None = None
    filename: str = RESULT_NAME
    keeps_attachments: bool = False
    """The message's attachments stay as they are, so that an edit which arrives late (a dead process sent it) never
    takes the video away. The card may name them: its attachment:// links find those that stay, and must be said
    again in each edit (Discord's API documentation, issue 5675)."""

    @asynccontextmanager
    async def open_files(self) -> AsyncIterator[list[discord.File]]:
        """A new File object, because each serves one request; what goes wrong meanwhile is one of the three errors."""
        with raise_route_errors():
            async with open_files(*([(self.file, self.filename)] if self.file else [])) as files:
                yield files

    def attachments(self, files: list[discord.File]) -> list[discord.File]:
        """What an edit says of attachments: left out, they stay; a list is exactly what remains."""
        kept: list[discord.File] = MISSING
        return kept if self.keeps_attachments else files


async def by_token(bot: ExtendBot, place: ReplyTarget, parcel: ReplyContent) -> ReplyTarget:
    """Edit the reply as the interaction that made it; the only way to an ephemeral one."""
    hook = discord.Webhook.partial(place.application_id, place.token.get_secret_value(), client=bot)
    async with parcel.open_files() as files:
        await hook.edit_message(
            place.message_id,
            content=parcel.card.content,
            embed=parcel.card.embed,
            attachments=parcel.attachments(files),
            view=task_view(parcel.task_id, parcel.card.actions, bot.languages.best_match(place.locale)),
            allowed_mentions=discord.AllowedMentions.none(),
        )
    return place


async def replace_by_ephemeral(bot: ExtendBot, place: ReplyTarget, parcel: ReplyContent) -> ReplyTarget:
    """Delete the public reply, and tell its member alone, as the interaction that made it."""
    token = place.token.get_secret_value()
    # discord.py sends private messages only by webhooks that it knows to be an application's: those of type 3.
    hook = discord.Webhook.from_state({"id": place.application_id, "type": 3, "token": token}, state=bot._connection)
    with raise_route_errors():
        with ignore_deleted():  # in this order: what answers "is thinking…" would be as public as that is
            await hook.delete_message(place.message_id)
        message: discord.WebhookMessage = await hook.send(
            embed=parcel.card.embed,
            view=task_view(parcel.task_id, parcel.card.actions, bot.languages.best_match(place.locale)),
            ephemeral=True,
            allowed_mentions=discord.AllowedMentions.none(),
            wait=True,
        )
    return place.model_copy(update={"message_id": message.id, "ephemeral": True})


async def by_bot(bot: ExtendBot, place: ReplyTarget, parcel: ReplyContent) -> ReplyTarget:
    """Edit the reply as the bot, which needs no token but View Channel."""
    if place.ephemeral:
        raise RouteClosed("only its token reaches an ephemeral reply")
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    async with parcel.open_files() as files:
        await channel.get_partial_message(place.message_id).edit(
            content=parcel.card.content,
            embed=parcel.card.embed,
            attachments=parcel.attachments(files),
            view=task_view(parcel.task_id, parcel.card.actions, bot.languages.best_match(place.locale)),
            allowed_mentions=discord.AllowedMentions.none(),
        )
    return place


async def new_message(bot: ExtendBot, place: ReplyTarget, parcel: ReplyContent) -> ReplyTarget:
    """Post in the channel, mentioning the member and nobody else. Never for what was private."""
    if place.ephemeral:
        raise RouteClosed("a private reply is not made public")
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    return await _post(bot, channel, place, parcel)


async def direct_message(bot: ExtendBot, place: ReplyTarget, parcel: ReplyContent) -> ReplyTarget:
    """Write to the member directly, the last way."""
    with raise_route_errors():
        channel = await bot.create_dm(discord.Object(parcel.user_id))
    return await _post(bot, channel, place.model_copy(update={"guild_id": None, "ephemeral": False}), parcel)


async def _post(
    bot: ExtendBot, channel: discord.abc.Messageable, place: ReplyTarget, parcel: ReplyContent
) -> ReplyTarget:
    async with parcel.open_files() as files:
        message = await channel.send(
            f"<@{parcel.user_id}>",
            embed=parcel.card.embed,
            files=files,
            view=task_view(parcel.task_id, parcel.card.actions, bot.languages.best_match(place.locale)),
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=[discord.Object(parcel.user_id)]
            ),
            nonce=f"task-{parcel.task_id}",  # Discord drops a second post with it, for some minutes
        )
    return place.model_copy(update={"channel_id": message.channel.id, "message_id": message.id})


async def notify_member(bot: ExtendBot, task: Task, *, again: bool) -> None:
    """Answer the reply with a mention of its member, which notifies them and nobody else.

    `again`: only if that is not there yet. A nonce sees to a try that is still under way (Discord docs, Create
    Message, `enforce_nonce`).
    """
    place = task.place
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    with raise_route_errors():
        if again and await _has_notified(bot, channel, task):
            return
        await channel.send(
            tasks_card.notification_text(task, bot.languages.best_match(place.locale)),
            reference=discord.MessageReference(
                message_id=place.message_id, channel_id=place.channel_id, fail_if_not_exists=False
            ),
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=[discord.Object(task.order.user_id)], replied_user=False
            ),
            nonce=f"ping-{task.id}",
        )


async def _has_notified(bot: ExtendBot, channel: discord.abc.Messageable, task: Task) -> bool:
    """Whether the bot has answered the reply since it first tried to. Raises what discord.py raises."""
    # Without Read Message History the list would be empty, but this is refused.
    await channel.fetch_message(task.place.message_id)
    since = (task.notification_attempted_at or task.state_changed_at) - _CLOCK_SKEW
    async for message in channel.history(after=since, limit=100):
        answers = message.reference is not None and message.reference.message_id == task.place.message_id
        if answers and bot.user is not None and message.author.id == bot.user.id:
            return True
    return False


async def delete_by_bot(bot: ExtendBot, place: ReplyTarget) -> None:
    """Delete the reply as the bot; that it is gone already is as good."""
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    with raise_route_errors(), ignore_deleted():
        await channel.get_partial_message(place.message_id).delete()


async def delete_by_token(bot: ExtendBot, place: ReplyTarget) -> None:
    """Delete the reply as the interaction that made it, or as a press on it; the only way to an ephemeral one."""
    hook = discord.Webhook.partial(place.application_id, place.token.get_secret_value(), client=bot)
    with raise_route_errors(), ignore_deleted():
        await hook.delete_message(place.message_id)
