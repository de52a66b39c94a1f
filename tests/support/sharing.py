"""Helpers for tests of sharing and the gallery."""

from __future__ import annotations

from tests.support.fast_timeouts import tiny
from tests.support.harness import Harness, Json, text_of
from tests.support.member import Member
from tests.support.world import find_channel

POSTED = r"/channels/\d+/messages$"
"""The path of a request that posts a message."""


async def finished(stage: Harness, who: Member, prompt: str = "the sun comes out", **options: object) -> Json:
    """Make a finished reply as `who`."""
    reply = await stage.extend(who, tiny(stage.clips), prompt, seconds=2, **options)
    return await stage.recorded(await stage.until(who, reply, "Finished"))


async def asked_where(who: Member, reply: Json) -> Json:
    """Press Share; returns the modal."""
    return await who.modal(await who.press(reply, "Share"))


async def share(who: Member, reply: Json, channel_id: str, *, hide: bool = False) -> Json:
    """Share to a channel; returns the private confirmation."""
    modal = await asked_where(who, reply)
    return await submitted(who, modal, channel_id, hide=hide)


async def submitted(who: Member, modal: Json, channel_id: str, *, hide: bool = False) -> Json:
    """Submit the modal of Share; returns the private response."""
    known = set(who.seen)
    values = {"where": [channel_id], "prompt": ["hide" if hide else "show"]}
    await who.submit_modal(modal, values)
    return await who.wait_message(lambda it: it["id"] not in known and it["ephemeral"] and not it["loading"])


async def posts_in(who: Member, channel_id: str) -> list[Json]:
    """The posts of shared videos in a channel."""
    return [each for each in await who.messages(channel_id) if "A film by" in text_of(each)]


def channel(stage: Harness, name: str) -> str:
    """The id of a channel."""
    return find_channel(stage.discord.world, name).id


async def choose_showcase(stage: Harness, channel_id: str) -> Json:
    """Set the showcase channel, as Mia."""
    known = set(stage.mia.seen)
    await stage.mia.command("showcase", channel(stage, "moderators"), channel=channel_id)
    return await stage.mia.wait_message(lambda it: it["id"] not in known and "showcase" in text_of(it))
