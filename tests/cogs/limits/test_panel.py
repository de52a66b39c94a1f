"""The /limits panel and commands, used by a moderator, by a member, and in forged interactions."""

from __future__ import annotations

import pytest

from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.harness import Harness, Json, text_of
from tests.support.member import PageRefused
from tests.support.moderation import changed, page, refused, spend, use, written
from tests.support.world import add_role, find_channel

ONLY_MODERATORS = "Only members with the permission Manage Server"
CHANNEL_SELECT, ROLE_SELECT, USER_SELECT = 8, 6, 5


async def test_the_panel_shows_and_changes_the_numbers(stage: Harness) -> None:
    """/limits show changes the numbers in modals, shows their usage, and has at most five rows."""
    async with stage.bot():
        panel = await use(stage.mia, "limits show")
        assert "Limits of this server" in text_of(panel)
        assert 1 <= len(panel["components"]) <= 5
        await written(stage.mia, await stage.mia.press(panel, "Each member…"), "2", "1", "60", "5")
        panel = await changed(stage.mia, panel, "**1 min** between two tasks")
        assert "**2** in 24 hours" in text_of(panel)
        await written(stage.mia, await stage.mia.press(panel, "The server…"), "9", "4")
        panel = await changed(stage.mia, panel, "of 9")
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await stage.until(stage.ana, reply, "Finished")
        await stage.mia.press(panel, "Refresh")
        panel = await changed(stage.mia, panel, "**1** of 9")
        assert f"<@{stage.ana.id}> 1" in text_of(panel)
        await written(stage.mia, await stage.mia.press(panel, "The server…"), "many", "4")
        await stage.mia.wait_message(lambda it: "“many” is not a whole number" in text_of(it) and it["ephemeral"])


async def test_a_panel_works_after_a_restart(stage: Harness) -> None:
    """A panel from before the restart still works, and the limits are still set."""
    async with stage.bot():
        panel = await use(stage.mia, "limits show")
        await use(stage.mia, "limits set", user_per_day=7)
    async with stage.bot():
        panel = await page(stage.mia, panel, "words", "limits:words")
        await written(stage.mia, await stage.mia.press(panel, "Edit the words…"), "kitten\nmono*")
        panel = await changed(stage.mia, panel, "kitten, mono\\*")
        assert "**7** in 24 hours" in text_of(panel)
        await refused(stage, stage.ana, "kitten", prompt="a KITTEN sleeps")


async def test_pause_with_a_reason_and_resume(stage: Harness) -> None:
    """Members see the reason of a pause; Resume on the panel ends it."""
    async with stage.bot():
        panel = await use(stage.mia, "limits show")
        await written(stage.mia, await stage.mia.press(panel, "Until I resume…"), "back at *noon*")
        panel = await changed(stage.mia, panel, "**Paused**: back at \\*noon\\*")
        await refused(stage, stage.ana, "noon")
        await stage.mia.press(panel, "Resume")
        await changed(stage.mia, panel, "Open: members")
        await use(stage.mia, "limits pause", reason="again")
        await refused(stage, stage.ana, "again")
        assert "Resumed" in text_of(await use(stage.mia, "limits resume"))
        await spend(stage, stage.ana)


async def test_a_pause_for_some_hours_ends_by_itself(stage: Harness) -> None:
    """A pause of eight hours shows its end on the panel and to members, and is over when that time has come."""
    async with stage.bot():
        panel = await use(stage.mia, "limits show")
        await written(stage.mia, await stage.mia.press(panel, "For 8 h…"), "night")
        panel = await changed(stage.mia, panel, "**Paused** until <t:")
        assert "'Resume'" in str(panel["components"])
        assert "'For 8 h…'" not in str(panel["components"])
        word = await refused(stage, stage.ana, "night")
        assert "<t:" in text_of(word)
        stage.clock.advance(8 * 3600 + 1)
        await spend(stage, stage.ana)
        await stage.mia.press(panel, "Refresh")
        panel = await changed(stage.mia, panel, "Open: members")
        assert "was not paused" in text_of(await use(stage.mia, "limits resume"))
        assert "Paused until <t:" in text_of(await use(stage.mia, "limits pause", hours=1))


async def test_roles_by_select(stage: Harness) -> None:
    """A required role, an exempt role and a role with its own limit, chosen on the panel, take effect."""
    world = stage.discord.world
    editor = add_role(world, world.guild, "Editor", 0)
    world.guild.members[stage.ben.id].append(editor.id)
    async with stage.bot():
        await use(stage.mia, "limits set", user_per_day=1)
        panel = await page(stage.mia, await use(stage.mia, "limits show"), "roles", "limits:required_role")
        await stage.mia.choose(panel, "limits:required_role", [editor.id], ROLE_SELECT)
        panel = await changed(stage.mia, panel, f"Required: <@&{editor.id}>")
        await refused(stage, stage.ana, "role")
        await stage.mia.choose(panel, "limits:required_role", [], ROLE_SELECT)
        panel = await changed(stage.mia, panel, "Required: none")
        await written(stage.mia, await stage.mia.choose(panel, "limits:role_number", [editor.id], ROLE_SELECT), "3")
        panel = await changed(stage.mia, panel, f"<@&{editor.id}> 3")
        for _ in range(2):
            await spend(stage, stage.ben)
        await stage.mia.choose(panel, "limits:exempt_roles", [editor.id], ROLE_SELECT)
        await changed(stage.mia, panel, f"Exempt from the numeric limits: <@&{editor.id}>")


async def test_channels_threads_and_private_replies(stage: Harness) -> None:
    """Channels are selected, with threads counted as their parent; private replies and age restriction are toggled."""
    world = stage.discord.world
    videos = find_channel(world, "videos")
    thread = world.add_thread(videos, world.ids.next(), "cuts", world.bot.id, [])
    async with stage.bot():
        panel = await page(stage.mia, await use(stage.mia, "limits show"), "channels", "limits:channels")
        await stage.mia.choose(panel, "limits:channels", [videos.id], CHANNEL_SELECT)
        panel = await changed(stage.mia, panel, f"Used in: <#{videos.id}>")
        await refused(stage, stage.ana, "channel", channel="general")
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2, channel="cuts")
        assert reply["channel_id"] == thread.id
        await stage.until(stage.ana, reply, "Finished")
        await stage.mia.press(panel, "Forbid private replies")
        panel = await changed(stage.mia, panel, "Private replies: not allowed")
        await refused(stage, stage.ana, "rivate", private=True)
        await stage.mia.press(panel, "Only age-restricted channels")
        await changed(stage.mia, panel, "Outside age-restricted channels: for moderators")
        await refused(stage, stage.ana, "age-restricted")


@pytest.mark.both_engines
async def test_members_are_blocked_reset_and_granted(stage: Harness) -> None:
    """Block, unblock, reset and grant on the panel take effect at once for the chosen member."""
    async with stage.bot():
        await use(stage.mia, "limits set", user_per_day=1)
        panel = await page(stage.mia, await use(stage.mia, "limits show"), "members", "limits:member")
        await stage.mia.choose(panel, "limits:member", [stage.ana.id], USER_SELECT)
        panel = await changed(stage.mia, panel, "Chosen member")
        await stage.mia.press(panel, "Block")
        panel = await changed(stage.mia, panel, f"Blocked: <@{stage.ana.id}>")
        await refused(stage, stage.ana, "block")
        await stage.mia.press(panel, "Unblock")
        panel = await changed(stage.mia, panel, "Blocked: nobody")
        await spend(stage, stage.ana)
        answer = await refused(stage, stage.ana, "<t:")
        assert "1" in text_of(answer)
        await stage.mia.press(panel, "Reset count")
        panel = await changed(stage.mia, panel, "Reset <@")
        await spend(stage, stage.ana)
        await refused(stage, stage.ana, "<t:")
        await written(stage.mia, await stage.mia.press(panel, "Grant runs…"), "1")
        panel = await changed(stage.mia, panel, f"Extra runs: <@{stage.ana.id}> 1")
        await spend(stage, stage.ana)
        await refused(stage, stage.ana, "<t:")


async def test_typed_subcommands(stage: Harness) -> None:
    """block, unblock, reset and grant work as commands; /limits set needs a number and shows the old and new values."""
    async with stage.bot():
        ben = stage.ben.id
        assert f"Blocked <@{ben}>" in text_of(await use(stage.mia, "limits block", member=ben))
        assert "already" in text_of(await use(stage.mia, "limits block", member=ben))
        assert "Unblocked" in text_of(await use(stage.mia, "limits unblock", member=ben))
        assert "Reset" in text_of(await use(stage.mia, "limits reset", member=ben))
        asked = await use(stage.mia, "limits reset")
        assert "cannot be undone" in text_of(asked)
        await stage.mia.press(asked, "Reset it")
        await changed(stage.mia, asked, "Reset the server's 24-hour count to 0")
        assert "3 extra runs" in text_of(await use(stage.mia, "limits grant", member=ben, runs=3))
        assert "at least one number" in text_of(await use(stage.mia, "limits set"))
        await use(stage.mia, "limits set", cooldown=30)
        assert "30 s → 2 min" in text_of(await use(stage.mia, "limits set", cooldown=120))
        assert "Nothing changed" in text_of(await use(stage.mia, "limits set", cooldown=120))


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("limits show", {}),
        ("limits set", {"user_per_day": 0}),
        ("limits pause", {"reason": "mine now"}),
        ("limits resume", {}),
        ("limits block", {"member": "1100000000000000012"}),
        ("limits unblock", {"member": "1100000000000000012"}),
        ("limits reset", {}),
        ("limits grant", {"member": "1100000000000000011", "runs": 9}),
        ("limits log", {}),
        ("usage", {}),
    ],
)
async def test_a_members_forged_command_changes_nothing(stage: Harness, command: str, options: Json) -> None:
    """Members are not offered the moderators' commands; a forged call gets one private sentence and changes nothing."""
    async with stage.bot() as bot:
        guild = int(stage.discord.world.guild.id)
        before = await bot.services.moderation.get_status(guild)
        with pytest.raises(KeyError):
            await stage.ana.command(command, await stage.ana.channel("general"), **options)
        answer = await use(stage.ana, command, raw=True, **options)
        assert ONLY_MODERATORS in text_of(answer)
        assert not answer["embeds"]
        assert await bot.services.moderation.get_status(guild) == before


async def test_a_lost_role_closes_the_panel(stage: Harness) -> None:
    """A member who lost Manage Server is refused privately by an open panel and by an open modal."""
    async with stage.bot() as bot:
        panel = await use(stage.mia, "limits show")
        modal = await stage.mia.modal(await stage.mia.press(panel, "The server…"))
        stage.discord.world.guild.members[stage.mia.id].clear()
        fields = [label["component"]["custom_id"] for label in modal["components"]]
        await stage.mia.submit_modal(modal, dict.fromkeys(fields, "1"))
        await stage.mia.wait_message(lambda it: ONLY_MODERATORS in text_of(it))
        known = set(stage.mia.seen)
        await stage.mia.press(panel, "Refresh")
        await stage.mia.wait_message(lambda it: it["id"] not in known and ONLY_MODERATORS in text_of(it))
        limits = await bot.services.moderation.get_limits(int(stage.discord.world.guild.id))
        assert limits.server_running != 1


async def test_a_members_forged_press_is_refused(stage: Harness) -> None:
    """A member cannot use a moderator's panel, and a forged press on their own message is refused privately."""
    async with stage.bot():
        panel = await use(stage.mia, "limits show")
        with pytest.raises(PageRefused):
            await stage.ana.press(panel, "Refresh", raw=True)
        own = await use(stage.ana, "quota")
        known = set(stage.ana.seen)
        await stage.ana.press(own, "limits:resume", raw=True)
        answer = await stage.ana.wait_message(lambda it: it["id"] not in known)
        assert answer["ephemeral"]
        assert ONLY_MODERATORS in text_of(answer)


async def test_not_in_direct_messages(stage: Harness) -> None:
    """The moderators' commands are refused in direct messages, also in a forged call."""
    async with stage.bot():
        dm = stage.discord.world.open_dm(stage.mia.id)
        with pytest.raises(PageRefused):
            await stage.mia.command("limits show", dm.id)
        await stage.mia.command("limits show", dm.id, raw=True)
        answer = await stage.mia.wait_message(lambda it: it["channel_id"] == dm.id)
        assert "server" in text_of(answer)
        assert not answer["embeds"]


async def test_try_again_is_bound_by_the_limits_too(stage: Harness) -> None:
    """The buttons of a finished reply, and a form that was open already, are refused privately like the command."""
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        done = await stage.until(stage.ana, reply, "Finished")
        opened = await stage.ana.modal(await stage.ana.press(done, "Extend further"))
        await use(stage.mia, "limits pause", reason="cleaning")
        for button in ("New take", "Extend further", None):
            known = set(stage.ana.seen)
            if button:
                await stage.ana.press(done, button)
            else:
                await stage.ana.submit_modal(opened, {"prompt": "snow", "seconds": "2"})
            answer = await stage.ana.wait_message(
                lambda it, known=known: it["id"] not in known and "cleaning" in text_of(it)  # type: ignore[misc]
            )
            assert answer["ephemeral"]
        assert [it["id"] for it in await stage.ben.messages("videos")] == [reply["id"]]


async def test_the_waiting_reply_shows_its_place_in_line(stage: Harness) -> None:
    """Over server_running a task waits; its reply says its number in the queue, and it moves up."""
    held = Pause(at=30)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot():
        await use(stage.mia, "limits set", server_running=1, user_running=0)
        first = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await held.reached.wait()
        second = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await stage.ana.wait_message(lambda it: it["id"] == second["id"] and "Next in the queue" in text_of(it))
        third = await stage.extend(stage.ben, stage.clips.plain, seconds=2)
        await stage.ben.wait_message(lambda it: it["id"] == third["id"] and "Next in the queue" in text_of(it))
        await stage.ana.wait_message(lambda it: it["id"] == second["id"] and "Queued, number 2" in text_of(it))
        assert "Queued, number 2" in text_of(await use(stage.ana, "quota"))
        held.release.set()
        for who, reply in ((stage.ana, first), (stage.ana, second), (stage.ben, third)):
            await stage.until(who, reply, "Finished")
