"""Where a message may have its video: discord.py's own messages, as Discord sends them, without a connection."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from cogs.common.videos import find_video

CDN = "https://cdn.discordapp.com/attachments/1/2/"


def make_message(thread_flags: int = 0, **fields: Any) -> discord.Message:
    """Return a message with these fields, as discord.py parses it."""
    state = discord.Client(intents=discord.Intents.none())._connection
    guild = discord.Guild(data={"id": "7"}, state=state)  # type: ignore[typeddict-item]
    about = {"archived": False, "auto_archive_duration": 60, "archive_timestamp": "2026-11-26T00:00:00+00:00"}
    place: Any = {"id": "2", "type": 11, "name": "films", "parent_id": "4", "owner_id": "5", "flags": thread_flags}
    channel = discord.Thread(
        guild=guild, state=state, data=place | {"thread_metadata": about, "message_count": 1, "member_count": 1}
    )
    author = {"id": "5", "username": "eva", "discriminator": "0", "avatar": None, "global_name": None}
    known: Any = {
        "id": "3",
        "channel_id": "2",
        "author": author,
        "content": "",
        "timestamp": "2026-11-26T00:00:00+00:00",
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 0,
        "components": [],
    }
    return discord.Message(state=state, channel=channel, data=known | fields)


def attach(name: str, content_type: str | None = None, flags: int = 0) -> dict[str, Any]:
    file = {"id": "9", "filename": name, "size": 10, "url": CDN + name, "proxy_url": CDN + name, "flags": flags}
    return file if content_type is None else file | {"content_type": content_type}


def media(url: str) -> dict[str, Any]:
    return {"url": url, "proxy_url": url, "height": 1, "width": 1, "content_type": "video/mp4", "loading_state": 2}


def embed(kind: str, url: str, proxy: str = "", page: str = "https://example.com/page") -> dict[str, Any]:
    return {"type": kind, "url": page, "video": {"url": url, "proxy_url": proxy, "height": 1, "width": 1}}


GALLERY = {"type": 12, "id": 1, "items": [{"media": media(CDN + "a.mp4"), "description": None, "spoiler": False}]}
FILE = {"type": 13, "id": 2, "file": media(CDN + "b.mov"), "spoiler": True, "name": "b.mov", "size": 10}
FORWARDED = {
    "message": {
        "type": 0,
        "content": "",
        "embeds": [],
        "attachments": [attach("f.webm")],
        "timestamp": "2026-11-26T00:00:00+00:00",
        "edited_timestamp": None,
        "flags": 0,
        "mentions": [],
        "mention_roles": [],
        "components": [],
    }
}


@pytest.mark.parametrize(
    ("fields", "url", "spoiler"),
    [
        ({"attachments": [attach("clip.MP4")]}, CDN + "clip.MP4", False),
        ({"attachments": [attach("clip", "video/quicktime")]}, CDN + "clip", False),
        ({"attachments": [attach("notes.pdf", "application/pdf"), attach("film")]}, CDN + "film", False),
        ({"attachments": [attach("film.bin", "application/octet-stream")]}, CDN + "film.bin", False),
        ({"attachments": [attach("SPOILER_clip.mp4")]}, CDN + "SPOILER_clip.mp4", True),
        ({"attachments": [attach("clip.mp4", flags=8)]}, CDN + "clip.mp4", True),
        ({"embeds": [embed("video", CDN + "v.mp4")]}, CDN + "v.mp4", False),
        ({"embeds": [embed("gifv", CDN + "v.mp4?x=1")]}, CDN + "v.mp4?x=1", False),
        ({"embeds": [embed("rich", CDN + "v.mp4")]}, CDN + "v.mp4", False),
        ({"embeds": [embed("video", "https://example.com/player", CDN + "p.mp4")]}, CDN + "p.mp4", False),
        (
            {"content": "||https://example.com/page||", "embeds": [embed("video", CDN + "v.mp4")]},
            CDN + "v.mp4",
            True,
        ),
        ({"components": [GALLERY]}, CDN + "a.mp4", False),
        ({"components": [FILE]}, CDN + "b.mov", True),
        (
            {"components": [{"type": 17, "id": 3, "components": [GALLERY], "spoiler": True, "accent_color": None}]},
            CDN + "a.mp4",
            True,
        ),
        ({"message_snapshots": [FORWARDED]}, CDN + "f.webm", False),
        ({"thread_flags": 1 << 21, "attachments": [attach("clip.mp4")]}, CDN + "clip.mp4", True),
    ],
)
async def test_videos_are_found_wherever_members_see_them(fields: dict[str, Any], url: str, spoiler: bool) -> None:
    """Attachments, embeds of every kind, components and forwards are looked through, and spoilers are recognised."""
    found = find_video(make_message(**fields))
    assert found is not None
    assert (found.url, found.spoiler) == (url, spoiler)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"attachments": [attach("notes.pdf", "application/pdf"), attach("song.mp3", "audio/mpeg")]},
        {"embeds": [embed("video", "https://www.youtube.com/embed/x")]},
    ],
)
async def test_other_messages_have_none(fields: dict[str, Any]) -> None:
    """Files of other types and players of other sites are no videos that can be downloaded."""
    assert find_video(make_message(**fields)) is None
