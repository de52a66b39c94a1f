"""The routes to a member's message, in order (Discord docs, Receiving and Responding).

Edit by the interaction's token while it is valid; edit as the bot; new message in the channel; direct message.
Each returns the ReplyTarget that Discord accepted. It raises RouteClosed (try the next route), TooLarge (send it
without the file) or ReplyUnavailable (Discord is failing: retry the same route later).
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
from cogs.common.files import Upload, open_files
from cogs.common.threads import open_thread_and_retry
from cogs.common.transport import RouteClosed, ignore_deleted, raise_route_errors
from cogs.tasks import card as tasks_card
from cogs.tasks.buttons import task_view
from cogs.tasks.card import Card

_CLOCK_SKEW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReplyContent:
    """A card to show, and the file to attach."""

    task_id: int
    user_id: int
    card: Card
    upload: Upload | None = None
    keeps_attachments: bool = False
    """Leave the message's attachments as they are, so that a late edit by a dead process never removes the video.
    The card may refer to them: its attachment:// links must be repeated in each edit (Discord's API documentation,
    issue 5675)."""

    @property
    def file(self) -> Path | None:
        """The file to attach."""
        return self.upload.path if self.upload else None

    @asynccontextmanager
    async def open_files(self) -> AsyncIterator[list[discord.File]]:
        """Open the file for one request, inside which errors become RouteClosed, TooLarge or ReplyUnavailable."""
        with raise_route_errors():
            async with open_files(*([self.upload] if self.upload else [])) as files:
                yield files

    def attachments(self, files: list[discord.File]) -> list[discord.File]:
        """Return an edit's `attachments`: MISSING keeps those of the message, a list replaces them."""
        unchanged: list[discord.File] = MISSING
        return unchanged if self.keeps_attachments else files


async def by_token(bot: ExtendBot, place: ReplyTarget, content: ReplyContent) -> ReplyTarget:
    """Edit the reply with its interaction's token; the only route to an ephemeral reply."""
    with raise_route_errors():
        await open_thread_and_retry(bot, place.channel_id, lambda: _edit_by_token(bot, place, content))
    return place


async def _edit_by_token(bot: ExtendBot, place: ReplyTarget, content: ReplyContent) -> None:
    webhook = discord.Webhook.partial(place.application_id, place.token.get_secret_value(), client=bot)
    async with content.open_files() as files:
        await webhook.edit_message(
            place.message_id,
            content=content.card.content,
            embed=content.card.embed,
            attachments=content.attachments(files),
            view=task_view(content.task_id, content.card.actions, bot.languages.find_best_match(place.locale)),
            allowed_mentions=discord.AllowedMentions.none(),
        )


async def replace_by_ephemeral(bot: ExtendBot, place: ReplyTarget, content: ReplyContent) -> ReplyTarget:
    """Delete the public reply and send an ephemeral message to its member, with the interaction's token."""
    token = place.token.get_secret_value()
    # discord.py sends ephemeral messages only with application webhooks: those of type 3.
    webhook = discord.Webhook.from_state({"id": place.application_id, "type": 3, "token": token}, state=bot._connection)
    with raise_route_errors():
        with ignore_deleted():  # first, because a message that replaced a public "is thinking…" would be public too
            await webhook.delete_message(place.message_id)
        message: discord.WebhookMessage = await webhook.send(
            embed=content.card.embed,
            view=task_view(content.task_id, content.card.actions, bot.languages.find_best_match(place.locale)),
            ephemeral=True,
            allowed_mentions=discord.AllowedMentions.none(),
            wait=True,
        )
    return place.model_copy(update={"message_id": message.id, "ephemeral": True})


async def by_bot(bot: ExtendBot, place: ReplyTarget, content: ReplyContent) -> ReplyTarget:
    """Edit the reply as the bot; needs View Channel."""
    if place.ephemeral:
        raise RouteClosed("an ephemeral reply can only be edited by token")
    with raise_route_errors():
        await open_thread_and_retry(bot, place.channel_id, lambda: _edit_by_bot(bot, place, content))
    return place


async def _edit_by_bot(bot: ExtendBot, place: ReplyTarget, content: ReplyContent) -> None:
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    async with content.open_files() as files:
        await channel.get_partial_message(place.message_id).edit(
            content=content.card.content,
            embed=content.card.embed,
            attachments=content.attachments(files),
            view=task_view(content.task_id, content.card.actions, bot.languages.find_best_match(place.locale)),
            allowed_mentions=discord.AllowedMentions.none(),
        )


async def new_message(bot: ExtendBot, place: ReplyTarget, content: ReplyContent) -> ReplyTarget:
    """Post in the channel, mentioning only the member. Never used for a private reply."""
    if place.ephemeral:
        raise RouteClosed("a private reply is not posted in public")
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    return await _post(bot, channel, place, content)


async def direct_message(bot: ExtendBot, place: ReplyTarget, content: ReplyContent) -> ReplyTarget:
    """Send a direct message to the member."""
    with raise_route_errors():
        channel = await bot.create_dm(discord.Object(content.user_id))
    return await _post(bot, channel, place.model_copy(update={"guild_id": None, "ephemeral": False}), content)


async def _post(
    bot: ExtendBot, channel: discord.abc.Messageable, place: ReplyTarget, content: ReplyContent
) -> ReplyTarget:
    async with content.open_files() as files:
        message = await channel.send(
            f"<@{content.user_id}>",
            embed=content.card.embed,
            files=files,
            view=task_view(content.task_id, content.card.actions, bot.languages.find_best_match(place.locale)),
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=[discord.Object(content.user_id)]
            ),
            nonce=f"task-{content.task_id}",  # for a few minutes, Discord does not post a second message with it
        )
    return place.model_copy(update={"channel_id": message.channel.id, "message_id": message.id})


async def notify_member(bot: ExtendBot, task: Task, *, again: bool) -> None:
    """Reply to the task's message with a mention that notifies only its member.

    If `again`, first check that an earlier try has not succeeded. The nonce covers a try that is still in progress
    (Discord docs, Create Message, `enforce_nonce`).
    """
    place = task.place
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    with raise_route_errors():
        if again and await _has_notified(bot, channel, task):
            return
        await channel.send(
            tasks_card.notification_text(task, bot.languages.find_best_match(place.locale)),
            reference=discord.MessageReference(
                message_id=place.message_id, channel_id=place.channel_id, fail_if_not_exists=False
            ),
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=[discord.Object(task.order.user_id)], replied_user=False
            ),
            nonce=f"ping-{task.id}",
        )


async def _has_notified(bot: ExtendBot, channel: discord.abc.Messageable, task: Task) -> bool:
    """Return whether the bot has posted the notification. Raises discord.py's exceptions."""
    # Without Read Message History, Discord returns an empty history, but refuses this request.
    await channel.fetch_message(task.place.message_id)
    since = (task.notification_attempted_at or task.state_changed_at) - _CLOCK_SKEW
    async for message in channel.history(after=since, limit=100):
        answers = message.reference is not None and message.reference.message_id == task.place.message_id
        if answers and bot.user is not None and message.author.id == bot.user.id:
            return True
    return False


async def delete_by_bot(bot: ExtendBot, place: ReplyTarget) -> None:
    """Delete the reply as the bot; it may be gone already."""
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)

    async def delete() -> None:
        with ignore_deleted():
            await channel.get_partial_message(place.message_id).delete()

    with raise_route_errors():
        await open_thread_and_retry(bot, place.channel_id, delete)


async def delete_by_token(bot: ExtendBot, place: ReplyTarget) -> None:
    """Delete the reply with an interaction's token; the only route to an ephemeral reply."""
    webhook = discord.Webhook.partial(place.application_id, place.token.get_secret_value(), client=bot)
    with raise_route_errors(), ignore_deleted():
        await webhook.delete_message(place.message_id)
