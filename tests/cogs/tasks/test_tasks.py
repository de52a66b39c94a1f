"""/tasks: pages of one's own tasks, one opened task with its buttons, search by words, and sending a video again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.task import Task, TaskState
from bot.i18n.text import tr
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.store import Store
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.buttons import DAY, filled, finished, gone, listed, press_forged, says, small, told_privately
from tests.support.crash_points import until
from tests.support.harness import Harness, Json, labels_of, text_of, title_of
from tests.support.sharing import channel, posts_in, share


async def history(stage: Harness, prompts: list[str], user_id: str | None = None) -> list[Task]:
    """Insert ended tasks directly into the database."""
    stage.data.mkdir(exist_ok=True)
    made = []
    async with Store.open(stage.environment()["DATABASE_URL"]) as store:
        for at, prompt in enumerate(prompts):
            order = an_order(user_id=int(user_id or stage.ana.id), prompt=prompt)
            task = await store.tasks.create(order, a_place(1000 + at), NOON + timedelta(minutes=at), a_case(order))
            made.append(
                await store.tasks.transition(
                    task, TaskState.FAILED, NOON, outcome_shown=True, reason=tr("It was long ago.")
                )
            )
    return made


def chosen_in(message: Json) -> str:
    """Return the custom_id of the select."""
    return str(message["components"][0]["components"][0]["custom_id"])


async def open_one(stage: Harness, message: Json, task_id: int) -> Json:
    """Choose a task in Ana's list; the same message then shows it."""
    rows = [each for row in message["components"] for each in row["components"]]
    (custom_id,) = [each["custom_id"] for each in rows if each["type"] == 3]
    await stage.ana.choose(message, custom_id, [str(task_id)])
    return await says(stage.ana, message, f"**Task {task_id}**")


@pytest.mark.both_engines
async def test_pages(stage: Harness) -> None:
    """Five tasks to a page, newest first; the buttons change pages, also after a restart, and each page is private."""
    await history(stage, [f"number {at} of many" for at in range(1, 13)])
    async with stage.bot():
        first = await listed(stage.ana)
        assert "page 1 of 3" in text_of(first)
        assert len(first["embeds"]) == 5
        assert "number 12 of" in text_of(first)
        assert "Newer" not in str(first["components"])
    async with stage.bot():
        await stage.ana.press(first, "Older")
        second = await says(stage.ana, first, "page 2 of 3")
        assert "number 7 of" in text_of(second)
        await stage.ana.press(second, "Older")
        third = await says(stage.ana, first, "page 3 of 3")
        assert len(third["embeds"]) == 2
        assert "Older" not in str(third["components"])
        await stage.ana.press(third, "Newer")
        await says(stage.ana, first, "page 2 of 3")
    assert await stage.ben.messages("general") == []


async def test_one_is_opened_with_its_buttons(stage: Harness) -> None:
    """An opened task has a thumbnail, its state, a link to the reply, and the reply's buttons, which work there too."""
    async with stage.bot():
        done = await finished(stage, prompt="a boat sails")
        await stage.tidied()
        shown = await listed(stage.ana)
        assert len(shown["attachments"]) + len([each for each in shown["embeds"] if "thumbnail" in each]) >= 1
        opened = await open_one(stage, shown, 1)
        assert {"Extend further", "New take", "Delete", "Send again", "Back to the list"} <= set(labels_of(opened))
        assert f"/{done['channel_id']}/{done['id']})" in text_of(opened)
        await filled(stage.ana, await stage.ana.press(opened, "Extend further"), "it sinks")
        second = await stage.ana.wait_message(lambda it: "it sinks" in text_of(it) and title_of(it) == "Finished")
        assert "2, after [part 1]" in text_of(second)
        await stage.ana.press(opened, "Back to the list")
        back = await says(stage.ana, shown, "**Your tasks**")
        assert len(back["embeds"]) == 2
        assert not second["ephemeral"]


async def test_a_running_one_is_first_and_can_be_cancelled(stage: Harness) -> None:
    """A running task is listed before ended ones, with its percentage, and Cancel works from there."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    async with stage.bot():
        running = await stage.extend(stage.ana, stage.clips.plain, "still running", seconds=2)
        await stage.until(stage.ana, running, "Rendering")
        await finished(stage, prompt="done by now")
        await until(lambda: not (stage.data / "tasks" / "2").exists())
        await halfway.reached.wait()
        shown = await listed(stage.ana)
        first, second = [each["description"] for each in shown["embeds"]]
        assert "Rendering" in first
        assert "done by now" in second
        opened = await open_one(stage, shown, 1)
        await stage.ana.press(opened, "Cancel")
        sure = await told_privately(stage.ana, "FoxAPI is already working on this task")
        await stage.ana.press(sure, "Cancel anyway")
        await stage.until(stage.ana, running, "Cancelled")
        halfway.release.set()


async def lists(stage: Harness, shown: Json, *prompts: str) -> Json:
    """Wait until the list shows the tasks with these prompts and no others."""
    return await stage.ana.wait_message(
        lambda it: (
            it["id"] == shown["id"]
            and not it["content"].startswith("**Task ")
            and len(it["embeds"]) == len(prompts)
            and all(prompt in text_of(it) for prompt in prompts)
        )
    )


async def test_the_list_is_filtered(stage: Harness) -> None:
    """Running and Finished show these tasks alone, an opened task keeps the filter, and an empty list says so."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    async with stage.bot():
        running = await stage.extend(stage.ana, stage.clips.plain, "still running", seconds=2)
        await stage.until(stage.ana, running, "Rendering")
        await finished(stage, prompt="done by now")
        await until(lambda: not (stage.data / "tasks" / "2").exists())
        shown = await listed(stage.ana)
        await stage.ana.press(shown, "Finished")
        shown = await lists(stage, shown, "done by now")
        await stage.ana.press(await open_one(stage, shown, 2), "Back to the list")
        await lists(stage, shown, "done by now")
        await stage.ana.press(shown, "Running")
        shown = await lists(stage, shown, "still running")
        halfway.release.set()
        await stage.until(stage.ana, running, "Finished")
        await until(lambda: not (stage.data / "tasks" / "1").exists())
        await stage.ana.press(shown, "All")
        shown = await lists(stage, shown, "done by now", "still running")
        await stage.ana.press(shown, "Running")
        await lists(stage, shown, "None of your tasks is running.")


async def test_a_deleted_message_is_sent_again(stage: Harness) -> None:
    """After a reply was deleted in Discord, its member can get the stored video privately, also after a restart."""
    async with stage.bot():
        done = await finished(stage, prompt="a boat sails")
        film = await stage.ana.fetch(done["attachments"][0]["url"])
        await stage.tidied()
    message = stage.discord.world.find_message(done["channel_id"], done["id"])
    assert message
    stage.discord.world.remove(message)
    await gone(stage.ana, done)
    async with stage.bot():
        opened = await listed(stage.ana, id="1")
        known = set(stage.ana.seen)
        await stage.ana.press(opened, "Send again")
        again = await stage.ana.wait_message(lambda it: it["id"] not in known and bool(it["attachments"]))
        assert again["ephemeral"]
        assert await stage.ana.fetch(again["attachments"][0]["url"]) == film
        await filled(stage.ana, await stage.ana.press(again, "Extend further"), "it sinks")
        await stage.ana.wait_message(lambda it: "it sinks" in text_of(it) and title_of(it) == "Finished")
    assert not [each for each in await stage.ben.messages("videos") if "a boat sails" in text_of(each)]


async def test_an_opened_one_is_shared_from_there(stage: Harness) -> None:
    """Share posts the stored video, from the opened task and from the video sent again; Delete works there too."""
    async with stage.bot():
        done = await finished(stage, prompt="a boat sails", private=True)
        film = await stage.ana.fetch(done["attachments"][0]["url"])
        opened = await listed(stage.ana, id="1")
        assert labels_of(opened) == ["Extend further", "New take", "Share", "Delete", "Send again", "Back to the list"]
        await share(stage.ana, opened, channel(stage, "general"))
        (post,) = await posts_in(stage.ben, channel(stage, "general"))
        assert await stage.ben.fetch(post["attachments"][0]["url"]) == film
        known = set(stage.ana.seen)
        await stage.ana.press(opened, "Send again")
        again = await stage.ana.wait_message(lambda it: it["id"] not in known and bool(it["attachments"]))
        assert labels_of(again) == ["Extend further", "New take", "Share"]
        await share(stage.ana, again, channel(stage, "videos"))
        assert len(await posts_in(stage.ben, channel(stage, "videos"))) == 1
        await stage.ana.press(opened, "Delete")
        await told_privately(stage.ana, "This deletes the reply")


async def test_what_discord_does_not_take_is_not_offered_to_be_shared(stage: Harness) -> None:
    """A result that exists only as a link has no Share, neither on its reply nor in /tasks."""
    stage.discord.world.guild.upload_limit = 2_000
    async with stage.bot():
        reply = await stage.extend(stage.ana, small(stage.clips), seconds=2)
        done = await stage.recorded(await stage.until(stage.ana, reply, "Finished"))
        assert "[get it from FoxAPI](" in text_of(done)
        assert labels_of(done) == ["Extend further", "New take", "Delete"]
        assert labels_of(await listed(stage.ana, id="1")) == [
            "Extend further",
            "New take",
            "Delete",
            "Send again",
            "Back to the list",
        ]


async def test_what_is_kept_no_longer_is_not_offered(stage: Harness) -> None:
    """After KEEP_DAYS there is no Send again, and an older button says why."""
    async with stage.bot():
        await finished(stage)
        await stage.tidied()
        before = await listed(stage.ana, id="1")
    stage.clock.advance(8 * DAY)
    async with stage.bot():
        await until(lambda: not (stage.data / "kept" / "1.mp4").exists())
        assert "Send again" not in labels_of(await listed(stage.ana, id="1"))
        await stage.ana.press(before, "Send again")
        await told_privately(stage.ana, "no longer stores that video")


@pytest.mark.parametrize(
    ("typed", "found"),
    [("CAT", ["2", "1"]), ("100%", ["3"]), ("3", ["3"]), ("no such", []), ("", ["3", "2", "1"])],
)
async def test_autocomplete_finds_ones_own(stage: Harness, typed: str, found: list[str]) -> None:
    """Autocomplete finds tasks by words of the prompt in any case, or by number; other members' are never offered."""
    await history(stage, ["a cat jumps", "the Cat sleeps", "100% rain"])
    async with stage.bot():
        channel = await stage.ana.channel("general")
        choices = await stage.ana.autocomplete("tasks", channel, "id", id=typed)
        assert [each["value"] for each in choices] == found
        assert await stage.ben.autocomplete("tasks", channel, "id", id=typed) == []


async def test_id_takes_a_number_or_words_of_ones_own(stage: Harness) -> None:
    """Words open the newest task that has them; another member's number, or nonsense, gets one sentence."""
    await history(stage, ["a cat jumps", "the cat sleeps", "x" * 3000])
    async with stage.bot():
        assert "**Task 2**" in text_of(await listed(stage.ana, id="cat"))
        assert "**Task 1**" in text_of(await listed(stage.ana, id="1"))
        assert "You have no task 1:" in text_of(await listed(stage.ben, id="1"))
        assert "You have no task 999999999999999999:" in text_of(await listed(stage.ana, id="9" * 18))
        assert "None of your tasks has these words" in text_of(await listed(stage.ana, id="9" * 30))


async def test_a_strangers_forged_press_shows_their_own(stage: Harness) -> None:
    """With any custom_id, only the presser's own tasks are shown or sent."""
    async with stage.bot():
        done = await finished(stage)
        await stage.until(stage.ben, done, "Finished")
        await press_forged(stage, stage.ben, done, "tasks:send:1")
        await told_privately(stage.ben, "You have no task 1:")
        assert not [each for each in stage.ben.seen.values() if each["ephemeral"] and each["attachments"]]


async def test_hostile_prompts_do_not_break_the_list(stage: Harness) -> None:
    """Markdown, mentions and very long words are shown as text and notify nobody."""
    await history(stage, ["@everyone **x** " + "y" * 4000, "\n\n`z` <@1>", "[link](https://x.test)", " | ".join("abc")])
    async with stage.bot():
        shown = await listed(stage.ana)
        assert shown["mentions"] == []
        opened = await open_one(stage, shown, 1)
        assert "\\*\\*x\\*\\*" in text_of(opened)
