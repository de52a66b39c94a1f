"""Every command, button and form works on a second, independent Discord: simcord, which others wrote."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from simcord import BackendError, InteractionResult, MemberActor, ResponseMessage

from cogs.limits.callbacks import PanelItem
from tests.support.clips import Clips
from tests.support.harness import on_stage
from tests.support.second_discord import SecondDiscord, open_second_discord

Json = dict[str, Any]
BUTTON, STRING_SELECT, TEXT, USER_SELECT, ROLE_SELECT, CHANNEL_SELECT = 2, 3, 4, 5, 6, 8
FILE, RADIO, CHECKBOX = 19, 21, 23
MEMBERS_CONTROLS = {
    *("draft", "tasks:open", "tasks:page", "task:more", "task:again", "task:share", "share:undo"),
    *("task:delete", "delete", "gallery:span:month", "gallery:span:week", "gallery:span:ever"),
    *("privacy:ask", "privacy:sure"),
}
"""What a member with one finished film finds at least. Not the controls of unfinished and failed tasks, which are there
for too short a time, nor the pages of a long gallery."""


class Walk:
    """A person who presses every button, opens every menu and submits every form that the bot shows, each once."""

    def __init__(self, discord: SecondDiscord, actor: MemberActor, clip: bytes) -> None:
        self._discord, self._actor, self._clip = discord, actor, clip
        self.used: list[str] = []
        """What was used, without the numbers of tasks and members."""

    async def use(self, result: InteractionResult) -> None:
        """Submit the form that this interaction opened, and use everything on the messages that answered it."""
        assert result.acknowledged
        if result.modal:
            values = {name: value for name, value in map(self._fill, _list_fields(result.modal)) if value is not None}
            result = await self._actor.submit_modal(result, values)
            assert result.acknowledged
        for message in filter(None, [result.response, *result.followups]):
            await self.use_message(message)

    async def use_message(self, message: ResponseMessage) -> None:
        """Use every control of the message that was not used before, the destructive ones last."""
        while unused := self._find_unused(message):
            name, control, values = unused
            self.used.append(name)
            if control["type"] == BUTTON:
                await self.use(await self._actor.click(message, custom_id=control["custom_id"]))
            else:
                await self.use(await self._actor.select(message, values, custom_id=control["custom_id"]))

    def _find_unused(self, message: ResponseMessage) -> tuple[str, Json, Sequence[Any]] | None:
        try:
            self._discord.env.backend.get_message(message.channel_id, message.id)
        except BackendError:
            return None  # the bot has deleted it
        controls = [control for row in message.components for control in row["components"] if "custom_id" in control]
        uses = [use for control in controls if not control.get("disabled") for use in self._list_uses(control)]
        return min((use for use in uses if use[0] not in self.used), key=_rank, default=None)

    def _list_uses(self, control: Json) -> list[tuple[str, Json, Sequence[Any]]]:
        """Return what can be done with a control: one thing, or the choice of each of its options."""
        name = _leave_out_numbers(control["custom_id"])
        if control["type"] == STRING_SELECT:
            chosen = [option["value"] for option in control["options"]]
            return [(_leave_out_numbers(f"{name}:{value}"), control, [value]) for value in chosen]
        return [(name, control, [] if control["type"] == BUTTON else self._fill(control)[1])]

    def _fill(self, field: Json) -> tuple[str, Any]:
        """Return the name of a field and what the person enters."""
        discord, number = self._discord, field.get("max_length", 4000) <= 20
        entered: dict[int, Callable[[], Any]] = {
            STRING_SELECT: lambda: [field["options"][-1]["value"]],
            RADIO: lambda: field["options"][-1]["value"],
            TEXT: lambda: field.get("value") or ("3" if number else "then it rains"),
            USER_SELECT: lambda: [discord.member],
            ROLE_SELECT: lambda: [discord.role],
            CHANNEL_SELECT: lambda: [discord.showcase],
            FILE: lambda: ("clip.mp4", self._clip),
            CHECKBOX: lambda: False,
        }
        return field["custom_id"], entered[field["type"]]()


def _list_fields(modal: Json) -> list[Json]:
    fields: list[Json] = [
        row.get("component") or next(iter(row.get("components", [])), {}) for row in modal["components"]
    ]
    return [field for field in fields if "custom_id" in field]


def _leave_out_numbers(custom_id: str) -> str:
    return re.sub(r":([0-9a-f]{16}|\d+)(?=:|$)", "", custom_id)


def _rank(use: tuple[str, Json, Sequence[Any]]) -> int:
    """Return when something is to be used: what leaves the page last, and before it what takes something away."""
    name = use[0]
    if ":page" in name:
        return 2
    return 1 if any(word in name for word in ("delete", "sure", "reset", "block")) else 0


@asynccontextmanager
async def open_discord(folder: Path, clips: Clips) -> AsyncIterator[SecondDiscord]:
    # Not a fixture: simcord has to be left in the context in which it was entered.
    async with on_stage(folder, clips, render_cache={}) as stage, open_second_discord(stage) as opened:
        yield opened


async def test_a_member_uses_everything(tmp_path: Path, clips: Clips, caplog: pytest.LogCaptureFixture) -> None:
    """Each command of members, and each button and form that follows, is accepted by simcord and answered."""
    clip = clips.plain.read_bytes()
    async with open_discord(tmp_path, clips) as discord:
        member, videos, walk = discord.member, discord.videos, Walk(discord, discord.member, clip)
        film = await member.slash(videos, "extend", prompt="the sun comes out", video=("clip.mp4", clip), seconds=2)
        await _wait_until_finished(film)
        await walk.use(await member.slash(videos, "extend", prompt="the sun comes out", link="no link"))
        await walk.use(await member.slash(videos, "tasks"))
        await walk.use(film)
        await walk.use(await member.slash(videos, "extend", prompt="the sun comes out"))
        posted = await member.send(videos, "look", attachments=[("clip.mp4", clip)])
        await walk.use(await member.context_menu(videos, "Extend video", posted))
        for command in ("quota", "gallery", "privacy"):
            await walk.use(await member.slash(videos, command))
        await walk.use(await member.slash(videos, "notify", mode="always"))

    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert set(walk.used) >= MEMBERS_CONTROLS


async def test_a_moderator_uses_everything(tmp_path: Path, clips: Clips, caplog: pytest.LogCaptureFixture) -> None:
    """Each command of moderators, each control of the panel and each form is accepted by simcord and answered."""
    async with open_discord(tmp_path, clips) as discord:
        moderator, videos = discord.moderator, discord.videos
        walk = Walk(discord, moderator, clips.plain.read_bytes())
        await walk.use(await moderator.slash(videos, "showcase", channel=discord.showcase))
        await walk.use(await moderator.slash(videos, "limits set", user_per_day=5))
        for action in ("block", "unblock", "reset"):
            await walk.use(await moderator.slash(videos, f"limits {action}", member=discord.member))
        await walk.use(await moderator.slash(videos, "limits grant", member=discord.member, runs=2))
        await walk.use(await moderator.slash(videos, "limits log", channel=discord.showcase))
        await walk.use(await moderator.slash(videos, "limits language", choice="zh-CN"))
        for command in ("limits show", "limits resume") * 2 + ("limits reset", "limits log", "usage"):
            await walk.use(await moderator.slash(videos, command))

    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert {name.split(":")[1] for name in walk.used} == set(PanelItem.handlers)


async def _wait_until_finished(result: InteractionResult) -> None:
    async with asyncio.timeout(40):
        while not (result.response and [each.title for each in result.response.embeds] == ["Finished"]):
            await asyncio.sleep(0.02)  # simcord has no event for an edit
