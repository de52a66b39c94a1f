"""The ways to a member's message, first to last (Discord docs, Receiving and Responding).

By the interaction's token while it lives; by the bot's own edit; by a new message in the channel; by direct message.
Each returns the Place at which Discord took it, or raises Closed (this way is shut: try the next), TooLarge (send it
without the file) or NotNow (Discord is ill: the same way again, later).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import discord
from discord.utils import MISSING

from bot.client import ExtendBot
from bot.runner import NotNow
from bot.task import Place, Task
from cogs import _cards
from cogs._buttons import view_of
from cogs._cards import RESULT_NAME, Card

_SHUT = {401, 403, 404}
_TOO_LARGE = 40005
_UNKNOWN_MESSAGE = 10008
_CLOCKS_DIFFER = timedelta(minutes=1)


class Closed(Exception):
    """The way does not lead to the message any more."""


class TooLarge(Exception):
    """Discord does not take a file of this size here."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be shown: a card, and the file that belongs to it."""

    task_id: int
    user_id: int
    card: Card
    file: Path | None = None
    filename: str = RESULT_NAME
    keeps: bool = False
    """The message's attachments stay as they are, so that an edit which arrives late (a dead process sent it) never
    takes the video away. The card may name them: its attachment:// links find those that stay, and must be said
    again in each edit (Discord's API documentation, issue 5675)."""

    def files(self) -> list[discord.File]:
        """A new File object for each try, because each serves one request."""
        return [discord.File(self.file, filename=self.filename)] if self.file else []

    def attachments(self) -> list[discord.File]:
        """What an edit says of attachments: left out, they stay; a list is exactly what remains."""
        kept: list[discord.File] = MISSING
        return kept if self.keeps else self.files()


async def by_token(bot: ExtendBot, place: Place, parcel: Parcel) -> Place:
    """Edit the reply as the interaction that made it; the only way to an ephemeral one."""
    hook = discord.Webhook.partial(place.application_id, place.token.get_secret_value(), client=bot)
    with _verdict():
        await hook.edit_message(
            place.message_id,
            content=parcel.card.content,
            embed=parcel.card.embed,
            attachments=parcel.attachments(),
            view=view_of(parcel.task_id, parcel.card.actions, bot.languages.of(place.locale)),
            allowed_mentions=discord.AllowedMentions.none(),
        )
    return place


async def privately(bot: ExtendBot, place: Place, parcel: Parcel) -> Place:
    """Delete the public reply, and tell its member alone, as the interaction that made it."""
    token = place.token.get_secret_value()
    # discord.py sends private messages only by webhooks that it knows to be an application's: those of type 3.
    hook = discord.Webhook.from_state({"id": place.application_id, "type": 3, "token": token}, state=bot._connection)
    with _verdict():
        with _gone_is_good():  # in this order: what answers "is thinking…" would be as public as that is
            await hook.delete_message(place.message_id)
        message: discord.WebhookMessage = await hook.send(
            embed=parcel.card.embed,
            view=view_of(parcel.task_id, parcel.card.actions, bot.languages.of(place.locale)),
            ephemeral=True,
            allowed_mentions=discord.AllowedMentions.none(),
            wait=True,
        )
    return place.model_copy(update={"message_id": message.id, "ephemeral": True})


async def by_bot(bot: ExtendBot, place: Place, parcel: Parcel) -> Place:
    """Edit the reply as the bot, which needs no token but View Channel."""
    if place.ephemeral:
        raise Closed("only its token reaches an ephemeral reply")
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    with _verdict():
        await channel.get_partial_message(place.message_id).edit(
            content=parcel.card.content,
            embed=parcel.card.embed,
            attachments=parcel.attachments(),
            view=view_of(parcel.task_id, parcel.card.actions, bot.languages.of(place.locale)),
            allowed_mentions=discord.AllowedMentions.none(),
        )
    return place


async def new_message(bot: ExtendBot, place: Place, parcel: Parcel) -> Place:
    """Post in the channel, mentioning the member and nobody else. Never for what was private."""
    if place.ephemeral:
        raise Closed("a private reply is not made public")
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    return await _post(bot, channel, place, parcel)


async def direct_message(bot: ExtendBot, place: Place, parcel: Parcel) -> Place:
    """Write to the member directly, the last way."""
    with _verdict():
        channel = await bot.create_dm(discord.Object(parcel.user_id))
    return await _post(bot, channel, place.model_copy(update={"guild_id": None, "ephemeral": False}), parcel)


async def _post(bot: ExtendBot, channel: discord.abc.Messageable, place: Place, parcel: Parcel) -> Place:
    with _verdict():
        message = await channel.send(
            f"<@{parcel.user_id}>",
            embed=parcel.card.embed,
            files=parcel.files(),
            view=view_of(parcel.task_id, parcel.card.actions, bot.languages.of(place.locale)),
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=[discord.Object(parcel.user_id)]
            ),
            nonce=f"task-{parcel.task_id}",  # Discord drops a second post with it, for some minutes
        )
    return place.model_copy(update={"channel_id": message.channel.id, "message_id": message.id})


async def ping(bot: ExtendBot, task: Task, *, again: bool) -> None:
    """Answer the reply with a mention of its member, which notifies them and nobody else.

    `again`: only if that is not there yet. A nonce sees to a try that is still under way (Discord docs, Create
    Message, `enforce_nonce`).
    """
    place = task.place
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    with _verdict():
        if again and await _answered(bot, channel, task):
            return
        await channel.send(
            _cards.ping(task, bot.languages.of(place.locale)),
            reference=discord.MessageReference(
                message_id=place.message_id, channel_id=place.channel_id, fail_if_not_exists=False
            ),
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=[discord.Object(task.order.user_id)], replied_user=False
            ),
            nonce=f"ping-{task.id}",
        )


async def _answered(bot: ExtendBot, channel: discord.abc.Messageable, task: Task) -> bool:
    """Whether the bot has answered the reply since it first tried to. Raises what discord.py raises."""
    # Without Read Message History the list would be empty, but this is refused.
    await channel.fetch_message(task.place.message_id)
    since = (task.ping_at or task.changed_at) - _CLOCKS_DIFFER
    async for message in channel.history(after=since, limit=100):
        answers = message.reference is not None and message.reference.message_id == task.place.message_id
        if answers and bot.user is not None and message.author.id == bot.user.id:
            return True
    return False


async def remove_by_bot(bot: ExtendBot, place: Place) -> None:
    """Delete the reply as the bot; that it is gone already is as good."""
    channel = bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
    with _verdict(), _gone_is_good():
        await channel.get_partial_message(place.message_id).delete()


async def remove_by_token(bot: ExtendBot, place: Place) -> None:
    """Delete the reply as the interaction that made it, or as a press on it; the only way to an ephemeral one."""
    hook = discord.Webhook.partial(place.application_id, place.token.get_secret_value(), client=bot)
    with _verdict(), _gone_is_good():
        await hook.delete_message(place.message_id)


@contextmanager
def _gone_is_good() -> Iterator[None]:
    try:
        yield
    except discord.NotFound as error:
        if error.code != _UNKNOWN_MESSAGE:
            raise


@contextmanager
def _verdict() -> Iterator[None]:
    """Sort what discord.py raises; it lets resets and raw aiohttp errors through."""
    try:
        yield
    except discord.HTTPException as error:
        if error.status == 413 or error.code == _TOO_LARGE:
            raise TooLarge(str(error)) from error
        if error.status in _SHUT or (error.status == 400 and error.code):
            raise Closed(str(error)) from error
        raise NotNow(f"Discord answered {error.status} ({error.code})") from error
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, discord.RateLimited) as error:
        # (ValueError: discord.py reads whatever calls itself JSON, also the empty body of a 503)
        raise NotNow(type(error).__name__, getattr(error, "retry_after", None)) from error
