"""Helpers for tests of limits: moderators' commands and panels, and refused requests."""

from __future__ import annotations

from typing import Any

from bot.sandbox.foxapi.quirks import Failure, Quirks
from tests.support.harness import Harness, Json, text_of
from tests.support.member import Member


async def use(who: Member, command: str, *, raw: bool = False, at: str = "general", **options: Any) -> Json:
    """Use a command; returns its private response."""
    known = set(who.seen)
    await who.command(command, await who.channel(at), raw=raw, **options)
    answer = await who.wait_message(lambda it: it["id"] not in known and it["ephemeral"] and not it["loading"])
    assert answer["ephemeral"]
    return answer


async def changed(who: Member, panel: Json, words: str) -> Json:
    """Wait until the panel shows these words."""
    return await who.wait_message(lambda it: it["id"] == panel["id"] and words in text_of(it))


async def page(who: Member, panel: Json, name: str, custom_id: str) -> Json:
    """Open a page of the panel."""
    await who.choose(panel, "limits:page", [name])
    return await who.wait_message(lambda it: it["id"] == panel["id"] and custom_id in ids_of(it))


async def written(who: Member, interaction_id: str, *values: str) -> None:
    """Submit the modal of an interaction, with values in field order."""
    modal = await who.modal(interaction_id)
    fields = [label["component"]["custom_id"] for label in modal["components"]]
    await who.submit_modal(modal, dict(zip(fields, values, strict=True)))


def ids_of(message: Json) -> list[str]:
    """The custom_ids of a message's components."""
    return [each["custom_id"] for row in message["components"] for each in row["components"]]


async def refused(stage: Harness, who: Member, words: str, **options: Any) -> Json:
    """Use /extend and expect a private refusal with these words, and no other message."""
    known = set(who.seen)
    channel = options.pop("channel", "videos")
    channel_id = channel if channel.isdigit() else await who.channel(channel)
    upload = await who.upload(stage.clips.plain)
    await who.command("extend", channel_id, prompt=options.pop("prompt", "rain"), video=upload, **options)
    answer = await who.wait_message(lambda it: it["id"] not in known and not it["loading"] and words in text_of(it))
    assert answer["ephemeral"]
    assert [it["id"] for it in await who.messages(channel_id) if it["id"] not in known] == [answer["id"]]
    return answer


async def spend(stage: Harness, who: Member) -> None:
    """Use up one task quickly: FoxAPI fails it, and it counts because it may have been billed."""
    stage.fox.next_quirks = Quirks(failure=Failure("service_error", "no"))
    reply = await stage.extend(who, stage.clips.plain, seconds=2)
    await stage.until(who, reply, "Failed")
