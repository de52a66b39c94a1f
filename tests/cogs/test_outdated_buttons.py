"""Buttons of other versions, and unknown custom_ids, get an expected refusal."""

from __future__ import annotations

import pytest

from bot.domain.errors import RequestRefused
from bot.i18n.text import tr
from cogs.common.components import parse_first_id, parse_id
from cogs.common.modals import parse_int
from cogs.limits.callbacks import PanelItem
from tests.support.buttons import finished, press_forged
from tests.support.harness import Harness, text_of
from tests.support.moderation import use

OUTDATED = "This button no longer works"
FORGED = {
    "task:nothing:1": OUTDATED,
    "task:cancel:999999999999999999": "no longer know",
    "limits:nothing": OUTDATED,
    "limits:member": OUTDATED,
    "limits:block": OUTDATED,
    "limits:block:99999999999999999999": OUTDATED,
    "limits:grant:99999999999999999999": OUTDATED,
    "limits:role_number": OUTDATED,
    "limits:language:7": "I do not support the language",
    "share:more:999999999999999999": "",
    "share:undo:999999999999999999": "",
    "delete:999999999999999999": "",
    "tasks:send:999999999999999999": "You have no task",
    "tasks:open:1": "None of your tasks",
}


async def test_a_forged_press_is_refused(stage: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a custom_id holds, its presser gets a fitting sentence, and the log has no traceback."""
    async with stage.bot():
        done = await finished(stage)
        shown = await stage.mia.wait_message(lambda it: it["id"] == done["id"])
        private_message = await use(stage.mia, "privacy")  # its first component is a button
        for custom_id, words in FORGED.items():
            known = set(stage.mia.seen)
            private = custom_id.startswith(("limits:", "tasks:"))  # these work in private messages only
            await press_forged(stage, stage.mia, private_message if private else shown, custom_id)
            answer = await stage.mia.wait_message(
                lambda it, known=known: it["id"] not in known and it["ephemeral"] and not it["loading"]  # type: ignore[misc]
            )
            assert words in text_of(answer), custom_id
    assert "an interaction went wrong" not in caplog.text


BAD_IDS = ["", "-1", "1" * 20, str(1 << 63), "9" * 5000, "\u0661", "\u00b2", "1_0", " 1", "1\n", "0x1"]


@pytest.mark.parametrize("text", BAD_IDS, ids=ascii)
def test_what_is_no_id_is_refused(text: str) -> None:
    """Only ASCII digits within the database's range are an id."""
    for parse in (parse_id, lambda each: parse_first_id([each])):
        with pytest.raises(RequestRefused):
            parse(text)
    with pytest.raises(RequestRefused):
        parse_first_id([])
    assert parse_id(str((1 << 63) - 1)) == (1 << 63) - 1


@pytest.mark.parametrize("text", ["-1", "9" * 5000, "\u0661", "1_0", "x"], ids=ascii)
def test_what_is_no_number_is_refused(text: str) -> None:
    """A modal's number consists of ASCII digits and has a maximum length."""
    with pytest.raises(RequestRefused):
        parse_int(text, tr("Why? Members are shown this."))


def test_no_pattern_takes_other_digits() -> None:
    """A custom_id's number consists of ASCII digits and ends where the custom_id ends."""
    pattern = PanelItem.__discord_ui_compiled_template__
    assert pattern.fullmatch("limits:block:7")
    for text in ("limits:block:\u0661", "limits:block:7\n", "limits:block:", "limits:BLOCK:7"):
        assert not pattern.fullmatch(text)
