"""Every persistent item, pressed by the wrong member: a custom_id is never trusted, whoever presses it and where.

Old messages stay, and a press can be made by hand. So each item is put under a message that the presser sees, with the
id of another member's task. The response is one private sentence, and nothing changes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.sandbox.discord.state.model import Guild, Role
from bot.sandbox.discord.state.permissions import MANAGE_GUILD, MANAGE_MESSAGES, TALK
from cogs.limits import callbacks
from cogs.tasks import buttons
from tests.cogs.test_custom_ids import CONTROLS
from tests.support.buttons import finished
from tests.support.clips import Clips
from tests.support.harness import Harness, Json, on_stage, text_of
from tests.support.member import Member
from tests.support.sharing import channel, posts_in, share

PUBLIC, PRIVATE = 1, 2
"""Ana's tasks."""
NOT_YOURS, NO_SUCH, GONE = "Only the member who made that video", "You have no task", "That is no longer shared."
OWN, SHARER = "Only the member who started that task", "Only the member who shared this"
NOT_HERE, MODERATORS = "This button does not work in this message", "Only members with the permission Manage Server"
FORM = "(a form)"
"""The response is the modal for the next part."""
BUTTON, STRING = 2, 3
ELSEWHERE = "2200000000000000100"

STRANGER = ("stranger", "other reply")
MODERATOR = ("moderator", "other reply")
FOREIGNER = ("stranger", "other server")
"""Ben, who is a moderator in that server."""
OWNER = ("owner", "other reply")
WRONG_HANDS = (STRANGER, MODERATOR, FOREIGNER)

TABLE: list[tuple[tuple[str, str], str, str]] = [
    *[
        (hand, f"task:{action}:{PRIVATE}", OWN)
        for action in ("more", "again", "share", "cancel", "stop")
        for hand in WRONG_HANDS
    ],
    *[(hand, f"task:delete:{PRIVATE}", NOT_YOURS) for hand in WRONG_HANDS],
    *[(hand, f"delete:{PRIVATE}", NOT_YOURS) for hand in WRONG_HANDS],
    *[(hand, f"task:fetch:{PRIVATE}", NOT_HERE) for hand in (*WRONG_HANDS, OWNER)],
    (("stranger", "private message"), f"task:fetch:{PRIVATE}", OWN),
    *[(hand, f"task:more:{PUBLIC}", OWN) for hand in WRONG_HANDS],
    (("stranger", "the reply"), f"task:more:{PUBLIC}", FORM),
    (("owner", "other reply"), f"task:more:{PRIVATE}", FORM),
    (FOREIGNER, f"task:delete:{PUBLIC}", NOT_YOURS),
    (FOREIGNER, f"delete:{PUBLIC}", NOT_YOURS),
    *[(hand, f"task:{action}:{PUBLIC}", OWN) for action in ("again", "share") for hand in WRONG_HANDS],
    *[(hand, "share:undo:1", SHARER) for hand in (STRANGER, FOREIGNER)],
    *[(hand, "share:more:1", GONE) for hand in WRONG_HANDS],
    (("stranger", "the post"), "share:more:1", FORM),
    *[(("stranger", "private message"), f"tasks:send:{task_id}", NO_SUCH) for task_id in (PUBLIC, PRIVATE)],
    (("stranger", "private message"), "tasks:open:1", NO_SUCH),
    *[(hand, f"tasks:send:{PUBLIC}", NO_SUCH) for hand in WRONG_HANDS],
    *[(hand, f"draft:{'0' * 16}", "no longer has this form") for hand in WRONG_HANDS],
    *[(OWNER, custom_id, NOT_HERE) for custom_id in ("tasks:page:1", "tasks:open:1", "privacy:sure")],
    (OWNER, "gallery:next:week:0", NOT_HERE),
    *[(STRANGER, f"limits:{action}", MODERATORS) for action in ("pause", "refresh", "reset_server", "private")],
    *[(MODERATOR, f"limits:{action}", NOT_HERE) for action in ("pause", "refresh", "reset_server", "private")],
]
"""Who presses and on which message; the item; the response."""


@dataclass
class Scene:
    """The running bot, and the messages under which items are put."""

    stage: Harness
    messages: dict[str, Json]

    def member(self, name: str) -> Member:
        return {"owner": self.stage.ana, "stranger": self.stage.ben, "moderator": self.stage.mia}[name]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory, clips: Clips) -> AsyncIterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("pressed")
    async with on_stage(folder, clips) as stage:
        other = _second_server(stage)
        async with stage.bot() as bot:
            await bot.wait_until_ready()
            public = await finished(stage)
            await finished(stage, private=True, prompt="a secret")
            messages = {
                "the reply": public,
                "other reply": await finished(stage, stage.ben, channel="general"),
                "other server": await finished(stage, stage.ben, channel="elsewhere"),
            }
            await share(stage.ana, public, channel(stage, "showcase"))
            (messages["the post"],) = await posts_in(stage.ben, channel(stage, "showcase"))
            messages["private message"] = await _private(stage.ben, channel(stage, "general"))
            assert messages["other server"]["channel_id"] == other
            yield Scene(stage, messages)


def _second_server(stage: Harness) -> str:
    """Add a server with the bot and Ben, whom it lets do everything; return the id of its channel."""
    world, rights = stage.discord.world, TALK | MANAGE_GUILD | MANAGE_MESSAGES
    members: dict[str, list[str]] = {stage.ben.id: [], world.bot.id: []}
    roles = {ELSEWHERE: Role(ELSEWHERE, "@everyone", rights, position=0)}
    world.guilds[ELSEWHERE] = Guild(ELSEWHERE, "Other Club", stage.ben.id, roles, members)
    return world.add_channel(world.guilds[ELSEWHERE], "elsewhere").id


async def _private(who: Member, place: str) -> Json:
    """Return a message of the bot that only this member sees."""
    known = set(who.seen)
    await who.command("quota", place)
    return await who.wait_message(lambda it: it["id"] not in known and it["ephemeral"] and not it["loading"])


def test_every_control_is_in_the_table() -> None:
    """Each custom_id with somebody's id, and each that shows private content, is pressed by another member."""
    pressed = {custom_id for _, custom_id, _ in TABLE}
    for kind in CONTROLS:
        assert any(kind.__discord_ui_compiled_template__.fullmatch(each) for each in pressed), kind
    assert {each.split(":")[1] for each in pressed if each.startswith("task:")} == set(buttons.TaskButton.handlers)
    assert {each.split(":")[1] for each in pressed if each.startswith("limits:")} <= set(callbacks.PanelItem.handlers)


@pytest.mark.parametrize(("hand", "custom_id", "words"), TABLE, ids=lambda each: str(each)[:40])
async def test_the_wrong_hand(scene: Scene, hand: tuple[str, str], custom_id: str, words: str) -> None:
    """The response is one private sentence or, where intended, the modal; message, tasks and payments are unchanged."""
    name, place = hand
    who, message = scene.member(name), scene.messages[place]
    before = await scene.stage.ana.messages("videos"), len(scene.stage.fox.payments)
    stored = scene.stage.discord.world.find_message(message["channel_id"], message["id"])
    assert stored
    kept, shown = stored.components, text_of(message)
    kind = STRING if custom_id.startswith("tasks:open") else BUTTON
    control: Json = {"type": kind, "custom_id": custom_id, "label": "x", "style": 2}
    if kind == STRING:
        control = {"type": kind, "custom_id": custom_id, "options": [{"label": "x", "value": str(PRIVATE)}]}
    stored.components = [{"type": 1, "components": [control]}]
    known = set(who.seen)
    try:
        if kind == STRING:
            pressed = await who.choose(message, custom_id, [str(PRIVATE)], raw=True)
        else:
            pressed = await who.press(message, custom_id, raw=True)
        if words == FORM:
            await who.modal(pressed)
        else:
            told = await who.wait_message(lambda it: it["id"] not in known and words in text_of(it))
            assert told["ephemeral"]
            assert not told["attachments"]
    finally:
        stored.components = kept
    assert (await scene.stage.ana.messages("videos"), len(scene.stage.fox.payments)) == before
    assert text_of(who.seen[message["id"]]) == shown
