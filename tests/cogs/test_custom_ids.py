"""Every command is offered to the right members, and every custom_id has a handler."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.client.tree import build_command_payload
from cogs.common.components import PersistentItem
from cogs.extend.draft import DraftButton
from cogs.gallery import GalleryButton
from cogs.limits import callbacks, components
from cogs.privacy import PrivacyButton
from cogs.sharing.buttons import ShareButton
from cogs.tasks import buttons
from cogs.tasks.cog import TasksItem
from cogs.tasks.delete import ConfirmDeleteButton
from tests.catalogs import offline_bot
from tests.support.clips import Clips
from tests.support.harness import Harness, Json, on_stage

EVERYWHERE, SERVERS = None, [0]
MANAGE_GUILD = 1 << 5
OFFERED = {
    "Extend video": (EVERYWHERE, None),
    "extend": (EVERYWHERE, None),
    "gallery": (SERVERS, None),
    "limits": (SERVERS, MANAGE_GUILD),
    "notify": (EVERYWHERE, None),
    "privacy": (EVERYWHERE, None),
    "quota": (EVERYWHERE, None),
    "showcase": (SERVERS, MANAGE_GUILD),
    "tasks": (EVERYWHERE, None),
    "usage": (SERVERS, MANAGE_GUILD),
}
"""Where each command is offered, and which permission a member needs to be offered it."""
BUTTON, STRING, USER, ROLE, CHANNEL = 2, 3, 5, 6, 8
NO_TASK = 999_999
CONTROLS: dict[type[PersistentItem], dict[str, tuple[int, list[str]]]] = {
    buttons.TaskButton: {f"task:{action}:{NO_TASK}": (BUTTON, []) for action in buttons.TaskButton.handlers},
    DraftButton: {f"draft:{'0' * 16}": (BUTTON, [])},
    ConfirmDeleteButton: {f"delete:{NO_TASK}": (BUTTON, [])},
    ShareButton: {f"share:{action}:{NO_TASK}": (BUTTON, []) for action in ("undo", "more")},
    GalleryButton: {f"gallery:{role}:week:0": (BUTTON, []) for role in ("back", "next", "span")},
    PrivacyButton: {f"privacy:{action}": (BUTTON, []) for action in ("ask", "sure")},
    TasksItem: {
        "tasks:page:1": (BUTTON, []),
        "tasks:page:1:running": (BUTTON, []),
        f"tasks:send:{NO_TASK}": (BUTTON, []),
        "tasks:open:1": (STRING, [str(NO_TASK)]),
    },
    callbacks.PanelItem: {
        **{
            f"limits:{action}": (BUTTON, [])
            for action in (
                "refresh",
                "pause",
                "pause_one_hour",
                "pause_eight_hours",
                "resume",
                "private",
                "age",
                "words",
            )
        },
        **{
            f"limits:{action}": (BUTTON, [])
            for action in ("member_numbers", "server_numbers", "reset_server", "reset_confirmed")
        },
        **{f"limits:{action}:{NO_TASK}": (BUTTON, []) for action in ("block", "unblock", "reset", "grant")},
        "limits:page": (STRING, [next(iter(components.PAGES))]),
        "limits:language": (STRING, ["zh-CN"]),
        **{f"limits:{action}": (ROLE, []) for action in ("required_role", "exempt_roles")},
        "limits:role_number": (ROLE, ["1100000000000000101"]),
        **{f"limits:{action}": (CHANNEL, []) for action in ("channels", "log")},
        "limits:member": (USER, ["1100000000000000011"]),
    },
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory, clips: Clips) -> AsyncIterator[Harness]:
    folder: Path = tmp_path_factory.mktemp("walk")
    async with on_stage(folder, clips, render_cache={}) as set_up, set_up.bot():
        yield set_up


async def test_every_command_is_offered_where_and_to_whom_it_should_be() -> None:
    """Moderators' commands are offered to moderators in servers only; members' commands work in direct messages too."""
    async with offline_bot() as bot:
        told = {each["name"]: each for each in await build_command_payload(bot.tree)}
    found = {name: (each.get("contexts"), each.get("default_member_permissions")) for name, each in told.items()}
    assert found == OFFERED


async def test_every_control_has_a_handler_of_its_own() -> None:
    """Each item class is registered with the bot, and each action in the code is tested here."""
    async with offline_bot() as bot:
        # By name: a cog that is loaded as an extension is imported anew.
        registered = {each.__qualname__ for each in bot._connection._view_store._dynamic_items.values()}
    assert registered == {each.__qualname__ for each in PersistentItem.__subclasses__()}
    assert registered == {each.__qualname__ for each in CONTROLS}
    actions = {custom_id.split(":")[1] for custom_id in CONTROLS[callbacks.PanelItem]}
    assert actions == set(callbacks.PanelItem.handlers)
    for kind, custom_ids in CONTROLS.items():
        for custom_id in custom_ids:
            fitting = [each for each in CONTROLS if each.__discord_ui_compiled_template__.fullmatch(custom_id)]
            assert fitting == [kind]


@pytest.mark.parametrize("custom_id", [each for known in CONTROLS.values() for each in known])
async def test_every_control_is_answered(stage: Harness, caplog: pytest.LogCaptureFixture, custom_id: str) -> None:
    """Pressed by a moderator, each item answers in time without an error in the log, whether its object exists."""
    kind, values = next(known[custom_id] for known in CONTROLS.values() if custom_id in known)
    channel = await stage.mia.channel("general")
    shown = await _some_message(stage, channel)
    message = stage.discord.world.find_message(channel, shown["id"])
    assert message
    message.components = [{"type": 1, "components": [_control(kind, custom_id)]}]
    with caplog.at_level(logging.ERROR):
        if kind == BUTTON:
            pressed = await stage.mia.press(shown, custom_id, raw=True)
        else:
            pressed = await stage.mia.choose(shown, custom_id, values, kind, raw=True)
        await stage.mia.wait_event("interaction_done", lambda it: it["interaction_id"] == pressed, 5)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def _some_message(stage: Harness, channel: str) -> Json:
    """Return a message of the bot that only Mia sees, as its panels are."""
    known = set(stage.mia.seen)
    await stage.mia.command("quota", channel)
    return await stage.mia.wait_message(
        lambda it: it["id"] not in known and bool(it["ephemeral"]) and not it["loading"]
    )


def _control(kind: int, custom_id: str) -> Json:
    """Return a component as messages have it."""
    if kind == BUTTON:
        return {"type": kind, "style": 2, "label": "x", "custom_id": custom_id}
    options = {"options": [{"label": "x", "value": "x"}]} if kind == STRING else {}
    return {"type": kind, "custom_id": custom_id, "min_values": 0, "max_values": 1, **options}
