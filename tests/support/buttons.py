"""Helpers for the buttons of finished replies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.clips import H264, Clips
from tests.support.harness import Harness, Json, text_of
from tests.support.member import Member

MINUTE, DAY = 60.0, 86_400.0


def small(clips: Clips) -> Path:
    """A small clip, which is processed quickly."""
    return clips.make("small.mp4", 2, "-vf", "scale=64:36", "-r", "5", *H264)


async def finished(
    stage: Harness, who: Member | None = None, prompt: str = "the sun comes out", **options: Any
) -> Json:
    """Make a finished reply, by default as Ana."""
    who = who or stage.ana
    reply = await stage.extend(who, small(stage.clips), prompt, seconds=2, **options)
    return await stage.recorded(await stage.until(who, reply, "Finished"))


async def told_privately(who: Member, words: str) -> Json:
    """Wait for a private message with these words."""
    return await who.wait_message(lambda it: bool(it["ephemeral"]) and words in text_of(it))


async def says(who: Member, message: Json, words: str) -> Json:
    """Wait until the message contains these words."""
    return await who.wait_message(lambda it: it["id"] == message["id"] and words in text_of(it))


async def gone(who: Member, message: Json) -> None:
    """Wait until the message is deleted."""
    await who.wait_event("message_delete", lambda it: it["id"] == message["id"])


async def filled(who: Member, interaction_id: str, prompt: str | None = None, seconds: int | None = None) -> Json:
    """Submit the modal of a press with these changes; returns its previous values."""
    asked = await who.modal(interaction_id)
    fields = {label["component"]["custom_id"]: label["component"] for label in asked["components"]}
    before = {name: fields[name].get("value") for name in ("prompt", "seconds")}
    values = {"prompt": prompt or before["prompt"], "seconds": str(seconds or before["seconds"])}
    await who.submit_modal(asked, values)
    return {"title": asked["title"], **before}


async def press_forged(stage: Harness, who: Member, message: Json, custom_id: str) -> None:
    """Press a forged button with this custom_id on a public message; later edits remove it again."""
    real = stage.discord.world.find_message(message["channel_id"], message["id"])
    assert real
    real.components[0]["components"][0]["custom_id"] = custom_id
    await who.press(message, custom_id, raw=True)


async def listed(who: Member, place: str = "general", **options: Any) -> Json:
    """Use /tasks; returns its response."""
    known = set(who.seen)
    await who.command("tasks", await who.channel(place), **options)
    return await who.wait_message(lambda it: it["id"] not in known and bool(it["ephemeral"]) and not it["loading"])
