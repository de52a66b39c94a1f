"""What moderators see and may do of shared films: posts, deletions and the showcase are in the log."""

from __future__ import annotations

from tests.support.buttons import told_privately
from tests.support.crash_points import until
from tests.support.harness import Harness, Json
from tests.support.member import Member
from tests.support.moderation import use
from tests.support.sharing import channel, choose_showcase, finished, posts_in, share


async def open_log(stage: Harness) -> None:
    await use(stage.mia, "limits log", channel=channel(stage, "moderators"))


async def wait_for_line(stage: Harness, words: str) -> str:
    """Wait until a line of the log ends with `words`; return it."""
    at = channel(stage, "moderators")
    post = await stage.mia.wait_message(
        lambda it: it["channel_id"] == at and any(line.endswith(words) for line in it["content"].split("\n"))
    )
    lines: list[str] = post["content"].split("\n")
    return next(line for line in lines if line.endswith(words))


async def press_unshare(who: Member, post: Json) -> None:
    await who.wait_message(lambda it: it["id"] == post["id"])
    await who.press(post, "Unshare")


async def test_posts_and_the_showcase_are_logged(stage: Harness) -> None:
    """Choosing the showcase, sharing and unsharing each leave one line, with who did it, where, and no prompt."""
    place = channel(stage, "showcase")
    async with stage.bot():
        await open_log(stage)
        await choose_showcase(stage, place)
        assert f"<@{stage.mia.id}>" in await wait_for_line(stage, f"chose <#{place}> as the showcase")
        await share(stage.ana, await finished(stage, stage.ana), place)
        (post,) = await posts_in(stage.ana, place)
        shared = await wait_for_line(stage, f"in <#{place}>")
        await press_unshare(stage.ana, post)
        unshared = await wait_for_line(stage, f"unshared task 1 in <#{place}>")
        await use(stage.mia, "showcase", off=True)
        await wait_for_line(stage, "turned the showcase off")
    assert shared.startswith(f"📣 <@{stage.ana.id}> shared [task 1](https://discord.com/channels/")
    assert post["id"] in shared
    assert unshared.startswith(f"📣 <@{stage.ana.id}>")
    assert "sun" not in shared + unshared


async def test_a_moderator_unshares_another_members_post(stage: Harness) -> None:
    """A moderator deletes a post by its button, which the log tells; another member is refused with a sentence."""
    place = channel(stage, "general")
    async with stage.bot():
        await open_log(stage)
        await share(stage.ana, await finished(stage, stage.ana), place)
        (post,) = await posts_in(stage.ana, place)
        await press_unshare(stage.ben, post)
        await told_privately(stage.ben, "Only the member who shared this or a moderator here")
        await press_unshare(stage.mia, post)
        line = await wait_for_line(stage, f"unshared task 1 of <@{stage.ana.id}> in <#{place}>")
    assert line.startswith(f"📣 <@{stage.mia.id}>")
    assert await posts_in(stage.ana, place) == []


async def test_a_moderators_deletion_is_logged_once(stage: Harness) -> None:
    """The log names the moderator who deleted a member's result; a member's own deletion is not its concern."""
    async with stage.bot():
        await open_log(stage)
        for who in (stage.mia, stage.ana):
            reply = await finished(stage, stage.ana)
            await who.wait_message(lambda it, reply=reply: it["id"] == reply["id"])  # type: ignore[misc]
            known = set(who.seen)
            await who.press(reply, "Delete")
            asked = await who.wait_message(lambda it, known=known: it["id"] not in known and it["ephemeral"])  # type: ignore[misc]
            await who.press(asked, "Delete it")
            await until(lambda reply=reply: reply["id"] not in who.seen)  # type: ignore[misc]  # noqa: B023
        line = await wait_for_line(stage, f"deleted the result of <@{stage.ana.id}>, task 1")
        await use(stage.mia, "showcase", off=True)
        await wait_for_line(stage, "turned the showcase off")
    assert line.startswith(f"🗑️ <@{stage.mia.id}>")
    log = channel(stage, "moderators")
    assert str([it["content"] for it in stage.mia.seen.values() if it["channel_id"] == log]).count("🗑️") == 1
