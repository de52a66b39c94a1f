"""Assertions for the time after every task has ended, no matter how often the bot was killed before."""

from __future__ import annotations

from bot.domain.task import TaskState
from tests.support.crash_points import RESULT, Scene, until
from tests.support.harness import CREATE, Harness, Json, text_of, title_of

TITLES = {TaskState.DELIVERED: "Finished", TaskState.UNCLEAR: "Outcome unknown"}
BILLED = {TaskState.DELIVERED: "yes", TaskState.UNCLEAR: "unknown"}


async def settled(scene: Scene, last: TaskState) -> None:
    """Wait until every task's outcome is shown, the newest is `last`, and no files are left."""
    await until(lambda: all(row.state.is_final and row.told for row in scene.rows()))
    *others, ended = scene.rows()
    assert (ended.state, ended.billed) == (last, BILLED[last])
    assert (ended.remote_id is None) == (last is TaskState.UNCLEAR)
    assert {row.state for row in others} <= {TaskState.DELIVERED}
    await until(lambda: not scene.kept(), timeout=2)


def sent_paid_downloaded(stage: Harness) -> tuple[int, int, int]:
    """The number of create calls received, payments, and result downloads."""
    calls = stage.fox.faults
    return len(calls.matching("POST", CREATE)), len(stage.fox.payments), len(calls.matching("GET", RESULT))


async def one_message_each(scene: Scene, *, in_its_reply: bool = True) -> None:
    """Assert that Ana has exactly one message per task with its outcome and, if delivered, one playable file."""
    stage, rows = scene.stage, scene.rows()
    messages = [each for channel in (await stage.ana.state())["messages"].values() for each in channel]
    assert len(messages) == len(rows)
    if in_its_reply:
        assert [each["id"] for each in messages] == [reply["id"] for reply in scene.replies]
    for message, row in zip(messages, rows, strict=True):
        await _assert_shows(stage, message, row.state)


async def _assert_shows(stage: Harness, message: Json, state: TaskState) -> None:
    assert title_of(message) == TITLES[state]
    assert "Cancel" not in [button["label"] for line in message["components"] for button in line["components"]]
    if state is TaskState.UNCLEAR:
        assert message["attachments"] == []
        assert "may have been billed" in text_of(message)
        assert any("answer to the paid request was lost" in line for line in stage.lines)
        return
    (file,) = message["attachments"]
    assert b"ftyp" in (await stage.ana.fetch(file["url"]))[:16]
