"""Short time-outs, tiny clips and assertions for the fault tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.worker import Timeouts
from tests.support.clips import H264, Clips
from tests.support.harness import CREATE, Harness, Json, percent_of, text_of, title_of
from tests.support.member import Member

FAST = Timeouts(overdue_poll=0.2, first_gap=0.02, undeliverable_retry=0.1)
"""Gaps of fractions of a second. No time-out is short: a loaded machine would let it expire where a test does not."""

IMPATIENT = replace(
    FAST,
    clip_download=6,
    download_idle=1,
    submit_response=2,
    upload=1,
    poll_response=1,
    result_link=0.6,
    task_unknown=0.4,
    no_progress=0.4,
)
"""Short time-outs too, for tests in which they expire."""

STEADY = {"EDIT_SECONDS": "0.5", "POLL_SECONDS": "0.03"}
"""Edits rare enough to avoid Discord's rate limits; polls as frequent as possible."""

DONE, FAILED, UNCLEAR = "Finished", "Failed", "Outcome unknown"
"""The titles of the three ends."""

QUERY, RESULT, UPLOAD = "/v1/tasks/", "/results/", "/v1/files/upload/stream"
EDIT_BY_TOKEN, EDIT_BY_BOT = r"/webhooks/\d+/[^/]+/messages/", r"/channels/\d+/messages/\d+"
EDIT = f"{EDIT_BY_TOKEN}|{EDIT_BY_BOT}"


def tiny(clips: Clips) -> Path:
    """A clip of 2 s with ten small frames, so that nothing takes long."""
    return clips.make("tiny.mp4", 2, "-vf", "scale=64:36", "-r", "5", *H264)


def unfit(clips: Clips) -> Path:
    """The same in a container that FoxAPI rejects: it must be prepared and uploaded."""
    return clips.make("tiny.mov", 2, "-vf", "scale=64:36", "-r", "5", *H264)


def posts(stage: Harness) -> int:
    """The number of paid requests that reached FoxAPI."""
    return len(stage.fox.faults.matching("POST", CREATE))


def history(who: Member, reply: Json) -> list[Json]:
    """Every state of a reply that the member has received, in order."""
    return [event["d"] for event in who.events if event["t"] == "message" and event["d"]["id"] == reply["id"]]


def assert_progress_never_goes_back(who: Member, reply: Json) -> None:
    """Assert that the percentages shown to the member never decrease."""
    percents = [percent for each in history(who, reply) if (percent := percent_of(each)) is not None]
    assert percents == sorted(percents)


async def assert_told(stage: Harness, reply: Json, end: str, paid: int, requests: int = 1) -> None:
    """Assert that the only reply shows the outcome and the billing, and that FoxAPI billed `paid` of `requests`."""
    # The notification after a long task is a message without a card.
    shown = [each for each in await stage.ana.messages("videos") if each["embeds"]]
    private = end == FAILED and requests == 0  # then the public reply was deleted
    (message,) = [each for each in shown if private or not each["ephemeral"]]
    assert bool(message["ephemeral"]) is (private and message["id"] != reply["id"])
    assert private or message["id"] == reply["id"]
    assert len(stage.fox.payments) == paid
    assert posts(stage) == requests
    assert_says_its_end(stage, message, end, paid)


def assert_says_its_end(stage: Harness, message: Json, end: str, paid: int) -> None:
    """Assert that a reply shows the outcome, and the billing if FoxAPI billed `paid` requests for it."""
    assert title_of(message) == end
    words = text_of(message)
    match end:
        case "Finished":
            assert message["attachments"] or "[get it from FoxAPI](" in words
        case "Outcome unknown":
            assert "it may have been billed" in words
            assert "not send it again by itself" in words
        case _:
            assert ("may have been billed" if paid else "Nothing was billed.") in words
    assert "Cancel" not in str(message["components"])
    assert_progress_never_goes_back(stage.ana, message)
